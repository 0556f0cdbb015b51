"""A target followed in two images: which of them is searched, with which template, and several targets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pair_engine import BLANK, BOX, COLOR, PairEngine, X, faded, picture, second, with_gaps

import edgetrack
from edgetrack import pipeline
from edgetrack.io.lines import JsonlSink
from edgetrack.io.sinks import open_sink
from edgetrack.types import Frame


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


def test_color_is_tried_in_every_frame_while_neither_image_shows_the_target(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    engine.sure, engine.sure_of_x = 0.05, 0.1
    tracker.start(picture(), box=BOX, x=second())
    for _ in range(20):  # the contrast of an empty region is restored, so the second sensor counts at once
        engine.searches.clear()
        assert tracker.update(faded(), x=second()).x_share == 1
        assert engine.searches == [COLOR, X]
    engine.sure = 0.9
    assert tracker.update(picture(), x=second()).x_share == 0, "it is found again in the frame that shows it"


def test_color_is_tried_again_as_soon_as_the_second_sensor_is_in_doubt(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    engine.sure, engine.sure_of_x = 0.05, 0.9
    tracker.start(picture(), box=BOX, x=second())
    for _ in range(9):
        tracker.update(picture(), x=second())
    engine.sure_of_x = 0.1
    tracker.update(picture(), x=second())
    assert engine.searches[-1] == X, "color is not due"
    engine.sure = 0.9
    assert tracker.update(picture(), x=second()).x_share == 0


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


@pytest.mark.parametrize(("sure_of_x", "share"), [(0.7, 0), (0.9, 1)])
def test_color_whose_contrast_is_restored_is_compared_even_if_it_is_confident(
    engine: PairEngine, tracker: edgetrack.Tracker, sure_of_x: float, share: float
) -> None:
    engine.sure, engine.sure_of_x = 0.8, sure_of_x
    tracker.start(picture(), box=BOX, x=second())
    for _ in range(2):
        assert tracker.update(picture(), x=second()).x_share == 0
    assert engine.searches == [COLOR] * 2
    for _ in range(3):
        assert tracker.update(faded(), x=second()).x_share == share
    assert engine.searches[2:4] == [COLOR, X]


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


def test_without_graphs_for_pairs_a_sensor_is_compared_with_the_template_that_there_is() -> None:
    engine = PairEngine(graphs_for_pairs=False)
    with edgetrack.Tracker(engine=engine) as tracker:
        tracker.start(picture(), box=BOX, x=BLANK)
        track = tracker.update(None, x=second())
        assert (engine.searches, track.modalities) == ([("x", "color")], ("x",))
        engine.searches.clear()
        tracker.start(None, box=BOX, x=second())
        track = tracker.update(None, x=second())
        assert (engine.searches, track.modalities) == ([X], ("x",))
        track = tracker.update(picture(), x=BLANK)
        assert (engine.searches[-1], track.modalities) == (("color", "x"), ("color",))


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
