"""Texts that match several objects: margins of candidates, waiting, choosing one, and correcting the box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine, FakeGraph, find_red
from numpy.typing import NDArray
from red_scene import FakeTokenizer

import edgetrack
from edgetrack import BoxError, Candidate, ConfigError, MultiTracker, NotStartedError, Tracker
from edgetrack.types import Box, Track

LEFT, RIGHT = (60, 200, 60, 60), (480, 200, 60, 60)  # apart by more than a search region
Four = tuple[int, int, int, int]


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


class TwoGraph(FakeGraph):
    """A graph that finds a red object in each half of the image; the redness is the score."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if self.role != "ground":
            return super().run(feeds)
        self._calls.append(self.role)
        image, middle = feeds["image"], feeds["image"].shape[-1] // 2
        out: dict[str, NDArray[Any]] = {}
        for hidden in (slice(middle, None), slice(0, middle)):
            half = image.copy()
            half[..., hidden] = 0
            found = find_red(half)
            if not found["presence"].any():
                out = out or found
                continue
            at = found["score"].argmax()
            red = float(half[0, 0].max() + 1) / 2
            merged = out if out and out["presence"].any() else {k: v.copy() for k, v in found.items()}
            for name in ("score", "offset", "size"):
                rows = merged[name].reshape(merged[name].shape[1], -1)
                rows[:, at] = found[name].reshape(rows.shape[0], -1)[:, at]
            if merged is not out:
                merged["quality"][:] = 0
            merged["score"].reshape(-1)[at] = merged["quality"].reshape(-1)[at] = red
            out = merged
        return out


class TwoEngine(FakeEngine):
    def graph(self, role: str) -> FakeGraph:
        return self._graphs.setdefault(role, TwoGraph(role, self.calls))


def frame(*objects: tuple[Four, int]) -> NDArray[np.uint8]:
    """A gray picture with objects of these boxes, and their red, 128 to 255."""
    picture = np.full((480, 640, 3), 128, np.uint8)
    for (x, y, w, h), red in objects:
        picture[y : y + h, x : x + w] = (0, 0, red)
    return picture


BOTH = frame((LEFT, 255), (RIGHT, 240))


def is_at(track: Track, place: Four) -> bool:
    return track.box is not None and track.box.iou(Box(*place)) > 0.7


def test_margin_is_the_difference_to_the_best_rival() -> None:
    with Tracker(engine=TwoEngine()) as tracker:
        first, second = tracker.start(BOTH, text="red").candidates
    assert first.box.iou(Box(*LEFT)) > 0.7 < second.box.iou(Box(*RIGHT))
    assert first.margin == pytest.approx(first.score - second.score) == pytest.approx(15 / 255, abs=0.01)
    assert second.margin == pytest.approx(-first.margin)


def test_margin_without_a_rival_is_the_score() -> None:
    with Tracker(engine=TwoEngine()) as tracker:
        (only,) = tracker.start(frame((LEFT, 255)), text="red").candidates
    assert only.margin == only.score > 0.9


def test_best_candidate_is_followed_unless_the_tracker_waits() -> None:
    with Tracker(engine=TwoEngine()) as tracker:
        assert is_at(tracker.start(BOTH, text="red"), LEFT)


def test_waiting_tracker_shows_candidates_until_only_one_is_left() -> None:
    with Tracker(engine=TwoEngine(), on_ambiguous="wait") as tracker:
        tracks = [tracker.start(BOTH, text="red"), *(tracker.update(BOTH) for _ in range(12))]
        assert {track.status for track in tracks} == {"searching"}
        assert not any(track.box for track in tracks)
        assert {len(track.candidates) for track in tracks} == {2}
        alone = frame((RIGHT, 240))
        tracks = [tracker.update(alone) for _ in range(4)]
    assert tracks[-1].status == "tracking"
    assert is_at(tracks[-1], RIGHT)


