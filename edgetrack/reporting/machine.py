"""Facts about the machine, for reports."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgetrack import cores

PACKAGES = ("edgetrack", "numpy", "onnxruntime", "opencv-python-headless", "opencv-python")
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "asimddp", "i8mm", "sve")


def facts() -> dict[str, str]:
    """Return processor, instruction sets, cores, memory, governor, load, system and versions, as far as known."""
    cpu = _read("/proc/cpuinfo")
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpu, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    found = {
        "processor": processor(),
        "instructions": " ".join(name for name in INSTRUCTIONS if name in known),
        "cores": str(cores.usable()),
        "memory": f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "",
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip(),
        "load": f"{os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else "",
        "peak memory": _peak_memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": sys.version.split()[0],
        **{package: _version(package) for package in PACKAGES},
    }
    return {name: value for name, value in found.items() if value}


def processor() -> str:
    """Return the name of the processor according to the system."""
    model = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()


def _peak_memory() -> str:
    """Return the peak memory of this process so far, including trackers and decoders."""
    peak = re.search(r"^VmHWM:\s*(\d+) kB", _read("/proc/self/status"), re.MULTILINE)
    return f"{int(peak[1]) / 1024:.0f} MiB" if peak else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
