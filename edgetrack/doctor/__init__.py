"""Checks for common faults of installations, each of which reports the fault and the command that fixes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgetrack.doctor import packages, system
from edgetrack.doctor.machine import Finding, Machine

__all__ = ["CHECKS", "Check", "Finding", "Machine", "examine"]

Check = Callable[[Machine], Finding]

CHECKS: tuple[Check, ...] = (
    packages.check_runtime,
    packages.check_onnxruntime,
    packages.check_gpu_provider,
    packages.check_tensorrt,
    packages.check_opencv,
    packages.check_gstreamer,
    packages.check_streams,
    system.check_cameras,
    system.check_argus,
    system.check_governor,
    system.check_memory,
    system.check_clock,
)


def examine(machine: Machine, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Run the checks in order. A check that raises an exception is reported as a finding; the others continue."""
    return [_examined(check, machine) for check in checks]


def _examined(check: Check, machine: Machine) -> Finding:
    try:
        return check(machine)
    except Exception as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return Finding(name, "warning", f"cannot be checked: {type(error).__name__}: {error}")
