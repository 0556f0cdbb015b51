"""The model of normal activity: it scores what it has not seen, explains it, and is saved losslessly."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

from edgetrack.errors import ConfigError, FrameError
from edgetrack.types import Box, Frame, Track
from edgetrack.unusual import Alarms, Assessment, NormalModel, Region
from edgetrack.unusual.bank import BUDGET, FAR, Bank
from edgetrack.unusual.calibration import MAX_BLOCKS, UNIT_QUANTILE, Calibration
from edgetrack.unusual.foreground import Foreground

FPS = 5.0
LANE_Y, SIZE = 60, 12  # where a square drives to the right, one after the other


def picture(*squares: tuple[float, float]) -> np.ndarray:
    pixels = np.full((90, 160, 3), 90, np.uint8)
    for x, y in squares:
        pixels[round(y) : round(y) + SIZE, max(round(x), 0) : max(round(x) + SIZE, 0)] = (30, 40, 200)
    return pixels


def lane(index: int, *, speed: float = 8.0) -> tuple[float, float]:
    """Draw a square that drives through repeatedly, at ``speed`` pixels per frame."""
    return (index * speed) % 260 - 30, LANE_Y


def learn(model: NormalModel, frames: int, *, fps: float = FPS) -> NormalModel:
    for index in range(frames):
        model.update(Frame(picture(lane(index)), index, index / fps))
    model.finish()
    model.learning = False
    return model


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the state of a model that has seen the lane for a minute and a half."""
    path = tmp_path_factory.mktemp("unusual") / "state.npz"
    learn(NormalModel(block_s=1.5), 460).save(path)
    return path


def watch(path: Path, places: list[list[tuple[float, float]]], *, fps: float = FPS) -> list[Assessment]:
    model = settled(path)
    return [model.update(Frame(picture(*at), i, i / fps)) for i, at in enumerate(places)]


def settled(path: Path) -> NormalModel:
    """Load the model, show it the empty lane for eleven seconds up to time 0, and stop learning."""
    model = NormalModel.load(path)
    model.learning = False
    for index in range(-55, 0):
        model.update(Frame(picture(), index, index / FPS))
    return model


def worst(seen: list[Assessment]) -> Region:
    return max((one for one in seen if one.regions), key=lambda one: one.score).regions[0]


def test_normal_activity_stays_below_the_threshold(learned: Path) -> None:
    limit = NormalModel.load(learned).threshold(per_day=2000).score
    assert 0.5 < limit < 4
    seen = watch(learned, [[lane(index)] for index in range(200)])
    assert max(one.score for one in seen) <= limit
    assert any(one.regions for one in seen)


@pytest.mark.parametrize(
    ("way", "says"),
    [
        (lambda i: (160 - (8 * i) % 260, LANE_Y), "moves left at 4"),
        (lambda i: (20 + 6 * i, 20), "where objects are not usually seen"),
        (lambda i: (min(8 * i, 80), LANE_Y), "moves hardly; usual here: right at 4"),
    ],
)
def test_unusual_activity_exceeds_the_threshold_and_is_explained(learned: Path, way, says: str) -> None:
    model = NormalModel.load(learned)
    seen = watch(learned, [[]] * 2 + [[way(index)] for index in range(60)])
    found = worst(seen)
    assert found.score > model.threshold(per_day=2000).score
    assert any(says in region.explanation for one in seen for region in one.regions)


def test_scene_is_timed_in_seconds_not_frames(learned: Path) -> None:
    slow = watch(learned, [[(160 - 8.0 * i, LANE_Y)] for i in range(20)])
    fast = watch(learned, [[(160 - 4.0 * i, LANE_Y)] for i in range(40)], fps=2 * FPS)
    assert worst(slow).score == pytest.approx(worst(fast).score, rel=0.2)
    far = watch(learned, [[(160 - 8.0 * i, LANE_Y)] for i in range(20) for _ in range(20)], fps=20 * FPS)
    assert len({id(one) for one in far}) <= 45  # ten a second are judged


def test_order_of_tracks_does_not_matter(learned: Path) -> None:
    results = []
    for flip in (1, -1):
        model = settled(learned)
        for index in range(15):
            boxes = [Box(10 + 9 * index, LANE_Y, SIZE, SIZE), Box(140 - 9 * index, 30, SIZE, SIZE)]
            tracks = [Track(box, 0.9, "tracking", index, id=n) for n, box in enumerate(boxes, 1)]
            seen = model.update(Frame(picture(), index, index / FPS), tracks[::flip])
        results.append(seen)
    assert results[0] == results[1]
    assert len(results[0].regions) == 2


