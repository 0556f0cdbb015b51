"""Built plans on disk, so that a graph is built once for each GPU, version of TensorRT and precision."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from edgetrack.cache import cache_folder

_MAGIC = b"edgetrack plan 1\n"
_DIGEST = hashlib.sha256().digest_size


def key(built_from: tuple[str, ...]) -> str:
    """A name for what was built from these facts."""
    return hashlib.sha256("\0".join(built_from).encode()).hexdigest()[:32]


class PlanCache:
    """Plans by name and by all that they were built from; damaged ones are known before TensorRT reads them.

    TensorRT's timing cache, what it measured while it built, is kept in the same way.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (cache_folder() if folder is None else folder) / "tensorrt"

    def path(self, name: str, built_from: tuple[str, ...], *, suffix: str = ".plan") -> Path:
        """The file of the plan ``name`` that was built from these facts."""
        return self.folder / f"{name}-{key(built_from)}{suffix}"

    @contextmanager
    def building(self) -> Generator[None, None, None]:
        """Held while a plan is built, by one process at a time: who wants the same plan waits, and then finds it.

        It ends with the process, however that ends; what a killed one left half written is removed.

        Raises:
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "building.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for part in self.folder.glob("*.part"):
                part.unlink(missing_ok=True)
            yield

    def read(self, path: Path) -> bytes | None:
        """The plan; None when there is none.

        Raises:
            ValueError: the file is cut short, damaged or no plan; the message says which.
            OSError: it cannot be read.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if not data.startswith(_MAGIC):
            raise ValueError("it is no plan of this version of edgetrack")
        start = len(_MAGIC) + _DIGEST
        plan = data[start:]
        if hashlib.sha256(plan).digest() != data[len(_MAGIC) : start]:
            raise ValueError("it is damaged or was cut short")
        return plan

    def holds(self, path: Path) -> bool:
        """Whether there is a whole plan."""
        try:
            return self.read(path) is not None
        except (OSError, ValueError):
            return False

    def write(self, path: Path, plan: bytes) -> None:
        """Writes the plan so that it is there whole or not at all, whoever else writes it.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(plan).digest() + plan)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
