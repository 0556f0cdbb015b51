"""Images with a caption that describes one object in them, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgetrack.training.data.pictures import XYWH, Instance, Picture, Pixels
from edgetrack.training.data.synthetic import augment, warps
from edgetrack.training.data.synthetic.crops import template_crop
from edgetrack.training.data.synthetic.pool import PAINTABLE, Actor, Pool, area_root
from edgetrack.training.data.synthetic.recolor import COLORS, draw_paint
from edgetrack.training.data.synthetic.scene import (
    LOWER,
    UPPER,
    Item,
    Jobs,
    Scene,
    isolated,
    lay,
    paint,
    put,
    torso,
)
from edgetrack.training.data.synthetic.scene_captions import (
    Caption,
    by_color,
    negative,
    positive,
    wrong_color,
)

SIDE = 320
_SHAPES = ((320, 240), (320, 180), (320, 214), (320, 320), (240, 320), (214, 320))
_DUELS = ("car",) * 8 + ("person",) * 6 + ("bus", "bus", "cyclist", "truck", "motorcycle", "train")
_ABSENT, _DUEL = 0.3, 0.4


class GroundingSampler:
    """An endless stream of grounding samples from ``pictures``."""

    def __init__(self, pictures: Sequence[Picture], seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._pool = Pool(pictures)
        self._sources: dict[str, list[Picture]] = {}
        for picture in pictures:
            self._sources.setdefault(picture.source, []).append(picture)
        self._names = list(self._sources)

    def sample(self) -> dict[str, Any]:
        """Return one sample.

        Returns:
            ``image`` uint8 (320, 320, 3) RGB, the image letterboxed on gray; ``caption`` str; ``box``
            float32 (4,) xywh in its pixels (zeros if absent); ``present`` float32 0 or 1; ``template``
            uint8 (128, 128, 3) RGB and ``target`` float32 (8, 8): another view of the same object or, if
            nothing in the image fits the caption, an object that is not in the image.
        """
        wanted = self._random.random() >= _ABSENT
        while True:
            duel = self._random.random() < _DUEL
            scene = self._duel() if duel else self._scene()
            if wanted:
                claim = (by_color if duel else positive)(scene, self._random)
            elif duel and self._random.random() < 0.9:
                claim = wrong_color(scene, self._random)
            else:
                claim = negative(scene, self._random, self._pool.categories)
            if claim is not None:
                return self._finish(scene, claim)

    def _scene(self) -> Scene:
        draw = self._random.random()
        if draw < 0.35:
            return self._mosaic()
        scene = self._real(self._any_picture())
        if draw < 0.65:
            for _ in range(int(self._random.integers(1, 4))):
                self._add(
                    scene, self._pool.categories[int(self._random.integers(len(self._pool.categories)))]
                )
        return scene

    def _any_picture(self, without: str = "") -> Picture:
        """Return an image of any source (more often VOC), preferably one that does not show ``without``."""
        random = self._random
        for _ in range(12):
            name = self._names[int(random.integers(len(self._names)))]
            if random.random() < 0.4 and "voc" in self._sources:
                name = "voc"
            pictures = self._sources[name]
            picture = pictures[int(random.integers(len(pictures)))]
            if not without or without not in picture.seen:
                break
        return picture

    def _real(self, picture: Picture, color: str = "") -> Scene:
        """Return a whole image, sometimes cropped; one of its objects may be recolored, in ``color`` if given."""
        random = self._random
        width, height = picture.size
        source: XYWH = (0.0, 0.0, float(width), float(height))
        if random.random() < 0.4:
            share = random.uniform(0.6, 1.0, 2)
            w, h = width * float(share[0]), height * float(share[1])
            source = (random.uniform(0, width - w), random.uniform(0, height - h), w, h)
        scale = SIDE / max(source[2:])
        size = (2 * max(8, round(source[2] * scale / 2)), 2 * max(8, round(source[3] * scale / 2)))
        scene = Scene(np.full((size[1], size[0], 3), warps.GRAY, np.uint8))
        jobs = None
        instances = [t for t in picture.instances if t.mask is not None and area_root(t.box) * scale > 22]
        if instances and random.random() < (0.9 if color else 0.3):
            instance = instances[int(random.integers(len(instances)))]
            jobs = instance, _jobs(instance, color or COLORS[int(random.integers(len(COLORS)))], random)
        lay(scene, picture, (0, 0, *size), source, flip=random.random() < 0.5, jobs=jobs)
        return scene

    def _mosaic(self) -> Scene:
        """Return a mosaic of four images."""
        random = self._random
        width, height = _SHAPES[int(random.integers(len(_SHAPES)))]
        scene = Scene(np.full((height, width, 3), warps.GRAY, np.uint8))
        x, y = round(width * random.uniform(0.35, 0.65)), round(height * random.uniform(0.35, 0.65))
        for place in ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)):
            picture = self._any_picture()
            if random.random() < 0.35 and "caltech101" in self._sources:
                pictures = self._sources["caltech101"]
                picture = pictures[int(random.integers(len(pictures)))]
            lay(
                scene,
                picture,
                place,
                (0.0, 0.0, float(picture.size[0]), float(picture.size[1])),
                flip=random.random() < 0.5,
            )
        return scene

    def _duel(self) -> Scene:
        """Return 2 to 5 objects of one class in different colors, perhaps with one of another class in one of them."""
        random = self._random
        category = _DUELS[int(random.integers(len(_DUELS)))]
        colors = [COLORS[i] for i in random.permutation(len(COLORS))]
        if random.random() < 0.3:  # one that stays in its own image
            actor = self._pool.draw(category, random, masked=True)
            scene = self._real(actor.picture if actor else self._any_picture(), colors.pop())
        else:
            scene = self._real(self._any_picture(category if random.random() < 0.7 else ""))
        twin = self._pool.draw(category, random, masked=True) if random.random() < 0.4 else None
        size = float(np.exp(random.uniform(np.log(22), np.log(130))))
        for color in colors[: int(random.integers(2, 5))]:
            self._add(scene, category, color, actor=twin, size=size * float(np.exp(random.normal(0, 0.25))))
        if random.random() < 0.4:
            other = _DUELS[int(random.integers(len(_DUELS)))]
            self._add(scene, other, colors[int(random.integers(3))])
        return scene

    def _add(
        self,
        scene: Scene,
        category: str,
        color: str = "",
        *,
        actor: Actor | None = None,
        size: float | None = None,
    ) -> Item | None:
        random = self._random
        if actor is None and category == "person" and color and random.random() < 0.5:
            actor = self._pool.clothed(random)
        actor = actor or self._pool.draw(category, random, masked=True)
        if actor is None or (category == "person" and actor.instance.box[2] > 0.75 * actor.instance.box[3]):
            return None
        if not color and random.random() < 0.5:
            color = COLORS[int(random.integers(len(COLORS)))]
        jobs = _jobs(actor.instance, color, random) if color else ()
        size = size or float(np.exp(random.uniform(np.log(16), np.log(150))))
        size = min(size, 2.0 * area_root(actor.instance.box))  # not enlarged beyond recognition
        return put(scene, actor, size, jobs, random)

    def _finish(self, scene: Scene, claim: Caption) -> dict[str, Any]:
        random = self._random
        width, height = scene.size
        x, y = (SIDE - width) // 2, (SIDE - height) // 2
        image = np.full((SIDE, SIDE, 3), warps.GRAY, np.uint8)
        image[y : y + height, x : x + width] = augment.camera(scene.canvas, random, keep_color=True)
        box = np.zeros(4, np.float32)
        if claim.box is not None:
            box[:] = claim.box[0] + x, claim.box[1] + y, claim.box[2], claim.box[3]
        template, target = self._template(scene, claim)
        return {
            "image": augment.rgb(image),
            "caption": claim.caption,
            "box": box,
            "present": np.float32(claim.item is not None),
            "template": augment.rgb(augment.camera(template, random, keep_color=True)),
            "target": target,
        }

    def _template(self, scene: Scene, claim: Caption) -> tuple[Pixels, Any]:
        random = self._random
        item = claim.item
        if item is None:
            return template_crop(self._stranger(scene), random, self._pool)
        actor = item.actor
        scale = min(1.0, 72 / area_root(actor.instance.box))
        if claim.box != item.box and (face := actor.instance.part("face")) is not None:
            return template_crop(Actor(actor.picture, face), random, self._pool)
        if item.jobs:
            actor = paint(isolated(actor, scale, 0.7), item.jobs)
        return template_crop(actor, random, self._pool, flip=random.random() < 0.5)

    def _stranger(self, scene: Scene) -> Actor:
        """Return an object that is not in the scene; half of the time, its class is."""
        random = self._random
        names = self._pool.categories
        if scene.items and random.random() < 0.5:
            names = [item.category for item in scene.items]
        while True:
            actor = self._pool.draw(names[int(random.integers(len(names)))], random)
            if actor is not None and all(item.actor.instance is not actor.instance for item in scene.items):
                return actor
            names = self._pool.categories


def _jobs(instance: Instance, color: str, random: np.random.Generator) -> Jobs:
    """Return what to recolor so that ``color`` describes the object: its body, a garment, or a person's torso."""
    if instance.category not in ("person", "cyclist"):
        return (("", draw_paint(color, random)),) if instance.category in PAINTABLE else ()
    garments = sorted(
        (part for part in instance.parts if part.category in (*UPPER, *LOWER)),
        key=lambda part: part.box[2] * part.box[3],
        reverse=True,
    )
    garments = [part for part in garments if part.category in UPPER][:1] or garments[:1]
    if garments:
        return ((garments[0].category, draw_paint(color, random, whole=True)),)
    return (("torso", draw_paint(color, random)),) if torso(instance) is not None else ()
