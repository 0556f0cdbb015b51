"""The C++ tracker against the reference in Python: the same boxes, scores, states and network inputs, bit for bit.

Both run on a random engine and on the shipped networks.
"""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
import reference.tracker
from bundles import without_eye
from fake_engine import FakeEngine
from numpy.typing import NDArray
from scripted_engine import ScriptedEngine
from scripted_frames import CALM, EVEN, FADING, Tokens, frames

from edgetrack.bundle import Bundle
from edgetrack.engines import open_engine
from edgetrack.errors import (
    BoxError,
    BundleError,
    EngineUnavailable,
    FrameError,
    NotStartedError,
    PromptError,
)
from edgetrack.manifest import TensorSpec
from edgetrack.policy import Policy
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Track

FRAMES = 110


def both(
    monkeypatch: pytest.MonkeyPatch, seed: int, **engine: Any
) -> tuple[Tracker, reference.tracker.Tracker]:
    monkeypatch.setattr("edgetrack.words.Tokenizer", Tokens)
    native, plain = (ScriptedEngine(seed, **engine) for _ in range(2))
    return Tracker(engine=native), reference.tracker.Tracker(plain)


@pytest.mark.parametrize("named_by", ["box", "text", "both"])
@pytest.mark.parametrize("odds", [EVEN, CALM, FADING], ids=["even", "calm", "fading"])
@pytest.mark.parametrize("seed", range(2))
def test_every_state_equals_the_reference(
    monkeypatch: pytest.MonkeyPatch, seed: int, odds: tuple[float, ...], named_by: str
) -> None:
    native, plain = both(
        monkeypatch,
        seed,
        thresholds={
            "max_uncertain_frames": 4.0,
            "reverify_interval": 3.0,
            "template_update_interval": 2.0,
            "template_blend": 0.3,
            "template_blend_interval": 3.0,
            "template_blend_delay": 1.0,
            "track_threshold": 0.2,
        },
        odds=odds,
    )
    pictures = frames(seed, FRAMES)
    height, width = pictures[0].shape[:2]
    box = None if named_by == "text" else Box(width * 0.3, height * 0.4, width * 0.2, height * 0.35)
    text = None if named_by == "box" else "5"
    seen: list[Track] = []
    for i, picture in enumerate(pictures):
        if i % 80 == 0:
            mine = native.start(picture, text=text, box=box)
            theirs = plain.start(picture, text=text and Tokens(0).encode(text), box=box)
        else:
            mine, theirs = native.update(picture), plain.update(picture)
        assert mine == theirs, f"frame {i}"
        if i % 60 == 59:
            native.set_text("9")
            plain.set_text(Tokens(0).encode("9"))
        seen.append(mine)
    assert native.engine.notes == plain.engine.notes  # type: ignore[attr-defined]
    assert {"search", "ground", "template"} <= {role for role, _ in native.engine.notes}  # type: ignore[attr-defined]
    statuses = {track.status for track in seen}
    expected: dict[tuple[float, ...], set[str]] = {
        CALM: {"tracking"},
        EVEN: {"tracking", "uncertain"},
        FADING: {"uncertain", "lost"},
    }
    assert statuses >= expected[odds]


@pytest.mark.parametrize("switched_off", ["reverify_interval", "template_update_interval"])
def test_step_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, switched_off: str) -> None:
    native, plain = both(monkeypatch, 1, thresholds={switched_off: 0.0}, odds=CALM)
    if switched_off == "reverify_interval":
        monkeypatch.setattr(plain, "_checked", lambda _: None)
        plain._policy = Policy.of({"reverify_interval": 1e9})
    for i, picture in enumerate(frames(3, 60)):
        if i == 0:
            assert native.start(picture, text="3") == plain.start(picture, text=Tokens(0).encode("3"))
        else:
            assert native.update(picture) == plain.update(picture)
    assert native.engine.notes == plain.engine.notes  # type: ignore[attr-defined]


@pytest.mark.nightly
def test_shipped_networks_give_the_boxes_of_the_reference() -> None:
    """Run with arrays bound once and with arrays passed in each call, on the demo's street."""
    pytest.importorskip("cv2", reason="the video extra is not installed")
    from edgetrack.demo.scene import Scene
    from edgetrack.prompt import Tokenizer

    engine: Any = open_engine(without_eye(Bundle.open()), threads=1)
    engine.concurrent = False  # the reference has no background searches
    native, plain = Tracker(engine=engine), reference.tracker.Tracker(engine)
    tokens = Tokenizer(engine.bundle).encode("red car")
    for frame in Scene().frames():
        if frame.index == 0:
            assert native.start(frame.pixels, text="red car") == plain.start(frame.pixels, text=tokens)
        elif frame.index < 60:
            assert native.update(frame.pixels) == plain.update(frame.pixels), frame.index
        else:
            break


# errors


