"""Phrases with hand-drawn boxes (Flickr30k Entities, Plummer et al., 2015): "a pink dress", "two dogs".

Captions do not mention everything, so a phrase may also fit other objects in the image. Possible matches are labeled
as unknown: other objects with the same head noun, people without a box, and, if the phrase is only a noun, everything
in the other images of the scene.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgetrack.training.grounder.head import head_noun
from edgetrack.training.grounder.questions import Question, Random, marks, pick, with_article
from edgetrack.training.grounder.records import Object, Region
from edgetrack.training.grounder.scene import MATCH, Part, Scene, iou

_WORDS = re.compile(r"[a-z'-]+")
_DETERMINERS = frozenset(
    ("a", "an", "the", "his", "her", "their", "its", "some", "another", "one", "several", "two")
)
_PRONOUNS = frozenset(
    ("he", "she", "it", "they", "him", "them", "himself", "herself", "who", "which", "each", "other")
)
_NEVER = frozenset(("scene", "notvisual"))  # types whose boxes are places, not objects
_SIDES = frozenset(("left", "right"))
_MALE = frozenset(("man", "men", "boy", "boys", "male", "guy", "gentleman", "father"))
_FEMALE = frozenset(("woman", "women", "girl", "girls", "female", "lady", "ladies", "mother"))
_YOUNG = frozenset(
    ("boy", "girl", "child", "kid", "baby", "toddler", "boys", "girls", "children", "kids", "infant")
)
_GROWN = frozenset(("man", "woman", "men", "women", "gentleman", "lady", "adult"))


@dataclass(frozen=True, slots=True)
class _Named:
    """A phrase, split into its parts."""

    text: str  # without its article
    head: str
    says_more: bool  # whether there are words besides the noun


def _named(phrase: str) -> _Named | None:
    words = _WORDS.findall(phrase.lower())
    if not words or words[-1] in _PRONOUNS:
        return None
    while len(words) > 1 and words[0] in _DETERMINERS:
        words = words[1:]
    text = " ".join(words)
    head = head_noun(text)
    return _Named(text, head, text != head)


def _heads(region: Region) -> set[str]:
    return {named.head for phrase in region.phrases if (named := _named(phrase))}


def _excluded(heads: set[str], others: set[str]) -> bool:
    """Return whether nouns for people exclude each other: a man is neither a woman nor a child."""
    return any(
        heads & a and others & b and not heads & b
        for a, b in ((_MALE, _FEMALE), (_FEMALE, _MALE), (_YOUNG, _GROWN), (_GROWN, _YOUNG))
    )


def _may_be(named: _Named, region: Region, other: Region) -> bool:
    """Return whether the phrase of a region may fit another region as well."""
    if named.head in _heads(other):
        return True
    if region.type != other.type or named.says_more:
        return False
    return region.type == "people" and not _excluded(_heads(region), _heads(other))


def _things(region: Region) -> list[Object]:
    return [Object("", box, 1.0) for box in region.boxes]


def _untold(part: Part) -> list[Object]:
    """Return the people who have no box in any phrase."""
    told = [box for r in part.regions if r.type == "people" for box in r.boxes]
    people = [o for o in part.objects if o.name == "person"]
    return [o for o in people if not told or iou(o.box[None], np.stack(told)).max() < MATCH]


def by_region(scene: Scene, random: Random) -> Question | None:
    """Return a human description of an object, with its hand-drawn boxes."""
    part = scene.parts[int(random.integers(len(scene.parts)))]
    regions = [r for r in part.regions if r.type not in _NEVER]
    if not regions:
        return None
    region = regions[int(random.integers(len(regions)))]
    named = _named(pick(region.phrases, random))
    if named is None or (part.mirrored and not _SIDES.isdisjoint(named.text.split())):
        return None
    rivals = [r for p in scene.parts for r in p.regions if r is not region and _may_be(named, region, r)]
    unknown = [thing for rival in rivals for thing in _things(rival)]
    if region.type == "people":
        unknown += _untold(part)
    marked = marks(scene, _things(region), unknown)
    if marked is None:
        return None
    for other in scene.parts:
        if other is not part and not named.says_more:
            marked[other.rows] = -1
    kind = region.type if named.says_more else "noun"
    return Question(with_article(named.text, random), named.head, marked, False, "region " + kind)


def of_another_region(regions: list[Region]) -> Callable[[Scene, Random], Question | None]:
    """Return a function that asks for an object of another image that no caption of this scene mentions."""
    told = [r for r in regions if r.type in ("other", "animals", "vehicles", "instruments", "clothing")]

    def ask(scene: Scene, random: Random) -> Question | None:
        if not all(part.record.captions for part in scene.parts):
            return None
        region = told[int(random.integers(len(told)))]
        named = _named(pick(region.phrases, random))
        if named is None:
            return None
        captions = " ".join(caption for part in scene.parts for caption in part.record.captions)
        there = " ".join((captions, *(thing.name for thing in scene.objects)))
        if not {h.rstrip("s") for h in _heads(region)}.isdisjoint(
            word.rstrip("s") for word in _WORDS.findall(there.lower())
        ):
            return None
        if region.type == "clothing" and not named.says_more:
            return None  # people wear more than captions mention
        nothing = np.zeros(len(scene.boxes), np.float32)
        return Question(with_article(named.text, random), named.head, nothing, False, "absent region")

    return ask
