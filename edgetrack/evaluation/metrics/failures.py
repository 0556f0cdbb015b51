"""What the failure of a sensor costs: a pair beside color alone, the other alone, and the mean of both pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.types import CLEAN, FAILURES, SENSORS, Condition, Sensors, fails


@dataclass(frozen=True, slots=True)
class SensorFailure:
    """One condition of one tracker and mode: the AUC with each choice of sensors, nan where it was not run."""

    tracker: str
    mode: str
    condition: Condition
    auc: dict[Sensors, float]
    whole: dict[Sensors, float]  # the same while nothing fails

    @property
    def level(self) -> float | None:
        """How much fails, in the failure's own unit; None while nothing does."""
        levels = FAILURES.get(self.condition.name)
        return None if levels is None else levels[self.condition.severity - 1]

    def drop(self, sensors: Sensors) -> float:
        """Return the AUC lost to the failure, as a fraction."""
        whole = self.whole[sensors]
        return (whole - self.auc[sensors]) / whole if whole else math.nan

    @property
    def reference(self) -> Sensors | None:
        """What a pair must not fall behind: the sensor that does not fail, alone; None where both may."""
        failing = fails(self.condition)
        return None if len(failing) != 1 else ("x" if failing == ("color",) else "color")

    @property
    def beside_reference(self) -> float:
        """AUC of the pair less that of its reference; nan without one."""
        return math.nan if self.reference is None else self.auc["both"] - self.whole[self.reference]


def sensor_failures(runs: Sequence[RunMetrics]) -> list[SensorFailure]:
    """Return an entry for each tracker and mode while nothing fails, and one for each failure; empty without pairs.

    What a failure does not concern (color alone when x fails) counts as it does while nothing fails.
    """
    found: dict[tuple[str, str], dict[Condition, dict[Sensors, float]]] = {}
    paired = [m for m in runs if m.run.condition == CLEAN or fails(m.run.condition)]
    if all(m.run.sensors == "color" and m.run.condition == CLEAN for m in paired):
        return []
    for m in (m for m in paired if m.run.control == "none"):
        rows = found.setdefault((m.run.tracker, m.run.mode), {})
        rows.setdefault(m.run.condition, {})[m.run.sensors] = m.ope.auc
    entries = []
    for (tracker, mode), rows in found.items():
        whole: dict[Sensors, float] = dict.fromkeys(SENSORS, math.nan) | rows.get(CLEAN, {})
        for condition, aucs in rows.items():
            idle = {} if condition == CLEAN else {s: whole[s] for s in SENSORS if not concerns(condition, s)}
            entries.append(
                SensorFailure(tracker, mode, condition, dict.fromkeys(SENSORS, math.nan) | idle | aucs, whole)
            )
    return entries


def concerns(condition: Condition, sensors: Sensors) -> bool:
    """Return whether a failure changes what these sensors give."""
    return sensors in ("both", "mean") or sensors in fails(condition)
