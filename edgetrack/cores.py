"""How many processor cores this process may use: what bounds every number of threads and of processes."""

from __future__ import annotations

import math
import os
from operator import index
from pathlib import Path

from edgetrack.errors import ConfigError

DEFAULT = 2  # threads of a network, where there are as many cores


def usable(*, cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Cores that this process may use: its affinity, or less where its control group (a container's limit) has less.

    Args:
        cgroups: where the control groups are mounted.
        own: which of them this process is in.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, min([cores, *map(math.ceil, _quotas(cgroups, own))]))


def checked(value: int | None, name: str = "threads") -> int:
    """``value``, or for None the default: 2, or 1 where there is but one core.

    Raises:
        ConfigError: it is no whole number of at least 1, or more than `usable` cores.
    """
    cores = usable()
    if value is None:
        return min(DEFAULT, cores)
    try:
        number = 0 if isinstance(value, bool) else index(value)  # also of numpy
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
    """The limits on processor time, in cores, of the control group and of those around it; empty without any."""
    found = []
    for line in _text(own).splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers  # version 2 has one tree for all, and names no controllers
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
