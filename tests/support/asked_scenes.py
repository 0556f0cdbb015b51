"""Scenes with phrases for the grounding network."""

from __future__ import annotations

import numpy as np

from edgetrack.network.candidates import GRID
from edgetrack.network.picodet import CLASSES, WIDTH
from edgetrack.training.grounder.candidates import CHANNELS
from edgetrack.training.grounder.records import Object, Record
from edgetrack.training.grounder.scene import Part, Scene


def box(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    return np.array((x1, y1, x2, y2), np.float32)


def scene_of(*things: tuple[str, np.ndarray], written: tuple[str, ...] = (), mirrored: bool = False) -> Scene:
    """Make a scene whose candidates are the boxes of its objects and one of the background."""
    boxes = np.stack([b for _, b in things] + [box(0.9, 0.9, 1, 1)])
    count = len(boxes)
    objects = [Object(name, b, 1.0) for name, b in things]
    record = Record("drawn", 0, tuple(objects), written, absent=frozenset({"zebra"}))
    return Scene(
        boxes,
        np.zeros((count, CLASSES), np.float32),
        np.zeros((count, WIDTH), np.float32),
        np.zeros(count, np.int64),
        np.zeros((count, CHANNELS, GRID, GRID), np.float32),
        [Part(record, objects, slice(0, count), mirrored, False)],
    )


DOGS = (
    ("dog", box(0.1, 0.4, 0.2, 0.5)),
    ("dog", box(0.4, 0.1, 0.7, 0.4)),
    ("dog", box(0.8, 0.5, 0.85, 0.55)),
)


def asked(ask, scene: Scene, wanted: str, tries: int = 400):
    """Return the first question whose phrase ends like that, or None if it is never asked."""
    random = np.random.default_rng(0)
    for _ in range(tries):
        question = ask(scene, random)
        if question is not None and question.phrase.replace("puppy", "dog").replace("hound", "dog") == wanted:
            return question
    return None
