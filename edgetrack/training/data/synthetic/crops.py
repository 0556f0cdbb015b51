"""The two crops of a tracker: their positions around a target, and their backgrounds."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.pictures import XYWH, Instance, Picture, Pixels
from edgetrack.training.data.synthetic import warps
from edgetrack.training.data.synthetic.pool import Actor, Pool, area_root
from edgetrack.training.data.synthetic.warps import Matrix

TEMPLATE_FACTOR, SEARCH_FACTOR = 2.0, 4.0
_LOOSE = 0.35  # fraction of the templates whose box is inaccurate
_OWN_LOOSE = 0.6  # the same of boxes that a tracker found
_DRIFTED = 0.06  # fraction of the boxes that a tracker found and that show something else
_TURNED = 0.4  # fraction of the targets with another aspect ratio than in the template


def _center(box: XYWH) -> tuple[float, float]:
    x, y, w, h = box
    return x + w / 2, y + h / 2


def _distorted(
    actor: Actor, base: Matrix, size: int, random: np.random.Generator, *, flip: bool, strength: float
) -> Matrix:
    matrix = base
    if strength >= 1 and random.random() < 0.12:
        strength = 3.0  # a target that tumbles
    if random.random() < 0.6 * strength:
        matrix = warps.chain(
            warps.about(_center(actor.instance.box), warps.random_linear(random, strength)), matrix
        )
    if flip:
        matrix = warps.chain(matrix, warps.about((size / 2, 0.0), warps.FLIP))
    return matrix


def search_matrix(actor: Actor, random: np.random.Generator, *, flip: bool, gentle: bool) -> Matrix:
    """Return the matrix from the image to a search crop, off-center by up to 25 % of its side, sometimes by 40 %.

    Its scale is exp(N(0, .25)). With some targets, the aspect ratio changes by exp(N(0, .4)): a network that hardly
    ever sees that learns to report the template's.
    """
    side = (
        SEARCH_FACTOR
        * area_root(actor.instance.box)
        * float(np.exp(np.clip(random.normal(0, 0.25), -0.6, 0.6)))
    )
    reach = side * (0.40 if random.random() < 0.12 else 0.25)
    shift = random.uniform(-reach, reach, 2) if random.random() < 0.7 else random.normal(0, 0.06 * side, 2)
    x, y = _center(actor.instance.box)
    base = warps.region_matrix((x + float(shift[0]), y + float(shift[1])), side, warps.SEARCH)
    if random.random() < _TURNED:
        stretch = float(np.exp(np.clip(random.normal(0, 0.2), -0.5, 0.5)))
        base = warps.chain(warps.about((x, y), np.diag([stretch, 1 / stretch])), base)
    return _distorted(actor, base, warps.SEARCH, random, flip=flip, strength=0.4 if gentle else 1.0)


def template_crop(
    actor: Actor,
    random: np.random.Generator,
    pool: Pool,
    *,
    flip: bool = False,
    real: bool = False,
    given: Instance | None = None,
) -> tuple[Pixels, NDArray[np.float32]]:
    """Return the template crop, uint8 (128, 128, 3) BGR, and how much of each cell (8, 8) the target's box covers.

    The box is that of ``given``, by default as a user gives it.
    """
    given = given or as_given(actor.instance, random)
    side = TEMPLATE_FACTOR * area_root(given.box) * float(np.exp(np.clip(random.normal(0, 0.05), -0.2, 0.2)))
    x, y = _center(given.box)
    shift = np.clip(random.normal(0, 0.02 * side, 2), -0.08 * side, 0.08 * side)
    base = warps.region_matrix((x + float(shift[0]), y + float(shift[1])), side, warps.TEMPLATE)
    matrix = _distorted(actor, base, warps.TEMPLATE, random, flip=flip, strength=0.4)
    if (
        not real
        and actor.instance.category
        and random.random() < 0.1 + 0.4 * (1 - seen_share(actor.picture, matrix, warps.TEMPLATE))
    ):
        crop = background(pool.picture(random), warps.TEMPLATE, random)
        warps.paste(crop, *actor.picture.cutout(actor.instance), matrix=shifted(actor, matrix))
    else:
        crop = warps.warp(actor.picture.pixels, matrix, (warps.TEMPLATE,) * 2, smooth=random.random() < 0.5)
    return crop, warps.coverage(warps.box_after(given.outline, matrix))


def recent_crop(
    actor: Actor, random: np.random.Generator, pool: Pool, *, flip: bool = False, real: bool = False
) -> tuple[Pixels, NDArray[np.float32]]:
    """Return the target as a tracker has seen it of late, by its own box: as `template_crop`, with larger errors."""
    x, y, w, h = box = actor.instance.box
    if random.random() < _DRIFTED:
        angle, far = random.uniform(0, 2 * np.pi), random.uniform(0.5, 1.2)
        box = (x + far * w * float(np.cos(angle)), y + far * h * float(np.sin(angle)), w, h)
    elif random.random() < _OWN_LOOSE:
        box = loose(box, random)
    given = replace(actor.instance, box=box)
    return template_crop(actor, random, pool, flip=flip, real=real, given=given)


def as_given(instance: Instance, random: np.random.Generator) -> Instance:
    """Return the target as a user gives it: with an inaccurate box in 35 % of the cases."""
    return replace(instance, box=loose(instance.box, random)) if random.random() < _LOOSE else instance


def loose(box: XYWH, random: np.random.Generator) -> XYWH:
    """Return ``box`` as a person or a detector would draw it: off by up to 15 % in position and 20 % in size."""
    x, y, w, h = box
    off = np.clip(random.normal(0, 0.07, 2), -0.15, 0.15)
    grow = 1 + np.clip(random.normal(0, 0.1, 2), -0.2, 0.2)
    width, height = w * float(grow[0]), h * float(grow[1])
    return (
        x + w / 2 + float(off[0]) * w - width / 2,
        y + h / 2 + float(off[1]) * h - height / 2,
        width,
        height,
    )


def shifted(actor: Actor, matrix: Matrix) -> Matrix:
    """Return ``matrix`` for the cut-out of the object instead of its whole image."""
    x0, y0, _, _ = actor.instance.rect
    return warps.chain(np.array([[1.0, 0, x0], [0, 1.0, y0]]), matrix)


def seen_share(picture: Picture, matrix: Matrix, size: int = warps.SEARCH) -> float:
    """Return the approximate fraction of the crop that the image fills; the rest would be gray border."""
    width, height = picture.size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
    x, y, w, h = warps.box_after(corners, matrix)
    across, down = min(x + w, size) - max(x, 0), min(y + h, size) - max(y, 0)
    return max(0.0, across) * max(0.0, down) / size**2


def background(picture: Picture, size: int, random: np.random.Generator) -> Pixels:
    """Return a square piece of the image, scaled to ``size`` pixels."""
    width, height = picture.size
    side = int(random.uniform(0.45, 1.0) * min(width, height))
    x, y = int(random.integers(0, width - side + 1)), int(random.integers(0, height - side + 1))
    piece = picture.pixels[y : y + side, x : x + side]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(piece, (size, size), interpolation=method), np.uint8)


def enlarged(crop: Pixels, share: float) -> Pixels:
    """Return the crop as it would look if the target were ``share`` times as many pixels wide."""
    size = max(4, round(crop.shape[0] * share))
    small = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
