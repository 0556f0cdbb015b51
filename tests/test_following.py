"""``edgetrack.track``: one loop over any frames; what it opened is closed, however the loop ends."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from red_scene import FakeTokenizer, scene

import edgetrack
from edgetrack.errors import BoxError, ConfigError, FrameError, PromptError, SourceError
from edgetrack.tracker import Tracker
from edgetrack.types import Frame

RED = (100, 100, 60, 40)
FRAMES = 6


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(engine=FakeEngine())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
    path = tmp_path_factory.mktemp("video") / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 480))
    for _ in range(FRAMES):
        writer.write(scene(RED))
    writer.release()
    return path


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "red.avi" in thread.name]


def test_cameras_in_threads_share_one_engine(video: Path) -> None:
    """Each thread gets the same tracks as it would alone, with the shipped network."""
    boxes = [RED, (300, 200, 80, 60)]
    with Tracker("edgetrack-160", threads=1) as first:
        found: dict[int, list[Any]] = {}

        def follow(camera: int) -> None:
            pairs = edgetrack.track(video, box=boxes[camera], engine=first.engine)
            found[camera] = [(track.status, track.box, track.score) for _, track in pairs]

        alone = []
        for camera in range(2):
            follow(camera)
            alone.append(found.pop(camera))
        threads = [threading.Thread(target=follow, args=(camera,)) for camera in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [found[0], found[1]] == alone
    assert alone[0] != alone[1]


def test_video_is_followed_from_first_to_last_frame(video: Path) -> None:
    """The shipped network is used; the source is closed with the last frame."""
    pairs = list(edgetrack.track(video, box=RED, bundle="edgetrack-160", threads=1))
    assert [frame.index for frame, _ in pairs] == [track.index for _, track in pairs] == list(range(FRAMES))
    assert all(track.status == "tracking" and track.name == "box" for _, track in pairs)
    assert [track.time_s for _, track in pairs] == [frame.time_s for frame, _ in pairs]
    assert pairs[-1][1].time_s == pytest.approx(0.5, abs=0.11)
    assert not readers()


def test_generator_opens_nothing_before_the_first_next(video: Path, tracker: Tracker) -> None:
    frames = edgetrack.track(str(video), "red", tracker=tracker)
    assert inspect.isgenerator(frames)
    assert not readers()
    next(frames)
    assert readers()
    frames.close()
    assert not readers()
    assert list(frames) == []


def leave_by_break(pairs: Iterator[Any]) -> None:
    for _ in pairs:
        break


def leave_by_error(pairs: Iterator[Any]) -> None:
    def divide() -> None:
        for frame, _ in pairs:
            _ = 1 // frame.index

    with pytest.raises(ZeroDivisionError):
        divide()


@pytest.mark.parametrize("leave", [leave_by_break, leave_by_error])
def test_leaving_the_loop_closes_the_source(
    video: Path, tracker: Tracker, leave: Callable[[Iterator[Any]], None]
) -> None:
    leave(edgetrack.track(video, box=RED, tracker=tracker))
    assert not readers()
    assert tracker.update(scene(RED)).index == 1  # what was given open stays open


def test_own_tracker_is_closed_and_a_given_one_stays_usable(video: Path, tracker: Tracker) -> None:
    seen = []
    for frame, track in edgetrack.track(video, "red", tracker=tracker):
        seen.append((track.name, track.id))
        if frame.index == 2:
            tracker.set_text("blue")
    assert seen == [("red", 1)] * 3 + [("blue", 2)] * 3


def test_iterable_of_frames_is_followed(tracker: Tracker) -> None:
    pictures = [scene(RED)] * 4
    given = np.stack(pictures)
    for source in (pictures, iter(pictures), tuple(pictures), given, (picture for picture in pictures)):
        pairs = list(edgetrack.track(source, box=RED, tracker=tracker, fps=10))
        assert [(frame.index, frame.time_s) for frame, _ in pairs] == [
            (0, 0.0),
            (1, 0.1),
            (2, 0.2),
            (3, pytest.approx(0.3)),
        ]
        assert [track.time_s for _, track in pairs] == [frame.time_s for frame, _ in pairs]
    stamped = [Frame(scene(RED), 7, 100.0), Frame(scene(RED), 9, 100.5)]
    assert [frame for frame, _ in edgetrack.track(stamped, box=RED, tracker=tracker)] == stamped
    assert tracker.track is not None
    assert tracker.track.time_s == 100.5


def test_function_that_returns_the_next_frame_is_followed(tracker: Tracker) -> None:
    left = [scene(RED)] * 3

    def read() -> Any:
        return left.pop() if left else None

    pairs = list(edgetrack.track(read, box=RED, tracker=tracker))
    assert [frame.index for frame, _ in pairs] == [0, 1, 2]
    times = [frame.time_s for frame, _ in pairs]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 60


def test_endless_frames_are_requested_one_by_one(tracker: Tracker) -> None:
    asked = []

    def endless() -> Iterator[Any]:
        while True:
            asked.append(1)
            yield scene(RED)

    assert len(list(islice(edgetrack.track(endless(), box=RED, tracker=tracker), 3))) == 3
    assert len(asked) == 3


def test_given_source_stays_open(video: Path, tracker: Tracker) -> None:
    with edgetrack.open_source(video) as source:
        leave_by_break(edgetrack.track(source, box=RED, tracker=tracker))
        assert len(list(source)) == FRAMES - 1


def test_custom_trackers_can_be_used(video: Path) -> None:
    class Still:
        def start(self, frame: Any, *, text: str | None, box: Any) -> edgetrack.Track:
            assert frame.shape == (480, 640, 3)
            return edgetrack.Track(edgetrack.Box.of(box), 1.0, "tracking", 0)

        def update(self, frame: Any, *, deadline_ms: float | None = None) -> edgetrack.Track:
            return edgetrack.Track(edgetrack.Box(*RED), 0.5, "tracking", 1)

    pairs = list(edgetrack.track(video, box=RED, tracker=Still()))
    assert [track.score for _, track in pairs] == [1.0] + [0.5] * (FRAMES - 1)
    assert pairs[1][1].time_s == pairs[1][0].time_s


@pytest.mark.parametrize(
    ("source", "arguments", "error", "words"),
    [
        ("x.mp4", {}, ConfigError, "nothing to track"),
        ("x.mp4", {"text": 3}, PromptError, "text is a int"),
        ([np.zeros((9, 9, 3), np.uint8)], {"text": " "}, PromptError, "empty"),
        ("x.mp4", {"box": (1, 2, 3)}, BoxError, "four numbers"),
        ("x.mp4", {"text": "red", "deadline_ms": "5"}, ConfigError, "deadline_ms"),
        ("x.mp4", {"text": "red", "fps": 0}, ConfigError, "fps is 0"),
        ("x.mp4", {"text": "red", "threads": 1}, ConfigError, "a tracker and threads"),
        ("x.mp4", {"text": "red", "bundle": "edgetrack-160", "engine": "ort"}, ConfigError, "bundle, engine"),
        ("x.mp4", {"text": "red"}, SourceError, r"x\.mp4 does not exist"),
        (
            None,
            {"text": "red"},
            SourceError,
            "source is a NoneType; expected a camera's index, a path, a URL",
        ),
        (1.5, {"text": "red"}, SourceError, "source is a float"),
        (b"x.mp4", {"text": "red"}, SourceError, "source is a bytes"),
        ({"a": 1}, {"text": "red"}, SourceError, "source is a dict"),
        ([], {"text": "red"}, SourceError, "has no frames"),
        (lambda: None, {"text": "red"}, SourceError, "has no frames"),
        ([1, 2], {"text": "red"}, FrameError, "frame is a int"),
    ],
)
def test_invalid_source_is_one_sentence(
    tracker: Tracker, source: Any, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        next(edgetrack.track(source, tracker=tracker, **arguments))


def test_invalid_target_is_reported_at_once(tracker: Tracker) -> None:
    with pytest.raises(ConfigError):
        edgetrack.track("x.mp4", tracker=tracker)
