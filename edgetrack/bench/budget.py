"""Compares measurements with the budgets of the board that a bundle was exported for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from edgetrack import targets
from edgetrack.bench.measure import Figures
from edgetrack.manifest import Budget

MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison with one budget."""

    target: str
    what: str  # "update", the median of one frame through the tracker, or "memory", the process's peak
    limit: float
    measured: float
    unit: str
    here: bool  # whether it was measured on the target board

    @property
    def within(self) -> bool | None:
        """Return whether the budget is met; None if it was measured on a machine of another kind."""
        return self.measured <= self.limit if self.here else None

    def __str__(self) -> str:
        said = f"{self.what} {self.measured:.3g} {self.unit} of {self.limit:g} {self.unit}"
        if self.within is None:
            here = targets.detect().name
            return (
                f"budget of {self.target}: {said}, but measured on {here}: run the benchmark on {self.target}"
            )
        return f"budget of {self.target}: {said}, {'within' if self.within else 'OVER'}"


def budget_of(tracker: Any) -> Budget | None:
    """Return the budget in the manifest of a tracker's bundle; None without one."""
    bundle = getattr(getattr(tracker, "engine", None), "bundle", None)
    return getattr(getattr(bundle, "manifest", None), "target", None)


def check(budget: Budget, figures: Figures, *, alone: bool) -> list[Check]:
    """Compare measurements with a budget; memory only if no other tracker shared the process (``alone``)."""
    here = budget.name == targets.detect().name
    median = figures.stages["update"].median
    checks = [Check(budget.name, "update", budget.latency_budget_ms, median, "ms", here)]
    memory_mb = _peak_mb()
    if alone and memory_mb is not None:
        checks.append(Check(budget.name, MEMORY, budget.memory_budget_mb, memory_mb, "MB", here))
    return checks


def _peak_mb() -> float | None:
    """Return the peak memory of this process in MB; None if the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
