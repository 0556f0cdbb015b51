"""The loss of success AUC under perturbations, absolute and relative to a reference tracker.

mS_cor and rDrop of UAV-C (arXiv 2403.11424); the error ratio is the corruption error of ImageNet-C (Hendrycks and
Dietterich, ICLR 2019, section 4.1) with 1 - AUC as the error. Occlusion bursts and real time have separate tables and
are left out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.types import CLEAN, FAILURES, OCCLUSION, REAL_TIME, SWITCH, is_own

NOT_CORRUPTIONS = ("clean", OCCLUSION, REAL_TIME, SWITCH, *FAILURES)
BySeverity = dict[int, float]


@dataclass(frozen=True, slots=True)
class Robustness:
    """The robustness of one tracker with one mode and text."""

    tracker: str
    label: str
    clean: float  # AUC
    corrupted: dict[str, BySeverity]  # AUC by corruption; the mean of several draws
    spread: dict[str, BySeverity]  # standard deviation over several random draws
    mean: float  # mean AUC over all corruptions
    relative_drop: float  # (clean - mean) / clean

    def of(self, corruption: str) -> float:
        """Return the mean AUC over the severities of one corruption."""
        return float(np.mean(list(self.corrupted[corruption].values())))


@dataclass(frozen=True, slots=True)
class Degradation:
    """One tracker compared with a reference under the same perturbations."""

    tracker: str
    label: str
    reference: str
    error_ratio: dict[
        str, float
    ]  # by corruption: sum of 1 - AUC over severities, divided by the reference's; < 1 is better
    mean_error_ratio: float  # the same with sums over all corruptions
    drop: float  # relative drop
    reference_drop: float


def robustness(runs: Sequence[RunMetrics]) -> list[Robustness]:
    """Return one entry for each clean run with corresponding corrupted runs."""
    found = []
    for clean in (figures for figures in runs if figures.run.condition.name == "clean"):
        drawn = _by_severity(runs, clean)
        corrupted = {name: {s: float(np.mean(v)) for s, v in rows.items()} for name, rows in drawn.items()}
        if corrupted:
            spread = {
                name: {s: float(np.std(v)) for s, v in rows.items()}
                for name, rows in drawn.items()
                if max(map(len, rows.values())) > 1
            }
            mean = float(np.mean([auc for row in corrupted.values() for auc in row.values()]))
            drop = (clean.ope.auc - mean) / clean.ope.auc if clean.ope.auc else float("nan")
            run = clean.run
            found.append(Robustness(run.tracker, run.label, clean.ope.auc, corrupted, spread, mean, drop))
    return found


def degradation(found: Sequence[Robustness]) -> list[Degradation]:
    """Compare each entry of edgetrack with those of its peers that have the same mode and corruptions."""
    pairs = [(r, peer) for r in found for peer in found if is_own(r.tracker) and not is_own(peer.tracker)]
    return [_beside(r, peer) for r, peer in pairs if r.label == peer.label and _applied(r) == _applied(peer)]


def _beside(r: Robustness, peer: Robustness) -> Degradation:
    errors = {name: (_error(r, name), _error(peer, name)) for name in r.corrupted}
    ratios = {name: _ratio(*pair) for name, pair in errors.items()}
    mean = _ratio(sum(a for a, _ in errors.values()), sum(b for _, b in errors.values()))
    return Degradation(r.tracker, r.label, peer.tracker, ratios, mean, r.relative_drop, peer.relative_drop)


def _applied(r: Robustness) -> set[tuple[str, int]]:
    return {(name, severity) for name, row in r.corrupted.items() for severity in row}


def _error(r: Robustness, name: str) -> float:
    return sum(1 - auc for auc in r.corrupted[name].values())


def _ratio(own: float, other: float) -> float:
    return own / other if other else float("nan")


def _by_severity(runs: Sequence[RunMetrics], clean: RunMetrics) -> dict[str, dict[int, list[float]]]:
    """Return the AUC of each draw, by corruption and severity."""
    drawn: dict[str, dict[int, list[float]]] = {}
    for other in runs:
        condition = other.run.condition
        if replace(other.run, condition=CLEAN) == clean.run and condition.name not in NOT_CORRUPTIONS:
            drawn.setdefault(condition.name, {}).setdefault(condition.severity, []).append(other.ope.auc)
    return drawn
