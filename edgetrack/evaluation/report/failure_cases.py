"""Finds the failure cases of a sequence and draws thumbnails of them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import Sequence
from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.types import Floats, Pixels, Record

MAX_CASES = 3  # per run and sequence
THUMBNAIL_WIDTH = 232  # pixels
MAX_COORDINATE = 10_000  # pixels; OpenCV draws no boxes with corners much further out
TRUE_COLOR, FOUND_COLOR, OUTLINE_COLOR = (255, 255, 255), (0, 120, 255), (0, 0, 0)  # BGR


@dataclass(frozen=True, slots=True)
class FailureCase:
    """A frame in which a tracker was wrong."""

    index: int
    caption: str
    truth: tuple[float, ...] | None
    found: tuple[float, ...] | None


def find_failures(record: Record, iou: Floats, truth: Floats) -> list[FailureCase]:
    """Return frames with an IoU below 0.5, most confident errors first, with some distance in time between them.

    A box that is shown while the target is absent is an error, too.
    """
    there = exists(truth)
    shown = np.array([box is not None for box in record.boxes])
    wrong = (there & (iou < 0.5)) | (~there & record.is_tracking())
    badness = np.where(there, 1 - iou, 1.0) + np.where(shown, np.array(record.scores), 0.0)
    apart, chosen = max(10, len(truth) // 8), list[int]()
    for index in np.argsort(-np.where(wrong, badness, -1.0), kind="stable").tolist():
        if not wrong[index] or len(chosen) == MAX_CASES:
            break
        if all(abs(index - other) >= apart for other in chosen):
            chosen.append(index)
    return [_case(index, record, iou, truth) for index in sorted(chosen)]


def draw_failures(clip: Sequence, cases: Iterable[FailureCase]) -> dict[FailureCase, str]:
    """Return an image of each case as a data URL (JPEG): true box white, tracker's box orange."""
    wanted: dict[int, list[FailureCase]] = {}
    for case in cases:
        wanted.setdefault(case.index, []).append(case)
    found: dict[FailureCase, str] = {}
    if not wanted:
        return found
    for index, pixels in enumerate(clip.frames):
        for case in wanted.get(index, []):
            found[case] = thumbnail(pixels, [case.truth], [case.found])
        if index >= max(wanted):
            break
    return found


def _case(index: int, record: Record, iou: Floats, truth: Floats) -> FailureCase:
    there = bool(exists(truth)[index])
    what = f"IoU {iou[index]:.2f}" if there else "target absent"
    caption = f"frame {index + 1}: {what}, {record.statuses[index]} {record.scores[index]:.2f}"
    return FailureCase(index, caption, tuple(truth[index].tolist()) if there else None, record.boxes[index])


def thumbnail(
    pixels: Pixels,
    truth: Iterable[tuple[float, ...] | None],
    found: Iterable[tuple[float, ...] | None],
    *,
    width: int = THUMBNAIL_WIDTH,
) -> str:
    """Return a small copy of an image as a data URL (JPEG): true boxes (xywh) white, tracker's boxes orange."""
    from edgetrack.io.opencv import load_cv2

    cv2 = load_cv2()
    scale = width / pixels.shape[1]
    small = cv2.resize(pixels, (width, max(1, round(pixels.shape[0] * scale))), interpolation=cv2.INTER_AREA)
    for box, color in (*((box, TRUE_COLOR) for box in truth), *((box, FOUND_COLOR) for box in found)):
        if box is not None:
            x, y, w, h = (v * scale for v in box)
            low, high = (
                [round(min(max(v, -MAX_COORDINATE), MAX_COORDINATE)) for v in corner]
                for corner in ((x, y), (x + w, y + h))
            )
            cv2.rectangle(small, low, high, OUTLINE_COLOR, 4)
            cv2.rectangle(small, low, high, color, 2)
    _, packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 72])
    return "data:image/jpeg;base64," + base64.b64encode(packed.tobytes()).decode()