def picture(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize("name", ["prompts", "memory"])
def test_graph_without_an_input_is_named(name: str) -> None:
    engine = FakeEngine()
    del engine.graph("search").inputs[name]
    with pytest.raises(BundleError, match=f"'search' has no tensor '{name}'.*export the bundle again"):
        Tracker(engine=engine)


@pytest.mark.parametrize(
    "spec",
    [TensorSpec("float64", (1, 3, 64)), TensorSpec("float32", (1, 2, 64)), TensorSpec("float32", (1, 3))],
)
def test_input_of_another_type_is_named(spec: TensorSpec) -> None:
    engine = FakeEngine()
    engine.graph("search").inputs["prompts"] = spec
    with pytest.raises(
        BundleError, match=r"'prompts' of graph 'search' has the shape .*expected \(1, 3, 64\)"
    ):
        Tracker(engine=engine)


def test_output_of_another_shape_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    tracker = Tracker(engine=engine)
    tracker.start(picture(), box=(10, 10, 20, 20))
    search = engine.graph("search")
    right = search.run
    monkeypatch.setattr(search, "run", lambda feeds: {**right(feeds), "presence": np.zeros(1, np.float32)})
    with pytest.raises(
        EngineUnavailable,
        match=r"the engine returned 'presence' as float32 \(1,\); expected float32 \(1, 1\)",
    ):
        tracker.update(picture())


@pytest.mark.parametrize("name", ["size", "offset", "presence"])
def test_non_finite_values_are_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    engine = FakeEngine()
    tracker = Tracker(engine=engine)
    tracker.start(picture(), box=(10, 10, 20, 20))
    search = engine.graph("search")
    right = search.run
    monkeypatch.setattr(
        search, "run", lambda feeds: {k: v * np.nan if k == name else v for k, v in right(feeds).items()}
    )
    with pytest.raises(BundleError, match="expected finite numbers"):
        tracker.update(picture())


def test_engine_error_is_raised_and_leaves_no_half_set_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = FakeEngine()
    tracker = Tracker(engine=engine)
    tracker.start(picture(), box=(10, 10, 20, 20))

    def fails(_: object) -> None:
        raise RuntimeError("the board is on fire")

    with monkeypatch.context() as patch:
        patch.setattr(engine.graph("search"), "run", fails)
        with pytest.raises(RuntimeError, match="on fire"):
            tracker.update(picture())
    assert tracker.update(picture()).index == 2
    monkeypatch.setattr(engine.graph("template"), "run", fails)
    with pytest.raises(RuntimeError, match="on fire"):
        tracker.start(picture(), box=(10, 10, 20, 20))
    with pytest.raises(NotStartedError):
        tracker.update(picture())


def test_text_of_another_length_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", Tokens)
    monkeypatch.setattr(Tokens, "encode", lambda *_: (np.ones((1, 7), np.int64), np.ones((1, 7), np.float32)))
    with pytest.raises(PromptError, match="7 ids and 7 mask values; expected 24"):
        Tracker(engine=FakeEngine()).start(picture(), text="1")


def test_box_whose_center_is_outside_the_frame_is_rejected() -> None:
    tracker = Tracker(engine=FakeEngine())
    with pytest.raises(BoxError, match="64x48"):
        tracker.start(picture(), box=(-50, 0, 40, 40))
    assert tracker.start(picture(), box=(-10, -10, 40, 40)).status == "tracking"


def test_rows_may_be_padded_but_not_overlap() -> None:
    wide = np.random.default_rng(0).integers(0, 256, (96, 80, 3), dtype=np.uint8)
    view, copy = wide[::-2, 5:69], np.ascontiguousarray(wide[::-2, 5:69])
    tracks = []
    for pixels in (view, copy):
        engine = ScriptedEngine(0, thresholds={}, odds=CALM)
        tracker = Tracker(engine=engine)
        tracker.start(pixels, box=(10, 10, 20, 20))
        tracks.append((tracker.update(pixels), engine.notes))
    assert tracks[0] == tracks[1]
    with pytest.raises(FrameError, match="ascontiguousarray"):
        Tracker(engine=FakeEngine()).start(wide[:, ::2], box=(10, 10, 20, 20))
    overlapping = np.lib.stride_tricks.as_strided(wide, (10, 20, 3), (3, 3, 1))
    with pytest.raises(FrameError, match="overlap"):
        Tracker(engine=FakeEngine()).start(overlapping, box=(10, 5, 5, 5))


def test_bound_arrays_outlive_the_tracker() -> None:
    """An engine may keep the arrays that it was given; their memory must stay valid."""

    class Keeping(FakeEngine):
        def __init__(self) -> None:
            super().__init__()
            self.kept: dict[str, NDArray[Any]] = {}

    engine = Keeping()
    search = engine.graph("search")
    right = search.run
    search.run = lambda feeds: (engine.kept.update(feeds), right(feeds))[1]  # type: ignore[method-assign]
    tracker = Tracker(engine=engine)
    tracker.start(picture(), box=(10, 10, 20, 20))
    tracker.update(picture())
    before = {name: array.copy() for name, array in engine.kept.items()}
    del tracker
    gc.collect()
    [np.ones(array.size, np.float32) for array in before.values()]  # what freed memory would hold now
    assert all(np.array_equal(engine.kept[name], array) for name, array in before.items())


def test_threads_sharing_a_tracker_take_turns_and_two_trackers_run_in_parallel() -> None:
    engine = FakeEngine()
    tracker = Tracker(engine=engine)
    tracker.start(picture(), box=(10, 10, 20, 20))
    seen: list[int] = []

    def work() -> None:
        seen.extend(tracker.update(picture()).index for _ in range(25))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(seen) == list(range(1, 101))
