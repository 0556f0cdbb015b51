"""Samples as the tracker sees them: cut by the tracker's own cropping code, around inaccurate boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.peers.crops import Floats, cells_of, crop_square, whole_frame
from edgetrack.peers.uvltrack import PATCH, TEMPLATE_FACTOR
from edgetrack.peers.uvltrack.network import BOX, GROUNDING, Config
from edgetrack.training.data.official.clips import Source
from edgetrack.training.data.official.samplers import may_flip
from edgetrack.training.data.pictures import XYWH, Pixels
from edgetrack.training.data.synthetic import augment
from edgetrack.training.data.synthetic.pool import Actor
from edgetrack.types import Box

# From UVLTrack's recipe: offset of the search region from the target, relative to its size, and spread of its scale.
_SHIFT, _SCALE = 3.5, 0.5
_GRAY = 0.05  # fraction of samples by box without color


class View(NamedTuple):
    """A search region."""

    image: Floats  # (3, S, S), normalized RGB
    box: NDArray[np.float32]  # x, y, w, h of the target in units of the region's side


class PairSampler:
    """An endless stream of samples from a source of clips.

    Args:
        source: The clips to sample.
        config: Sizes of the network.
        tasks: Fractions of samples whose target is named by a box, by a text, and by both.
        seed: Seed of the random numbers.
    """

    def __init__(self, source: Source, config: Config, tasks: Sequence[float], seed: int = 0) -> None:
        shares = np.array(tasks if source.text else (1.0, 0.0, 0.0))
        self._source, self._config, self._tasks = source, config, shares / shares.sum()
        self._random = np.random.default_rng(seed)

    def sample(self) -> dict[str, Any]:
        """Return one sample: a template and two search regions, each the previous frame of the other.

        Returns:
            ``template`` float32 (3, Z, Z) and ``views`` float32 (2, 3, S, S), normalized RGB; ``target`` bool, one row
            per view, whether each cell of template and view shows the target; ``boxes`` float32 (2, 4), center and
            size in units of the view; ``flag``, how the target is named: by box, text or both; ``caption``.
        """
        random, config = self._random, self._config
        flag = int(random.choice(len(self._tasks), p=self._tasks))
        clip = self._source.clip(random, absent=False, named=flag != BOX)
        flip = may_flip(clip) and random.random() < 0.5
        gray = flag == BOX and random.random() < _GRAY
        looks = [
            self._look(actor, flip=flip, gray=gray, named=flag != BOX) for actor in (clip.first, clip.second)
        ]
        if flag == GROUNDING:
            views = [self._whole(*looks[1])] * 2
            if may_flip(clip):  # the text names no side, so a part of the image will do
                views[0] = self._region(*looks[1])
        else:
            views = [self._region(*look) for look in looks]
        template, target = self._template(*looks[0])
        cells = [np.concatenate([target, cells_of(view.box, config.search)]) for view in views]
        return {
            "template": template,
            "views": np.stack([view.image for view in views]),
            "target": np.stack(cells),
            "boxes": np.stack([np.concatenate([v.box[:2] + v.box[2:] / 2, v.box[2:]]) for v in views]),
            "flag": np.int64(flag),
            "caption": clip.text if flag != BOX else "",
        }

    def _look(self, actor: Actor, *, flip: bool, gray: bool, named: bool) -> tuple[Pixels, XYWH]:
        """Return a frame with its box, with random lighting."""
        pixels = augment.light(actor.picture.pixels, self._random, keep_color=named)
        x, y, w, h = actor.instance.box
        if gray:
            pixels = np.asarray(
                cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8
            )
        if flip:
            pixels, x = np.ascontiguousarray(pixels[:, ::-1]), pixels.shape[1] - x - w
        return pixels, (x, y, w, h)

    def _template(self, pixels: Pixels, box: XYWH) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the template, and which of its cells show the target."""
        cells = self._config.template
        view = _seen(pixels, box, Box(*box), TEMPLATE_FACTOR, cells * PATCH)
        return view.image, cells_of(view.box, cells)

    def _region(self, pixels: Pixels, box: XYWH) -> View:
        """Return a search region as a tracker would cut it: around an inaccurate previous box."""
        random, (x, y, w, h) = self._random, box
        spread, shift = random.normal(0, _SCALE, 2), random.uniform(-0.5, 0.5, 2)
        size = np.array([w, h]) * np.exp(np.clip(spread, -1.0, 1.0))
        center = np.array([x + w / 2, y + h / 2]) + shift * _SHIFT * np.sqrt(size.prod())
        around = Box(*(float(v) for v in (*(center - size / 2), *size)))
        return _seen(pixels, box, around, self._config.factor, self._config.search * PATCH)

    def _whole(self, pixels: Pixels, box: XYWH) -> View:
        """Return the whole frame, centered in a square."""
        height, width = pixels.shape[:2]
        longest = max(height, width)
        x, y, w, h = box
        corner = (x + (longest - width) / 2, y + (longest - height) / 2)
        image = whole_frame(pixels, self._config.search * PATCH)[0]
        return View(image, np.array([*corner, w, h], np.float32) / np.float32(longest))


def _seen(pixels: Pixels, box: XYWH, around: Box, factor: float, size: int) -> View:
    """Return the square around the box ``around``, with the position of ``box`` in it."""
    crop = crop_square(pixels, around, factor, size)
    corner = [middle - crop.side / 2 for middle in around.center]
    x, y, w, h = box
    return View(
        crop.image[0], np.array([x - corner[0], y - corner[1], w, h], np.float32) / np.float32(crop.side)
    )
