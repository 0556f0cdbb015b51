"""Targets of one MultiTracker are different objects: crossing twins, two names of one object, shared places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from red_scene import FakeTokenizer, scene

import edgetrack
from edgetrack.errors import ConfigError
from edgetrack.multi_tracker import MultiTracker
from edgetrack.types import Track

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
RED = (100, 100, 60, 40)


@pytest.fixture(scope="module")
def engine() -> Any:
    return edgetrack.Tracker(threads=1).engine


def twins(offset: int, step: int) -> list[tuple[NDArray[np.uint8], int, int]]:
    """Render two identical objects that cross, the first in front; return them with the left edge of each."""
    dice = np.random.default_rng(3)
    ground = cv2.GaussianBlur(dice.integers(60, 190, (480, 640, 3), np.uint8), (0, 0), 6)
    thing = cv2.resize(dice.integers(0, 255, (6, 9, 3), np.uint8), (90, 60), interpolation=cv2.INTER_NEAREST)
    frames = []
    for t in range(0, 118, step):
        a, b = 40 + 4 * t, 510 - 4 * t
        frame = ground.copy()
        frame[200 + offset : 260 + offset, b : b + 90] = thing
        frame[200:260, a : a + 90] = thing
        noise = dice.normal(0, 2, frame.shape)
        frames.append((np.clip(frame + noise, 0, 255).astype(np.uint8), a, b))
    return frames


def overlap(tracks: dict[str, Track]) -> float:
    a, b = (track.box for track in tracks.values())
    return a.iou(b) if a and b else 0.0


@pytest.mark.parametrize(("offset", "batch"), [(0, True), (30, False)])
def test_crossing_twins_are_never_both_confident_on_one_object(engine: Any, offset: int, batch: bool) -> None:
    many = MultiTracker(engine=engine, batch=batch)
    frames = twins(offset, 2)
    doubts = 0
    for i, (pixels, a, b) in enumerate(frames):
        if i == 0:
            many.add(box=(a, 200, 90, 60), name="A")
            many.add(box=(b, 200 + offset, 90, 60), name="B")
        tracks = many.update(pixels)
        sure = [track for track in tracks.values() if track.status == "tracking"]
        assert len(sure) < 2 or overlap(tracks) < 0.5, i
        doubts += len(sure) < 2
    assert doubts < 20
    ends = [track.box.center[0] for track in tracks.values() if track.box]
    assert len(ends) == 2
    assert (
        sorted(abs(x - 45 - edge) < 20 for x, edge in zip(sorted(ends), sorted((a, b)), strict=True))
        == [True] * 2
    )


def test_non_exclusive_targets_may_share_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    for exclusive, statuses in ((True, ["tracking", "searching"]), (False, ["tracking", "tracking"])):
        many = MultiTracker(engine=FakeEngine(), exclusive=exclusive)
        many.add(text="red")
        many.add(text="scarlet")
        for _ in range(8):
            tracks = many.update(scene(RED))
        assert [track.status for track in tracks.values()] == statuses


def test_object_of_a_removed_target_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    many = MultiTracker(engine=FakeEngine())
    many.add(text="red")
    many.add(text="scarlet")
    many.update(scene(RED))
    many.remove("red")
    assert many.update(scene(RED))["scarlet"].status == "tracking"


def test_targets_whose_boxes_overlap_when_added_may_share_their_place() -> None:
    many = MultiTracker(engine=FakeEngine())
    many.add(box=RED, name="rider")
    many.add(box=(102, 98, 60, 44), name="horse")
    for _ in range(20):
        tracks = many.update(scene(RED))
        assert {track.status for track in tracks.values()} == {"tracking"}


def test_targets_that_meet_on_one_object_become_uncertain_and_one_is_lost() -> None:
    """Both targets see only one red object: the guest, which comes from elsewhere, has lost its own."""
    many = MultiTracker(engine=FakeEngine())
    many.add(box=RED, name="stays")
    many.update(scene(RED))
    many.add(box=(400, 300, 60, 40), name="guest")
    tracks = many.update(scene(RED))
    assert [track.status for track in tracks.values()] == ["tracking", "tracking"]
    statuses = []
    for x in range(100, 400, 12):  # the object moves to where the guest searches
        tracks = many.update(scene((x, 100 + (x - 100) * 2 // 3, 60, 40)))
        statuses.append({name: track.status for name, track in tracks.items()})
    statuses += [{n: t.status for n, t in many.update(scene((400, 300, 60, 40))).items()} for _ in range(20)]
    assert statuses[-1]["stays"] == "tracking"
    assert statuses[-1]["guest"] == "lost"


def test_exclusive_must_be_a_bool() -> None:
    with pytest.raises(ConfigError, match="exclusive is 1; expected True or False"):
        MultiTracker(engine=FakeEngine(), exclusive=1)
