"""A user's detector that finds the target for the tracker, in a background thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from red_scene import scene

import edgetrack
from edgetrack.errors import ConfigError, PromptError
from edgetrack.grounders import Grounded, Grounding, open_grounder
from edgetrack.grounders.calibration import Platt
from edgetrack.multi_tracker import MultiTracker
from edgetrack.prompt import Tokenizer
from edgetrack.tracker import Tracker
from edgetrack.types import Box

Picture = NDArray[np.uint8]
HERE = (100, 100, 60, 40)
LOST = 14  # frames without it until it is lost


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(edgetrack.__file__).parent / "models/edgetrack-256/tokenizer.json"
    monkeypatch.setattr("edgetrack.words.Tokenizer", lambda _: Tokenizer.from_file(path))


def red(frame: Picture) -> list[Box]:
    """Return the box around all red pixels."""
    rows, columns = np.nonzero((frame[..., 2] > 200) & (frame[..., 1] < 50))
    if not len(rows):
        return []
    x, y = float(columns.min()), float(rows.min())
    return [Box(x, y, float(columns.max() + 1) - x, float(rows.max() + 1) - y)]


class Detector:
    """A detector that finds red for any phrase; ``asked`` records the phrases of each call, ``threads`` its threads."""

    def __init__(self, score: float = 0.9, wait: Callable[[], object] = lambda: None) -> None:
        self.score, self.wait = score, wait
        self.asked: list[list[str]] = []
        self.threads: set[int] = set()

    def find(self, frame: Picture, phrases: Sequence[str]) -> Sequence[Grounded]:
        self.threads.add(threading.get_ident())
        self.asked.append(list(phrases))
        self.wait()
        return [Grounded(box, [self.score] * len(phrases)) for box in red(frame)]


class Answering(Detector):
    """A detector that returns what it is told."""

    def __init__(self, *found: Any) -> None:
        super().__init__()
        self.found: Any = found

    def find(self, frame: Picture, phrases: Sequence[str]) -> Any:
        self.asked.append(list(phrases))
        return self.found


def test_grounder_finds_a_lost_target_again() -> None:
    """The model's own networks for full-frame search never run."""
    engine, detector = FakeEngine(), Detector()
    tracker = Tracker(engine=engine, grounder=open_grounder(detector, latency=3))
    assert tracker.start(scene(None), text="red car").status == "searching"
    shown = [None, *(HERE,) * 8, *(None,) * LOST, *((400, 300, 50, 50),) * 8]
    tracks = [tracker.update(scene(box)) for box in shown]
    states = [track.status for track in tracks]
    assert states[0] == "searching"
    assert states[8] == "tracking"
    assert states[8 + LOST] == "lost"
    assert states[-1] == "tracking"
    assert tracks[-1].box is not None
    assert tracks[-1].box.iou(Box(400, 300, 50, 50)) > 0.9
    assert "ground" not in engine.calls
    assert detector.threads - {threading.get_ident()} == detector.threads
    assert {tuple(phrases) for phrases in detector.asked} == {("red car",)}


@pytest.mark.parametrize("latency", [1, 4])
def test_result_counts_a_fixed_number_of_frames_later(latency: int) -> None:
    """It does so however early it arrives; an object that has moved since is searched for around that place."""
    tracker = Tracker(engine=FakeEngine(), grounder=open_grounder(Detector(), latency=latency))
    tracker.start(scene(None), text="red car")
    tracks = [tracker.update(scene((100 + 2 * i, 100, 60, 40))) for i in range(8)]
    assert [track.status for track in tracks] == ["searching"] * latency + ["tracking"] * (8 - latency)
    assert tracks[-1].box is not None
    assert tracks[-1].box.iou(Box(114, 100, 60, 40)) > 0.9


def test_video_has_the_same_tracks_however_long_the_grounder_takes() -> None:
    shown = [*(HERE,) * 9, *(None,) * LOST, *((300 + 3 * i, 200, 50, 50) for i in range(16))]

    def tracks(wait: Callable[[], object]) -> list[Any]:
        terms = open_grounder(Detector(0.7, wait), latency=2, interval=4)
        tracker = Tracker(engine=FakeEngine(), grounder=terms)
        return [
            tracker.update(scene(box)) if i else tracker.start(scene(box), text="red car")
            for i, box in enumerate(shown)
        ]

    dice = np.random.default_rng(1)
    at_once = tracks(lambda: None)
    assert {track.status for track in at_once} == {"tracking", "uncertain", "lost"}
    assert tracks(lambda: time.sleep(0.01 * dice.random())) == at_once


