"""Occlusion bursts: a patch of another picture slides over the whole target, stays, and slides on.

After the corruption suites of UAV-C (arXiv 2403.11424) and ImageNet-C, with what they lack: does the tracker notice,
and does it find the target again?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics import Floats, exists, success_curve
from edgetrack.evaluation.records import Burst, Record
from edgetrack.evaluation.streams import Pixels, Step, Stream, generator
from edgetrack.types import Status

LENGTHS = (10, 20, 40)  # frames that the target is hidden, severity 1..3
EDGE = 4  # frames of coming and of going
PERIOD = 100  # from one burst to the next
WAIT = 30  # frames after it within which the target must be found again
AFTER = 50  # frames after it whose AUC is reported


class Occlusion(Stream):
    """Args:
    truth: (N, 4) xywh; where the patch goes.
    length: frames that the target is hidden.
    picture: (H, W, 3) BGR that the patches are cut from.
    rng: decides when, and which part of ``picture``.
    """

    def __init__(self, truth: Floats, *, length: int, picture: Pixels, rng: np.random.Generator) -> None:
        self._truth = truth
        self.bursts = tuple(schedule(truth, length, rng))
        self._patches = [_cut(picture, truth[b.begin], rng) for b in self.bursts]

    def step(self, pixels: Pixels, index: int) -> Step:
        for burst, patch in zip(self.bursts, self._patches, strict=True):
            if burst.begin <= index < burst.end:
                return Step(_cover(pixels, patch, self._truth[index], offset(burst, index)))
        return Step(pixels)


def schedule(truth: Floats, length: int, rng: np.random.Generator) -> list[Burst]:
    """Bursts about every 100 frames; only where the target is there from before until long after."""
    there = exists(truth)
    begin, bursts = int(rng.integers(10, 21)), []
    while (end := begin + 2 * EDGE + length) + WAIT <= len(truth):
        if there[begin - 1 : end + WAIT].all():
            bursts.append(Burst(begin, begin + EDGE, end - EDGE, end))
        begin += PERIOD
    return bursts


def offset(burst: Burst, index: int) -> float:
    """Where the patch is, in widths of the target: -1 left of it, 0 on it, 1 right of it."""
    if index < burst.hidden:
        return (index - burst.begin + 1) / (EDGE + 1) - 1.0
    return max(0.0, (index - burst.clearing + 1) / (EDGE + 1))


@dataclass(frozen=True, slots=True)
class Reacquisition:
    """Over all bursts of all sequences; shares 0..1, nan without a burst."""

    bursts: int
    reacquired: float  # IoU >= 0.5 within 30 frames after the burst
    held: int  # bursts before which the target was held, IoU >= 0.5
    reacquired_held: float  # of those
    delay: float  # median frames until then, where it was found again
    auc_burst: float
    auc_after: float  # of the 50 frames after the burst
    hidden: dict[Status, float]  # what is reported while the target is covered altogether


def reacquisition(runs: Sequence[tuple[Record, Floats]]) -> Reacquisition:
    """What became of the target in each record's bursts, given its IoU (N,), nan where the target is absent."""
    delays: list[int | None] = []
    held: list[bool] = []
    statuses: Counter[Status] = Counter()
    during, after = [np.empty(0)], [np.empty(0)]  # the target is there in a burst, not in all frames after it
    for record, iou in runs:
        for burst in record.bursts:
            hits = np.flatnonzero(iou[burst.end : burst.end + WAIT] >= 0.5)
            delays.append(int(hits[0]) if hits.size else None)
            held.append(bool(iou[burst.begin - 1] >= 0.5))
            statuses.update(record.statuses[burst.hidden : burst.clearing])
            during.append(iou[burst.begin : burst.end])
            after.append(iou[burst.end : burst.end + AFTER])
    found = [delay for delay in delays if delay is not None]
    kept = [delay is not None for delay, was in zip(delays, held, strict=True) if was]
    return Reacquisition(
        bursts=len(delays),
        reacquired=_share(len(found), len(delays)),
        held=len(kept),
        reacquired_held=_share(sum(kept), len(kept)),
        delay=float(np.median(found)) if found else float("nan"),
        auc_burst=float(success_curve(np.concatenate(during)).mean()),
        auc_after=float(success_curve(_there(after)).mean()),
        hidden={status: _share(n, statuses.total()) for status, n in statuses.items()},
    )


def texture(clips: Sequence[Clip], clip: Clip, *, seed: int) -> Pixels:
    """The first frame of another video, the same for all lengths of burst.

    Raises:
        ConfigError: there is no other video.
    """
    others = [other for other in clips if other.name != clip.name]
    rng, own = generator(seed, clip.name, "texture"), next(iter(clip.frames))
    while others:  # a video may be there twice, for two targets
        picture = next(iter(others.pop(int(rng.integers(len(others)))).frames))
        if not np.array_equal(picture, own):
            return np.asarray(picture.copy(), np.uint8)
    raise ConfigError(
        f"occlusions cover the target of {clip.name} with a part of another video, and there is none; "
        "expected a data set of two or more"
    )


def _cut(picture: Pixels, box: Floats, rng: np.random.Generator) -> Pixels:
    """A part of the picture of the shape of ``box`` and about its size, where the picture has room."""
    height, width = picture.shape[:2]
    w, h = min(max(round(box[2]), 8), width), min(max(round(box[3]), 8), height)
    x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
    return np.asarray(picture[y : y + h, x : x + w].copy(), np.uint8)


def _cover(pixels: Pixels, patch: Pixels, box: Floats, shift: float) -> Pixels:
    """A copy of the frame with the patch on the box, moved by ``shift`` of its width; whole pixels, outwards."""
    from edgetrack.io.opencv import load_cv2

    x, y, w, h = box
    left, top = int(np.floor(x + shift * w)), int(np.floor(y))
    right, bottom = int(np.ceil(x + shift * w + w)), int(np.ceil(y + h))
    height, width = pixels.shape[:2]
    out: Pixels = pixels.copy()
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if x1 < x2 and y1 < y2:
        sized = load_cv2().resize(patch, (right - left, bottom - top))
        out[y1:y2, x1:x2] = sized[y1 - top : y2 - top, x1 - left : x2 - left]
    return out


def _there(iou: Sequence[Floats]) -> Floats:
    joined: Floats = np.concatenate(iou)
    return joined[~np.isnan(joined)]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
