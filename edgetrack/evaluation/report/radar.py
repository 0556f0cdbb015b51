"""A radar chart as inline SVG, and the two that a report may have: by corruption and by attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.metrics.robustness import robustness
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.report.svg import PALETTE, points, svg
from edgetrack.evaluation.types import Floats

RADIUS, SIDE, TOP = 150, 190, 56  # of the circle; room for names beside it and above it, pixels
FEWEST, MOST = 3, 24  # spokes
RINGS = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Ring:
    """One closed line: a value 0..1 for each spoke."""

    name: str
    values: Floats


def radar(title: str, spokes: Sequence[str], rings: Sequence[Ring]) -> str:
    """A closed line for each ring over the spokes, clockwise from the top; 0 in the middle, 1 on the rim.

    A ring with a value that is not there (nan) has no shape and is left out, with a word in the legend.
    """
    x0, y0 = SIDE + RADIUS, TOP + RADIUS
    angles = np.arange(len(spokes)) * 2 * np.pi / len(spokes)
    x, y = np.sin(angles), -np.cos(angles)
    body = f'<text x="12" y="16" class="title">{escape(title)}</text>'
    between, inner = (
        -np.pi / len(spokes),
        np.cos(np.pi / len(spokes)),
    )  # where the numbers are in no one's way
    for share in RINGS:
        web = points(x0 + share * RADIUS * x, y0 + share * RADIUS * y)
        body += f'<polygon points="{web}" fill="none" class="grid"/>'
        tx, ty = x0 + share * inner * RADIUS * np.sin(between), y0 - share * inner * RADIUS * np.cos(between)
        body += f'<text x="{tx:.1f}" y="{ty + 4:.1f}" class="tick" text-anchor="middle">{share:g}</text>'
    for name, dx, dy in zip(spokes, x, y, strict=True):
        body += f'<line x1="{x0}" y1="{y0}" x2="{x0 + RADIUS * dx:.1f}" y2="{y0 + RADIUS * dy:.1f}" class="grid"/>'
        anchor = "middle" if abs(dx) < 0.1 else "start" if dx > 0 else "end"
        tx, ty = x0 + (RADIUS + 10) * dx, y0 + (RADIUS + 14) * dy + 4
        body += f'<text x="{tx:.1f}" y="{ty:.1f}" class="tick" text-anchor="{anchor}">{escape(name)}</text>'
    for place, ring in enumerate(rings):
        colour = PALETTE[place % len(PALETTE)]
        style = f'fill="{colour}" fill-opacity=".08" stroke="{colour}" stroke-width="2"'
        style += ' stroke-dasharray="6 3"' if place >= len(PALETTE) else ""
        whole = bool(np.isfinite(ring.values).all())
        if whole:
            line = points(x0 + ring.values * RADIUS * x, y0 + ring.values * RADIUS * y)
            body += f'<polygon points="{line}" {style}/>'
        legend = TOP + 2 * RADIUS + 44 + 17 * place
        name = ring.name if whole else f"{ring.name}: no figure on some spoke"
        body += f'<rect x="12" y="{legend - 5}" width="18" height="4" fill="{colour}"/>'
        body += f'<text x="38" y="{legend}" class="tick">{escape(name)}</text>'
    return svg(2 * x0, TOP + 2 * RADIUS + 50 + 17 * len(rings), body)


def corruption_radar(runs: Sequence[RunMetrics]) -> str:
    """Mean AUC over the severities of each corruption; empty where there are too few for a shape."""
    found = robustness(runs)
    names = list(found[0].corrupted) if found else []
    same = [r for r in found if list(r.corrupted) == names]
    if len(names) + 1 < FEWEST:
        return ""
    rings = [Ring(f"{r.tracker}, {r.label}", np.array([r.clean, *map(r.of, names)])) for r in same]
    return radar("AUC by corruption, mean over severities", ["none", *names], rings)


def attribute_radars(clean: Sequence[RunMetrics], clips: Sequence[Clip]) -> list[str]:
    """Mean AUC by each attribute that splits the sequences into a shape; the number of sequences is in the name."""
    drawn = []
    for key in sorted({key for clip in clips for key in clip.attributes}):
        groups: dict[str, list[int]] = {}
        for place, clip in enumerate(clips):
            if key in clip.attributes:
                groups.setdefault(clip.attributes[key], []).append(place)
        if FEWEST <= len(groups) <= MOST and clean:
            spokes = [f"{value} ({len(places)})" for value, places in sorted(groups.items())]
            members = [places for _, places in sorted(groups.items())]
            rings = [Ring(f"{f.run.tracker}, {f.run.label}", _means(f, members)) for f in clean]
            drawn.append(radar(f"AUC by {key} (sequences)", spokes, rings))
    return drawn


def _means(figures: RunMetrics, groups: Sequence[Sequence[int]]) -> Floats:
    return np.array([np.mean([figures.sequences[place].ope.auc for place in places]) for places in groups])
