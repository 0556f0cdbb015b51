"""Writes a comparison as JSON, and an image of the first divergence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.io.files import write_whole
from edgetrack.io.opencv import load_cv2
from edgetrack.io.overlay import draw
from edgetrack.replay.compare import Comparison
from edgetrack.types import Track

GAP_PX = 8  # pixels between the two images


def write_picture(path: Path, comparison: Comparison, titles: tuple[str, str]) -> None:
    """Write two copies of the first diverging frame side by side: reference's box left, candidate's box right.

    In each copy, the box of the other one is a thin white line.

    Raises:
        SinkError: the image cannot be written.
    """
    assert comparison.pixels is not None
    assert comparison.first is not None
    cv2 = load_cv2()
    tracks = (comparison.reference[comparison.first], comparison.candidate[comparison.first])
    drawn = []
    for track, other, title in zip(tracks, reversed(tracks), titles, strict=True):
        pixels = comparison.pixels.copy()
        draw(pixels, track, title)
        if other.box is not None:
            x, y, w, h = (round(float(np.clip(v, -30_000, 30_000))) for v in other.box.xywh)
            cv2.rectangle(pixels, (x, y), (x + w, y + h), (255, 255, 255), 1, cv2.LINE_AA)
        drawn.append(pixels)
    between = np.full((drawn[0].shape[0], GAP_PX, 3), 255, np.uint8)
    good, packed = cv2.imencode(".png", np.hstack([drawn[0], between, drawn[1]]))
    assert good
    write_whole(path, packed.tobytes(), option="--picture")


def write_json(path: Path, comparison: Comparison, about: Mapping[str, Any], *, picture: Path | None) -> None:
    """Write all metrics, and for each frame its index, the IoU and both tracks.

    Raises:
        SinkError: the file cannot be written.
    """
    rows = zip(comparison.ious, comparison.recorded, comparison.reference, comparison.candidate, strict=True)
    content = {
        **about,
        "min_iou": comparison.min_iou,
        "diverging_share": comparison.diverging,
        "candidate_with_reference": asdict(comparison.figures()),
        "reference_with_recorded": asdict(comparison.as_recorded()),
        "first_divergence": comparison.first,
        "picture": None if picture is None else str(picture),
        "statuses": [[a, b, count] for (a, b), count in comparison.statuses().most_common()],
        "frames": [
            {"frame": i, "iou": iou, "recorded": _track(a), "reference": _track(b), "candidate": _track(c)}
            for i, (iou, a, b, c) in enumerate(rows)
        ],
    }
    write_whole(path, json.dumps(content, indent=1) + "\n", option="--json")


def _track(track: Track) -> dict[str, Any]:
    return {
        "status": track.status,
        "score": track.score,
        "box": None if track.box is None else track.box.xywh,
    }
