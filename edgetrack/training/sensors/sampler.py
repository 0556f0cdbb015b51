"""Samples of one object: template and search crop, each in color and from a second sensor, with failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.pictures import XYWH, Picture, Pixels
from edgetrack.training.data.sources.videos import Videos
from edgetrack.training.data.synthetic import augment, warps
from edgetrack.training.data.synthetic.crops import (
    TEMPLATE_FACTOR,
    as_given,
    background,
    enlarged,
    search_matrix,
    shifted,
)
from edgetrack.training.data.synthetic.pool import Actor, area_root
from edgetrack.training.data.synthetic.warps import Matrix
from edgetrack.training.masks.things import Things
from edgetrack.training.sensors import aligned, failures, models
from edgetrack.training.sensors.models import SENSORS, Random

_VIDEO = 0.25  # fraction of pairs from videos
_PASTED = 0.45  # fraction of photos in which the object is pasted into another one
_BESIDE = 0.4  # probability of another object in the search crop
_GONE = 0.1  # fraction of search crops without the target
_BLURRED, _FEW = 0.2, 0.2  # fractions of crops with motion blur, and with low resolution
_FALSE_COLORS = 0.12
_COLORED = (models.thermal, models.depth, aligned.recorded)  # sensors that may be shown in false colors
_MAPS = (cv2.COLORMAP_JET, cv2.COLORMAP_INFERNO)
# Probabilities: the pair is intact, color fails, x fails, patches of both are missing, color is absent.
_STATES = ("whole", "color fails", "other fails", "patches", "no color")
_SEARCHED = (0.2, 0.34, 0.2, 0.12, 0.14)
_REMEMBERED = (0.62, 0.1, 0.06, 0.04, 0.18)

Show = Callable[[Pixels, Random], Pixels]
Scene = Callable[[Picture, Random], Pixels]


class _Pair(NamedTuple):
    color: Pixels
    other: Pixels
    there: tuple[float, float]


def smeared(crop: Pixels, random: Random) -> Pixels:
    """Sometimes blur a scene uint8 (S, S, 4) by motion or low resolution, identically for both sensors.

    If only color were blurred in training, the network would learn to trust a sharp second sensor, but in a fast
    scene the second sensor is never sharp.
    """
    if random.random() < _BLURRED:
        crop = augment.blur(crop, random)
    return enlarged(crop, random.uniform(0.12, 0.6)) if random.random() < _FEW else crop


class PairSampler:
    """An endless stream of samples.

    Args:
        things: Photos with masks.
        visible: Color videos with boxes, if any.
        infrared: Thermal videos with boxes, if any.
        seed: Random seed.
        photographed: Objects in aligned pairs of photographs, if any.
        share: Fraction of samples from them.
    """

    def __init__(
        self,
        things: Things,
        visible: Videos | None,
        infrared: Videos | None,
        seed: int = 0,
        photographed: Things | None = None,
        share: float = 0.0,
    ) -> None:
        self._things, self._random = things, np.random.default_rng(seed)
        self._visible, self._infrared = visible, infrared
        self._photographed, self._share = photographed, share
        self._names = list(SENSORS)
        self._shares = np.array([share for _, _, share in SENSORS.values()])

    def sample(self) -> dict[str, Any]:
        """Return one sample.

        Returns:
            ``template`` uint8 (2, 128, 128, 3) and ``search`` uint8 (2, 256, 256, 3) RGB, color first; the color
            images before failures, ``clean_template`` and ``clean_search``; ``template_there`` and ``search_there``
            float32 (2,), 1 if that sensor is available; ``known`` float32, 0 if ``clean`` is not a color image;
            ``target`` float32 (8, 8), fraction of each template cell that the box covers; ``box`` float32 (4,) xywh
            in pixels of the search crop, zeros when absent; ``present`` float32 0 or 1.
        """
        random = self._random
        flip = random.random() < 0.5
        if self._photographed is not None and random.random() < self._share:
            actors = (self._photographed.draw(random),) * 2
            crops = self._crops(actors, aligned.scene, self._photographed, flip=flip)
            return self._finished(*crops, aligned.recorded)
        draw = random.random()
        if draw < _VIDEO / 2 and self._infrared is not None:
            return self._finished(
                *self._crops(self._video(self._infrared), models.plain_scene, self._things, flip=flip), None
            )
        if draw < _VIDEO and self._visible is not None:
            actors = self._video(self._visible)
            name = ("inverted", "events")[int(random.integers(2))]
        else:
            actors = (self._things.draw(random),) * 2
            name = self._names[int(random.choice(len(self._names), p=self._shares))]
        show, scene, _ = SENSORS[name]
        return self._finished(*self._crops(actors, scene, self._things, flip=flip), show)

    def _video(self, videos: Videos) -> tuple[Actor, Actor]:
        one, two = videos.pair(self._random, 60)
        return Actor(one, one.instances[0]), Actor(two, two.instances[0])

    def _crops(
        self, actors: Sequence[Actor], scene: Scene, others: Things, *, flip: bool
    ) -> tuple[Pixels, Pixels, NDArray[np.float32], XYWH | None]:
        """Return the crops with a level, uint8 (S, S, 4), the template's target map, and the search crop's box.

        Other backgrounds and objects are drawn from ``others``.
        """
        random, (first, second) = self._random, actors
        real = first.picture is not second.picture
        given = as_given(first.instance, random)
        x, y, w, h = given.box
        side = TEMPLATE_FACTOR * area_root(given.box) * float(np.exp(random.normal(0, 0.05)))
        place = warps.region_matrix((x + w / 2, y + h / 2), side, warps.TEMPLATE)
        if flip:
            place = warps.chain(place, warps.about((warps.TEMPLATE / 2, 0.0), warps.FLIP))
        target = warps.coverage(warps.box_after(given.outline, place))
        scenes = [scene(first.picture, random)]
        scenes.append(scene(second.picture, random) if real else scenes[0])
        template = warps.warp(scenes[0], place, (warps.TEMPLATE,) * 2, smooth=random.random() < 0.5)
        matrix = search_matrix(second, random, flip=flip, gentle=real)
        box = warps.box_after(second.instance.outline, matrix)
        gone = random.random() < _GONE
        if gone or (not real and second.instance.mask is not None and random.random() < _PASTED):
            search = background(self._beneath(scene, others, first.picture), warps.SEARCH, random)
            if not gone:
                x0, y0, x1, y1 = second.instance.rect
                warps.paste(search, scenes[1][y0:y1, x0:x1], second.instance.alpha, shifted(second, matrix))
        else:
            search = warps.warp(scenes[1], matrix, (warps.SEARCH,) * 2, smooth=random.random() < 0.5)
        if random.random() < _BESIDE:
            self._intrude(search, scene, others, box)
        return smeared(template, random), smeared(search, random), target, None if gone else box

    def _beneath(self, scene: Scene, others: Things, own: Picture) -> Picture:
        """Return the scene of another picture."""
        while (picture := others.picture(self._random)) is own and len(others.pictures) > 1:
            pass
        return Picture(scene(picture, self._random), (), picture.source, picture.name)

    def _intrude(self, crop: Pixels, scene: Scene, others: Things, box: XYWH) -> None:
        """Draw another object of similar size next to the target."""
        random = self._random
        other = others.draw(random)
        scale = area_root(box) * float(np.exp(random.normal(0, 0.3))) / area_root(other.instance.box)
        x0, y0, x1, y1 = other.instance.rect
        angle, reach = random.uniform(0, 2 * np.pi), random.uniform(0.9, 2.0) * area_root(box)
        x = box[0] + box[2] / 2 + reach * np.cos(angle)
        y = box[1] + box[3] / 2 + reach * np.sin(angle)
        matrix: Matrix = np.array(
            [[scale, 0, x - scale * (x1 - x0) / 2], [0, scale, y - scale * (y1 - y0) / 2]]
        )
        warps.paste(crop, scene(other.picture, random)[y0:y1, x0:x1], other.instance.alpha, matrix)

    def _finished(
        self,
        template: Pixels,
        search: Pixels,
        target: NDArray[np.float32],
        box: XYWH | None,
        show: Show | None,
    ) -> dict[str, Any]:
        random = self._random
        seed, false_colors = int(random.integers(1 << 30)), random.random() < _FALSE_COLORS
        colors = int(random.choice(_MAPS)) if false_colors and show in _COLORED else None
        states = [_STATES[int(random.choice(len(_STATES), p=odds))] for odds in (_REMEMBERED, _SEARCHED)]
        pairs, clean = [], []
        for crop, state in zip((template, search), states, strict=True):
            color, other = self._shown(crop, show, seed, colors)
            clean.append(augment.rgb(color))
            pairs.append(self._failing(color, other, state))
        return {
            **{
                name: np.stack((augment.rgb(pair.color), augment.rgb(pair.other)))
                for name, pair in zip(("template", "search"), pairs, strict=True)
            },
            "template_there": np.array(pairs[0].there, np.float32),
            "search_there": np.array(pairs[1].there, np.float32),
            "clean_template": clean[0],
            "clean_search": clean[1],
            "known": np.float32(show is not None),
            "target": target,
            "box": np.zeros(4, np.float32) if box is None else np.asarray(box, np.float32),
            "present": np.float32(box is not None),
        }

    def _shown(self, crop: Pixels, show: Show | None, seed: int, colors: int | None) -> tuple[Pixels, Pixels]:
        """Return color and the other sensor; thermal videos have no color, so a tone curve simulates it."""
        seen = np.ascontiguousarray(crop[..., :3])
        if show is None:
            return models.inverted(crop, np.random.default_rng(seed)), augment.camera(seen, self._random)
        other = show(crop, np.random.default_rng(seed))  # the same curve in the template and the search crop
        if colors is not None:
            other = np.asarray(cv2.applyColorMap(np.ascontiguousarray(other[..., 0]), colors), np.uint8)
        return augment.camera(seen, self._random), other

    def _failing(self, color: Pixels, other: Pixels, state: str) -> _Pair:
        random = self._random
        if state == "color fails":
            color = failures.failed(color, random, failures.OF_COLOR)
        elif state == "other fails":
            other = failures.failed(other, random, failures.OF_OTHER)
        elif state == "patches":
            color, other = failures.complementary(color, other, random)
        return _Pair(color, other, (float(state != "no color"), 1.0))
