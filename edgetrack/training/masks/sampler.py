"""Frames of one object, synthesized from a photo: with motion, occlusion, and the box of a tracker."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.network.mask import FACTOR, POINT, SIDE
from edgetrack.training.data.pictures import Picture, Pixels
from edgetrack.training.data.synthetic import augment, warps
from edgetrack.training.data.synthetic.crops import background, shifted
from edgetrack.training.data.synthetic.pool import Actor, area_root
from edgetrack.training.data.synthetic.warps import Matrix
from edgetrack.training.masks.aim import aimed
from edgetrack.training.masks.things import SMOOTH, Things, mask_plane

FRAMES = 3
_OWN = 0.55  # fraction of sequences with the original background; in the others, the object is pasted
_COVERED, _BESIDE = 0.35, 0.4  # probabilities of another object in front of it, and behind it, per frame
_PIXELS = SIDE // POINT


class MaskSampler:
    """An endless stream of sequences.

    Args:
        things: The objects to sample from.
        seed: Random seed.
        frames: Number of frames of a sequence.
    """

    def __init__(self, things: Things, seed: int = 0, frames: int = FRAMES) -> None:
        self._things, self._random, self._frames = things, np.random.default_rng(seed), frames

    def sample(self) -> dict[str, Any]:
        """Return one sequence.

        Returns:
            ``image`` uint8 (F, SIDE, SIDE, 3) RGB; ``target`` float32 (F, SIDE / 8, SIDE / 8), fraction of each cell
            that the tracker's box covers; ``mask`` float32 (F, SIDE / 2, SIDE / 2), fraction of each cell that
            belongs to the object; of F frames.
        """
        random = self._random
        actor = self._things.draw(random)
        beneath = None if random.random() < _OWN else self._things.picture(random)
        flip = random.random() < 0.5
        keep = random.random() < 0.5
        frames = [self._frame(actor, beneath, flip=flip, step=step) for step in range(self._frames)]
        images, targets, masks = zip(*frames, strict=True)
        shown = [augment.rgb(image if keep else augment.camera(image, random)) for image in images]
        return {"image": np.stack(shown), "target": np.stack(targets), "mask": np.stack(masks)}

    def _frame(
        self, actor: Actor, beneath: Picture | None, *, flip: bool, step: int
    ) -> tuple[Pixels, NDArray[np.float32], NDArray[np.float32]]:
        random = self._random
        matrix, target = self._place(actor, flip=flip, step=step)
        size = (SIDE, SIDE)
        if beneath is None:
            image = warps.warp(actor.picture.pixels, matrix, size, smooth=random.random() < SMOOTH)
            mask = mask_plane(actor, size, matrix)
        else:
            image = background(beneath, SIDE, random)
            if random.random() < _BESIDE:
                self._intrude(image, None, near=True)
            mask = np.zeros(size, np.uint8)
            patch, alpha = actor.picture.cutout(actor.instance)
            drawn = warps.paste(image, patch, alpha, shifted(actor, matrix))
            if drawn is not None:
                mask[drawn[0]] = drawn[1]
        if random.random() < (_COVERED if step else 0.15):
            self._intrude(image, mask, near=True)
        share = cv2.resize(mask, (_PIXELS, _PIXELS), interpolation=cv2.INTER_AREA)
        return image, target, share.astype(np.float32) / np.float32(255)

    def _place(self, actor: Actor, *, flip: bool, step: int) -> tuple[Matrix, NDArray[np.float32]]:
        """Return the crop of a frame, with a tracker's errors, and the fraction of each cell that its box covers."""
        random = self._random
        x, y, w, h = actor.instance.box
        linear = warps.random_linear(random, 1.0 if step else 0.5)
        turn = warps.about((x + w / 2, y + h / 2), linear @ (warps.FLIP if flip else np.eye(2)))
        seen = warps.box_after(actor.instance.outline, turn)
        matrix, target = aimed(seen, random, first=step == 0)
        return warps.chain(turn, matrix), target

    def _intrude(self, image: Pixels, mask: Pixels | None, *, near: bool) -> None:
        """Draw another object; if ``mask`` is given, in front of the target, and remove the covered part from it."""
        random = self._random
        other = self._things.draw(random)
        size = SIDE / FACTOR * float(np.exp(random.normal(-0.35, 0.35)))
        linear = warps.random_linear(random) * (size / area_root(other.instance.box))
        linear = linear @ (warps.FLIP if random.random() < 0.5 else np.eye(2))
        patch, alpha = other.picture.cutout(other.instance)
        reach = 0.42 if near else 0.5
        for _ in range(4):
            spot = SIDE / 2 + random.uniform(-reach, reach, 2) * SIDE
            middle = linear @ np.array([patch.shape[1] / 2, patch.shape[0] / 2])
            matrix = np.column_stack([linear, spot - middle])
            if mask is None:
                warps.paste(image, patch, alpha, matrix)
                return
            cover = warps.warp(alpha, matrix, (SIDE, SIDE), smooth=True, border=0)
            lost = float(np.minimum(cover, mask).sum()) / max(float(mask.sum()), 1.0)
            if lost > 0.6:
                continue
            drawn = warps.paste(image, patch, alpha, matrix)
            if drawn is not None:
                rows, alpha_there = drawn
                mask[rows] = (mask[rows].astype(np.uint16) * (255 - alpha_there) // 255).astype(np.uint8)
            return