def test_weak_rival_is_no_reason_to_wait() -> None:
    with Tracker(engine=TwoEngine(), on_ambiguous="wait") as tracker:
        tracker.start(frame((LEFT, 255)), text="red")
    clear = TwoEngine()
    clear.bundle.manifest.thresholds["ambiguous_share"] = 0.96  # type: ignore[index]
    with Tracker(engine=clear, on_ambiguous="wait") as tracker:
        assert is_at(tracker.start(BOTH, text="red"), LEFT)


def test_chosen_candidate_is_followed_against_the_text() -> None:
    weak = frame((LEFT, 255), (RIGHT, 200))
    with Tracker(engine=TwoEngine()) as tracker:  # what the text found itself, it takes back
        assert is_at(tracker.start(frame((RIGHT, 200)), text="red"), RIGHT)
        assert is_at([tracker.update(weak) for _ in range(90)][-1], LEFT)
    with Tracker(engine=TwoEngine(), on_ambiguous="wait") as tracker:
        _, second = tracker.start(weak, text="red").candidates
        tracker.choose(second)
        tracks = [tracker.update(weak) for _ in range(90)]
    assert {track.status for track in tracks} == {"tracking"}
    assert all(is_at(track, RIGHT) for track in tracks)
    assert {track.id for track in tracks} == {1}


def test_candidate_that_moved_is_chosen_at_its_new_position() -> None:
    x, y, w, h = RIGHT
    moved = (x - 20, y + 10, w, h)
    with Tracker(engine=TwoEngine(), on_ambiguous="wait") as tracker:
        _, second = tracker.start(BOTH, text="red").candidates
        tracker.choose(second.box)
        track = tracker.update(frame((LEFT, 255), (moved, 240)))
    assert track.box is not None
    assert track.box.iou(Box(*moved)) > 0.9
    assert (track.status, track.index, len(track.candidates)) == ("tracking", 1, 2)


def test_chosen_target_that_was_lost_is_found_by_the_text() -> None:
    with Tracker(engine=TwoEngine()) as tracker:
        _, second = tracker.start(BOTH, text="red").candidates
        tracker.choose(second)
        assert is_at(tracker.update(BOTH), RIGHT)
        gone = frame((LEFT, 255))
        tracks = [tracker.update(gone) for _ in range(40)]
    assert "lost" in {track.status for track in tracks}
    assert is_at(tracks[-1], LEFT)


def test_corrected_box_is_followed_and_the_text_kept() -> None:
    engine = TwoEngine()
    with Tracker(engine=engine) as tracker:
        assert is_at(tracker.start(BOTH, text="red"), LEFT)
        before = engine.calls.count("template")
        tracker.correct(RIGHT)
        tracks = [tracker.update(BOTH) for _ in range(30)]
        assert engine.calls.count("template") == before + 1
        assert engine.calls.count("text") == 1
        assert tracker.text == "red"
    assert tracks[0].box == Box(*RIGHT)
    assert all(is_at(track, RIGHT) for track in tracks)
    assert engine.calls.count("ground") > 1  # the text still checks it


def test_correction_needs_no_text() -> None:
    with Tracker(engine=TwoEngine()) as tracker:
        tracker.start(BOTH, box=LEFT)
        tracker.correct(RIGHT)
        assert tracker.update(BOTH).box == Box(*RIGHT)
        assert is_at(tracker.update(BOTH), RIGHT)


@pytest.mark.parametrize("point", ["choose", "correct"])
def test_bad_boxes_and_early_calls_are_rejected(point: str) -> None:
    with Tracker(engine=TwoEngine()) as tracker:
        with pytest.raises(NotStartedError, match="start"):
            getattr(tracker, point)(LEFT)
        tracker.start(BOTH, text="red")
        for bad in ((700, 10, 20, 20), (1, 2, 0, 4), "left", (1, 2)):
            with pytest.raises(BoxError):
                getattr(tracker, point)(bad)
        assert is_at(tracker.update(BOTH), LEFT)


