"""A target followed in two images: when a sensor counts as missing, how it is reported, and several targets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pair_engine import PairEngine

import edgetrack
from edgetrack import pipeline
from edgetrack.io.lines import JsonlSink
from edgetrack.io.sinks import open_sink
from edgetrack.types import Frame

BOX = (60.0, 50.0, 40.0, 30.0)
RANDOM = np.random.default_rng(0)
BOTH, COLOR, X = (1, 1), (1, 0), (0, 1)


def picture(left: int = 60) -> np.ndarray:
    """Draw a red rectangle on noise that no other image has."""
    pixels = RANDOM.integers(90, 130, (160, 200, 3)).astype(np.uint8)
    pixels[50:80, left : left + 40] = (0, 0, 255)
    return pixels


def faded() -> np.ndarray:
    """Draw the same in smoke that lets a fifth of the light through."""
    return np.asarray(0.2 * picture() + 100, np.uint8)


@pytest.fixture
def engine() -> PairEngine:
    return PairEngine()


@pytest.fixture
def tracker(engine: PairEngine) -> edgetrack.Tracker:
    return edgetrack.Tracker(engine=engine)


def test_both_images_are_searched_and_the_share_of_x_is_reported(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=picture())
    assert tracker.update(picture(62), x=picture(62)).x_share == 0, "a single frame in doubt"
    track = tracker.update(picture(64), x=picture(64))
    assert engine.present[-1] == BOTH
    assert track.x_share == pytest.approx(0.5)
    assert track.modalities == ("color", "x")
    assert track.box is not None
    assert track.box.x == pytest.approx(64, abs=1.5)
    assert tracker.update(picture(64)).x_share is None, "color alone runs the graph of color alone"
    assert engine.calls[-1] == "search"


def test_target_is_followed_in_the_second_sensor_while_color_is_missing(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(None, box=BOX, x=picture())
    for left in (63, 66, 69):
        track = tracker.update(None, x=picture(left))
        assert engine.present[-1] == X
        assert (track.x_share, track.modalities) == (1, ("x",))
        assert track.box is not None
        assert track.box.x == pytest.approx(left, abs=1.5)


def test_confident_color_ignores_the_second_sensor(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    engine.sure = 0.6
    tracker.start(picture(), box=BOX, x=picture())
    for left in (63, 66, 69):
        track = tracker.update(picture(left), x=picture(20))
        assert (track.x_share, track.modalities) == (0, ("color",))
        assert track.box is not None
        assert track.box.x == pytest.approx(left, abs=1.5)
    assert "search_x" not in engine.calls
    assert engine.known == [COLOR] * 3


def test_color_alone_is_tried_less_often_while_the_pair_is_more_confident(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=picture())
    tried = []
    for index in range(1, 32):
        before = engine.calls.count("search")
        assert tracker.update(picture(), x=picture()).x_share == (0 if index == 1 else 0.5)
        if engine.calls.count("search") > before:
            tried.append(index)
    assert tried == [1, 2, 4, 8, 16, 24]
    engine.sure_of_both = 0.1
    tracker.start(picture(), box=BOX, x=picture())
    assert [tracker.update(picture(), x=picture()).x_share for _ in range(3)] == [0, 0, 0], "color is surer"


@pytest.mark.parametrize(("sure_of_both", "share"), [(0.55, 0), (0.65, 0.5)])
def test_uncertain_color_yields_to_a_pair_that_is_clearly_more_confident(
    engine: PairEngine, tracker: edgetrack.Tracker, sure_of_both: float, share: float
) -> None:
    engine.sure, engine.sure_of_both = 0.3, sure_of_both
    tracker.start(picture(), box=BOX, x=picture())
    assert tracker.update(picture(), x=picture()).x_share == 0
    assert "search_x" in engine.calls
    assert tracker.update(picture(), x=picture()).x_share == share
    engine.sure = 0.6
    assert [tracker.update(picture(), x=picture()).x_share for _ in range(2)] == [share, 0], (
        "color is tried again"
    )
    engine.sure = 0.3
    assert tracker.update(picture(), x=picture()).x_share == 0, "again a single frame in doubt"


def test_pair_needs_no_lead_over_color_whose_contrast_is_restored(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    engine.sure, engine.sure_of_both = 0.3, 0.35
    tracker.start(picture(), box=BOX, x=picture())
    for _ in range(2):
        assert tracker.update(picture(), x=picture()).x_share == 0
    assert tracker.update(faded(), x=picture()).x_share == 0.5, "and at once"
    blank = np.zeros((160, 200, 3), np.uint8)
    tracker.start(picture(), box=BOX, x=picture())
    before = engine.calls.count("search")
    for _ in range(4):
        tracker.update(faded(), x=blank)
    assert engine.calls.count("search") == before + 4, "restored for both searches, so color still suffices"


@pytest.mark.parametrize("frozen", ["color", "x"])
def test_frozen_image_counts_as_missing_while_the_other_changes(
    engine: PairEngine, tracker: edgetrack.Tracker, frozen: str
) -> None:
    still = picture()
    tracker.start(still if frozen == "color" else picture(), box=BOX, x=still if frozen == "x" else picture())
    seen = []
    for _ in range(5):
        tracker.update(still if frozen == "color" else picture(), x=still if frozen == "x" else picture())
        seen.append(engine.present[-1])
    assert seen == [BOTH, BOTH, *[COLOR if frozen == "x" else X] * 3], "three in a row with the same bytes"
    tracker.update(picture(), x=picture())
    assert engine.present[-1] == BOTH, "it goes on"


def test_static_scene_has_both_sensors(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    color, x = picture(), picture()
    tracker.start(color, box=BOX, x=x)
    for _ in range(6):
        tracker.update(color, x=x)
    assert set(engine.present[2:]) == {BOTH}, "after the two templates"


def test_color_uses_its_own_template_while_the_second_sensor_is_missing(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    blank = np.zeros((160, 200, 3), np.uint8)
    tracker.start(picture(), box=BOX, x=picture())
    for color, x in (
        (picture(), picture()),
        (picture(), None),
        (None, picture()),
        (picture(), blank),
        (picture(), picture()),
    ):
        tracker.update(color, x=x)
    first, last = [COLOR, BOTH], [COLOR, BOTH]  # color alone is tried, and then both
    assert engine.known == [*first, COLOR, BOTH, COLOR, *last]
    tracker.start(None, box=BOX, x=picture())
    tracker.update(picture(), x=picture())
    assert engine.known[-1] == X, "color has not seen it"


@pytest.mark.parametrize("value", [0, 128, 255])
def test_one_blank_image_counts_as_missing_but_not_two(
    engine: PairEngine, tracker: edgetrack.Tracker, value: int
) -> None:
    blank = np.full((160, 200, 3), value, np.uint8)
    noisy = blank.copy()
    noisy[::2] += np.uint8(1) if value < 255 else np.uint8(255)
    dark = RANDOM.normal(0, 1, (160, 200, 3)).clip(0, 6).astype(np.uint8)  # with the noise of a sensor
    tracker.start(picture(), box=BOX, x=picture())
    for color, x, there in (
        (picture(), blank, COLOR),
        (picture(), noisy, COLOR),
        (picture(), dark, COLOR),
        (blank, picture(), X),
        (blank, blank, BOTH),
    ):
        tracker.start(picture(), box=BOX, x=picture())
        tracker.update(color, x=x)
        assert engine.present[-1] == there


def test_each_of_several_targets_has_its_share(engine: PairEngine) -> None:
    with edgetrack.MultiTracker(engine=engine) as many:
        many.add(box=BOX, name="a")
        many.add(box=(58, 48, 44, 34), name="b")
        for left in (60, 61, 62):
            tracks = many.update(picture(left), x=picture(left))
        assert {name: track.x_share for name, track in tracks.items()} == {"a": 0.5, "b": 0.5}
        assert many.update(None, x=picture(64))["b"].x_share == 1
        assert many.update(picture(64))["a"].x_share is None


def test_run_uses_the_second_image_of_each_frame_and_writes_the_modalities(
    engine: PairEngine, tracker: edgetrack.Tracker, tmp_path: Path
) -> None:
    second = {i: Frame(picture(60 + 2 * i), i, i / 30) for i in (0, 1, 3, 4)}
    frames = [Frame(picture(60 + 2 * i), i, i / 30, x=second.get(i)) for i in range(4)]
    frames.append(replace(second[4], x=second[4], color=False))

    class Frames(list[Frame]):
        dropped = 0

    with JsonlSink(tmp_path / "tracks.jsonl") as sink:
        source, box = Frames(frames), edgetrack.Box.of(BOX)
        pipeline.run(source, tracker, [sink], box=box)
    lines = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert [line.get("x_share") for line in lines] == [None, 0, None, 0.5, 1]
    assert [line.get("modalities") for line in lines] == [
        ["color", "x"],
        ["color"],
        None,
        ["color", "x"],
        ["x"],
    ]
    assert engine.calls.count("search") == 3, "where x is missing, and twice before the first pair"


def test_share_is_rounded_in_lines(tmp_path: Path) -> None:
    track = edgetrack.Track(
        edgetrack.Box(1, 2, 3, 4), 0.5, "tracking", 0, x_share=1 / 3, modalities=("color", "x")
    )
    for name in ("a.jsonl", "a.csv"):
        with open_sink(tmp_path / name) as sink:
            sink.write(Frame(picture(), 0, 0.0), track, latency_ms=1.0)
    assert json.loads((tmp_path / "a.jsonl").read_text())["x_share"] == 0.3333
    assert "x_share" not in (tmp_path / "a.csv").read_text(), "it may come and go, and the cells may not"


def test_first_track_reports_the_modalities_of_the_template(tracker: edgetrack.Tracker) -> None:
    blank = np.zeros((160, 200, 3), np.uint8)
    for color, x, seen in (
        (picture(), picture(), ("color", "x")),
        (picture(), blank, ("color",)),
        (None, picture(), ("x",)),
        (picture(), None, ("color",)),
    ):
        assert tracker.start(color, box=BOX, x=x).modalities == seen


def test_lost_target_is_searched_in_color_only(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    engine.sure = engine.sure_of_both = 0.0
    tracker.start(picture(), box=BOX, x=picture())
    track = tracker.update(None, x=picture())
    for _ in range(80):
        track = tracker.update(None, x=picture())
    assert (track.status, track.modalities) == ("lost", ())
    assert tracker.update(picture(), x=picture()).modalities == ("color",)
