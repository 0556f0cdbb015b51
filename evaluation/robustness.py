"""How far the success AUC falls under disturbances: mean over corruptions and severities, and relative drop.

mS_cor and rDrop of UAV-C (arXiv 2403.11424). Occlusion bursts and real time have tables of their own
and are left out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.figures import RunFigures
from edgetrack.evaluation.streams import OCCLUSION, REAL_TIME, SWITCH

ELSEWHERE = ("clean", OCCLUSION, REAL_TIME, SWITCH)


@dataclass(frozen=True, slots=True)
class Robustness:
    """Of one tracker, mode and text."""

    tracker: str
    label: str
    clean: float  # AUC
    corrupted: dict[str, list[float]]  # AUC by corruption, in order of severity; the mean of several draws
    spread: dict[str, list[float]]  # their standard deviation, where chance is drawn several times
    mean: float  # over all of them
    relative_drop: float  # (clean - mean) / clean


def robustness(runs: Sequence[RunFigures]) -> list[Robustness]:
    """One entry for each clean run that has corrupted runs beside it."""
    found = []
    for clean in (figures for figures in runs if figures.run.condition.name == "clean"):
        drawn = _by_severity(runs, clean)
        corrupted = {name: [float(np.mean(v)) for v in rows.values()] for name, rows in drawn.items()}
        if corrupted:
            spread = {
                name: [float(np.std(v)) for v in rows.values()]
                for name, rows in drawn.items()
                if max(map(len, rows.values())) > 1
            }
            mean = float(np.mean([auc for row in corrupted.values() for auc in row]))
            drop = (clean.ope.auc - mean) / clean.ope.auc if clean.ope.auc else float("nan")
            run = clean.run
            found.append(Robustness(run.tracker, run.label, clean.ope.auc, corrupted, spread, mean, drop))
    return found


def _by_severity(runs: Sequence[RunFigures], clean: RunFigures) -> dict[str, dict[int, list[float]]]:
    """AUC of each draw, by corruption and severity."""
    drawn: dict[str, dict[int, list[float]]] = {}
    key = (clean.run.tracker, clean.run.mode, clean.run.control)
    for other in runs:
        condition = other.run.condition
        if (other.run.tracker, other.run.mode, other.run.control) == key and condition.name not in ELSEWHERE:
            drawn.setdefault(condition.name, {}).setdefault(condition.severity, []).append(other.ope.auc)
    return drawn
