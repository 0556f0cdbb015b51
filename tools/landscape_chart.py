"""The chart of the map, docs/landscape/efficiency.svg: accuracy against size and speed, and our own measurements.

Different versions of matplotlib draw the same points with different paths. The file therefore contains a digest of the
points, which `is_current` compares.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from landscape import Landscape, Method

# Okabe and Ito, "Color universal design", 2008.
COLORS = {
    "box": "#999999",
    "efficient": "#0072b2",
    "language": "#d55e00",
    "rgb-x": "#009e73",
    "edgetrack": "#000000",
}
LABELS = {
    "box": "box",
    "efficient": "box, small",
    "language": "box and text",
    "rgb-x": "several inputs",
    "edgetrack": "edgetrack",
}
BUDGET_M = 20.0
LEAST_AUC = 50.0
EDGE_DEVICE = "Jetson Orin Nano"  # the device on which one paper measured most methods in the same way


class Point(NamedTuple):
    """One method in one panel; x in the panel's unit, y in percent."""

    name: str
    group: str
    x: float
    y: float


def by_size(landscape: Landscape) -> list[Point]:
    """Return points of LaSOT AUC against millions of parameters."""
    return _points(landscape, "parameters_m", "", "lasot")


def by_speed(landscape: Landscape) -> list[Point]:
    """Return points of LaSOT AUC against FPS on the device, without KCF, an outlier that would squeeze the others."""
    return [point for point in _points(landscape, "fps", EDGE_DEVICE, "lasot") if point.y >= LEAST_AUC]


def measured_here(landscape: Landscape, accuracy: str) -> list[Point]:
    """Return points of AUC on the 23 sequences, or the mean under corruptions, against milliseconds on two cores."""
    return _points(landscape, "ms", "2 cores of an AMD EPYC", accuracy)


def _points(landscape: Landscape, cost: str, device: str, accuracy: str) -> list[Point]:
    found = []
    for method in landscape.methods:
        x, y = _cost(method, cost, device), method.of(accuracy)
        if x is not None and y:
            found.append(Point(method.name, method.group, x, y[0].value))
    return found


def _cost(method: Method, cost: str, device: str) -> float | None:
    return next((figure.value for figure in method.of(cost) if figure.device.startswith(device)), None)


def front(points: list[Point]) -> list[Point]:
    """Return the Pareto front: points for which no other is both faster and more accurate (x is a speed)."""
    return [
        point
        for point in points
        if not any(other.x >= point.x and other.y >= point.y and other != point for other in points)
    ]


def digest(landscape: Landscape) -> str:
    """Return a digest of all points that the chart shows."""
    panels = [by_size(landscape), by_speed(landscape)]
    panels += [measured_here(landscape, accuracy) for accuracy in ("devset", "corrupted")]
    return hashlib.sha256(json.dumps(panels).encode()).hexdigest()


def is_current(path: Path, landscape: Landscape) -> bool:
    """Return whether the chart shows these points."""
    return path.exists() and digest(landscape) in path.read_text(encoding="utf-8")


def write(path: Path, landscape: Landscape) -> None:
    """Draw the chart; this needs matplotlib, from the extras `dev` and `report`."""
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "edgetrack", "svg.fonttype": "none", "font.size": 8})
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True})
    plt.rcParams.update({"grid.alpha": 0.3})
    figure, (size, speed, here) = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
    sizes, speeds = by_size(landscape), by_speed(landscape)
    _scatter(size, sizes, sizes, "million parameters")
    size.axvline(BUDGET_M, color="black", linestyle=":", linewidth=1)
    (own, *_) = [m.of("parameters_m")[0].value for m in landscape.methods if m.group == "edgetrack"]
    said = f"edgetrack: {own:.1f} M,\nnot measured on LaSOT"
    size.annotate(said, (BUDGET_M, 63), (4, 0), textcoords="offset points")
    _scatter(speed, speeds, front(speeds), f"frames a second, {EDGE_DEVICE}")
    speed.set_title("named: no other is both faster and more accurate", fontsize=7)
    _here(here, landscape)
    figure.savefig(path, metadata={"Date": None, "Description": digest(landscape)})
    plt.close(figure)


def _scatter(axes: Any, points: list[Point], named: list[Point], x: str) -> None:
    for group in dict.fromkeys(point.group for point in points):
        members = [point for point in points if point.group == group]
        xs, ys = [point.x for point in members], [point.y for point in members]
        axes.scatter(xs, ys, s=18, color=COLORS[group], label=LABELS[group])
    for point in named:
        axes.annotate(point.name, (point.x, point.y), (3, 3), textcoords="offset points", fontsize=6)
    axes.set(xscale="log", xlabel=x, ylabel="LaSOT success AUC, %")
    axes.margins(0.15, 0.1)
    axes.legend(frameon=False, fontsize=7, loc="lower left")


def _here(axes: Any, landscape: Landscape) -> None:
    """Draw clean results filled, the mean of twenty corruptions hollow, and a line between both of each method."""
    clean = measured_here(landscape, "devset")
    corrupted = {point.name: point for point in measured_here(landscape, "corrupted")}
    for point in clean:
        color = COLORS[point.group]
        axes.plot([point.x], [point.y], "o", color=color, markersize=5)
        axes.annotate(point.name, (point.x, point.y), (4, 4), textcoords="offset points", fontsize=6)
        if other := corrupted.get(point.name):
            axes.plot([point.x, other.x], [point.y, other.y], "-", color=color, linewidth=0.8)
            axes.plot([other.x], [other.y], "o", color=color, markerfacecolor="white", markersize=5)
    axes.set(xlabel="milliseconds an update, two cores of an AMD EPYC", ylabel="AUC on 23 sequences, %")
    axes.set_title("filled: clean; hollow: mean of twenty corruptions", fontsize=7)
    axes.margins(0.15)
