"""Draws objects from the images by category."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from edgetrack.training.data.pictures import XYWH, Instance, Picture, overlap
from edgetrack.training.data.synthetic.recolor import Paint, recolor

PAINTABLE = (
    "car",
    "bus",
    "train",
    "truck",
    "motorcycle",
    "boat",
    "cup",
    "umbrella",
    "chair",
    "bird",
    "bicycle",
)

RIGID = ("car", "bus", "train", "truck")


class Actor(NamedTuple):
    """An object in its image."""

    picture: Picture
    instance: Instance


class Pool:
    """All objects of at least ``least`` pixels (root of the area), by category.

    ``masked`` has those that can be cut out cleanly, ``parts`` the garments and faces.
    """

    def __init__(self, pictures: Sequence[Picture], least: float = 12.0) -> None:
        self.pictures = pictures
        self.actors: dict[str, list[Actor]] = defaultdict(list)
        self.masked: dict[str, list[Actor]] = defaultdict(list)
        self.parts: list[Actor] = []
        for picture in pictures:
            for instance in picture.instances:
                if (instance.box[2] * instance.box[3]) ** 0.5 < least:
                    continue
                self.actors[instance.category].append(Actor(picture, instance))
                if _well_cut(picture, instance):
                    self.masked[instance.category].append(Actor(picture, instance))
                for part in instance.parts:
                    if part.box[2] * part.box[3] > 500:
                        self.parts.append(Actor(picture, part))
        self._clothed = [actor for actor in self.actors["person"] if actor.instance.parts]
        self.categories = sorted(self.actors)

    def draw(self, category: str, random: np.random.Generator, *, masked: bool = False) -> Actor | None:
        """Return an object of the category (with ``masked``, one that is cut out cleanly), None if there is none."""
        actors = (self.masked if masked else self.actors).get(category)
        return actors[int(random.integers(len(actors)))] if actors else None

    def clothed(self, random: np.random.Generator) -> Actor | None:
        """Return a person with known garments, None if there is none."""
        return self._clothed[int(random.integers(len(self._clothed)))] if self._clothed else None

    def picture(self, random: np.random.Generator) -> Picture:
        """Return a random image."""
        return self.pictures[int(random.integers(len(self.pictures)))]


def _well_cut(picture: Picture, instance: Instance) -> bool:
    """Return whether the object has a mask without large gaps, is not cut by the image's border, and is not tiny."""
    if instance.mask is None or area_root(instance.box) < 20:
        return False
    x0, y0, x1, _ = instance.rect
    edges = (x0 <= 2) + (y0 <= 2) + (x1 >= picture.size[0] - 2)  # touching the lower border is fine
    hull = cv2.contourArea(instance.outline)
    solid = float((instance.mask > 127).sum()) / max(hull, 1.0)
    return edges == 0 and solid > (0.8 if instance.category in RIGID else 0.5)


def painted(actor: Actor, paint: Paint) -> Actor:
    """Return the same object recolored, in a copy of its image."""
    patch, alpha = actor.picture.cutout(actor.instance)
    x0, y0, x1, y1 = actor.instance.rect
    pixels = actor.picture.pixels.copy()
    pixels[y0:y1, x0:x1] = recolor(patch, alpha, paint)
    return Actor(replace(actor.picture, pixels=pixels), actor.instance)


def textured(picture: Picture, random: np.random.Generator) -> Actor | None:
    """Return a well-textured rectangle of the image, as an object without a category."""
    width, height = picture.size
    for _ in range(4):
        size = float(np.exp(random.uniform(np.log(16), np.log(0.4 * min(width, height)))))
        stretch = float(np.exp(random.normal(0, 0.3)))
        w, h = size * stretch, size / stretch
        if w >= width or h >= height:
            continue
        x, y = random.uniform(0, width - w), random.uniform(0, height - h)
        inside = picture.pixels[int(y) : int(y + h), int(x) : int(x + w)]
        if float(inside[::2, ::2].std()) > 30:
            return Actor(picture, Instance("", (float(x), float(y), w, h)))
    return None


def consecutive(pictures: Sequence[Picture]) -> list[tuple[Actor, Actor]]:
    """Return pairs of one object in neighboring frames of a CamVid drive: same class, boxes that overlap by half."""
    frames = sorted((p for p in pictures if p.source == "camvid"), key=lambda p: p.name)
    pairs = []
    for one, two in pairwise(frames):
        if one.name.split("_")[0] != two.name.split("_")[0]:
            continue
        for instance in one.instances:
            match = _nearest(instance, two.instances)
            if match is not None and min(instance.box[2:]) > 10:
                pairs.append((Actor(one, instance), Actor(two, match)))
    return pairs


def _nearest(instance: Instance, others: Sequence[Instance]) -> Instance | None:
    alike = [other for other in others if other.category == instance.category]
    best = max(alike, key=lambda other: overlap(instance.box, other.box)[0], default=None)
    if best is None or overlap(instance.box, best.box)[0] < 0.5:
        return None
    return best


def area_root(box: XYWH) -> float:
    """Return the side of the square with the area of ``box``."""
    return float((box[2] * box[3]) ** 0.5)
