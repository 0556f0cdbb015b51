"""What breaks installations: a list of checks, each of which says what is wrong and the command that mends it."""

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
    """Run the checks in their order. One that fails is a finding of its own; the others go on."""
    return [_examined(check, machine) for check in checks]


def _examined(check: Check, machine: Machine) -> Finding:
    try:
        return check(machine)
    except Exception as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return Finding(name, "warning", f"cannot be checked: {type(error).__name__}: {error}")
