"""The worst moments of a sequence, as small pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import Sequence
from edgetrack.evaluation.metrics import Floats, exists
from edgetrack.evaluation.records import Record
from edgetrack.evaluation.streams import Pixels

MOST = 3  # pictures a run and sequence
WIDTH = 232  # of a picture, pixels
FAR = 10_000  # pixels; OpenCV draws nothing with corners much further out
TRUTH, FOUND, RIM = (255, 255, 255), (0, 120, 255), (0, 0, 0)  # BGR


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame in which a tracker was wrong."""

    index: int
    caption: str
    truth: tuple[float, ...] | None
    found: tuple[float, ...] | None


def worst(record: Record, iou: Floats, truth: Floats) -> list[Moment]:
    """The frames with the lowest IoU below 0.5, the surest mistakes first, apart from each other.

    A box that is shown while the target is absent is a mistake as well.
    """
    there = exists(truth)
    shown = np.array([box is not None for box in record.boxes])
    wrong = (there & (iou < 0.5)) | (~there & record.is_tracking())
    badness = np.where(there, 1 - iou, 1.0) + np.where(shown, np.array(record.scores), 0.0)
    apart, chosen = max(10, len(truth) // 8), list[int]()
    for index in np.argsort(-np.where(wrong, badness, -1.0), kind="stable").tolist():
        if not wrong[index] or len(chosen) == MOST:
            break
        if all(abs(index - other) >= apart for other in chosen):
            chosen.append(index)
    return [_moment(index, record, iou, truth) for index in sorted(chosen)]


def pictures(clip: Sequence, moments: Iterable[Moment]) -> dict[Moment, str]:
    """Each moment's picture as a data URL (JPEG): the true box white, the tracker's orange."""
    wanted: dict[int, list[Moment]] = {}
    for moment in moments:
        wanted.setdefault(moment.index, []).append(moment)
    found: dict[Moment, str] = {}
    if not wanted:
        return found
    for index, pixels in enumerate(clip.frames):
        for moment in wanted.get(index, []):
            found[moment] = pictured(pixels, moment.truth, moment.found)
        if index >= max(wanted):
            break
    return found


def _moment(index: int, record: Record, iou: Floats, truth: Floats) -> Moment:
    there = bool(exists(truth)[index])
    what = f"IoU {iou[index]:.2f}" if there else "target absent"
    caption = f"frame {index + 1}: {what}, {record.statuses[index]} {record.scores[index]:.2f}"
    return Moment(index, caption, tuple(truth[index].tolist()) if there else None, record.boxes[index])


def pictured(pixels: Pixels, truth: tuple[float, ...] | None, found: tuple[float, ...] | None) -> str:
    """A small copy of a picture as a data URL (JPEG): the true box xywh white, the tracker's orange."""
    from edgetrack.io.opencv import load_cv2

    cv2 = load_cv2()
    scale = WIDTH / pixels.shape[1]
    small = cv2.resize(pixels, (WIDTH, max(1, round(pixels.shape[0] * scale))), interpolation=cv2.INTER_AREA)
    for box, colour in ((truth, TRUTH), (found, FOUND)):
        if box is not None:
            x, y, w, h = (v * scale for v in box)
            low, high = (
                [round(min(max(v, -FAR), FAR)) for v in corner] for corner in ((x, y), (x + w, y + h))
            )
            cv2.rectangle(small, low, high, RIM, 4)
            cv2.rectangle(small, low, high, colour, 2)
    _, packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 72])
    return "data:image/jpeg;base64," + base64.b64encode(packed.tobytes()).decode()
