"""Charts of a report, drawn by matplotlib (the extra ``report``) as SVG images that need no script and no file."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.types import Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Okabe and Ito, "Color universal design", 2008: distinguishable for color-blind readers, too.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
STATUS_COLORS: dict[Status, str] = {
    "tracking": "#009e73",
    "uncertain": "#f0c000",
    "lost": "#d55e00",
    "searching": "#56b4e9",
}
TEXT_COLOR, GRID_COLOR = "#333333", "#e2e2e2"
LEGEND_ROW_IN = 0.16  # height of a legend entry, inches
TITLE_LETTERS = 34  # maximum length above a chart; a longer title has a smaller font
STRIP_POINTS = 720  # maximum points of a line in a strip


@dataclass(frozen=True, slots=True)
class Line:
    """A curve, or a closed line of a radar chart; ``index`` among all runs determines its color in all charts."""

    name: str
    x: Floats
    y: Floats
    index: int


@dataclass(frozen=True, slots=True)
class Point:
    """One tracker on one machine; ``index`` as in `Line`."""

    name: str
    ms: float  # median time of an update
    auc: float  # 0..1
    index: int


def require_matplotlib() -> Any:
    """Import matplotlib.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    return require("matplotlib", extra="report")


def to_svg(figure: Figure) -> str:
    """Return the figure as SVG; the same figure always gives the same text."""
    out = io.StringIO()
    with require_matplotlib().rc_context({"svg.hashsalt": "edgetrack", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def to_img(figure: Figure, alt: str) -> str:
    """Return the figure as an ``<img>`` tag that contains its SVG."""
    packed = b64encode(to_svg(figure).encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{packed}" alt="{escape(alt)}">'


def line_chart(
    title: str, x_label: str, lines: Sequence[Line], *, y_label: str = "fraction of frames"
) -> Figure:
    """Draw curves over a common x axis that begins at 0; y runs from 0 to 1."""
    figure, axes = _axes(title, x_label, y_label, legend=len(lines))
    for line in lines:
        axes.plot(line.x, line.y, label=line.name, **_style(line.index))
    axes.set(xlim=(0, max(float(line.x[-1]) for line in lines)), ylim=(0, 1.01))
    _add_legend(figure, axes)
    return figure


def reliability_diagram(title: str, score: Floats, correct: Floats, count: Floats, note: str) -> Figure:
    """Draw the fraction of correct frames over the mean score of each bin; larger dots have more frames."""
    figure, axes = _axes(title, f"score  ({note})", "fraction correct")
    axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", linewidth=1)
    axes.plot(score, correct, color=PALETTE[0], linewidth=1.2)
    size = 15 + 200 * count / count.max() if len(count) else count
    axes.scatter(score, correct, s=size, color=PALETTE[0], alpha=0.55, zorder=3, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    return figure


def pareto_chart(title: str, points: Sequence[Point]) -> Figure:
    """Draw success AUC over milliseconds per frame, with a line through the Pareto-optimal points.

    Args:
        title: heading of the chart.
        points: at least one.
    """
    figure, axes = _axes(title, "ms per frame (median)", "success AUC", legend=len(points))
    best = pareto_front(points)
    axes.plot([p.ms for p in best], [p.auc for p in best], color="#888888", linestyle="--", linewidth=1)
    for point in points:
        name = f"{point.auc:.3f}  {point.ms:.1f} ms  {point.name}"
        axes.scatter(point.ms, point.auc, s=45, color=_color(point.index), label=name, zorder=3)
    low, high = min(p.auc for p in points), max(p.auc for p in points)
    margin = max(0.15 * (high - low), 0.02)
    axes.set(xlim=(0, 1.12 * max(p.ms for p in points)), ylim=(low - margin, high + margin))
    _add_legend(figure, axes)
    return figure


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other point beats in both time and accuracy, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.ms, -p.auc)):
        if not best or point.auc > best[-1].auc:
            best.append(point)
    return best


def radar_chart(title: str, spokes: Sequence[str], rings: Sequence[tuple[str, Floats]]) -> Figure:
    """Draw a closed line for each ring (name, value 0..1 by spoke), clockwise from the top.

    A ring with a missing value (NaN) is listed in the legend, but not drawn.
    """
    height = 5.2 + LEGEND_ROW_IN * len(rings)
    figure = _figure(6.4, height)
    axes: Any = figure.add_axes(
        (0.24, (0.5 + LEGEND_ROW_IN * len(rings)) / height, 0.52, 3.9 / height), projection="polar"
    )
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    angles = np.linspace(0, 2 * np.pi, len(spokes), endpoint=False)
    axes.set_xticks(angles, spokes, fontsize=8.5)
    axes.set(ylim=(0, 1))
    axes.set_yticks([0.25, 0.5, 0.75, 1.0])
    axes.set_rlabel_position(-180 / len(spokes))
    axes.tick_params(colors=TEXT_COLOR, labelsize=8.5, pad=8)
    axes.grid(color=GRID_COLOR)
    axes.spines["polar"].set_color(GRID_COLOR)
    for index, (name, values) in enumerate(rings):
        whole = bool(np.isfinite(values).all())
        shown = np.append(values, values[:1]) if whole else np.empty(0)
        where = np.append(angles, angles[:1]) if whole else np.empty(0)
        label = name if whole else f"{name}: no value on some spoke"
        axes.plot(where, shown, label=label, **_style(index))
        axes.fill(where, shown, color=_color(index), alpha=0.08)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11, fontweight="bold", color=TEXT_COLOR)
    _add_legend(figure, axes)
    return figure


def status_strip(iou: Floats, statuses: Sequence[Status], present: NDArray[np.bool_]) -> Figure:
    """Draw the IoU over time above a band of statuses; frames without the target are gray."""
    figure = _figure(8.0, 0.6)
    axes = figure.add_axes((0, 0.2, 1, 0.8))
    band = figure.add_axes((0, 0, 1, 0.16))
    frames = len(iou)
    axes.set(xlim=(0, frames), ylim=(0, 1.02), facecolor="#f7f7f7")
    axes.axhline(0.5, color=GRID_COLOR, linewidth=0.8)
    for start, end in _stretches([not there for there in present]):
        axes.axvspan(start, end, color="#d0d0d0", linewidth=0)
    axes.plot(
        *_thinned(np.arange(frames, dtype=np.float64) + 0.5, np.where(present, iou, 0.0)),
        color=PALETTE[0],
        linewidth=1.2,
    )
    for status, color in STATUS_COLORS.items():
        stretches = [(start, end - start) for start, end in _stretches([s == status for s in statuses])]
        band.broken_barh(stretches, (0, 1), color=color, linewidth=0)
    band.set(xlim=(0, frames), ylim=(0, 1))
    for part in (axes, band):
        part.set_axis_off()
    return figure


def _figure(width: float, height: float) -> Figure:
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def _axes(title: str, x_label: str, y_label: str, *, legend: int = 0) -> tuple[Figure, Any]:
    """Return a figure with a plot area of constant size, and space for a legend of ``legend`` rows below it."""
    below = 0.5 + (0.06 + LEGEND_ROW_IN * legend if legend else 0)
    width, height = 3.74, 0.32 + 2.2 + below
    figure = _figure(width, height)
    axes: Any = figure.add_axes((0.56 / width, below / height, 3.05 / width, 2.2 / height))
    size = 10.5 * min(1, TITLE_LETTERS / len(title))
    axes.set_title(title, loc="left", fontsize=size, fontweight="bold", color=TEXT_COLOR)
    axes.set_xlabel(x_label, fontsize=9, color=TEXT_COLOR)
    axes.set_ylabel(y_label, fontsize=9, color=TEXT_COLOR)
    axes.tick_params(labelsize=8.5, colors=TEXT_COLOR, length=0)
    axes.grid(color=GRID_COLOR, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(GRID_COLOR)
    return figure, axes


def _add_legend(figure: Figure, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    options = {"frameon": False, "fontsize": 8.5, "labelcolor": TEXT_COLOR, "borderaxespad": 0.2}
    figure.legend(handles, labels, loc="lower left", labelspacing=0.3, handlelength=1.6, **options)


def _style(index: int) -> dict[str, Any]:
    return {"color": _color(index), "linestyle": "--" if index >= len(PALETTE) else "-", "linewidth": 1.6}


def _color(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def _stretches(marks: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the first and one past the last index of each run of true values."""
    found, start = [], 0
    for mark, group in groupby(marks):
        end = start + len(list(group))
        if mark:
            found.append((start, end))
        start = end
    return found


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return at most `STRIP_POINTS` points, as means of neighboring points."""
    if len(x) <= STRIP_POINTS:
        return x, y
    groups = zip(np.array_split(x, STRIP_POINTS), np.array_split(y, STRIP_POINTS), strict=True)
    means = np.array([(a.mean(), b.mean()) for a, b in groups])
    return means[:, 0], means[:, 1]
