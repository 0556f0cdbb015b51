"""A target followed in two images: which of them is searched, when a sensor counts as missing, and several targets."""

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
BLANK = np.zeros((160, 200, 3), np.uint8)
RANDOM = np.random.default_rng(0)
COLOR, X = ("color", "color"), ("x", "x")  # a search and its template


def picture(left: int = 60) -> np.ndarray:
    """Draw a red rectangle on noise that no other image has."""
    pixels = RANDOM.integers(90, 130, (160, 200, 3)).astype(np.uint8)
    pixels[50:80, left : left + 40] = (0, 0, 255)
    return pixels


def second(left: int = 60) -> np.ndarray:
    """Draw the same as the second sensor shows it."""
    pixels = picture(left)
    pixels[..., 1] += np.uint8(60) * (pixels[..., 1] > 0)
    return pixels


def faded() -> np.ndarray:
    """Draw the color image in smoke that lets a fifth of the light through."""
    return np.asarray(0.2 * picture() + 100, np.uint8)


def with_gaps(pixels: np.ndarray, value: int = 128) -> np.ndarray:
    """Draw every second patch of 16 x 16 pixels in one value."""
    pixels = pixels.copy()
    for top in range(0, 160, 16):
        for left in range(16 * (top // 16 % 2), 200, 32):
            pixels[top : top + 16, left : left + 16] = value
    return pixels


@pytest.fixture
def engine() -> PairEngine:
    return PairEngine()


@pytest.fixture
def tracker(engine: PairEngine) -> edgetrack.Tracker:
    return edgetrack.Tracker(engine=engine)


def test_second_sensor_is_searched_where_color_is_in_doubt_twice(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=second())
    assert engine.templates == ["x", "color"]
    assert tracker.update(picture(62), x=second(62)).x_share == 0, "a single frame in doubt"
    track = tracker.update(picture(20), x=second(64))
    assert engine.searches == [COLOR, X] * 2
    assert (track.x_share, track.modalities) == (1, ("x",))
    assert track.box is not None
    assert track.box.x == pytest.approx(64, abs=1.5)
    assert tracker.update(picture(64)).x_share is None
    assert engine.searches[-1] == COLOR


def test_target_is_followed_in_the_second_sensor_while_color_is_missing(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(None, box=BOX, x=second())
    for left in (63, 66, 69):
        track = tracker.update(None, x=second(left))
        assert (track.x_share, track.modalities) == (1, ("x",))
        assert track.box is not None
        assert track.box.x == pytest.approx(left, abs=1.5)
    assert engine.searches == [X] * 3


def test_confident_color_ignores_the_second_sensor(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    engine.sure = 0.6
    tracker.start(picture(), box=BOX, x=second())
    for left in (63, 66, 69):
        track = tracker.update(picture(left), x=second(20))
        assert (track.x_share, track.modalities) == (0, ("color",))
        assert track.box is not None
        assert track.box.x == pytest.approx(left, abs=1.5)
    assert engine.searches == [COLOR] * 3


def test_color_is_tried_less_often_while_the_second_sensor_is_more_confident(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=second())
    tried = []
    for index in range(1, 32):
        engine.searches.clear()
        assert tracker.update(picture(), x=second()).x_share == (0 if index == 1 else 1)
        if COLOR in engine.searches:
            tried.append(index)
    assert tried == [1, 2, 4, 8, 16, 24]
    engine.sure_of_x = 0.1
    tracker.start(picture(), box=BOX, x=second())
    assert [tracker.update(picture(), x=second()).x_share for _ in range(3)] == [0, 0, 0], "color is surer"


@pytest.mark.parametrize(("sure_of_x", "share"), [(0.55, 0), (0.65, 1)])
def test_uncertain_color_yields_to_a_second_sensor_that_is_clearly_more_confident(
    engine: PairEngine, tracker: edgetrack.Tracker, sure_of_x: float, share: float
) -> None:
    engine.sure, engine.sure_of_x = 0.3, sure_of_x
    tracker.start(picture(), box=BOX, x=second())
    assert tracker.update(picture(), x=second()).x_share == 0
    assert engine.searches == [COLOR, X]
    assert tracker.update(picture(), x=second()).x_share == share
    engine.sure = 0.6
    assert [tracker.update(picture(), x=second()).x_share for _ in range(2)] == [share, 0], (
        "color is tried again"
    )
    engine.sure = 0.3
    assert tracker.update(picture(), x=second()).x_share == 0, "again a single frame in doubt"


def test_second_sensor_needs_no_lead_over_color_whose_contrast_is_restored(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    engine.sure, engine.sure_of_x = 0.3, 0.35
    tracker.start(picture(), box=BOX, x=second())
    for _ in range(2):
        assert tracker.update(picture(), x=second()).x_share == 0
    assert tracker.update(faded(), x=second()).x_share == 1, "and at once"
    tracker.start(picture(), box=BOX, x=second())
    engine.searches.clear()
    for _ in range(4):
        tracker.update(faded(), x=BLANK)
    assert engine.searches == [COLOR] * 4, "nothing else shows the target"


@pytest.mark.parametrize("frozen", ["color", "x"])
def test_frozen_image_counts_as_missing_while_the_other_changes(
    engine: PairEngine, tracker: edgetrack.Tracker, frozen: str
) -> None:
    color, x = picture(), second()
    tracker.start(color, box=BOX, x=x)
    seen = []
    for _ in range(5):
        engine.searches.clear()
        tracker.update(color if frozen == "color" else picture(), x=x if frozen == "x" else second())
        seen.append(engine.searches[:])
    alone = [COLOR] if frozen == "x" else [X]
    assert seen == [[COLOR, X], [COLOR, X], alone, alone, alone], "three in a row with the same bytes"
    for _ in range(8):
        engine.searches.clear()
        tracker.update(picture(), x=second())
        if engine.searches == [COLOR, X]:
            break
    else:
        pytest.fail("both sensors work again")


def test_static_scene_has_both_sensors(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    color, x = picture(), second()
    engine.sure_of_x = 0.3
    tracker.start(color, box=BOX, x=x)
    for _ in range(6):
        tracker.update(color, x=x)
    assert engine.searches == [COLOR, X] * 6


def test_each_sensor_is_searched_with_its_own_template(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=second())
    for color, x, expected in (
        (picture(), second(), [COLOR, X]),
        (picture(), None, [COLOR]),
        (None, second(), [X]),
        (picture(), BLANK, [COLOR]),
        (BLANK, second(), [X]),
    ):
        engine.searches.clear()
        tracker.update(color, x=x)
        assert engine.searches == expected


def test_sensor_that_the_template_lacks_is_searched_by_the_graph_for_pairs(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=BLANK)
    for color, x, images in (
        (None, second(), "pair: x"),
        (BLANK, second(), "pair: x"),
        (picture(), second(), "pair"),
    ):
        track = tracker.update(color, x=x)
        assert engine.searches[-1] == (images, "color")
    assert (track.x_share, track.modalities) == (0, ("color",)), "a single frame in doubt"
    track = tracker.update(picture(), x=second())
    assert (track.x_share, track.modalities) == (0.5, ("color", "x"))
    tracker.start(None, box=BOX, x=second())
    engine.searches.clear()
    tracker.update(picture(), x=second())
    assert engine.searches == [X], "color has not seen it"
    tracker.update(picture(), x=BLANK)
    assert engine.searches[-1] == ("pair: color", "x by the graph for pairs")


def test_template_of_a_second_sensor_that_joins_is_added_once_the_target_is_certain(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    engine.sure = 0.55
    tracker.start(picture(), box=BOX)
    for x, sure in ((second(), 0.55), (BLANK, 0.7), (with_gaps(second()), 0.7)):
        engine.sure = sure
        tracker.update(picture(), x=x)
        assert engine.templates == ["color"]
    tracker.update(picture(), x=second())
    assert engine.templates == ["color", "x"]
    tracker.update(picture(), x=second())
    assert engine.templates == ["color", "x"], "once"
    tracker.update(None, x=second())
    assert engine.searches == [COLOR] * 5 + [X]
    tracker.update(picture())
    assert engine.searches[-1] == COLOR, "whose template is the first one"


@pytest.mark.parametrize("value", [128, 60])
def test_color_with_gaps_is_not_searched(engine: PairEngine, tracker: edgetrack.Tracker, value: int) -> None:
    engine.sure = 0.9
    tracker.start(picture(), box=BOX, x=second())
    track = tracker.update(with_gaps(picture(), value), x=second())
    assert (engine.searches, track.x_share) == ([X], 1)
    engine.searches.clear()
    tracker.update(with_gaps(picture(), value), x=with_gaps(second(), value))
    assert engine.searches == [COLOR], "both have gaps"
    tracker.update(picture(), x=with_gaps(second(), value))
    assert engine.searches == [COLOR] * 2
    tracker.update(with_gaps(picture(), value))
    assert engine.searches == [COLOR] * 3, "nothing else shows the target"


@pytest.mark.parametrize("value", [0, 255])
def test_black_or_white_areas_are_no_gaps(engine: PairEngine, tracker: edgetrack.Tracker, value: int) -> None:
    engine.sure = 0.9
    tracker.start(picture(), box=BOX, x=second())
    tracker.update(with_gaps(picture(), value), x=second())
    assert engine.searches[0] == COLOR


def test_clear_sky_is_no_gap(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    """Compressed video shows it in constant blocks, whose values differ little from those beside them."""
    engine.sure = 0.9
    sky = np.repeat(np.linspace(140, 146, 20).astype(np.uint8), 8)[:, None, None]
    color = np.broadcast_to(sky + np.array([40, 0, 0], np.uint8), (160, 200, 3)).copy()
    color[50:80, 60:100] = (0, 0, 255)
    tracker.start(color, box=BOX, x=second())
    tracker.update(color, x=second())
    assert engine.searches[0] == COLOR


@pytest.mark.parametrize("value", [0, 128, 255])
def test_one_blank_image_counts_as_missing_but_not_two(
    engine: PairEngine, tracker: edgetrack.Tracker, value: int
) -> None:
    blank = np.full((160, 200, 3), value, np.uint8)
    noisy = blank.copy()
    noisy[::2] += np.uint8(1) if value < 255 else np.uint8(255)
    dark = RANDOM.normal(0, 1, (160, 200, 3)).clip(0, 6).astype(np.uint8)  # with the noise of a sensor
    for color, x, expected in (
        (picture(), blank, [COLOR]),
        (picture(), noisy, [COLOR]),
        (picture(), dark, [COLOR]),
        (blank, second(), [X]),
        (blank, blank, [COLOR, ("color", "x")]),
    ):
        tracker.start(picture(), box=BOX, x=second())
        engine.searches.clear()
        tracker.update(color, x=x)
        assert engine.searches == expected


def test_each_of_several_targets_has_its_share(engine: PairEngine) -> None:
    with edgetrack.MultiTracker(engine=engine) as many:
        many.add(box=BOX, name="a")
        many.add(box=(58, 48, 44, 34), name="b")
        for left in (60, 61, 62):
            tracks = many.update(picture(left), x=second(left))
        assert {name: track.x_share for name, track in tracks.items()} == {"a": 1, "b": 1}
        assert many.update(None, x=second(64))["b"].x_share == 1
        assert many.update(picture(64))["a"].x_share is None


def test_run_uses_the_second_image_of_each_frame_and_writes_the_modalities(
    engine: PairEngine, tracker: edgetrack.Tracker, tmp_path: Path
) -> None:
    seconds = {i: Frame(second(60 + 2 * i), i, i / 30) for i in (0, 1, 3, 4)}
    frames = [Frame(picture(60 + 2 * i), i, i / 30, x=seconds.get(i)) for i in range(4)]
    frames.append(replace(seconds[4], x=seconds[4], color=False))

    class Frames(list[Frame]):
        dropped = 0

    with JsonlSink(tmp_path / "tracks.jsonl") as sink:
        source, box = Frames(frames), edgetrack.Box.of(BOX)
        pipeline.run(source, tracker, [sink], box=box)
    lines = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert [line.get("x_share") for line in lines] == [None, 0, None, 1, 1]
    assert [line.get("modalities") for line in lines] == [
        ["color", "x"],
        ["color"],
        None,
        ["x"],
        ["x"],
    ]
    assert engine.searches == [COLOR, X, COLOR, COLOR, X, X]


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
    for color, x, seen in (
        (picture(), second(), ("color", "x")),
        (picture(), BLANK, ("color",)),
        (None, second(), ("x",)),
        (picture(), None, ("color",)),
    ):
        assert tracker.start(color, box=BOX, x=x).modalities == seen


def test_lost_target_is_searched_in_color_only(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    engine.sure = engine.sure_of_x = 0.0
    tracker.start(picture(), box=BOX, x=second())
    track = tracker.update(None, x=second())
    for _ in range(80):
        track = tracker.update(None, x=second())
    assert (track.status, track.modalities) == ("lost", ())
    assert tracker.update(picture(), x=second()).modalities == ("color",)
