"""The sentences of `eval language` agree with their boxes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the video extra is not installed")
pytest.importorskip("torch", reason="the training extra is not installed")

from edgetrack._runtime import parse_phrase
from edgetrack.training.language_texts import Case, Objects, photograph_cases

SIZE = (400, 300)
CARS = [(20.0, 100.0, 60.0, 40.0), (150.0, 100.0, 90.0, 60.0), (300.0, 100.0, 60.0, 40.0)]
KNOWN = ("bus", "car", "dog")


def cases(boxes: dict[str, list[tuple[float, float, float, float]]], tries: int = 40) -> list[Case]:
    objects = Objects(SIZE, boxes, KNOWN)
    return [case for seed in range(tries) for case in photograph_cases(objects, np.random.default_rng(seed))]


def test_every_answer_agrees_with_the_geometry() -> None:
    """With scores of 1 for what the parts name, the grammar must find the boxes."""
    asked = 0
    for boxes in (
        {"car": CARS},
        {"car": [CARS[0], CARS[1]], "bus": [(100.0, 80.0, 40.0, 100.0)]},
        {"dog": [(20.0, 20.0, 60.0, 40.0), (20.0, 220.0, 120.0, 70.0)]},
    ):
        for case in cases(boxes):
            if not case.parts or case.kind in ("other language", "synonym"):
                continue
            candidates = np.array([box for _, found in case.parts for box in found])
            owner = [name for name, found in case.parts for _ in found]
            query = parse_phrase(case.text)
            plural = {"cars": "car", "dogs": "dog"}
            nouns = [plural.get(noun, noun) for _, noun in query.parts]
            scores = np.array([[float(name == noun) for name in owner] for noun in nouns])
            best = int(np.argmax(query.resolve(candidates, *SIZE, scores)))
            assert tuple(candidates[best]) in case.boxes, case
            asked += 1
    assert asked > 100


def test_all_kinds_occur_and_ambiguous_images_are_left_out() -> None:
    kinds = {
        case.kind
        for case in cases({"car": CARS}) + cases({"car": CARS[:2], "bus": [(100.0, 80.0, 40.0, 100.0)]})
    }
    assert kinds >= {
        "spatial",
        "ordinal",
        "plural",
        "number",
        "synonym",
        "other language",
        "absent",
        "relation",
    }
    assert kinds >= {"negation of a place"}
    close = cases({"car": [(100.0, 100.0, 60.0, 40.0), (110.0, 100.0, 60.0, 40.0)]})
    assert {case.kind for case in close} == {"absent"}
    absent = {case.text for case in close}
    assert absent <= {"the bus", "the dog"}
    assert not any(case.boxes for case in close)
