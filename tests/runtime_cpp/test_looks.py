"""Full-frame searches in a background thread: the same tracks however long they take, and a clean exit."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine, FakeGraph
from numpy.typing import NDArray
from red_scene import FakeTokenizer, scene
from scripted_engine import ScriptedEngine, ScriptedGraph
from scripted_frames import EVEN, FADING, Tokens, frames

import edgetrack
from edgetrack.errors import EngineUnavailable
from edgetrack.multi_tracker import MultiTracker
from edgetrack.policy import Policy
from edgetrack.tracker import Tracker
from edgetrack.types import Track

RED = (100, 100, 60, 40)


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


class Beside(FakeEngine):
    """An engine that finds red. Its full-frame searches wait for ``go``, in threads that it records."""

    concurrent = True

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.go.set()
        self.threads: dict[str, set[int]] = {}
        self.error: Exception | None = None
        self.seconds = 0.0  # that a full-frame search takes

    def graph(self, role: str) -> Any:
        return self._graphs.setdefault(role, BesideGraph(role, self))


class BesideGraph(FakeGraph):
    def __init__(self, role: str, engine: Beside) -> None:
        super().__init__(role, engine.calls)
        self._engine = engine

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self._engine.threads.setdefault(self.role, set()).add(threading.get_ident())
        if self.role == "ground":
            assert self._engine.go.wait(timeout=30)
            time.sleep(self._engine.seconds)
            if self._engine.error is not None:
                raise self._engine.error
        return super().run(feeds)


class Dice(ScriptedEngine):
    """Random answers by role and number of the call, so that the order of two networks does not matter."""

    concurrent = True

    def __init__(self, delays: int, odds: tuple[float, ...]) -> None:
        super().__init__(
            1,
            thresholds={"max_uncertain_frames": 2.0, "reverify_interval": 5.0, "track_threshold": 0.2},
            odds=odds,
        )
        self.delays = np.random.default_rng(delays) if delays else None

    def graph(self, role: str) -> FakeGraph:
        return self._graphs.setdefault(role, DiceGraph(role, self))


class DiceGraph(ScriptedGraph):
    def __init__(self, role: str, engine: Dice) -> None:
        super().__init__(role, engine)
        self._number = 0

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        engine: Any = self._engine
        if engine.delays is not None and self.role == "ground":
            time.sleep(engine.delays.random() * 0.004)
        self._number += 1
        dice = np.random.default_rng((engine.seed, len(self.role), self._number))
        out = {name: dice.random(spec.shape, np.float32) for name, spec in self.outputs.items()}
        if "score" in out:
            self._aim(out, dice)
        return out


@pytest.mark.parametrize("odds", [EVEN, FADING], ids=["even", "fading"])
@pytest.mark.parametrize("named_by", ["box", "text"])
def test_tracks_do_not_depend_on_the_duration_of_a_search(
    monkeypatch: pytest.MonkeyPatch, named_by: str, odds: tuple[float, ...]
) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", Tokens)
    pictures = frames(3, 90)
    height, width = pictures[0].shape[:2]
    named: dict[str, Any] = {"text": "5"}
    if named_by == "box":
        named = {"box": (width * 0.3, height * 0.4, width * 0.2, height * 0.35)}

    def tracks(delays: int) -> list[Track]:
        tracker = Tracker(engine=Dice(delays, odds))
        return [tracker.update(p) if i else tracker.start(p, **named) for i, p in enumerate(pictures)]

    prompt = tracks(0)
    assert {track.basis for track in prompt} >= {"network", "reused"}
    assert tracks(1) == tracks(2) == prompt


def test_full_frame_search_runs_in_a_background_thread_and_delays_no_frame() -> None:
    engine = Beside()
    tracker = Tracker(engine=engine)
    tracker.start(scene(None), text="red")
    engine.go.clear()  # from here on a search that starts does not finish
    assert tracker.update(scene(None)).basis == "reused"
    engine.go.set()
    assert threading.get_ident() not in engine.threads["ground"]
    assert len(engine.threads["ground"]) == 1


def test_slow_frames_do_not_wait_for_a_search() -> None:
    engine = Beside()
    engine.seconds = 0.06
    tracker = Tracker(engine=engine)
    tracker.start(scene(None), text="red")
    waits_ms = []
    for _ in range(12):
        time.sleep(0.04)
        assert tracker.update(scene(None)).status == "searching"
        waits_ms.append(tracker.timing.total)
    assert np.median(waits_ms) < 10  # a third of a search is 20


def test_result_counts_a_fixed_number_of_frames_later_with_a_current_box() -> None:
    tracker = Tracker(engine=Beside())
    tracker.start(scene(None), text="red")
    tracks = [tracker.update(scene((100 + 5 * i, 100, 60, 40))) for i in range(10)]
    first = next(i for i, track in enumerate(tracks) if track.status == "tracking")
    assert first == round(Policy().search_latency)
    boxes = [track.box for track in tracks[first:]]
    assert all(box and abs(box.x - 100 - 5 * (first + i)) < 6 for i, box in enumerate(boxes))
    assert boxes[1]
    assert abs(boxes[1].x - 100 - 5 * (first + 1)) < 1  # one frame later it is where the object is


def test_tracking_continues_during_reverification() -> None:
    engine = Beside()
    tracker = Tracker(engine=engine)
    tracker.start(scene(RED), text="red")
    for _ in range(5):
        tracker.update(scene(RED))
    engine.go.clear()
    track = tracker.update(scene(RED))  # a check starts in it, and its result counts later
    assert track.status == "tracking"
    engine.go.set()
    tracker._core.rest()
    assert engine.calls.count("ground") >= 2


def test_engine_that_serves_one_caller_answers_synchronously() -> None:
    tracker = Tracker(engine=FakeEngine())
    tracker.start(scene(None), text="red")
    assert tracker.update(scene(None)).basis == "network"
    assert tracker.update(scene(RED)).status == "tracking"


def test_failed_search_raises_and_another_one_starts() -> None:
    engine = Beside()
    tracker = Tracker(engine=engine)
    tracker.start(scene(None), text="red")
    engine.error = EngineUnavailable("it broke")
    for _ in range(round(Policy().search_latency)):
        tracker.update(scene(None))
    with pytest.raises(EngineUnavailable, match="it broke"):
        tracker.update(scene(None))
    engine.error = None
    assert "tracking" in [tracker.update(scene(RED)).status for _ in range(9)]


@pytest.mark.parametrize("ending", ["set_text", "start", "del"])
def test_pending_search_is_discarded_with_its_target(ending: str) -> None:
    engine = Beside()
    tracker = Tracker(engine=engine)
    tracker.start(scene(None), text="red")
    engine.go.clear()
    tracker.update(scene(RED))
    threading.Timer(0.05, engine.go.set).start()
    if ending == "set_text":
        tracker.set_text("another")
        assert tracker.update(scene(None)).box is None
    elif ending == "start":
        assert tracker.start(scene(None), text="other").status == "searching"
    else:
        del tracker  # waits; it would deadlock if it held the GIL


def test_targets_may_come_and_go_during_searches() -> None:
    engine = Beside()
    many = MultiTracker(engine=engine)
    for i in range(30):
        many.add(text="red", name=str(i))
        if i > 2:
            many.remove(str(i - 3))
        many.update(scene(RED if i % 5 else None))
    assert len(many.names) == 3


@pytest.mark.parametrize("several", [False, True])
def test_warm_up_runs_every_network_and_changes_nothing(several: bool) -> None:
    engine = Beside()
    if several:
        many = MultiTracker(engine=engine)
        many.warm_up()
    else:
        tracker, other = Tracker(engine=engine), Tracker(engine=Beside())
        for one in (tracker, other):
            one.start(scene(RED), text="red")
        tracker.warm_up()
        for i in range(12):
            picture = scene((100 + 4 * i, 100, 60, 40) if i < 6 else None)
            assert tracker.update(picture) == other.update(picture)
            if i == 8:
                tracker.warm_up()
    assert {"search", "ground", "template", "text", "prompt"} <= set(engine.calls)


@pytest.mark.parametrize("masks", [False, True])
def test_warm_up_loads_the_shipped_networks(masks: bool) -> None:
    many = edgetrack.MultiTracker(threads=1, masks=masks)
    many.warm_up()
    engine: Any = many.engine
    assert set(engine._graphs) == set(engine.bundle.graphs) - (set() if masks else {"mask"})


ENDS = """
import edgetrack, numpy as np, os, sys
tracker = edgetrack.Tracker(threads=1)
frame = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
tracker.start(frame, text="red car")
for _ in range(3):
    tracker.update(frame)
if sys.argv[1] == "exit":
    sys.exit(0)
if sys.argv[1] == "raise":
    raise SystemExit(0)
child = os.fork()
indices = [str(tracker.update(frame).index) for _ in range(3)]
os.write(1, " ".join(["fork", *indices, ""]).encode())  # at once: both processes write
if child == 0:
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("ending", ["exit", "raise", "fork"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
def test_process_exits_and_forks_during_a_search(ending: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS, ending], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("fork 4 5 6") == (2 if ending == "fork" else 0)
