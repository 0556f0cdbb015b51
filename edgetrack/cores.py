"""The number of CPU cores that this process may use, which limits all numbers of threads and processes."""

from __future__ import annotations

import math
import os
from operator import index
from pathlib import Path

from edgetrack.errors import ConfigError

DEFAULT = 2  # default number of threads of a network, if there are that many cores


def usable(*, cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the number of cores that this process may use: its CPU affinity, or its control group's limit if lower.

    Args:
        cgroups: mount point of the control groups.
        own: file with the control groups of this process.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, min([cores, *map(math.ceil, _quotas(cgroups, own))]))


def checked(value: int | None, name: str = "threads") -> int:
    """Return ``value``, or for None the default: 2, or 1 if there is only one core.

    Raises:
        ConfigError: it is not an integer of at least 1, or is larger than `usable`.
    """
    cores = usable()
    if value is None:
        return min(DEFAULT, cores)
    try:
        number = 0 if isinstance(value, bool) else index(value)  # also accepts numpy integers
    except TypeError:
        number = 0
    if number < 1:
        raise ConfigError(f"{name} is {value!r}; expected a whole number of at least 1")
    if number > cores:
        raise ConfigError(
            f"{name} is {number}; expected at most {cores}, the number of cores that this process may use"
        )
    return number


def _quotas(cgroups: Path, own: Path) -> list[float]:
    """Return the limits on CPU time, in cores, of the control group and its ancestors; empty if there are none."""
    found = []
    for line in _text(own).splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers  # version 2 has a single tree without named controllers
        folder = root / path.lstrip("/")
        for place in (folder, *folder.parents):
            found += _quota(place)
            if place == root:
                break
    return found


def _quota(folder: Path) -> list[float]:
    words = _text(folder / "cpu.max").split()  # version 2: "QUOTA PERIOD" or "max PERIOD"
    if not words:  # version 1
        words = [_text(folder / f"cpu.cfs_{what}_us").strip() for what in ("quota", "period")]
    try:
        quota, period = (float(word) for word in words)
    except ValueError:
        return []
    return [quota / period] if quota > 0 and period > 0 else []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
