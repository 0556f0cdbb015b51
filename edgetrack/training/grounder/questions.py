"""Questions about a scene: a phrase, and the candidates that it means.

A `Question` labels every candidate as meant (1), not meant (0) or unknown (-1). If only the image that shows the object
is known (from a caption), all candidates in it are labeled 1 and the question is ``vague``: one of them is meant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.training.grounder.nouns import COCO
from edgetrack.training.grounder.records import Object
from edgetrack.training.grounder.scene import MATCH, Scene, iou

Random = np.random.Generator
SURE, PERHAPS = 0.35, 0.07  # minimum scores of the teachers for an object that is there, or may be there
_ARTICLES = ("the ", "the ", "a ", "")


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """A phrase about a scene."""

    phrase: str
    noun: str  # its head noun
    meant: NDArray[np.float32]  # (K,): IoU with the object that is meant, 0 if not meant, -1 if unknown
    vague: bool
    kind: str


def with_article(text: str, random: Random) -> str:
    """Return the text with "the", "a" or no article."""
    article = _ARTICLES[int(random.integers(len(_ARTICLES)))]
    if article == "a " and text[0] in "aeiou":
        article = "an "
    return article + text


def pick(words: tuple[str, ...] | list[str], random: Random) -> str:
    """Return one of the words at random."""
    return words[int(random.integers(len(words)))]


def word_for(name: str, random: Random) -> str:
    """Return the name of a class or a synonym; for a person, only words that say nothing more specific."""
    if name == "person":
        return pick(("person", "person", "person", "human"), random)
    others = COCO.get(name, ())
    return name if not others or random.random() < 0.6 else pick(others, random)


def marks(scene: Scene, meant: list[Object], unknown: list[Object]) -> NDArray[np.float32] | None:
    """Label the candidates: IoU with the best matching object that is meant, -1 near unknown objects.

    Return None if no candidate matches an object that is meant.
    """
    out = np.zeros(len(scene.boxes), np.float32)
    if unknown:
        near = iou(scene.boxes, np.stack([o.box for o in unknown])).max(1)
        out[near > 0.4] = -1
    if meant:
        overlap = iou(scene.boxes, np.stack([o.box for o in meant]))
        best = overlap.max(1)
        out[(best > 0.35) & (best < MATCH)] = -1
        out[best >= MATCH] = best[best >= MATCH]
        if not (best >= MATCH).any():
            return None
    return out


def things_of(scene: Scene, name: str) -> tuple[list[Object], list[Object]]:
    """Return the objects of a class: the certain ones and the doubtful ones."""
    things = [o for o in scene.objects if o.name == name]
    return [o for o in things if o.score >= SURE], [o for o in things if PERHAPS <= o.score < SURE]


def classes(scene: Scene) -> list[str]:
    """Return the classes of the certain objects."""
    return sorted({o.name for o in scene.objects if o.score >= SURE})


def asked(
    phrase: str, noun: str, scene: Scene, meant: list[Object], unknown: list[Object], kind: str
) -> Question | None:
    """Return the question, or None if no candidate matches an object that is meant."""
    marked = marks(scene, meant, unknown)
    return None if marked is None else Question(phrase, noun, marked, False, kind)
