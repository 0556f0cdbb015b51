"""The size of a target that is found by its text is corrected by what full-frame searches find."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from red_scene import FakeTokenizer, scene

from edgetrack.policy import Policy
from edgetrack.tracker import Tracker
from edgetrack.types import Box

SIZE = (80, 40)


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


class Measuring(FakeEngine):
    """An engine that finds red; its full-frame searches find it ``factor`` times as large."""

    def __init__(self) -> None:
        super().__init__()
        self.factor, self.score = (1.0, 1.0), 1.0

    def revise(self, role: str, out: dict[str, NDArray[Any]]) -> None:
        if role == "ground":
            out["size"] *= np.float32(self.factor).reshape(1, 2, 1, 1)
            out["presence"] *= np.float32(self.score)


def followed(
    engine: Measuring, *, x: int = 200, factor: tuple[float, float] = (1.2, 0.9), **start: Any
) -> Tracker:
    """Start on a target, whose size the following checks find to be ``factor`` times what it is."""
    tracker = Tracker(engine=engine)
    tracker.start(scene((x, 200, *SIZE)), text="red", **start)
    engine.factor = factor
    return tracker


def after_checks(tracker: Tracker, engine: Measuring, checks: int, *, x: int = 200) -> Box:
    """Return the box in the frame in which so many further checks have been made."""
    frame, end = scene((x, 200, *SIZE)), engine.calls.count("ground") + checks
    while engine.calls.count("ground") < end:
        box = tracker.update(frame).box
    assert box is not None
    return box


def test_reported_box_has_the_size_that_a_check_finds_and_its_own_center() -> None:
    engine = Measuring()
    tracker = followed(engine)
    before = tracker.update(scene((200, 200, *SIZE))).box
    assert before is not None
    box = after_checks(tracker, engine, 1)
    assert box.w == pytest.approx(1.2 * before.w, rel=0.02)
    assert box.h == pytest.approx(0.9 * before.h, rel=0.02)
    assert box.center == pytest.approx(before.center, abs=1)


def test_correction_scales_with_the_target() -> None:
    engine = Measuring()
    tracker = followed(engine)
    after_checks(tracker, engine, 1)
    for grown in range(0, 60, 2):
        track = tracker.update(scene((200, 200, SIZE[0] + grown, SIZE[1] + grown)))
    assert track.box is not None
    assert track.box.w == pytest.approx(1.2 * (SIZE[0] + 58), rel=0.05)
    assert track.box.h == pytest.approx(0.9 * (SIZE[1] + 58), rel=0.05)


def test_correction_is_a_mean_over_checks() -> None:
    engine = Measuring()
    tracker = followed(engine, factor=(1.2, 1.0))
    after_checks(tracker, engine, 1)
    engine.factor = (1.0, 1.0)
    widths = [after_checks(tracker, engine, 1).w / SIZE[0] for _ in range(20)]
    assert widths[0] == pytest.approx(1.2**0.5, abs=0.02)
    assert all(later < sooner + 0.01 for sooner, later in pairwise(widths))
    assert widths[-1] == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize("score", [0.2, 1.0])
def test_checks_that_hardly_fit_the_text_do_not_count(score: float) -> None:
    engine = Measuring()
    tracker = followed(engine)
    engine.score = score
    box = after_checks(tracker, engine, 1)
    assert (box.w > 1.1 * SIZE[0]) == (score > Policy().neutral_score)


def test_target_that_the_frame_cuts_is_not_corrected() -> None:
    engine = Measuring()
    box = after_checks(followed(engine, x=560), engine, 1, x=560)
    assert box.w == pytest.approx(SIZE[0], abs=2)


def test_box_from_the_user_is_not_corrected() -> None:
    engine = Measuring()
    tracker = followed(engine, box=(200, 200, *SIZE))
    sizes = {round(box.w) for _ in range(40) if (box := tracker.update(scene((200, 200, *SIZE))).box)}
    assert max(sizes) <= SIZE[0]
    tracker = followed(engine)
    after_checks(tracker, engine, 1)
    tracker.correct((200, 200, *SIZE))
    box = tracker.update(scene((200, 200, *SIZE))).box
    assert box is not None
    assert box.w == pytest.approx(SIZE[0], abs=1)


def test_target_that_is_found_again_begins_without_a_correction() -> None:
    engine = Measuring()
    tracker = followed(engine)
    assert after_checks(tracker, engine, 1).w > 1.1 * SIZE[0]
    while tracker.update(scene(None)).status != "lost":
        pass
    engine.factor = (1.0, 1.0)
    while tracker.update(scene((200, 200, *SIZE))).status != "tracking":
        pass
    track = tracker.update(scene((200, 200, *SIZE)))
    assert track.box is not None
    assert track.box.w == pytest.approx(SIZE[0], abs=2)
