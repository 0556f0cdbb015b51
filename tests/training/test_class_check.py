"""The detector's own class scores for nouns that it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; run: pip install 'edgetrack[train]'")

from edgetrack.network.candidates import ClassCheck  # noqa: E402
from edgetrack.network.grounder import TEXT  # noqa: E402
from edgetrack.network.picodet import CLASSES  # noqa: E402
from edgetrack.training.grounder.cache import Cache  # noqa: E402
from edgetrack.training.grounder.class_check import class_scores, names, plural  # noqa: E402
from edgetrack.training.grounder.records import NAMES, Object, Record  # noqa: E402

DOG, HORSE = NAMES.index("dog"), NAMES.index("horse")


@pytest.fixture
def check() -> ClassCheck:
    """One that knows "dog", "puppy" and "horse", whose embeddings are the first three axes."""
    return ClassCheck(torch.eye(3, TEXT), torch.tensor([DOG, DOG, HORSE]), 2.0, 1.0, (2.0, -1.0, -3.0))


def logits(**of: float) -> Any:
    out = torch.full((1, 2, CLASSES), -4.0)
    for name, value in of.items():
        out[0, 0, NAMES.index(name)] = value
    return out


def sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


@pytest.mark.parametrize("axis", [0, 1], ids=["dog", "puppy"])
def test_known_noun_is_as_likely_as_its_class(check: ClassCheck, axis: int) -> None:
    """The candidates compare by the dog's logits alone, 0.5 and -4; the best is worth what the horse's 4 leaves."""
    noun = 3 * torch.eye(TEXT)[axis][None]
    found = check(noun, logits(dog=0.5, horse=4.0), torch.tensor([[1.0, 0.5]]))[0]
    worth = sigmoid(2 * 0.5 - 4 - 3)
    assert found.tolist() == pytest.approx([worth, worth * 0.5 * sigmoid(-7) / sigmoid(2)], rel=1e-4)


def test_other_classes_change_the_score_but_not_the_best_candidate(check: ClassCheck) -> None:
    """Against a horse, the better dog would come second: it stays first, and is worth as much as the second."""
    of = logits(dog=0.5, horse=4.0)
    of[0, 1, DOG] = 0.0
    found = check(torch.eye(TEXT)[:1], of, torch.ones(1, 2))[0]
    assert found[0] > found[1]
    assert float(found[0]) == pytest.approx(sigmoid(0.0 + 4.0 - 3.0), rel=1e-4)


def test_unknown_noun_is_not_checked(check: ClassCheck) -> None:
    score = torch.tensor([[0.7, 0.2]])
    for noun in (torch.eye(TEXT)[5], torch.eye(TEXT)[0] + torch.eye(TEXT)[7], torch.zeros(TEXT)):
        assert torch.equal(check(noun[None], logits(horse=4.0), score), score)
    assert torch.equal(ClassCheck.none()(torch.eye(TEXT)[:1], logits(), score), score)


def test_no_candidates_give_no_scores(check: ClassCheck) -> None:
    assert check(torch.eye(TEXT)[:1], logits(dog=4.0), torch.zeros(1, 2)).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("one", "many"),
    [("car", "cars"), ("bus", "buses"), ("teddy bear", "teddy bears"), ("pony", "ponies"), ("toy", "toys"),
     ("couch", "couches"), ("woman", "women"), ("knife", "knives"), ("sheep", "sheep")],
)  # fmt: skip
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


def test_every_class_is_found_by_its_name() -> None:
    called = names()
    assert all(called[name] == (index,) for index, name in enumerate(NAMES))
    assert called["men"] == called["person"]


def test_word_for_several_classes_matches_each() -> None:
    called = names()
    assert {NAMES[index] for index in called["vehicles"]} == {"car", "truck", "bus", "motorcycle"}
    check = ClassCheck(
        torch.eye(2, TEXT)[[0, 0, 1]], torch.tensor([DOG, HORSE, DOG]), 2.0, 1.0, (2.0, -1.0, -3.0)
    )
    either, dog = (
        check(torch.eye(TEXT)[axis][None], logits(horse=4.0), torch.ones(1, 2))[0, 0].item()
        for axis in (0, 1)
    )
    assert either > 0.99 > 0.01 > dog


def test_scores_are_measured_on_fully_annotated_images() -> None:
    box = np.array((0.1, 0.1, 0.5, 0.5), np.float32)
    arrays = {
        "valid": np.array([[True, True, False]] * 2),
        "boxes": np.array([[box, (0.6, 0.6, 0.9, 0.9), box]] * 2, np.float32),
        "logits": np.full((2, 3, CLASSES), -3.0, np.float32),
    }
    arrays["logits"][0, 0, DOG], arrays["logits"][0, 0, HORSE] = 2.0, 1.0
    cache = Cache.__new__(Cache)
    cache.arrays = arrays
    dog = (Object("dog", box, 1.0),)
    whole, part = Record("a", 0, dog, complete=True), Record("a", 1, dog)
    found, right = class_scores([whole, part], cache)
    assert (len(found), right.sum()) == (CLASSES, 1)
    assert found[right].tolist() == [[2.0, 1.0]]
    assert found[HORSE].tolist() == [1.0, 2.0]
