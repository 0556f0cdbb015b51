"""Phrases by people or teachers: captions, mentions in captions, nouns for crops and for whole images."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from edgetrack.training.grounder.nouns import COCO
from edgetrack.training.grounder.questions import PERHAPS, SURE, Question, Random, asked, pick, with_article
from edgetrack.training.grounder.records import Object
from edgetrack.training.grounder.scene import Scene, iou

_HUMAN = {
    "man", "woman", "boy", "girl", "child", "kid", "lady", "guy", "person", "baby", "toddler", "player",
    "skateboarder", "surfer", "skier", "snowboarder", "rider", "batter", "pitcher", "umpire", "catcher",
    "cyclist", "biker", "climber", "runner", "boys", "girls", "men", "women", "people", "children", "kids",
    "male", "female", "gentleman", "teenager", "hiker", "swimmer", "dancer", "worker", "officer", "soldier",
    "cowboy", "chef",
}  # fmt: skip
_PLURAL = {
    "boys",
    "girls",
    "men",
    "women",
    "people",
    "children",
    "kids",
    "players",
    "dogs",
    "cats",
    "cars",
    "horses",
}
_SPLIT = re.compile(r"[a-z'-]+")
_BREAK = {
    "in",
    "on",
    "at",
    "with",
    "and",
    "while",
    "near",
    "is",
    "are",
    "next",
    "who",
    "that",
    "of",
    "by",
    "to",
    "from",
    "over",
    "through",
    "behind",
    "as",
    "for",
}
_MIRROR = {"left": "right", "right": "left"}


def subject(caption: str, mirrored: bool) -> tuple[str, int, list[str]] | None:
    """Return the first person that a caption names: the word, its index, and all words.

    Return None if the caption names nobody, or several people.
    """
    words = _SPLIT.findall(caption.lower())
    if mirrored:
        words = [_MIRROR.get(w, w) for w in words]
    for i, word in enumerate(words[:9]):
        if word in _PLURAL:
            return None
        if word in _HUMAN:
            return word, i, words
    return None


def _clause(words: list[str], at: int, random: Random) -> str:
    """Return the part of a caption that describes the noun at index ``at``, starting with its adjectives."""
    begin = at
    while (
        begin > 0
        and words[begin - 1] not in ("a", "an", "the", "one")
        and begin > at - 3
        and words[begin - 1] not in _BREAK
    ):
        begin -= 1
    ends = [i for i in range(at + 2, len(words) + 1) if i == len(words) or words[i] in _BREAK]
    end = ends[min(int(random.integers(len(ends))), 3)] if ends else len(words)
    return " ".join(words[begin : min(end, begin + 16)])


def by_caption(scene: Scene, random: Random) -> Question | None:
    """Return a human description of the only person in an image; people in other images of the scene are negatives."""
    part = scene.parts[int(random.integers(len(scene.parts)))]
    people = [o for o in part.objects if o.name == "person" and o.score >= PERHAPS]
    if not part.record.captions or len(people) != 1 or people[0].score < SURE:
        return None
    found = subject(pick(part.record.captions, random), part.mirrored)
    if found is None:
        return None
    noun, at, words = found
    return asked(with_article(_clause(words, at, random), random), noun, scene, [people[0]], [], "caption")


def of_another(captions: list[str]) -> Callable[[Scene, Random], Question | None]:
    """Return a function that asks for a person described in another image: nobody in this scene is meant."""

    def ask(scene: Scene, random: Random) -> Question | None:
        people = [o for o in scene.objects if o.name == "person" and o.score >= SURE]
        if not people or len(people) > 3:
            return None
        found = subject(pick(captions, random), False)
        if found is None:
            return None
        noun, at, words = found
        if len(words) - at < 4:
            return None
        text = _clause(words, at, random)
        if len(text.split()) < 3:
            return None
        return Question(
            with_article(text, random), noun, np.zeros(len(scene.boxes), np.float32), False, "absent caption"
        )

    return ask


_KNOWN = {word: name for name, others in COCO.items() for word in (name, *others) if name != "person"}


def by_mention(scene: Scene, random: Random) -> Question | None:
    """Return an object that a caption names with its adjectives: "a blue umbrella"."""
    part = scene.parts[int(random.integers(len(scene.parts)))]
    if not part.record.captions:
        return None
    words = _SPLIT.findall(pick(part.record.captions, random).lower())
    found = [(i, _KNOWN[w]) for i, w in enumerate(words) if w in _KNOWN and i and words[i - 1] not in _BREAK]
    if not found:
        return None
    at, name = found[int(random.integers(len(found)))]
    mine = [o for o in part.objects if o.name == name]
    sure = [o for o in mine if o.score >= SURE]
    if len(sure) != 1 or len(mine) != 1:
        return None
    begin = at
    while (
        begin > max(0, at - 3)
        and words[begin - 1] not in ("a", "an", "the", "his", "her", "their", "some", "two")
        and words[begin - 1] not in _BREAK
    ):
        begin -= 1
    others = [o for o in scene.objects if o.name == name and o is not sure[0]]
    if begin == at:  # only the noun: others of the class are meant as well
        sure, others = [o for o in (*sure, *others) if o.score >= SURE], [o for o in others if o.score < SURE]
    return asked(
        with_article(" ".join(words[begin : at + 1]), random), words[at], scene, sure, others, "mention"
    )


def by_crop(scene: Scene, random: Random) -> Question | None:
    """Return an everyday noun that the labeler assigned to a crop: "helmet", "fire extinguisher"."""
    part = scene.parts[int(random.integers(len(scene.parts)))]
    if part.cut or part.mirrored or len(scene.parts) > 1 or not part.record.crops:
        return None
    crops = part.record.crops
    names = sorted(
        {
            n
            for _, likely in crops
            for n, p in likely.items()
            if p > 0.55 and n not in ("person", "human", "fashion")
        }
    )
    if not names:
        return None
    name = pick(names, random)
    marked = np.full(len(scene.boxes), -1, np.float32)
    overlap = iou(scene.boxes, np.stack([box for box, _ in crops]))
    for k, (_, likely) in enumerate(crops):
        near = overlap[:, k] > 0.7
        chance = likely.get(name, 0.0)
        if chance > 0.5:
            marked[near] = np.maximum(marked[near], overlap[near, k])
        elif chance == 0.0:
            marked[near & (marked < 0)] = 0
    return Question(with_article(name, random), name, marked, False, "crop") if (marked > 0).any() else None


def by_category(scene: Scene, random: Random) -> Question | None:
    """Return what a whole image shows ("euphonium", "onion", "t-shirt"): one of its larger candidates is meant."""
    parts = [p for p in scene.parts if p.record.category]
    if not parts or len(scene.parts) < 2:
        return None
    part = parts[int(random.integers(len(parts)))]
    name = part.record.category
    marked = np.zeros(len(scene.boxes), np.float32)
    size = scene.boxes[part.rows]
    area = (size[:, 2:] - size[:, :2]).prod(1) * len(scene.parts)
    marked[part.rows] = np.where(area > 0.2, 1.0, -1.0)
    for other in scene.parts:
        if other is not part and other.record.category == name:
            marked[other.rows] = -1
    return (
        Question(with_article(name, random), name, marked, True, "category") if (marked > 0).any() else None
    )


def by_drawing(scene: Scene, random: Random) -> Question | None:
    """Return one of the phrases that come with a synthetic scene."""
    part = scene.parts[0]
    if not part.record.phrases or len(scene.parts) > 1 or part.cut or part.mirrored:
        return None
    text, box = part.record.phrases[int(random.integers(len(part.record.phrases)))]
    words = _SPLIT.findall(text.lower())
    noun = next((w for w in words if w in _KNOWN or w in _HUMAN), words[-1])
    meant = [] if box is None else [Object("", box, 1.0)]
    return asked(text, noun, scene, meant, [], "drawn")
