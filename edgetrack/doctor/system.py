"""Checks of the system: cameras, processor, memory and clock."""

from __future__ import annotations

import time
from pathlib import Path

from edgetrack.doctor.machine import Finding, Machine

SPARE = 2  # required free memory relative to the tracker's, because sources and outputs need some, too
JETSON_FAST = "sudo nvpmodel -m 0 && sudo jetson_clocks"
FAST = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"


def check_cameras(machine: Machine) -> Finding:
    """Check that this user has permission to open the cameras."""
    name, devices = "cameras", sorted((machine.root / "dev").glob("video[0-9]*"))
    if not devices:
        if machine.in_container:
            return Finding(
                name,
                "warning",
                "no /dev/video* in this container; if the host has one, pass it on",
                "docker run --device /dev/video0 ...",
            )
        return Finding(name, "ok", "no camera was found; see: edgetrack cameras")
    closed = [device for device in devices if not machine.may_use(device)]
    if not closed:
        return Finding(name, "ok", f"{len(devices)} can be opened; see: edgetrack cameras")
    first = "/" + closed[0].relative_to(machine.root).as_posix()
    return Finding(
        name,
        "broken",
        f"no permission for {first}; after running the command, log in again",
        "docker run --group-add video ..." if machine.in_container else "sudo usermod -aG video $USER",
    )


def check_argus(machine: Machine) -> Finding:
    """Check that the service of the CSI cameras can be reached."""
    name = "CSI cameras"
    if not machine.is_jetson:
        return Finding(name, "ok", "not needed: this is not a Jetson")
    if (machine.root / "tmp/argus_socket").exists():
        return Finding(name, "ok", "the camera service can be reached")
    if machine.in_container:
        return Finding(
            name,
            "broken",
            "this container has no /tmp/argus_socket: CSI cameras cannot be opened",
            "docker run --runtime nvidia -v /tmp/argus_socket:/tmp/argus_socket ...",
        )
    return Finding(
        name,
        "broken",
        "/tmp/argus_socket does not exist: the camera service is not running",
        "sudo systemctl restart nvargus-daemon",
    )


def check_governor(machine: Machine) -> Finding:
    """Check that the processor does not reduce its clock between frames."""
    places = sorted((machine.root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    found = {machine.read(str(path.relative_to(machine.root))) for path in places} - {None, ""}
    if not found:
        return Finding("processor", "ok", "the system does not report its frequency governor")
    if found == {"performance"}:
        return Finding("processor", "ok", "the governor is performance")
    return Finding(
        "processor",
        "warning",
        f"the governor is {', '.join(sorted(map(str, found)))}: the processor slows down between frames",
        JETSON_FAST if machine.is_jetson else FAST,
    )


def check_memory(machine: Machine) -> Finding:
    """Check that there is enough memory for the tracker."""
    needed_mb = SPARE * machine.target.memory_budget_mb
    limit_mb = _limit_mb(machine)
    if limit_mb is not None and limit_mb < needed_mb:
        return Finding(
            "memory",
            "warning",
            f"this container or service may use {limit_mb} MB; expected at least {needed_mb} MB",
            f"docker run --memory {needed_mb}m ...",
        )
    free_mb = _available_mb(machine)
    if free_mb is None:
        return Finding("memory", "ok", "the system does not report how much memory is free")
    if free_mb < needed_mb:
        return Finding(
            "memory",
            "warning",
            f"{free_mb} MB are free; expected at least {needed_mb} MB: end other programs; the command lists "
            "the largest",
            "ps -eo pid,rss,comm --sort=-rss | head",
        )
    return Finding("memory", "ok", f"{free_mb} MB are free")


def check_clock(machine: Machine, *, package: Path = Path(__file__)) -> Finding:
    """Check that the clock is not before the installation; boards without a battery start in 1970."""
    today = time.strftime("%Y-%m-%d", time.gmtime(machine.now_s))
    if machine.now_s >= package.stat().st_mtime - 86400:  # the file may come from another time zone
        return Finding("clock", "ok", f"it is {today}")
    return Finding(
        "clock",
        "broken",
        f"it shows {today}, which is before edgetrack was installed: certificates are rejected, and files "
        "get wrong dates",
        "sudo timedatectl set-ntp true",
    )


def _available_mb(machine: Machine) -> int | None:
    for line in (machine.read("proc/meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) // 1024
    return None


def _limit_mb(machine: Machine) -> int | None:
    """Return the memory limit of this process's control group (version 2 or 1) in MB; None without one."""
    for path in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        said = machine.read(path)
        if said and said.isdecimal() and int(said) < 1 << 50:  # version 1 represents "none" by a huge number
            return int(said) >> 20
    return None
