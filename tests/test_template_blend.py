"""The template is blended with what the target looks like now, as long as it certainly is the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeGraph
from numpy.typing import NDArray
from pair_engine import BOX, NotedSearch, NotedTemplate, PairEngine, picture, second

import edgetrack
from edgetrack.bundle import Bundle

WEIGHT = 0.3
INTERVAL, DELAY = 10, 30  # the defaults


class CountedTemplate(NotedTemplate):
    """Its k-th result has a memory of k, and an anchor that points along axis k."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        found = super().run(feeds)
        count = len(self._engine.templates)
        anchor = np.zeros((1, 64, 64), np.float32)
        anchor[..., count] = 1
        return {**found, "memory": np.full((1, 4, 64, 192), count, np.float32), "anchor": anchor}


class KnownSearch(NotedSearch):
    """Keeps what it knew of the target."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        engine = self._engine
        assert isinstance(engine, Engine)
        engine.memory, engine.anchor = feeds["memory"][0, :, :64].copy(), feeds["anchor"][0].copy()
        self._calls.append("search")
        found = FakeGraph.run(self, feeds)
        return {**found, "quality": found["quality"] * engine.sure}


class Engine(PairEngine):
    def __init__(self, **thresholds: float) -> None:
        super().__init__()
        blended = {"template_blend": WEIGHT, **thresholds}
        manifest = replace(self.bundle.manifest, thresholds=blended)
        self.bundle = Bundle(self.bundle.folder, manifest)
        self.sure = 0.9
        self.memory = self.anchor = np.zeros(0, np.float32)

    def graph(self, role: str) -> FakeGraph:
        if role == "template" and role not in self._graphs:
            self._graphs[role] = CountedTemplate(self)
        if role == "search" and role not in self._graphs:
            self._graphs[role] = KnownSearch(self)
        return super().graph(role)

    @property
    def known(self) -> float:
        assert (self.memory == self.memory.flat[0]).all()
        return float(self.memory.flat[0])


def follow(engine: Engine, frames: int, left: int = 60) -> edgetrack.Tracker:
    tracker = edgetrack.Tracker(engine=engine)
    tracker.start(picture(left), box=(left, *BOX[1:]))
    for _ in range(frames):
        tracker.update(picture(left))
    return tracker


def test_template_is_blended_with_the_latest_appearance_and_not_with_all() -> None:
    engine = Engine()
    tracker = follow(engine, INTERVAL)
    assert engine.known == 1, "the first frames are searched with the first template alone"
    for count in (2, 3, 4):
        for _ in range(INTERVAL):
            tracker.update(picture())
            assert engine.known == pytest.approx((1 - WEIGHT) * 1 + WEIGHT * count)
            axes = np.zeros(64)
            axes[1], axes[count] = 1 - WEIGHT, WEIGHT
            assert np.allclose(engine.anchor, axes / np.linalg.norm(axes), atol=1e-6)
    assert len(engine.templates) == 5


@pytest.mark.parametrize(
    ("thresholds", "sure", "left"),
    [
        ({"template_blend": 0}, 0.9, 60),
        ({}, 0.5, 60),  # below template_update_threshold
        ({}, 0.9, 0),  # at an edge of the frame, so that some of it may be out of view
    ],
    ids=["off", "unsure", "at an edge"],
)
def test_template_stays_as_it_is(thresholds: dict[str, float], sure: float, left: int) -> None:
    engine = Engine(**thresholds)
    engine.sure = sure
    follow(engine, 3 * INTERVAL, left)
    assert (engine.known, len(engine.templates)) == (1, 1)


def test_template_waits_until_the_target_was_certain_for_a_second() -> None:
    engine = Engine()
    tracker = follow(engine, INTERVAL - 1)
    engine.sure = 0.5
    tracker.update(picture())
    engine.sure = 0.9
    for _ in range(DELAY - 1):
        tracker.update(picture())
    assert len(engine.templates) == 1
    tracker.update(picture())
    assert len(engine.templates) == 2


def test_target_that_vanished_is_searched_for_by_the_first_template() -> None:
    engine = Engine()
    tracker = follow(engine, INTERVAL + 1)
    assert engine.known != 1
    engine.sure = 0.2
    tracker.update(picture())
    engine.sure = 0.9
    for _ in range(10 * DELAY - 1):
        tracker.update(picture())
        assert engine.known == 1
    tracker.update(picture())
    assert len(engine.templates) == 3


def test_template_that_the_user_corrects_starts_again() -> None:
    engine = Engine()
    tracker = follow(engine, INTERVAL + 1)
    assert engine.known == pytest.approx(1 - WEIGHT + 2 * WEIGHT)
    tracker.correct(BOX)
    for _ in range(2):
        tracker.update(picture())
    assert engine.known == len(engine.templates) == 3


def test_targets_that_start_together_update_their_templates_in_different_frames() -> None:
    engine = Engine()
    tracker = edgetrack.MultiTracker(engine=engine, exclusive=False)
    for shift in range(4):
        tracker.add(box=(60 + shift, *BOX[1:]), name=str(shift))
    tracker.update(picture())
    counts = []
    for _ in range(2 * INTERVAL):
        before = len(engine.templates)
        tracker.update(picture())
        counts.append(len(engine.templates) - before)
    assert max(counts) == 1
    assert sum(counts) == 8


def test_template_of_the_second_sensor_stays_as_it_is() -> None:
    engine = Engine()
    tracker = edgetrack.Tracker(engine=engine)
    tracker.start(picture(), x=second(), box=BOX)
    for _ in range(2 * INTERVAL):
        tracker.update(x=second())
    assert engine.templates == ["x", "color"]
    assert engine.known == 1
