"""The accuracy lost to the failure of a sensor: for pairs, color alone, x alone, and the mean of both images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.types import CLEAN, FAILURES, SENSORS, Condition, Sensors, fails


@dataclass(frozen=True, slots=True)
class SensorFailure:
    """One condition of one tracker and mode: the AUC with each choice of sensors, NaN if it was not run."""

    tracker: str
    mode: str
    condition: Condition
    auc: dict[Sensors, float]
    whole: dict[Sensors, float]  # the AUC without a failure

    @property
    def level(self) -> float | None:
        """Return the level of the failure in its own unit; None without a failure."""
        levels = FAILURES.get(self.condition.name)
        return None if levels is None else levels[self.condition.severity - 1]

    def drop(self, sensors: Sensors) -> float:
        """Return the AUC lost to the failure, as a fraction."""
        whole = self.whole[sensors]
        return (whole - self.auc[sensors]) / whole if whole else math.nan

    @property
    def reference(self) -> Sensors | None:
        """Return the baseline of a pair: the intact sensor alone; None if both sensors may fail."""
        failing = fails(self.condition)
        return None if len(failing) != 1 else ("x" if failing == ("color",) else "color")

    @property
    def beside_reference(self) -> float:
        """Return the AUC of the pair minus that of its reference; NaN without a reference."""
        return math.nan if self.reference is None else self.auc["both"] - self.whole[self.reference]


def sensor_failures(runs: Sequence[RunMetrics]) -> list[SensorFailure]:
    """Return, for each tracker and mode, an entry without a failure and one per failure; empty without pairs.

    Inputs that a failure does not affect (color alone if x fails) keep their AUC without a failure.
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
    """Return whether a failure affects the images of these sensors."""
    return sensors in ("both", "mean") or sensors in fails(condition)
