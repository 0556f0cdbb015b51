"""Pairs for tracking: a template crop of a target, and a search crop with or without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgetrack.training.data.pictures import XYWH, Picture, Pixels, overlap
from edgetrack.training.data.sources.videos import Videos
from edgetrack.training.data.synthetic import augment, vocabulary, warps
from edgetrack.training.data.synthetic.contrast import restored
from edgetrack.training.data.synthetic.covers import cover
from edgetrack.training.data.synthetic.crops import (
    background,
    enlarged,
    recent_crop,
    search_matrix,
    seen_share,
    shifted,
    template_crop,
)
from edgetrack.training.data.synthetic.pool import (
    PAINTABLE,
    Actor,
    Pool,
    area_root,
    consecutive,
    painted,
    textured,
)
from edgetrack.training.data.synthetic.recolor import COLORS, color_of, draw_paint

# Fraction of each group among the targets from images; the rest is spread evenly over all categories.
_SHARES = {"person": 0.36, "car": 0.15, "bus": 0.04, "train": 0.04, "cat": 0.08, "cyclist": 0.05}
# Two real frames teach what no warp of one image shows, so videos have the largest share.
_PART, _TEXTURE, _VIDEO, _DRIVE = 0.04, 0.07, 0.42, 0.04
_RECENT = 12  # maximum number of frames between the search crop and what the tracker has seen of late
_DARK = 0.08  # fraction of the search crops taken with too little light
_ONE_CHANNEL = 0.16  # fraction of the samples without color: a second sensor is searched so
_ABSENT = {
    "other": 0.07,
    "gone": 0.04,
    "hidden": 0.12,
}  # fraction of the samples without the target, by reason
# A target of which less than this fraction is seen counts as hidden, and one of which more is seen as present. In
# between it is undecided, and not drawn.
_HIDDEN, _VISIBLE = 0.12, 0.35


class TrackingSampler:
    """An endless stream of tracking samples from ``pictures`` and, if given, ``videos``."""

    def __init__(self, pictures: Sequence[Picture], videos: Videos | None = None, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._pool = Pool(pictures)
        self._videos = videos
        self._drives = consecutive(pictures)

    def sample(self) -> dict[str, Any]:
        """Return one sample.

        Returns:
            ``template`` uint8 (128, 128, 3) RGB, ``target`` float32 (8, 8) fraction of each template cell
            that the box covers, ``search`` uint8 (256, 256, 3) RGB, ``box`` float32 (4,) xywh in pixels of
            the search crop (may reach outside; zeros if absent), ``present`` float32 0 or 1, ``caption``
            str, "" if unknown; ``recent`` and ``recent_target``, like the template: what the tracker has seen of late.
        """
        random = self._random
        first, second, real = self._target()
        caption, named = self._caption(first)
        if (
            not real
            and first.instance.category in PAINTABLE
            and first.instance.mask is not None
            and random.random() < 0.2
        ):
            color = COLORS[int(random.integers(len(COLORS)))]
            first = second = painted(first, draw_paint(color, random))
            word = vocabulary.noun(first.instance.category, random)
            caption, named = (
                vocabulary.sentence(word, random, color=color, category=first.instance.category),
                True,
            )
        flip = random.random() < 0.5
        template, target = template_crop(first, random, self._pool, flip=flip, real=real)
        flip = flip != (random.random() < 0.15)
        absent = self._absence()
        seen = self._near(second, real=real)
        if absent == "other":
            second = self._other(first)
            if random.random() < 0.5:
                seen = second  # the tracker has followed the wrong object for a while
        recent, recent_target = recent_crop(
            seen, random, self._pool, flip=flip, real=real and seen is not second
        )
        search, box = self._search(second, flip, real=real and absent != "other", absent=absent)
        if random.random() < 0.2:  # simulate a small target, enlarged
            share = random.uniform(0.12, 0.5)
            template, search = (
                enlarged(template, min(1.0, share * random.uniform(0.8, 1.6))),
                enlarged(search, share),
            )
        template = augment.camera(template, random, keep_color=named)
        recent = augment.camera(recent, random, keep_color=named)
        search = augment.camera(search, random, keep_color=named)
        if not named and random.random() < _DARK:
            search = restored(augment.darken(search, random), template)
        if not named and random.random() < _ONE_CHANNEL:
            template, recent, search = augment.one_channel(template, recent, search, random=random)
        return {
            "template": augment.rgb(template),
            "target": target,
            "search": augment.rgb(search),
            "box": np.zeros(4, np.float32) if absent else np.asarray(box, np.float32),
            "present": np.float32(not absent),
            "caption": caption,
            "recent": augment.rgb(recent),
            "recent_target": recent_target,
        }

    def _target(self) -> tuple[Actor, Actor, bool]:
        """Return the target for the template and for the search crop, and whether these are two real frames."""
        random, pool = self._random, self._pool
        draw = random.random()
        if draw < _VIDEO and self._videos is not None:
            one, two = self._videos.pair(random, 60)
            return Actor(one, one.instances[0]), Actor(two, two.instances[0]), True
        draw -= _VIDEO
        if 0 <= draw < _DRIVE and self._drives:
            return (*self._drives[int(random.integers(len(self._drives)))], True)
        draw -= _DRIVE
        actor: Actor | None = None
        if 0 <= draw < _TEXTURE:
            actor = textured(pool.picture(random), random)
        elif draw < _TEXTURE + _PART and pool.parts:
            actor = pool.parts[int(random.integers(len(pool.parts)))]
        while actor is None:
            actor = pool.draw(self._category(), random)
        return actor, actor, False

    def _near(self, actor: Actor, *, real: bool) -> Actor:
        """Return the target in a frame close to that of the search crop."""
        if not real or self._videos is None or actor.picture.source != "flying":
            return actor
        frame = self._videos.near(actor.picture, self._random, _RECENT)
        return Actor(frame, frame.instances[0])

    def _absence(self) -> str:
        """Return why the search crop does not show the target: "other", "gone" or "hidden"; "" if it does."""
        draw = self._random.random()
        for reason, share in _ABSENT.items():
            draw -= share
            if draw < 0:
                return reason
        return ""

    def _category(self) -> str:
        draw = self._random.random()
        for name, share in _SHARES.items():
            draw -= share
            if draw < 0:
                return name
        return self._pool.categories[int(self._random.integers(len(self._pool.categories)))]

    def _caption(self, actor: Actor) -> tuple[str, bool]:
        """Return a caption ("" without a class), and whether it names a color."""
        instance, random = actor.instance, self._random
        if not instance.category:
            return "", False
        color = ""
        if instance.mask is not None and instance.category not in vocabulary.HUMANS + vocabulary.TWO_COLORED:
            color = color_of(*actor.picture.cutout(instance)) or "" if random.random() < 0.6 else ""
        word = vocabulary.noun(instance.category, random, worn=[part.category for part in instance.parts])
        shown = vocabulary.color_word(color, instance.category, random) if color else ""
        return vocabulary.sentence(word, random, color=shown, category=instance.category), bool(color)

    def _other(self, actor: Actor) -> Actor:
        """Return an object other than the target, half of the time of the same class."""
        for _ in range(8):
            same = actor.instance.category if self._random.random() < 0.5 else self._category()
            other = self._pool.draw(same, self._random)
            if other is not None and other.picture.name != actor.picture.name:
                return other
        # a place in an image that does not show the object, so there is nothing to cut out
        return Actor(self._pool.picture(self._random), replace(actor.instance, category="", mask=None))

    def _search(self, actor: Actor, flip: bool, *, real: bool, absent: str) -> tuple[Pixels, XYWH]:
        random = self._random
        matrix = search_matrix(actor, random, flip=flip, gentle=real)
        box = warps.box_after(actor.instance.outline, matrix)
        swap = 0.25 + 0.5 * (1 - seen_share(actor.picture, matrix))
        if absent == "gone" or (not real and actor.instance.category and random.random() < swap):
            crop = background(self._pool.picture(random), warps.SEARCH, random)
            if absent != "gone":
                warps.paste(crop, *actor.picture.cutout(actor.instance), matrix=shifted(actor, matrix))
        else:
            crop = warps.warp(actor.picture.pixels, matrix, (warps.SEARCH,) * 2, smooth=random.random() < 0.5)
        if random.random() < 0.45:
            for _ in range(int(random.integers(1, 4))):
                self._intrude(crop, actor, box, 0.0, 0.25)
        if absent == "hidden":
            rest = 0.0 if random.random() < 0.75 else random.uniform(0, _HIDDEN)
            cover(crop, box, rest, random, self._pool)
        elif random.random() < 0.2:
            self._intrude(crop, None, box, 0.1, 0.5)
        elif random.random() < 0.15:
            cover(crop, box, random.uniform(_VISIBLE, 0.9), random, self._pool)
        return crop, box

    def _intrude(self, crop: Pixels, like: Actor | None, box: XYWH, least: float, most: float) -> None:
        """Paste an object of the class of ``like`` (or any) such that its box covers least to most of ``box``."""
        random = self._random
        category = like.instance.category if like is not None else self._category()
        other = self._pool.draw(category, random, masked=True) or self._pool.draw(self._category(), random)
        if other is None or (like is not None and other.picture.name == like.picture.name):
            return  # a copy of the target would be ambiguous
        if like is not None and category in PAINTABLE and random.random() < 0.3:
            other = painted(other, draw_paint(COLORS[int(random.integers(len(COLORS)))], random))
        size = area_root(box) * float(np.exp(random.normal(0, 0.3)))
        linear = warps.random_linear(random, 0.5) * (size / area_root(other.instance.box))
        linear = linear @ (warps.FLIP if random.random() < 0.5 else np.eye(2))
        patch, alpha = other.picture.cutout(other.instance)
        for _ in range(6):
            reach = 0.5 * (size + area_root(box)) if least else warps.SEARCH / 2
            middle = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2]) if least else np.full(2, reach)
            spot = middle + random.uniform(-reach, reach, 2)
            matrix = np.column_stack(
                [linear, spot - linear @ np.array([patch.shape[1] / 2, patch.shape[0] / 2])]
            )
            corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32) * np.array(patch.shape[1::-1])
            if least <= overlap(box, warps.box_after(corners, matrix))[1] <= most:
                warps.paste(crop, patch, alpha, matrix)
                return
