"""The state machine, on an engine that finds red arithmetically."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine
from red_scene import FakeTokenizer, scene

from edgetrack.crop import crop_into
from edgetrack.errors import BoxError, ConfigError, FrameError, NotStartedError, PromptError
from edgetrack.tracker import Tracker
from edgetrack.types import Box


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> Tracker:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    return Tracker(engine=FakeEngine())


def test_box_is_followed_without_text_encoding(tracker: Tracker) -> None:
    first = tracker.start(scene((100, 100, 60, 40)), box=(100, 100, 60, 40))
    assert first.box == Box(100, 100, 60, 40)
    assert (first.status, first.index) == ("tracking", 0)
    for i in range(1, 30):
        track = tracker.update(scene((100 + 8 * i, 100 + 4 * i, 60, 40)))
        assert track.status == "tracking"
        assert track.index == i
        assert track.box is not None
        assert track.box.iou(Box(100 + 8 * i, 100 + 4 * i, 60, 40)) > 0.9
    assert set(tracker.engine.calls) == {"template", "search"}  # type: ignore[attr-defined]


def test_text_searches_until_the_target_appears_and_finds_it_again(tracker: Tracker) -> None:
    track = tracker.start(scene(None), text="red thing")
    assert (track.status, track.box) == ("searching", None)
    assert tracker.update(scene(None)).status == "searching"
    track = tracker.update(scene((500, 50, 50, 50)))
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(Box(500, 50, 50, 50)) > 0.9
    seen = [tracker.update(scene(None)).status for _ in range(20)]
    assert seen[0] == "uncertain"
    assert seen[-1] == "lost"
    assert "tracking" not in seen
    back = tracker.update(scene((40, 300, 50, 50)))  # far from where it went
    assert back.status == "tracking"
    assert back.box is not None
    assert back.box.iou(Box(40, 300, 50, 50)) > 0.9


def test_template_is_renewed_once_a_target_has_come_into_view(tracker: Tracker) -> None:
    calls: list[str] = tracker.engine.calls  # type: ignore[attr-defined]
    track = tracker.start(scene((0, 100, 60, 40)), text="red thing")
    assert track.status == "tracking"
    for i in range(1, 40):
        track = tracker.update(scene((0 if i < 20 else 2 * (i - 20), 100, 60, 40)))
        assert track.status == "tracking"
        if i < 24:
            assert calls.count("template") == 1  # less than a hundredth of the width from the edge
    assert calls.count("template") == 2
    tracker.start(scene((100, 100, 60, 40)), text="red thing")
    for i in range(1, 40):
        tracker.update(scene((100 - 2 * i, 100, 60, 40)))
    assert calls.count("template") == 3  # it was in view from the beginning


@pytest.mark.parametrize(("edge", "templates"), [(20, 2), (0, 1)])
def test_template_of_a_whole_target_is_not_replaced_by_a_find_at_an_edge(
    tracker: Tracker, edge: int, templates: int
) -> None:
    frame = scene((300, 100, 60, 40))
    tracker.start(frame, text="red thing")
    frame[100:140, edge : edge + 20] = (0, 0, 255)  # beyond the search region: a check finds one large object
    for x in range(10):
        frame[0, x] = 255  # the frames differ, so that each is searched
        track = tracker.update(frame)
    assert track.box is not None
    assert tracker.engine.calls.count("template") == templates  # type: ignore[attr-defined]
    assert (track.box.iou(Box(300, 100, 60, 40)) > 0.9) == (templates == 1)


def test_lost_has_no_box_and_uncertain_keeps_the_last_one(tracker: Tracker) -> None:
    tracker.start(scene((100, 100, 60, 40)), box=(100, 100, 60, 40))
    held = tracker.update(scene(None))
    assert (held.status, held.box) == ("uncertain", Box(100, 100, 60, 40))
    while held.status == "uncertain":
        held = tracker.update(scene(None))
    assert (held.status, held.box) == ("lost", None)


def test_target_given_by_a_box_is_found_again_by_appearance(tracker: Tracker) -> None:
    tracker.start(scene((100, 100, 60, 40)), box=(100, 100, 60, 40))
    for _ in range(20):
        tracker.update(scene(None))
    again = tracker.update(scene((400, 300, 60, 40)))
    assert again.status == "tracking"
    assert tracker.engine.calls.count("template") == 1  # type: ignore[attr-defined]  # the user's own box is never replaced


def test_box_at_the_border_stays_in_the_frame(tracker: Tracker) -> None:
    tracker.start(scene((590, 440, 50, 40)), box=(590, 440, 50, 40))
    for x in range(590, 636, 5):
        track = tracker.update(scene((x, 440, 640 - x, 40)))
        assert track.box is not None
        assert track.box.x >= 0
        assert track.box.x + track.box.w <= 640
        assert track.box.y + track.box.h <= 480


def test_search_region_grows_for_a_fast_target(tracker: Tracker) -> None:
    size = 50
    tracker.start(scene((20, 200, size, size)), box=(20, 200, size, size))
    x = 20.0
    for step in (0.8, 1.2, 1.6, 2.2, 2.6):  # sizes a frame; the region of a slow target ends two sizes away
        x += step * size
        track = tracker.update(scene((round(x), 200, size, size)))
        assert track.status == "tracking"
        assert track.box is not None
        assert abs(track.box.x - x) < size / 2


def test_search_region_grows_after_occlusion(tracker: Tracker) -> None:
    tracker.start(scene((100, 200, 50, 50)), box=(100, 200, 50, 50))
    for _ in range(8):
        assert tracker.update(scene(None)).status == "uncertain"
    track = tracker.update(scene((230, 200, 50, 50)))  # 2.6 sizes away, so it may be another one
    assert track.status == "uncertain"
    assert track.box is not None
    assert abs(track.box.x - 230) < 25


def test_two_trackers_on_one_engine_are_independent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    engine = FakeEngine()
    one, two = Tracker(engine=engine), Tracker(engine=engine)
    one.start(scene((100, 100, 60, 40)), box=(100, 100, 60, 40))
    two.start(scene(None), text="red thing")
    for i in range(1, 10):
        here = one.update(scene((100 + i, 100, 60, 40)))
        there = two.update(scene(None))
        assert (here.status, there.status) == ("tracking", "searching")
        assert (here.index, there.index) == (i, i)


def test_set_text_searches_again_without_loading_anything(tracker: Tracker) -> None:
    tracker.start(scene((100, 100, 60, 40)), box=(100, 100, 60, 40))
    tracker.set_text("blue van")
    assert tracker.update(scene(None)).status == "searching"


def test_bad_input_is_named_and_keeps_the_target(tracker: Tracker) -> None:
    with pytest.raises(NotStartedError, match="start"):
        tracker.update(scene(None))
    with pytest.raises(NotStartedError, match="start"):
        tracker.set_text("x")
    with pytest.raises(ConfigError, match="neither text nor box"):
        tracker.start(scene(None))
    tracker.start(scene((100, 100, 60, 40)), box=(100, 100, 60, 40))
    with pytest.raises(FrameError, match="float64"):
        tracker.update(np.zeros((4, 4, 3)))
    with pytest.raises(BoxError, match="outside the frame"):
        tracker.start(scene(None), box=(700, 10, 20, 20))
    with pytest.raises(BoxError, match="empty"):
        tracker.start(scene(None), box=(10, 10, 0, 20))
    with pytest.raises(BoxError, match="four numbers"):
        tracker.start(scene(None), box="10,10")
    with pytest.raises(PromptError):
        tracker.start(scene(None), text=" ")
    with pytest.raises(PromptError):
        tracker.set_text("")
    assert tracker.update(scene((101, 100, 60, 40))).status == "tracking"


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (None, "frame is None"),
        (np.zeros((0, 10, 3), np.uint8), "empty"),
        (np.zeros((10, 10), np.uint8), "shape"),
        (np.zeros((10, 10, 4), np.uint8), "shape"),
        (np.zeros((10, 10, 3), np.float32), "float32"),
    ],
)
def test_bad_frame_is_described(tracker: Tracker, frame: object, word: str) -> None:
    with pytest.raises(FrameError, match=word):
        tracker.start(frame, text="red")


def test_engine_provides_its_bundle() -> None:
    with pytest.raises(ConfigError, match="bundle"):
        Tracker("edgetrack-256", engine=FakeEngine())


def test_arguments_of_wrong_types_are_named() -> None:
    with pytest.raises(ConfigError, match="engine is 3; expected the name of an engine"):
        Tracker(engine=3)
    with pytest.raises(ConfigError, match="static_check is 'no'; expected True or False"):
        Tracker(engine=FakeEngine(), static_check="no")


def test_frames_may_change_size(tracker: Tracker) -> None:
    tracker.start(scene((100, 100, 60, 40)), box=(100, 100, 60, 40))
    track = tracker.update(scene((104, 100, 60, 40), width=700, height=500))
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(Box(104, 100, 60, 40)) > 0.5


@pytest.mark.parametrize(
    "box",
    [
        (-1e300, -1e300, 2e300, 2e300),
        (100, 100, 1e-300, 1e-300),
        (100, 100, 0.001, 0.001),
        (0.4, 0.3, 0.1, 0.2),
        (100, 100, 60, 0.5),
        (-1e9, 100, 2e9 + 200, 40),
    ],
)
def test_vanishing_and_infinite_boxes_are_rejected(box: tuple[float, ...]) -> None:
    with pytest.raises(BoxError, match=r"box \("):
        Tracker(engine=FakeEngine()).start(scene(None), box=box)


def test_frame_with_more_pixels_than_an_int_counts() -> None:
    """Its strides are 0, so that it needs the memory of one pixel."""
    long = np.lib.stride_tricks.as_strided(np.zeros((1, 1, 3), np.uint8), (1, 2**32 + 16, 3), (0, 3, 1))
    tracker = Tracker(engine=FakeEngine())
    with pytest.raises(FrameError, match="expected at most 16777216 per side"):
        tracker.start(long, box=(4, 0, 4, 1))
    with pytest.raises(FrameError, match="expected at most 16777216 per side"):
        crop_into(
            long, (0, 0, 4, 1), np.zeros((1, 3, 2, 2), np.float32), mean=(0,) * 3, std=(1,) * 3, fill=(0,) * 3
        )


@pytest.mark.parametrize("size", [(20, 10), (1, 1), (2, 300), (700, 3)])
def test_box_is_clipped_to_a_frame_of_another_size(size: tuple[int, int]) -> None:
    """This includes an uncertain box, which the network does not move."""
    width, height = size
    tracker = Tracker(engine=FakeEngine())
    tracker.start(scene((500, 400, 50, 50)), box=(500, 400, 50, 50))
    track = tracker.update(np.zeros((height, width, 3), np.uint8))
    assert track.box is not None
    x, y, w, h = track.box.xywh
    assert x >= 0
    assert y >= 0
    assert x + w <= width
    assert y + h <= height
