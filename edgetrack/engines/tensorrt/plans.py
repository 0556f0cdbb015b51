"""Cache of plans on disk, so that a graph is built once per GPU, TensorRT version and precision."""

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
    """Return a hash that identifies what was built from these facts."""
    return hashlib.sha256("\0".join(built_from).encode()).hexdigest()[:32]


class PlanCache:
    """Plans by name and by everything they were built from; damaged ones are detected before TensorRT reads them.

    TensorRT's timing cache, the measurements made during builds, is stored in the same way.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (cache_folder() if folder is None else folder) / "tensorrt"

    def path(self, name: str, built_from: tuple[str, ...], *, suffix: str = ".plan") -> Path:
        """Return the file of the plan ``name`` that was built from these facts."""
        return self.folder / f"{name}-{key(built_from)}{suffix}"

    @contextmanager
    def building(self) -> Generator[None, None, None]:
        """Hold the build lock, which one process has at a time: others wait, and then find the finished plan.

        The operating system releases the lock when the process ends, even if it crashes. Partial files of killed
        processes are removed.

        Raises:
            OSError: The folder is not writable.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "building.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for part in self.folder.glob("*.part"):
                part.unlink(missing_ok=True)
            yield

    def read(self, path: Path) -> bytes | None:
        """Return the plan, or None if there is none.

        Raises:
            ValueError: The file is truncated, damaged or not a plan; the message says which.
            OSError: The file cannot be read.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if not data.startswith(_MAGIC):
            raise ValueError("it is not a plan of this version of edgetrack")
        start = len(_MAGIC) + _DIGEST
        plan = data[start:]
        if hashlib.sha256(plan).digest() != data[len(_MAGIC) : start]:
            raise ValueError("it is damaged or truncated")
        return plan

    def holds(self, path: Path) -> bool:
        """Return whether there is an intact plan."""
        try:
            return self.read(path) is not None
        except (OSError, ValueError):
            return False

    def write(self, path: Path, plan: bytes) -> None:
        """Write the plan atomically, even if several processes write it at once.

        Raises:
            OSError: The plan cannot be written.
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
