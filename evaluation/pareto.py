"""Accuracy against time a frame: who is both slower and less accurate than another has no reason to be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from edgetrack.evaluation.svg import PALETTE

LEFT, TOP, WIDTH, HEIGHT = 54, 34, 420, 240  # of the plot area, pixels
_STYLE = "text{font:12px sans-serif;fill:#333}.title{font-weight:600;font-size:14px}.grid{stroke:#ddd}"


@dataclass(frozen=True, slots=True)
class Point:
    """One tracker on one machine."""

    name: str
    ms: float  # median time of an update
    auc: float  # 0..1


def front(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in both, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.ms, -p.auc)):
        if not best or point.auc > best[-1].auc:
            best.append(point)
    return best


def chart(title: str, points: Sequence[Point], *, alone: bool = True) -> str:
    """Success AUC over milliseconds as SVG, the best choices joined by a line.

    Args:
        title: what stands above it.
        points: at least one.
        alone: a file of its own, which brings its style; else part of a page that has one.
    """
    far = max(p.ms for p in points) * 1.15
    low = max(0.0, min(p.auc for p in points) - 0.08)
    high = min(1.0, max(p.auc for p in points) + 0.05)

    def place(point: Point) -> tuple[float, float]:
        return LEFT + point.ms / far * WIDTH, TOP + (high - point.auc) / (high - low) * HEIGHT

    body = f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>' if alone else ""
    body += f'<text x="{LEFT}" y="20" class="title">{escape(title)}</text>'
    for tick in range(6):
        x, y = LEFT + tick * WIDTH / 5, TOP + tick * HEIGHT / 5
        body += f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{TOP + HEIGHT}" class="grid"/>'
        body += f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" class="grid"/>'
        body += f'<text x="{x}" y="{TOP + HEIGHT + 16}" class="tick" text-anchor="middle">{far * tick / 5:.1f}</text>'
        label = high - (high - low) * tick / 5
        body += f'<text x="{LEFT - 6}" y="{y + 4}" class="tick" text-anchor="end">{label:.2f}</text>'
    below, beside = (
        f'x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 34}"',
        f"translate(14 {TOP + HEIGHT / 2}) rotate(-90)",
    )
    body += f'<text {below} class="tick" text-anchor="middle">ms a frame (median)</text>'
    body += f'<text transform="{beside}" class="tick" text-anchor="middle">success AUC</text>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, front(points)))
    body += f'<polyline points="{line}" fill="none" stroke="#888" stroke-dasharray="4 3"/>'
    for i, point in enumerate(points):
        x, y = place(point)
        tip = f"<title>{escape(point.name)}: {point.auc:.3f}, {point.ms:.1f} ms</title>"
        body += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{PALETTE[i % len(PALETTE)]}">{tip}</circle>'
        right = x < LEFT + WIDTH * 0.7
        anchor, shift = ("start", 10) if right else ("end", -10)
        at = f'x="{x + shift:.1f}" y="{y + 4:.1f}"'
        body += f'<text {at} class="tick" text-anchor="{anchor}">{escape(point.name)}</text>'
    width, height = LEFT + WIDTH + 20, TOP + HEIGHT + 46
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{body}</svg>'
