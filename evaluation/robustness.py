"""How far the success AUC falls under disturbances: mean over corruptions and severities, and relative drop.

mS_cor and rDrop of UAV-C (arXiv 2403.11424). Occlusion bursts and real time have tables of their own
and are left out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.figures import RunFigures
from edgetrack.evaluation.streams import REAL_TIME


@dataclass(frozen=True, slots=True)
class Robustness:
    """Of one tracker, mode and text."""

    tracker: str
    label: str
    clean: float  # AUC
    corrupted: dict[str, list[float]]  # AUC by corruption, in order of severity
    mean: float  # over all of them
    relative_drop: float  # (clean - mean) / clean


def robustness(runs: Sequence[RunFigures]) -> list[Robustness]:
    """One entry for each clean run that has corrupted runs beside it."""
    found = []
    for clean in (figures for figures in runs if figures.run.condition.name == "clean"):
        key = (clean.run.tracker, clean.run.mode, clean.run.control)
        corrupted: dict[str, list[float]] = {}
        for other in runs:
            same = (other.run.tracker, other.run.mode, other.run.control) == key
            if same and other.run.condition.name not in ("clean", "occlusion", REAL_TIME):
                corrupted.setdefault(other.run.condition.name, []).append(other.ope.auc)
        if corrupted:
            mean = float(np.mean([auc for row in corrupted.values() for auc in row]))
            drop = (clean.ope.auc - mean) / clean.ope.auc if clean.ope.auc else float("nan")
            found.append(Robustness(key[0], clean.run.label, clean.ope.auc, corrupted, mean, drop))
    return found
