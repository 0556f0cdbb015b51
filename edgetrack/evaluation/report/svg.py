"""Charts as inline SVG: no script, no file beside the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from edgetrack.evaluation.metrics.calibration import Bin
from edgetrack.evaluation.types import Bools, Floats
from edgetrack.types import Status

# Okabe and Ito, "Color universal design", 2008: told apart by colour-blind eyes too.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
STATUS_COLOURS: dict[Status, str] = {
    "tracking": "#009e73",
    "uncertain": "#f0c000",
    "lost": "#d55e00",
    "searching": "#56b4e9",
}
LEFT, TOP, WIDTH, HEIGHT = 46, 26, 280, 190  # of the plot area, pixels
STRIP_WIDTH, STRIP_HEIGHT, BAND = 720, 44, 8
_STYLE = "text{font:12px sans-serif;fill:#333}.title{font-weight:600;font-size:14px}.grid{stroke:#ddd}"


@dataclass(frozen=True, slots=True)
class Line:
    """A curve and its name in the legend."""

    name: str
    x: Floats
    y: Floats
    place: int  # among all runs: a run has one colour in all charts

    @property
    def colour(self) -> str:
        return PALETTE[self.place % len(PALETTE)]


def line_chart(title: str, x_label: str, lines: Sequence[Line], *, y_label: str = "share of frames") -> str:
    """Curves over a common x axis that begins at 0; y runs from 0 to 1."""
    far = max(float(line.x[-1]) for line in lines)
    body = _axes(title, x_label, y_label, far)
    for line in lines:
        dash = ' stroke-dasharray="6 3"' if line.place >= len(PALETTE) else ""
        path = points(LEFT + line.x / far * WIDTH, TOP + (1 - line.y) * HEIGHT)
        body += f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dash}/>'
    body += _legend(lines)
    return svg(LEFT + WIDTH + 14, TOP + HEIGHT + 44 + 17 * len(lines), body)


def reliability_diagram(title: str, bins: Sequence[Bin], note: str) -> str:
    """Share of correct frames over mean score; the area of a dot is the number of frames."""
    body = _axes(title, "score", "share correct", 1.0)
    body += f'<line x1="{LEFT}" y1="{TOP + HEIGHT}" x2="{LEFT + WIDTH}" y2="{TOP}" class="ideal"/>'
    most = max((b.count for b in bins), default=1)
    x = LEFT + np.array([b.score for b in bins]) * WIDTH
    y = TOP + (1 - np.array([b.correct for b in bins])) * HEIGHT
    body += f'<polyline points="{points(x, y)}" fill="none" stroke="{PALETTE[0]}" stroke-width="1.5"/>'
    for b, cx, cy in zip(bins, x, y, strict=True):
        radius = 2 + 8 * (b.count / most) ** 0.5
        tip = f"<title>score {b.score:.2f}, correct {b.correct:.2f}, {b.count} frames</title>"
        body += f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{radius:.1f}" class="bin">{tip}</circle>'
    body += f'<text x="{LEFT}" y="{TOP + HEIGHT + 52}" class="tick">{escape(note)}</text>'
    return svg(LEFT + WIDTH + 14, TOP + HEIGHT + 60, body)


def strip(iou: Floats, statuses: Sequence[Status], present: Bools) -> str:
    """IoU over time above a band of statuses; frames without the target are grey."""
    frames = len(iou)
    edges = np.linspace(0, STRIP_WIDTH, frames + 1)
    body = f'<rect width="{STRIP_WIDTH}" height="{STRIP_HEIGHT}" class="ground"/>'
    for start, end in _stretches([not there for there in present]):
        body += _rect(
            edges[start], edges[end], 0, STRIP_HEIGHT, "#d0d0d0", "the target is absent", start, end
        )
    middle = STRIP_HEIGHT / 2
    body += f'<line x1="0" x2="{STRIP_WIDTH}" y1="{middle}" y2="{middle}" class="grid"/>'
    x, y = _thinned((edges[:-1] + edges[1:]) / 2, np.where(present, iou, 0.0))
    body += f'<polyline points="{points(x, STRIP_HEIGHT - y * STRIP_HEIGHT)}" class="iou"/>'
    for status, colour in STATUS_COLOURS.items():
        for start, end in _stretches([s == status for s in statuses]):
            body += _rect(edges[start], edges[end], STRIP_HEIGHT + 2, BAND, colour, status, start, end)
    return svg(STRIP_WIDTH, STRIP_HEIGHT + BAND + 2, body)


def _axes(title: str, x_label: str, y_label: str, far: float) -> str:
    body = f'<text x="{LEFT}" y="16" class="title">{escape(title)}</text>'
    for tick in range(6):
        x, y = LEFT + tick * WIDTH / 5, TOP + HEIGHT - tick * HEIGHT / 5
        body += f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{TOP + HEIGHT}" class="grid"/>'
        body += f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" class="grid"/>'
        body += f'<text x="{x}" y="{TOP + HEIGHT + 15}" class="tick" text-anchor="middle">{far * tick / 5:g}</text>'
        body += f'<text x="{LEFT - 6}" y="{y + 4}" class="tick" text-anchor="end">{tick / 5:g}</text>'
    centre = TOP + HEIGHT / 2
    body += f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 32}" class="tick" text-anchor="middle">'
    body += f'{escape(x_label)}</text><text transform="translate(12 {centre}) rotate(-90)" class="tick" '
    return body + f'text-anchor="middle">{escape(y_label)}</text>'


def _legend(lines: Sequence[Line]) -> str:
    body = ""
    for row, line in enumerate(lines):
        y = TOP + HEIGHT + 52 + 17 * row
        body += f'<rect x="{LEFT}" y="{y - 5}" width="18" height="4" fill="{line.colour}"/>'
        body += f'<text x="{LEFT + 26}" y="{y}" class="tick">{escape(line.name)}</text>'
    return body


def _stretches(marks: Sequence[bool]) -> list[tuple[int, int]]:
    """First and one past the last index of each stretch of true."""
    steps = np.diff(np.array([0, *map(int, marks), 0]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most one point a pixel, the mean of those that fall on it."""
    if len(x) <= STRIP_WIDTH:
        return x, y
    groups = zip(np.array_split(x, STRIP_WIDTH), np.array_split(y, STRIP_WIDTH), strict=True)
    means = np.array([(a.mean(), b.mean()) for a, b in groups])
    return means[:, 0], means[:, 1]


def _rect(x1: float, x2: float, y: float, height: float, colour: str, tip: str, start: int, end: int) -> str:
    said = f"<title>{tip}: frames {start + 1} to {end}</title>"
    return f'<rect x="{x1:.1f}" y="{y}" width="{x2 - x1:.1f}" height="{height}" fill="{colour}">{said}</rect>'


def points(x: Floats, y: Floats) -> str:
    """The ``points`` of a line."""
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def svg(width: float, height: float, body: str) -> str:
    """A drawing of that size in pixels."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}">{body}</svg>'
    )


def standalone(drawing: str) -> str:
    """The drawing as a file of its own, with the style that a page would have given it."""
    head, _, body = drawing.partition(">")
    return f'{head}><style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{body}'
