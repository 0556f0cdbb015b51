"""Tracking and grounding samples from clips, in the format of the synthetic samplers."""

from __future__ import annotations

import re
from typing import Any

import cv2
import numpy as np

from edgetrack.training.data.official.clips import Clip, Source
from edgetrack.training.data.pictures import XYWH, Pixels
from edgetrack.training.data.synthetic import augment, warps
from edgetrack.training.data.synthetic.crops import enlarged, recent_crop, search_matrix, template_crop
from edgetrack.training.data.synthetic.grounding import SIDE
from edgetrack.training.data.synthetic.pool import Actor, Pool, area_root

_LEAST_SEEN = 10.0  # minimum size (root of the area) of a target in a grounding image, pixels
_ABSENT_TRACKING, _ABSENT_GROUNDING = 0.12, 0.3
_SIDED = re.compile(r"\b(left|right)", re.IGNORECASE)
_NO_POOL = Pool(())  # real frames are never pasted onto other images


def may_flip(clip: Clip) -> bool:
    """Return whether a clip may be mirrored, which falsifies sentences about left and right."""
    return not _SIDED.search(clip.text)


class ClipTrackingSampler:
    """An endless stream of tracking samples from a source of clips."""

    def __init__(self, source: Source, seed: int = 0) -> None:
        self._source = source
        self._random = np.random.default_rng(seed)

    def sample(self) -> dict[str, Any]:
        """Return one sample, see `edgetrack.training.data.synthetic.tracking.TrackingSampler.sample`."""
        random = self._random
        clip = self._source.clip(random, absent=random.random() < _ABSENT_TRACKING, named=False)
        mirror = may_flip(clip)
        flip = mirror and random.random() < 0.5
        template, target = template_crop(clip.first, random, _NO_POOL, flip=flip, real=True)
        flip = flip != (mirror and random.random() < 0.15)
        matrix = search_matrix(clip.second, random, flip=flip, gentle=not clip.still)
        box = warps.box_after(clip.second.instance.outline, matrix)
        recent, recent_target = recent_crop(clip.second, random, _NO_POOL, flip=flip, real=True)
        pixels = clip.second.picture.pixels
        search = warps.warp(pixels, matrix, (warps.SEARCH,) * 2, smooth=random.random() < 0.5)
        if random.random() < 0.2:  # simulate a small target, enlarged
            share = random.uniform(0.12, 0.5)
            template = enlarged(template, min(1.0, share * random.uniform(0.8, 1.6)))
            search = enlarged(search, share)
        named = bool(clip.text)
        return {
            "template": augment.rgb(augment.camera(template, random, keep_color=named)),
            "target": target,
            "search": augment.rgb(augment.camera(search, random, keep_color=named)),
            "box": np.zeros(4, np.float32) if clip.absent else np.asarray(box, np.float32),
            "present": np.float32(not clip.absent),
            "caption": clip.text,
            "recent": augment.rgb(augment.camera(recent, random, keep_color=named)),
            "recent_target": recent_target,
        }


class ClipGroundingSampler:
    """An endless stream of grounding samples from a source of clips with sentences."""

    def __init__(self, source: Source, seed: int = 0) -> None:
        self._source = source
        self._random = np.random.default_rng(seed)

    def sample(self) -> dict[str, Any]:
        """Return one sample, see `edgetrack.training.data.synthetic.grounding.GroundingSampler.sample`."""
        random = self._random
        clip = self._source.clip(random, absent=random.random() < _ABSENT_GROUNDING, named=True)
        image, box = letterbox(clip.second, random, flip=may_flip(clip) and random.random() < 0.5)
        flip = may_flip(clip) and random.random() < 0.5
        template, target = template_crop(clip.first, random, _NO_POOL, flip=flip, real=True)
        return {
            "image": augment.rgb(augment.camera(image, random, keep_color=True)),
            "caption": clip.text,
            "box": np.zeros(4, np.float32) if clip.absent else np.asarray(box, np.float32),
            "present": np.float32(not clip.absent),
            "template": augment.rgb(augment.camera(template, random, keep_color=True)),
            "target": target,
        }


def letterbox(actor: Actor, random: np.random.Generator, *, flip: bool) -> tuple[Pixels, XYWH]:
    """Fit an image into a gray square of 320 pixels; return it with the box there.

    It is sometimes cropped around its object first, and always if the object would be too small otherwise.
    """
    width, height = actor.picture.size
    x, y, w, h = actor.instance.box
    shares = random.uniform(0.6, 1.0, 2) if random.random() < 0.4 else np.ones(2)
    most = area_root(actor.instance.box) * SIDE / _LEAST_SEEN
    left, right = _span(x, x + w, width, min(shares[0] * width, most), random)
    top, bottom = _span(y, y + h, height, min(shares[1] * height, most), random)
    piece = actor.picture.pixels[top:bottom, left:right]
    scale = SIDE / max(piece.shape[:2])
    wide, high = max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = np.asarray(cv2.resize(piece, (wide, high), interpolation=method), np.uint8)
    kx, ky = wide / piece.shape[1], high / piece.shape[0]
    x, y, w, h = (x - left) * kx, (y - top) * ky, w * kx, h * ky
    if flip:
        fitted, x = np.ascontiguousarray(fitted[:, ::-1]), wide - x - w
    across, down = (SIDE - wide) // 2, (SIDE - high) // 2
    image = np.full((SIDE, SIDE, 3), warps.GRAY, np.uint8)
    image[down : down + high, across : across + wide] = fitted
    return image, (x + across, y + down, w, h)


def _span(low: float, high: float, size: int, length: float, random: np.random.Generator) -> tuple[int, int]:
    """Return a random interval within ``size`` that contains low to high, in whole pixels.

    It has the given ``length``, or more if needed.
    """
    length = max(length, high - low)
    first = max(0.0, high - length)
    begin = random.uniform(
        first, max(first, min(low, size - length))
    )  # equal except for rounding if everything is needed
    return int(begin), min(size, int(np.ceil(begin + length)))
