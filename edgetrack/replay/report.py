"""A comparison as a table, as JSON, and as a picture of where it begins to differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from edgetrack.errors import SinkError
from edgetrack.io.opencv import load_cv2
from edgetrack.io.overlay import draw
from edgetrack.replay.compare import Comparison, Figures
from edgetrack.status import open_table, print_written
from edgetrack.types import Track

GAP = 8  # pixels between the two pictures
Facts = Mapping[str, str]


def print_comparison(console: Console, comparison: Comparison, *, recorded_is_reference: bool) -> None:
    """Prints the figures, and how the statuses differ."""
    table = open_table(console)
    table.add_column("compared", no_wrap=True)
    for heading in ("frames", "mean IoU", "lowest IoU", f"IoU < {comparison.min_iou:g}", "same status"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("candidate with reference", *_cells(comparison.figures()))
    if not recorded_is_reference:
        table.add_row("reference with the recorded track", *_cells(comparison.as_recorded()), style="dim")
    console.print(table)
    for (a, b), count in comparison.statuses().most_common():
        console.print(f"  reference {a}, candidate {b}: {count} frames", style="dim", soft_wrap=True)


def print_first(console: Console, comparison: Comparison, picture: Path) -> None:
    """Prints where the candidate first differs, and the picture of it."""
    assert comparison.first is not None
    said = (comparison.reference[comparison.first], comparison.candidate[comparison.first])
    words = ", candidate ".join(f"{track.status} {track.score:.2f}" for track in said)
    iou = comparison.ious[comparison.first]
    console.print(
        f"first divergence: frame {comparison.first + 1}, IoU {iou:.2f}: reference {words}", soft_wrap=True
    )
    print_written(console, picture)


def write_picture(path: Path, comparison: Comparison, titles: tuple[str, str]) -> None:
    """Writes the first frame that diverges twice, side by side: left with the reference's box, right the candidate's.

    In each the other's box is a thin white line.

    Raises:
        SinkError: the picture cannot be written.
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
    between = np.full((drawn[0].shape[0], GAP, 3), 255, np.uint8)
    try:
        good, packed = cv2.imencode(".png", np.hstack([drawn[0], between, drawn[1]]))
        assert good
        path.write_bytes(packed.tobytes())
    except OSError as error:
        raise SinkError(
            f"picture {path} cannot be written: {error.strerror}; give another --picture"
        ) from error


def write_json(path: Path, comparison: Comparison, about: Mapping[str, Any], *, picture: Path | None) -> None:
    """Writes every figure, and every frame: index, IoU, and what each side said.

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
            {"frame": i, "iou": iou, "recorded": _said(a), "reference": _said(b), "candidate": _said(c)}
            for i, (iou, a, b, c) in enumerate(rows)
        ],
    }
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SinkError(f"{path} cannot be written: {error.strerror}; give another --json") from error


def _cells(figures: Figures) -> list[str]:
    share = figures.same_status / figures.frames
    cells = [str(figures.frames), f"{figures.mean_iou:.3f}", f"{figures.lowest_iou:.3f}"]
    return [*cells, str(figures.diverging), f"{100 * share:.1f} %"]


def _said(track: Track) -> dict[str, Any]:
    return {
        "status": track.status,
        "score": track.score,
        "box": None if track.box is None else track.box.xywh,
    }