def test_camera_does_not_wait_for_the_grounder() -> None:
    go = threading.Event()
    go.set()
    terms = open_grounder(Detector(wait=lambda: go.wait(30)), latency=1, waits=False)
    tracker = Tracker(engine=FakeEngine(), grounder=terms)
    tracker.start(scene(None), text="red car")
    go.clear()
    waiting = [tracker.update(scene(HERE)) for _ in range(20)]
    assert {track.status for track in waiting} == {"searching"}
    go.set()
    for _ in range(200):
        time.sleep(0.005)
        if tracker.update(scene(HERE)).status == "tracking":
            break
    assert tracker.track is not None
    assert tracker.track.status == "tracking"


def test_reverified_box_is_moved_to_the_current_frame() -> None:
    """A box of another size, seen some frames ago, is moved like the target since then."""

    class Larger(Detector):
        def find(self, frame: Picture, phrases: Sequence[str]) -> Sequence[Grounded]:
            self.asked.append(list(phrases))
            (box,) = red(frame)
            grown = 0.0 if len(self.asked) == 1 else 30.0
            return [Grounded(Box(box.x - grown, box.y - grown, box.w + 2 * grown, box.h + 2 * grown), [0.9])]

    detector = Larger()
    terms = open_grounder(detector, latency=5, interval=6)
    tracker = Tracker(engine=FakeEngine(), grounder=terms)
    tracker.start(scene(HERE), text="red car")
    widths = []
    for i in range(1, 12):
        track = tracker.update(scene((100 + 6 * i, 100, 60, 40)))
        assert track.box is not None
        assert track.box.center[0] == pytest.approx(130 + 6 * i, abs=8)
        widths.append(track.box.w)
    assert len(detector.asked) == 2
    assert max(widths[:10]) < 65  # seen in frame 6, counts in frame 11
    assert widths[10] > 70


def test_positions_in_a_text_are_resolved_by_geometry() -> None:
    left, right, bus = Box(50, 100, 60, 40), Box(500, 100, 60, 40), Box(400, 80, 80, 80)
    detector = Answering(Grounded(left, [0.8, 0.1]), Grounded(right, [0.9, 0.1]), Grounded(bus, [0.1, 0.9]))
    for text, wanted in (("the car left of the bus", left), ("the car right of the bus", right)):
        tracker = Tracker(engine=FakeEngine(), grounder=detector)
        track = tracker.start(scene(HERE), text=text)
        assert track.box == wanted
        assert detector.asked[-1] == ["car", "bus"]
        assert [one.box for one in track.candidates][:1] == [wanted]


def test_target_given_by_a_box_is_found_again_by_its_text() -> None:
    detector = Detector()
    terms = open_grounder(detector, latency=1)
    tracker = Tracker(engine=FakeEngine(), grounder=terms)
    tracker.start(scene(HERE), text="red car", box=HERE)
    for box in (*(None,) * LOST, *((400, 300, 50, 50),) * 4):
        track = tracker.update(scene(box))
    assert track.status == "tracking"
    assert detector.asked
    tracker.start(scene(HERE), box=HERE)  # without one, by its picture
    asked = len(detector.asked)
    for box in (*(None,) * LOST, *((400, 300, 50, 50),) * 4):
        track = tracker.update(scene(box))
    assert track.status == "tracking"
    assert len(detector.asked) == asked


def test_several_targets_share_a_grounder() -> None:
    class Colors(Detector):
        def find(self, frame: Picture, phrases: Sequence[str]) -> Sequence[Grounded]:
            self.threads.add(threading.get_ident())
            place = {"red car": Box(*HERE), "blue van": Box(400, 300, 50, 50)}
            return [Grounded(place[phrase], [0.9]) for phrase in phrases]

    detector = Colors()
    many = MultiTracker(engine=FakeEngine(), grounder=detector, batch=False)
    many.add("red car")
    many.add("blue van")
    tracks = many.update(scene(HERE))
    assert tracks["red car"].box == Box(*HERE)
    assert tracks["blue van"].box == Box(400, 300, 50, 50)
    assert len(detector.threads) == 1


