"""The charts of reports: what matplotlib is told to draw, and the resulting SVG."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from edgetrack.errors import MissingExtra
from edgetrack.reporting import charts
from edgetrack.reporting.charts import Line, Point

pytest.importorskip("matplotlib", reason="the report extra is not installed")


def labels(figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_pareto_front_has_only_points_that_nothing_beats() -> None:
    fast, slow, worse = Point("fast", 3.0, 0.6, 0), Point("slow", 9.0, 0.7, 1), Point("worse", 9.5, 0.65, 2)
    assert charts.pareto_front([worse, slow, fast]) == [fast, slow]
    assert charts.pareto_front([Point("a", 3.0, 0.5, 0), fast]) == [fast]


def test_pareto_chart_has_every_point_in_place() -> None:
    figure = charts.pareto_chart("t < u", [Point("a & b", 3.0, 0.6, 0), Point("c", 9.0, 0.7, 1)])
    [axes] = figure.axes
    assert [tuple(np.asarray(dots.get_offsets())[0]) for dots in axes.collections] == [(3.0, 0.6), (9.0, 0.7)]
    assert labels(figure) == ["0.600  3.0 ms  a & b", "0.700  9.0 ms  c"]
    ElementTree.fromstring(charts.to_svg(figure))


def test_run_has_one_color_in_all_charts() -> None:
    x = np.linspace(0, 1, 21)
    [curve] = charts.line_chart("t", "x", [Line("a", x, x, 3)]).axes[0].lines
    [dot] = charts.pareto_chart("t", [Point("a", 3.0, 0.6, 3)]).axes[0].collections
    from matplotlib.colors import to_hex

    assert curve.get_color() == to_hex(dot.get_facecolor()[0]) == charts.PALETTE[3]
    [ninth] = charts.line_chart("t", "x", [Line("a", x, x, 8)]).axes[0].lines
    assert (ninth.get_color(), ninth.get_linestyle()) == (charts.PALETTE[0], "--")


@pytest.mark.parametrize("count", [1, 12])
def test_legend_is_inside_its_figure_and_below_the_axes(count: int) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    x = np.linspace(0, 1, 21)
    figure = charts.line_chart("t", "x", [Line(f"tracker {i}", x, x, i) for i in range(count)])
    FigureCanvasAgg(figure).draw()
    legend = figure.legends[0].get_window_extent()
    [axes] = figure.axes
    assert legend.y0 >= 0
    assert legend.y1 < axes.xaxis.label.get_window_extent().y0


def test_radar_has_its_points_in_place() -> None:
    from matplotlib.projections.polar import PolarAxes

    figure = charts.radar_chart(
        "t <&>", ["up", "right", "down", "left"], [("a", np.array([1, 0.5, 0, 0.25]))]
    )
    [axes] = figure.axes
    assert isinstance(axes, PolarAxes)
    [line] = axes.lines
    theta, radius = line.get_data()
    assert theta == pytest.approx([0, np.pi / 2, np.pi, 3 * np.pi / 2, 0])
    assert radius == pytest.approx([1, 0.5, 0, 0.25, 1])
    assert (axes.get_theta_direction(), axes.get_theta_offset()) == (-1, np.pi / 2), "clockwise from the top"


def test_incomplete_radar_ring_is_named_and_not_drawn() -> None:
    figure = charts.radar_chart("t", ["a", "b", "c"], [("r", np.array([0.5, np.nan, 1]))])
    [line] = figure.axes[0].lines
    assert len(line.get_xdata()) == 0
    assert labels(figure) == ["r: no value on some spoke"]


def test_strip_shows_every_stretch() -> None:
    from matplotlib.patches import Rectangle

    present = np.array([True] * 6 + [False] * 2 + [True] * 2)
    figure = charts.status_strip(np.linspace(0, 1, 10), ["tracking"] * 5 + ["lost"] * 5, present)
    axes, band = figure.axes
    [absent] = axes.patches
    assert isinstance(absent, Rectangle)
    assert (absent.get_x(), absent.get_width()) == (6, 2)
    shown = [c.get_paths()[0].get_extents().intervalx.tolist() for c in band.collections if c.get_paths()]
    assert shown == [[0, 5], [5, 10]]
    long = charts.status_strip(np.ones(5000), ["tracking"] * 5000, np.ones(5000, bool))
    assert len(charts.to_svg(long)) < 30_000


def test_diagram_without_frames_is_still_drawn() -> None:
    for values in (np.empty(0), np.array([0.5])):
        figure = charts.reliability_diagram("t", values, values, np.full(values.shape, 3.0), "ECE -")
        ElementTree.fromstring(charts.to_svg(figure))


def test_same_figure_gives_the_same_file() -> None:
    first, second = (charts.to_svg(charts.pareto_chart("t", [Point("a", 3.0, 0.6, 0)])) for _ in range(2))
    assert first == second
    assert "http-equiv" not in first


def test_missing_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgetrack\[report\]'"):
        charts.pareto_chart("t", [Point("a", 3.0, 0.6, 0)])