def test_new_text_or_target_discards_the_choice() -> None:
    with Tracker(engine=TwoEngine()) as tracker:
        tracker.start(BOTH, text="red")
        tracker.correct(RIGHT)
        tracker.set_text("red")
        assert is_at([tracker.update(BOTH) for _ in range(3)][-1], LEFT)
        tracker.correct(RIGHT)
        tracker.start(BOTH, text="red")
        assert is_at(tracker.update(BOTH), LEFT)


@pytest.mark.parametrize("value", ["ask", "", None, True])
def test_on_ambiguous_is_best_or_wait(value: Any) -> None:
    for make in (Tracker, MultiTracker):
        with pytest.raises(ConfigError, match=r"on_ambiguous is .*'best' .*'wait'"):
            make(engine=TwoEngine(), on_ambiguous=value)


def test_each_of_several_targets_waits_and_is_chosen_by_name() -> None:
    with MultiTracker(engine=TwoEngine(), batch=False, on_ambiguous="wait") as many:
        many.add("red", name="a")
        with pytest.raises(NotStartedError, match="'a' is still waiting for its first frame"):
            many.choose("a", LEFT)
        track = many.update(BOTH)["a"]
        assert (track.status, len(track.candidates)) == ("searching", 2)
        many.choose("a", track.candidates[1])
        assert is_at(many.update(BOTH)["a"], RIGHT)
        many.correct("a", LEFT)
        assert is_at(many.update(BOTH)["a"], LEFT)
        with pytest.raises(ConfigError, match="no target 'b'"):
            many.correct("b", LEFT)


def test_object_of_another_target_is_no_rival() -> None:
    with MultiTracker(engine=TwoEngine(), batch=False, on_ambiguous="wait") as many:
        many.add(box=LEFT, name="mine")
        many.update(BOTH)
        many.add("red", name="other")
        assert is_at(many.update(BOTH)["other"], RIGHT)


def test_shipped_model_reports_margins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    picture = np.full((120, 160, 3), 90, np.uint8)
    picture[30:90, 20:70] = picture[30:90, 90:140] = (20, 20, 200)
    with edgetrack.Tracker(threads=1) as tracker:
        candidates = tracker.start(picture, text="red box").candidates
    assert candidates
    for one in candidates:
        rivals = [c.score for c in candidates if c is not one and c.box.iou(one.box) < 0.3]
        assert one.margin == pytest.approx(one.score - max(rivals, default=0))
    assert isinstance(candidates[0], Candidate)


def test_run_that_waited_says_what_for(capsys: pytest.CaptureFixture[str]) -> None:
    from edgetrack.cli.advice import advise_of_rivals
    from edgetrack.cli.status import StatusLine, Watch
    from edgetrack.meter import Meter
    from edgetrack.terminal import open_console
    from edgetrack.types import Frame

    def track(*candidates: tuple[Four, float], box: Four | None = None) -> Track:
        found = tuple(Candidate(Box(*place), score) for place, score in candidates)
        status = "searching" if box is None else "tracking"
        return Track(None if box is None else Box(*box), 0.5, status, 1, name="car", candidates=found)

    engine: Any = FakeEngine()
    watch = Watch(StatusLine(open_console(), total=None, live=False), engine)
    shown, meter = Frame(BOTH, 0, 0.0), Meter()
    watch.update(shown, track((LEFT, 0.9), (RIGHT, 0.8)), meter)
    watch.update(shown, track(), meter)  # no look ended
    advise_of_rivals(watch.rivals)
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "'car' fits 2 objects about equally well, at 60,200,60,60, 480,200,60,60, so none is tracked" in said
    )
    for faint in (track((LEFT, 0.9), (RIGHT, 0.3)), track((LEFT, 0.09), (RIGHT, 0.08))):  # one too weak, both
        watch.update(shown, faint, meter)
        advise_of_rivals(watch.rivals)
    watch.update_all(shown, {"car": track((LEFT, 0.9), (RIGHT, 0.8))}, meter)
    watch.update(shown, track((LEFT, 0.9), (RIGHT, 0.8), box=LEFT), meter)
    advise_of_rivals(watch.rivals)
    assert capsys.readouterr().err == ""