BAD = [
    ([Grounded(Box(1, 2, 30, 40), [])], "gave a box 0 scores; expected one for each of 1 phrases"),
    ([Grounded(Box(1, 2, 30, 40), [1.5])], r"with score 1.5; expected pixels, and scores from 0 to 1"),
    ([Grounded(Box(1, 2, 30, 40), [float("nan")])], "with score nan"),
]


@pytest.mark.parametrize(("answer", "complaint"), BAD)
def test_invalid_results_are_rejected(answer: list[Grounded], complaint: str) -> None:
    tracker = Tracker(engine=FakeEngine(), grounder=Answering(*answer))
    with pytest.raises(ConfigError, match=complaint):
        tracker.start(scene(HERE), text="red car")


def test_boxes_outside_the_frame_and_duplicates_are_discarded() -> None:
    boxes = [Box(90, 100, 60, 40), Box(92, 101, 60, 40), Box(900, 100, 60, 40), Box(-30, 100, 60, 40)]
    detector = Answering(*(Grounded(box, [0.9 - 0.1 * n]) for n, box in enumerate(boxes)))
    track = Tracker(engine=FakeEngine(), grounder=detector).start(scene(HERE), text="red car")
    assert [one.box for one in track.candidates] == [boxes[0], Box(0, 100, 30, 40)]


def test_grounder_error_is_raised_in_the_frame_in_which_its_result_counts() -> None:
    class Failing(Detector):
        def find(self, frame: Picture, phrases: Sequence[str]) -> Sequence[Grounded]:
            if len(self.asked) == 1:
                raise KeyError("no such weights")
            return super().find(frame, phrases)

    tracker = Tracker(engine=FakeEngine(), grounder=open_grounder(Failing(), latency=1))
    tracker.start(scene(None), text="red car")
    tracker.update(scene(None))
    with pytest.raises(KeyError, match="no such weights"):
        tracker.update(scene(None))
    assert tracker.update(scene(None)).status == "searching"


def test_unknown_phrases_change_nothing() -> None:
    class Knowing(Detector):
        def check(self, phrases: Sequence[str]) -> None:
            if unknown := [phrase for phrase in phrases if phrase != "red car"]:
                raise PromptError(f"{unknown} is unknown; expected 'red car'")

    tracker = Tracker(engine=FakeEngine(), grounder=Knowing())
    first = tracker.start(scene(HERE), text="red car")
    for call in (lambda: tracker.start(scene(HERE), text="zebra"), lambda: tracker.set_text("zebra")):
        with pytest.raises(PromptError, match=r"\['zebra'\] is unknown"):
            call()
    track = tracker.update(scene(HERE))
    assert (track.id, track.status, track.index) == (first.id, "tracking", 1)


def test_invalid_grounder_options_are_rejected() -> None:
    for wrong in (5, object(), Box(1, 2, 3, 4)):
        with pytest.raises(ConfigError, match=r"has no method find\(frame, phrases\)"):
            Tracker(engine=FakeEngine(), grounder=wrong)
    for name, value in (("latency", 0), ("interval", True), ("latency", 18_001), ("waits", 1)):
        with pytest.raises(ConfigError, match=f"{name} is {value}; expected"):
            open_grounder(Detector(), **{name: value})
    with pytest.raises(ConfigError, match="strict has no effect: a grounder finds"):
        Tracker(engine=FakeEngine(), grounder=Detector(), strict=True)


def test_scores_become_probabilities() -> None:
    terms = Grounding(Answering(Grounded(Box(1, 2, 30, 40), [0.2])), platt=Platt(2.0, 3.0))
    ((_, (score,)),) = terms.find(scene(None), ["red car"])
    odds = (0.2 / 0.8) ** 2 * np.exp(3.0)
    assert score == pytest.approx(odds / (1 + odds))


def test_trackers_sharing_a_grounder_take_turns() -> None:
    inside, most = [0], [0]

    def wait() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        inside[0] -= 1

    terms = open_grounder(Detector(wait=wait), latency=1)
    trackers = [Tracker(engine=FakeEngine(), grounder=terms) for _ in range(3)]
    threads = [threading.Thread(target=t.start, args=(scene(HERE), "red car")) for t in trackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert [track.track.status for track in trackers if track.track] == ["tracking"] * 3
