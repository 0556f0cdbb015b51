"""Tables of the cost of perturbations: trackers side by side, by severity, and relative to a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgetrack.evaluation.metrics.robustness import Degradation, Robustness, degradation, robustness
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.perturbations.registry import SEVERITIES
from edgetrack.reporting.table import MISSING, Table, number


def robustness_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return a table per mode and text with the trackers side by side, or by severity if there is only one."""
    tables = []
    for same in _by_label(robustness(runs)):
        tables.append(_by_severity(same[0]) if len(same) == 1 else _side_by_side(same))
    return tables


def robustness_details(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return a table by severity for each of several trackers, then comparisons of edgetrack with its peers."""
    found = robustness(runs)
    several = [r for same in _by_label(found) if len(same) > 1 for r in same]
    return [_by_severity(r) for r in several] + [_beside(d, found) for d in degradation(found)]


def _by_label(found: Sequence[Robustness]) -> list[list[Robustness]]:
    return [[r for r in found if r.label == label] for label in dict.fromkeys(r.label for r in found)]


def _side_by_side(same: Sequence[Robustness]) -> Table:
    """Return a table of the mean over severities and the drop from the clean run."""
    names = list(dict.fromkeys(name for r in same for name in r.corrupted))
    rows = [["none", *(number(r.clean) for r in same)]]
    for name in names:
        rows.append([name, *(_with_drop(r, r.of(name)) if name in r.corrupted else MISSING for r in same)])
    rows.append(["all corruptions", *(_with_drop(r, r.mean) for r in same)])
    ratios = degradation(same)
    for reference in dict.fromkeys(d.reference for d in ratios):
        own = {d.tracker: number(d.mean_error_ratio, digits=2) for d in ratios if d.reference == reference}
        rows.append([f"error ratio to {reference}", *(own.get(r.tracker, MISSING) for r in same)])
    title = f"Robustness: AUC and its relative drop, {same[0].label}"
    return Table(title, ["corruption", *(r.tracker for r in same)], rows, words=1)


def _by_severity(r: Robustness) -> Table:
    none = dict.fromkeys(SEVERITIES, math.nan)
    rows = [["none", "", "", "", number(r.clean), ""]]
    for name, aucs in r.corrupted.items():
        mean = r.of(name)
        rows.append([name, *map(number, (none | aucs).values()), number(mean), _drop(r.clean, mean)])
        if name in r.spread:
            spread = map(number, (none | r.spread[name]).values())
            rows.append(["  its standard deviation", *spread, "", ""])
    rows.append(["all corruptions", "", "", "", number(r.mean), _drop(r.clean, r.mean)])
    columns = ["corruption", "severity 1", "2", "3", "mean", "relative drop"]
    return Table(f"Robustness by severity: AUC of {r.tracker}, {r.label}", columns, rows, words=1)


def _beside(d: Degradation, found: Sequence[Robustness]) -> Table:
    own, other = (
        next(r for r in found if (r.tracker, r.label) == (tracker, d.label))
        for tracker in (d.tracker, d.reference)
    )
    clean = (1 - own.clean) / (1 - other.clean) if other.clean < 1 else math.nan
    rows = [["none", number(own.clean), number(other.clean), "", "", number(clean, digits=2)]]
    for name, ratio in d.error_ratio.items():
        aucs = own.of(name), other.of(name)
        drops = _drop(own.clean, aucs[0]), _drop(other.clean, aucs[1])
        rows.append([name, *map(number, aucs), *drops, number(ratio, digits=2)])
    drops = _drop(own.clean, own.mean), _drop(other.clean, other.mean)
    means = number(own.mean), number(other.mean)
    rows.append(["all corruptions", *means, *drops, number(d.mean_error_ratio, digits=2)])
    columns = ["corruption", d.tracker, d.reference, "drop", "reference drop", "error ratio"]
    return Table(f"{d.tracker} compared with {d.reference}: AUC, {d.label}", columns, rows, words=1)


def _with_drop(r: Robustness, auc: float) -> str:
    return f"{number(auc)} ({_drop(r.clean, auc)})"


def _drop(clean: float, auc: float) -> str:
    return number(100 * (clean - auc) / clean, digits=1) + " %" if clean else MISSING
