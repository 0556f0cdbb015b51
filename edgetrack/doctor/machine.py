"""The machine that the checks examine, which tests can replace."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal

from edgetrack import targets
from edgetrack.errors import reason_of

IMPORT_S = 60.0  # slow boards load OpenCV from a slow SD card
State = Literal["ok", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        name: name of the check.
        state: "ok"; "warning" if something that not every use needs is missing or slow; or "broken".
        said: the result in one sentence.
        command: the shell command that fixes the fault; None if there is no fault, or no such command.
    """

    name: str
    state: State
    said: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The output of a Python program in a separate process, or the reason why it failed."""

    good: bool
    text: str


def ask(program: str) -> Answer:
    """Run a Python program in a separate process, because incompatible libraries may crash it."""
    try:
        ran = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Answer(False, reason_of(error))
    if ran.returncode < 0:
        return Answer(False, f"Python was ended by signal {-ran.returncode}")
    said = (ran.stdout if ran.returncode == 0 else ran.stderr).strip().splitlines()
    return Answer(ran.returncode == 0, said[-1] if said else "")


def installed() -> dict[str, str]:
    """Return the versions of the installed packages by their normalized names."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:  # None if an installation was interrupted
            found.setdefault(name.lower().replace("_", "-"), distribution.version)
    return found


@dataclass(frozen=True)
class Machine:
    """The machine and the Python environment that are examined.

    Attributes:
        root: root of the file system.
        target: the description of this board in ``targets/``.
        architecture: architecture of the processor, such as "aarch64".
        prefix: folder of the Python environment.
        packages: versions of the installed packages by name.
        ask: function that runs a Python program in a separate process.
        may_use: function that returns whether this user may read and write a file.
        now_s: time of the system clock in seconds since 1970.
    """

    root: Path = Path("/")
    target: targets.Target = field(default_factory=targets.detect)
    architecture: str = field(default_factory=platform.machine)
    prefix: Path = Path(sys.prefix)
    packages: Mapping[str, str] = field(default_factory=installed)
    ask: Callable[[str], Answer] = ask
    may_use: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)
    now_s: float = field(default_factory=time.time)

    @property
    def is_jetson(self) -> bool:
        """Return whether it is a Jetson, a board with CSI cameras and a preinstalled TensorRT."""
        return self.target.jetpack is not None

    @property
    def has_gpu(self) -> bool:
        """Return whether it has an NVIDIA GPU that edgetrack supports."""
        return self.target.compute_capability is not None

    @property
    def in_container(self) -> bool:
        """Return whether this process runs in a container of Docker or Podman."""
        return (self.root / ".dockerenv").exists() or (self.root / "run/.containerenv").exists()

    def read(self, path: str) -> str | None:
        """Return the text of a file below the root; None if it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None
