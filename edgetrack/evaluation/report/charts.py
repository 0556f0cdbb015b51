"""Draws the charts of a report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.metrics.one_pass import NORM_PRECISION_AT, PRECISION_AT, SUCCESS_AT
from edgetrack.evaluation.metrics.robustness import robustness
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.types import Floats
from edgetrack.reporting.charts import (
    Line,
    Point,
    line_chart,
    pareto_chart,
    radar_chart,
    reliability_diagram,
    to_img,
)
from edgetrack.reporting.table import number

MIN_SPOKES, MAX_SPOKES = 3, 24
# title, label of the x axis, its values, name in `Curves`, name in `OnePassMetrics`
CURVES = (
    ("Success (AUC)", "IoU above", SUCCESS_AT, "success", "auc"),
    ("Precision (at 20 px)", "center error, pixels", PRECISION_AT, "precision", "precision20"),
    (
        "Normalized precision (at 0.2)",
        "center error, fraction of the target's size",
        NORM_PRECISION_AT,
        "norm_precision",
        "norm_precision20",
    ),
)


def curve_images(clean: Sequence[RunMetrics]) -> list[str]:
    """Draw the success and precision curves of all clean runs, the best first in the legend."""
    images = []
    for title, label, thresholds, curve, metric in CURVES:
        lines = [
            Line(f"{number(getattr(m.ope, metric))}  {_name(m)}", thresholds, getattr(m.curves, curve), index)
            for index, m in enumerate(clean)
        ]
        lines.sort(key=lambda line: line.name, reverse=True)  # sort by the metric, which comes first
        images.append(to_img(line_chart(title, label, lines), title))
    return images


def time_images(clean: Sequence[RunMetrics]) -> list[str]:
    """Draw accuracy against time, one chart per mode."""
    images = []
    for mode in dict.fromkeys(m.run.mode for m in clean):
        points = [
            Point(m.run.tracker, m.update_ms, m.ope.auc, index)
            for index, m in enumerate(clean)
            if (m.run.mode, m.run.control) == (mode, "none") and np.isfinite((m.update_ms, m.ope.auc)).all()
        ]
        if points:
            title = f"Accuracy against time, {mode}"
            images.append(to_img(pareto_chart(title, points), title))
    return images


def calibration_images(clean: Sequence[RunMetrics]) -> list[str]:
    """Draw a reliability diagram for each run."""
    images = []
    for m in clean:
        bins = [(b.score, b.correct, b.count) for b in m.reliability]
        score, correct, count = np.array(bins, np.float64).reshape(-1, 3).T
        note = f"ECE {number(m.ece)}, AUROC {number(m.auroc)}"
        images.append(to_img(reliability_diagram(_name(m), score, correct, count, note), _name(m)))
    return images


def radar_images(runs: Sequence[RunMetrics], clips: Sequence[Clip]) -> list[str]:
    """Draw AUC by corruption, and by each attribute of the sequences."""
    clean = [m for m in runs if m.run.condition.name == "clean"]
    radars = [*corruption_radar(runs), *attribute_radars(clean, clips)]
    return [to_img(radar_chart(*radar), radar[0]) for radar in radars]


Radar = tuple[str, list[str], list[tuple[str, Floats]]]  # title, spokes, rings


def corruption_radar(runs: Sequence[RunMetrics]) -> list[Radar]:
    """Return the mean AUC over the severities of each corruption; empty if there are too few for a radar chart."""
    found = robustness(runs)
    names = list(found[0].corrupted) if found else []
    same = [r for r in found if list(r.corrupted) == names]
    if len(names) + 1 < MIN_SPOKES:
        return []
    rings = [(f"{r.tracker}, {r.label}", np.array([r.clean, *map(r.of, names)])) for r in same]
    return [("AUC by corruption, mean over severities", ["none", *names], rings)]


def attribute_radars(clean: Sequence[RunMetrics], clips: Sequence[Clip]) -> list[Radar]:
    """Return the mean AUC by attribute, if it has enough values for a radar chart; labels contain the counts."""
    radars: list[Radar] = []
    for key in sorted({key for clip in clips for key in clip.attributes}):
        groups: dict[str, list[int]] = {}
        for index, clip in enumerate(clips):
            if key in clip.attributes:
                groups.setdefault(clip.attributes[key], []).append(index)
        if MIN_SPOKES <= len(groups) <= MAX_SPOKES and clean:
            spokes = [f"{value} ({len(members)})" for value, members in sorted(groups.items())]
            members = [members for _, members in sorted(groups.items())]
            radars.append(
                (f"AUC by {key} (sequences)", spokes, [(_name(m), _means(m, members)) for m in clean])
            )
    return radars


def _means(metrics: RunMetrics, groups: Sequence[Sequence[int]]) -> Floats:
    return np.array([np.mean([metrics.sequences[index].ope.auc for index in group]) for group in groups])


def _name(metrics: RunMetrics) -> str:
    return f"{metrics.run.tracker}, {metrics.run.label}"