def test_tracks_are_named_and_replace_motion_at_their_place(learned: Path) -> None:
    model = settled(learned)
    for index in range(10):
        x, y = 150 - 8.0 * index, LANE_Y
        track = Track(Box(x, y, SIZE, SIZE), 0.9, "tracking", index, id=1, name="red car")
        seen = model.update(Frame(picture((x, y)), index, index / FPS), [track])
    assert [region.name for region in seen.regions] == ["red car"]
    assert seen.regions[0].explanation.startswith("red car ")


def test_memory_is_bounded() -> None:
    rng = np.random.default_rng(0)
    bank = Bank(3)
    for _ in range(15):
        bank.learn(rng.uniform(0, 40, (60, 3)))
        assert len(bank.centers) == len(bank.visits) <= BUDGET
    calibration = Calibration(2, 1.0)
    calibration.maxima, calibration.blocks = np.ones((MAX_BLOCKS, 2)), MAX_BLOCKS
    calibration.record(np.ones((1, 2)), 1.0)
    assert calibration.maxima.shape == (MAX_BLOCKS, 2)
    assert calibration.blocks == MAX_BLOCKS + 1


def test_single_visit_does_not_become_normal() -> None:
    bank, point = Bank(2), np.zeros((1, 2))
    assert bank.distances(point)[0] == FAR
    for known in (FAR, FAR, 0.0):
        bank.learn(np.zeros((4, 2)))  # of one object, which counts once
        assert bank.distances(point)[0] == known
    assert bank.distances(np.array([[3.0, 4.0]]))[0] == pytest.approx(5)


def test_threshold_is_that_of_conformal_prediction() -> None:
    calibration = Calibration(1, 60.0)
    for score in range(1, 201):
        calibration.record(np.array([[float(score if score > 100 else 10_000)]]), 60.0)
    assert calibration.units[0] == pytest.approx(np.quantile(np.arange(101, 201), UNIT_QUANTILE))
    observed = calibration.threshold(1440 * 10 / 101)  # 10 of 101 blocks may exceed it
    assert not observed.extrapolated
    assert observed.score * calibration.units[0] == pytest.approx(191)
    rare = calibration.threshold(1.0)
    assert rare.extrapolated
    assert rare.score * calibration.units[0] > 200
    assert rare.needed_s == 2 * 60 * 1439
    assert calibration.threshold(0.5).score > rare.score


def test_too_few_blocks_raise_no_alarm() -> None:
    assert NormalModel().threshold().score == math.inf


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_rate_must_be_positive(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"per_day is .*expected false alarms per day above 0"):
        NormalModel().threshold(per_day=rate)


def test_block_length_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="block_s is 0"):
        NormalModel(block_s=0)


@pytest.mark.parametrize("shape", [(90, 160), (90, 160, 4), (4, 160, 3)])
def test_frames_are_checked(shape: tuple[int, ...]) -> None:
    with pytest.raises(FrameError, match="expected"):
        NormalModel().update(Frame(np.zeros(shape, np.uint8), 0, 0.0))


def test_clock_jump_restarts_the_scene(learned: Path) -> None:
    model = NormalModel.load(learned)
    for time_s in (0.0, 0.2, 0.4, 900.0, 3.0, 3.2):
        seen = model.update(Frame(picture((40, LANE_Y)), 0, time_s))
    assert seen.time_s == 3.2


def test_change_of_light_is_not_an_object() -> None:
    foreground = Foreground()
    for _ in range(20):
        foreground.find(picture(), 0.2)
    assert len(foreground.find(picture((40, 40)), 0.2)) == 1
    assert foreground.find(np.full((90, 160, 3), 200, np.uint8), 0.2) == []
    assert foreground.find(np.full((90, 160, 3), 200, np.uint8), 0.2) == []


def test_alarms_last_as_long_as_the_activity_is_unusual() -> None:
    def seen(time_s: float, score: float) -> Assessment:
        region = Region(Box(1, 2, 3, 4), score, "motion", "object", f"at {time_s}")
        return Assessment(time_s, score, (region,))

    alarms, began, ended = Alarms(), [], []
    for time_s, score in [(0, 1), (1, 2.5), (2, 4), (3, 1.7), (4, 1), (10, 1), (11, 3), (12, 0)]:
        start, end = alarms.update(seen(time_s, score), 2.0)
        began += [start] if start else []
        ended += [end] if end else []
    assert [alarm.start_s for alarm in began] == [1, 11]
    assert [(alarm.start_s, alarm.peak_s, alarm.end_s, alarm.region.score) for alarm in ended] == [
        (1, 2, 3, 4)
    ]
    assert alarms.close().start_s == 11
    assert alarms.close() is None
