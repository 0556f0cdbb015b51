"""Occlusion bursts: a patch of another image slides over the whole target, stays, and slides on.

They test whether the tracker notices, and whether it finds the target again, which the corruption suites of UAV-C
(arXiv 2403.11424) and ImageNet-C do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics.occlusion import REACQUISITION_WINDOW
from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.perturbations.base import Perturbation, Step, rng_for
from edgetrack.evaluation.types import Burst, Floats, Pixels

BURST_LENGTHS = (10, 20, 40)  # frames for which the target is hidden, severity 1..3
EDGE_FRAMES = 4  # frames in which the patch slides in, and out
BURST_PERIOD = 100  # frames from one burst to the next


class Occlusion(Perturbation):
    """Covers the target in bursts.

    Args:
        truth: true boxes (N, 4) xywh, which the patch covers.
        length: frames for which the target is hidden.
        image: (H, W, 3) BGR, from which the patches are cut.
        rng: random generator for the times and the parts of ``image``.
    """

    def __init__(self, truth: Floats, *, length: int, image: Pixels, rng: np.random.Generator) -> None:
        self._truth = truth
        self.bursts = tuple(schedule(truth, length, rng))
        self._patches = [_cut(image, truth[b.begin], rng) for b in self.bursts]

    def step(self, pixels: Pixels, index: int) -> Step:
        for burst, patch in zip(self.bursts, self._patches, strict=True):
            if burst.begin <= index < burst.end:
                return Step(_cover(pixels, patch, self._truth[index], offset(burst, index)))
        return Step(pixels)


def schedule(truth: Floats, length: int, rng: np.random.Generator) -> list[Burst]:
    """Place a burst about every 100 frames, where the target is in view before, during and long after it."""
    there = exists(truth)
    begin, bursts = int(rng.integers(10, 21)), []
    while (end := begin + 2 * EDGE_FRAMES + length) + REACQUISITION_WINDOW <= len(truth):
        if there[begin - 1 : end + REACQUISITION_WINDOW].all():
            bursts.append(Burst(begin, begin + EDGE_FRAMES, end - EDGE_FRAMES, end))
        begin += BURST_PERIOD
    return bursts


def offset(burst: Burst, index: int) -> float:
    """Return the offset of the patch in widths of the target: -1 left of it, 0 on it, 1 right of it."""
    if index < burst.hidden:
        return (index - burst.begin + 1) / (EDGE_FRAMES + 1) - 1.0
    return max(0.0, (index - burst.clearing + 1) / (EDGE_FRAMES + 1))


def texture(clips: Sequence[Clip], clip: Clip, *, seed: int) -> Pixels:
    """Return the first frame of another video, the same for all lengths of burst.

    Raises:
        ConfigError: there is no other video.
    """
    others = [other for other in clips if other.name != clip.name]
    rng, own = rng_for(seed, clip.name, "texture"), next(iter(clip.frames))
    while others:  # a video may occur twice, for two targets
        image = next(iter(others.pop(int(rng.integers(len(others)))).frames))
        if not np.array_equal(image, own):
            return np.asarray(image.copy(), np.uint8)
    raise ConfigError(
        f"occlusions cover the target of {clip.name} with a part of another video, but there is no other "
        "video; expected a dataset with at least two"
    )


def _cut(image: Pixels, box: Floats, rng: np.random.Generator) -> Pixels:
    """Return a random part of the image with the shape of ``box`` and, if the image is large enough, about its size."""
    height, width = image.shape[:2]
    w, h = min(max(round(box[2]), 8), width), min(max(round(box[3]), 8), height)
    x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
    return np.asarray(image[y : y + h, x : x + w].copy(), np.uint8)


def _cover(pixels: Pixels, patch: Pixels, box: Floats, shift: float) -> Pixels:
    """Return a copy of the frame with the patch on the box, shifted by ``shift`` widths and rounded outwards."""
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
