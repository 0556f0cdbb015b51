"""Boxes and zones as ``foxglove.ImageAnnotations`` (docs.foxglove.dev, "Message schemas"), without time stamps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgetrack.io.overlay import COLORS, Color
from edgetrack.io.zone_overlay import TINT
from edgetrack.types import Track
from edgetrack.zone_shapes import scaled
from edgetrack.zones import Zones

LINE_LOOP = 2  # foxglove.PointsAnnotationType
NONE = {"r": 0.0, "g": 0.0, "b": 0.0, "a": 0.0}


def annotate(tracks: Sequence[tuple[Track, str]]) -> dict[str, Any]:
    """Return each box and outline as a closed line, with name, status and score above it."""
    points, texts = [], []
    for track, named in tracks:
        if track.box is None:
            continue
        x, y, w, h = track.box.xywh
        corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        points.append(_loop(corners, COLORS[track.status]))
        for outline in track.mask.polygons() if track.mask is not None else []:
            corners = list(zip(outline[::2], outline[1::2], strict=True))
            points.append(_loop(corners, COLORS[track.status]))
        texts.append(
            {
                "metadata": [],
                "text_color": _rgba(COLORS[track.status]),
                "background_color": NONE,
                "position": {"x": x, "y": y},
                "text": f"{named}{track.status} {track.score:.2f}",
                "font_size": 14.0,
            }
        )
    return {"circles": [], "points": points, "texts": texts}


def outlines(zones: Zones, size: tuple[int, int]) -> list[dict[str, Any]]:
    """Return zones and lines as closed lines, in pixels of a frame of (width, height)."""
    return [_loop(scaled(one.points, one.relative, size), TINT) for one in zones.shapes]


def _loop(corners: Sequence[tuple[float, float]], color: Color) -> dict[str, Any]:
    """Return a closed line."""
    return {
        "metadata": [],
        "fill_color": NONE,
        "thickness": 2.0,
        "type": LINE_LOOP,
        "points": [{"x": x, "y": y} for x, y in corners],
        "outline_color": _rgba(color),
        "outline_colors": [],
    }


def _rgba(color: Color) -> dict[str, float]:
    blue, green, red = (value / 255 for value in color)
    return {"r": red, "g": green, "b": blue, "a": 1.0}
