"""The objects with masks: annotated by people, or from the teacher if its mask is plausible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.training.data.pictures import Picture, Pixels, overlap
from edgetrack.training.data.sources.class_maps import records
from edgetrack.training.data.sources.images import Reader
from edgetrack.training.data.synthetic import warps
from edgetrack.training.data.synthetic.crops import shifted
from edgetrack.training.data.synthetic.pool import Actor, area_root
from edgetrack.training.data.synthetic.warps import Matrix

SOURCES = ("coco", "coco_small", "people", "ccp", "camvid", "voc", "coco_people")
_DRAWN = ("voc", "coco_people")  # masks of the teacher
_LEAST = 28.0  # square root of the area in pixels; smaller masks are unreliable
_CROWDED = 0.05  # IoU with another object of its class from which the teacher's mask may cover both
HELD_OUT = 12  # one of this many pictures, or videos, is for validation
SMOOTH = 0.3  # fraction of crops that are area-averaged when they shrink; at runtime, crops are point-sampled


class Things:
    """The objects of ``pictures`` by category: by default those with usable masks.

    Args:
        pictures: The pictures.
        chosen: Returns the objects of a picture that can be drawn.
    """

    def __init__(
        self, pictures: Sequence[Picture], chosen: Callable[[Picture], list[Actor]] | None = None
    ) -> None:
        self.pictures = list(pictures)
        by_category: dict[str, list[Actor]] = defaultdict(list)
        for picture in pictures:
            for actor in (chosen or usable)(picture):
                by_category[actor.instance.category].append(actor)
        self.by_category = dict(sorted(by_category.items()))
        weights = np.sqrt([len(actors) for actors in self.by_category.values()])
        self._shares = weights / weights.sum()
        self._names = list(self.by_category)

    def draw(self, random: np.random.Generator) -> Actor:
        """Draw an object; the frequency of a category is proportional to the square root of its size."""
        actors = self.by_category[self._names[int(random.choice(len(self._names), p=self._shares))]]
        return actors[int(random.integers(len(actors)))]

    def picture(self, random: np.random.Generator) -> Picture:
        """Draw a picture."""
        return self.pictures[int(random.integers(len(self.pictures)))]


def usable(picture: Picture) -> list[Actor]:
    """Return the objects of a picture whose masks are usable for training."""
    found = []
    for instance in picture.instances:
        if instance.mask is None or area_root(instance.box) < _LEAST:
            continue
        rivals = [o for o in picture.instances if o is not instance and o.category == instance.category]
        if picture.source in _DRAWN and any(overlap(instance.box, o.box)[0] > _CROWDED for o in rivals):
            continue
        if not 0.15 <= float(instance.mask.mean()) / 255 <= 0.97:
            continue
        found.append(Actor(picture, instance))
    return found


def load(root: Path, cache: Path, sources: Sequence[str], *, held_out: bool) -> list[Picture]:
    """Load the training pictures, or those held out (every twelfth of each source).

    Args:
        root: Data folder.
        cache: Folder with the teacher's class maps of `_DRAWN`.
        sources: Folders under ``root``/train.
        held_out: Whether to load those held out.
    """
    if not sources:
        return []
    reader, chosen = Reader(root, cache), []
    for source in sources:
        listed: list[dict[str, Any]] = records(root, source)
        chosen += [
            reader.read(source, record)
            for index, record in enumerate(listed)
            if (index % HELD_OUT == 0) == held_out
        ]
    return chosen


def mask_plane(actor: Actor, size: tuple[int, int], matrix: Matrix) -> Pixels:
    """Return the object's mask in a crop of (width, height) = ``size``, uint8."""
    assert actor.instance.mask is not None
    return warps.warp(actor.instance.mask, shifted(actor, matrix), size, smooth=True, border=0)
