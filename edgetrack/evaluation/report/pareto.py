"""Accuracy against time a frame: who is both slower and less accurate than another has no reason to be chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from edgetrack.evaluation.report.svg import PALETTE, svg

LEFT, TOP, WIDTH, HEIGHT = 54, 34, 420, 240  # of the plot area, pixels
LETTER, LINE = 6.9, 15  # width and height of text, pixels


@dataclass(frozen=True, slots=True)
class Point:
    """One tracker on one machine."""

    name: str
    ms: float  # median time of an update
    auc: float  # 0..1
    place: int | None = (
        None  # among all runs: a run has one colour in all charts; without it that of its order
    )


def front(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in both, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.ms, -p.auc)):
        if not best or point.auc > best[-1].auc:
            best.append(point)
    return best


@dataclass(frozen=True, slots=True)
class _Area:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Area) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


def _room(x: float, y: float, width: float, taken: Sequence[_Area]) -> _Area:
    """Where the name of a point at (x, y) meets no other and no point: beside it, above, below, further off."""
    half = LINE / 2
    corners = [(x + 9, y - half), (x - 9 - width, y - half)]
    rows = (-9 - LINE, 9, -11 - 2 * LINE, 11 + LINE, -13 - 3 * LINE, 13 + 2 * LINE)
    corners += [(left, y + row) for row in rows for left in (x - width / 2, x + 6 - width, x - 6)]
    areas = [_Area(a, b, a + width, b + LINE) for a, b in corners]
    inside = [a for a in areas if a.left >= LEFT and a.right <= LEFT + WIDTH + 18]
    return next((a for a in inside if not any(map(a.meets, taken))), areas[2])


def _step(far: float) -> float:
    """A round distance between ticks of which about five reach ``far``."""
    scale = 10.0 ** math.floor(math.log10(far))
    return next(scale * part for part in (0.2, 0.5, 1.0, 2.0) if far / (scale * part) <= 6)


def chart(title: str, points: Sequence[Point]) -> str:
    """Success AUC over milliseconds as SVG, the best choices joined by a line.

    Args:
        title: what stands above it.
        points: at least one.
    """
    step_ms, step_auc = _step(max(p.ms for p in points) * 1.15), 0.02
    columns = math.ceil(max(p.ms for p in points) * 1.1 / step_ms)
    low = math.floor((min(p.auc for p in points) - 0.03) / step_auc)
    rows = math.ceil((max(p.auc for p in points) + 0.03) / step_auc) - low
    if rows > 10:
        low, rows, step_auc = 0, 10, 0.1

    def place(point: Point) -> tuple[float, float]:
        x = LEFT + point.ms / step_ms / columns * WIDTH
        return x, TOP + (1 - (point.auc / step_auc - low) / rows) * HEIGHT

    body = f'<text x="{LEFT}" y="20" class="title">{escape(title)}</text>'
    for tick in range(columns + 1):
        x = LEFT + tick * WIDTH / columns
        body += f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + HEIGHT}" class="grid"/>'
        body += f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" class="tick" text-anchor="middle">{tick * step_ms:g}</text>'
    for tick in range(rows + 1):
        y = TOP + HEIGHT - tick * HEIGHT / rows
        body += f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        label = (low + tick) * step_auc
        body += f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="tick" text-anchor="end">{label:.2f}</text>'
    below, beside = (
        f'x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 34}"',
        f"translate(14 {TOP + HEIGHT / 2}) rotate(-90)",
    )
    body += f'<text {below} class="tick" text-anchor="middle">ms a frame (median)</text>'
    body += f'<text transform="{beside}" class="tick" text-anchor="middle">success AUC</text>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, front(points)))
    body += f'<polyline points="{line}" fill="none" stroke="#888" stroke-dasharray="4 3"/>'
    taken = [_Area(x - 7, y - 7, x + 7, y + 7) for x, y in map(place, points)]
    for i, point in enumerate(points):
        x, y = place(point)
        colour = PALETTE[(i if point.place is None else point.place) % len(PALETTE)]
        tip = f"<title>{escape(point.name)}: {point.auc:.3f}, {point.ms:.1f} ms</title>"
        body += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}">{tip}</circle>'
        taken.append(_room(x, y, len(point.name) * LETTER, taken))
        at = f'x="{taken[-1].left:.1f}" y="{taken[-1].top + LINE - 4:.1f}"'
        body += f'<text {at} class="tick">{escape(point.name)}</text>'
    return svg(LEFT + WIDTH + 20, TOP + HEIGHT + 46, body)
