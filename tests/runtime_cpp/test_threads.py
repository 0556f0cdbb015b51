"""Trackers in separate threads: no lock is held that another one needs, and the GIL is released."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine, FakeGraph
from numpy.typing import NDArray
from red_scene import FakeTokenizer, scene

from edgetrack.demo.scene import Scene
from edgetrack.errors import ConfigError
from edgetrack.multi_tracker import MultiTracker
from edgetrack.tracker import Tracker
from edgetrack.types import Track

RED = (100, 100, 60, 40)


class Meeting(FakeEngine):
    """An engine whose networks wait until two callers are inside of them."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier = threading.Barrier(2)

    def graph(self, role: str) -> Any:
        return MeetingGraph(role, self.calls, self.barrier)


class MeetingGraph(FakeGraph):
    def __init__(self, role: str, calls: list[str], barrier: threading.Barrier) -> None:
        super().__init__(role, calls)
        self._barrier = barrier

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if self.role == "search":
            self._barrier.wait(timeout=30)  # BrokenBarrierError if the second caller cannot come
        return super().run(feeds)


@pytest.mark.parametrize("several", [False, True])
def test_two_trackers_are_inside_the_network_at_the_same_time(several: bool) -> None:
    engine = Meeting()

    def follow(_: int) -> int:
        if several:
            many = MultiTracker(engine=engine)
            many.add(box=RED)
            for _frame in range(5):
                tracks = many.update(scene(RED))
                assert not many.failed
            return tracks["box 1"].index
        one = Tracker(engine=engine)
        one.start(scene(RED), box=RED)
        return [one.update(scene(RED)).index for _ in range(4)][-1]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(follow, range(2))) == [4, 4]


def test_single_caller_blocks_at_the_barrier() -> None:
    """The control experiment: with one caller the networks of ``Meeting`` do not return."""
    engine = Meeting()
    engine.barrier = threading.Barrier(2, timeout=0.2)
    tracker = Tracker(engine=engine)
    tracker.start(scene(RED), box=RED)
    engine.barrier.abort()
    with pytest.raises(threading.BrokenBarrierError):
        tracker.update(scene(RED))


@pytest.fixture
def moments() -> Iterator[list[float]]:
    """Record when a Python loop in another thread was running, in seconds of ``perf_counter``."""
    seen: list[float] = []
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            seen.append(perf_counter())
            sleep(2e-4)  # leaves the processor to the other thread, which shortens the edges

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def inside(moments: list[float], call: Callable[[], float]) -> int:
    """Count how often the other thread ran while ``call`` was certainly in C.

    ``call`` returns its minimum duration there. It began after ``before`` and ended before ``after``: what lies later
    than ``after`` minus that time and earlier than ``before`` plus it was inside, however long the thread waited for
    the GIL or the processor at the edges.
    """
    moments.clear()
    before = perf_counter()
    least_s = call()
    after = perf_counter()
    return sum(after - least_s < moment < before + least_s for moment in list(moments))


@pytest.mark.skipif(sys.platform == "win32", reason="usleep is of POSIX")
def test_python_continues_while_a_frame_is_tracked(moments: list[float]) -> None:
    """It does so during a call that releases the GIL, and never during one that keeps it."""
    tracker = Tracker(threads=1)
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)

    def update() -> float:
        tracker.start(pixels, box=(200, 200, 60, 60))
        tracker.update(pixels)
        return tracker.timing.total / 1e3

    def wait(library: Any) -> float:
        library.usleep(20_000)
        return 0.02

    tries = 60  # on a busy machine the edges may be longer than the call
    assert not any(inside(moments, lambda: wait(ctypes.PyDLL(None))) for _ in range(10))
    assert any(inside(moments, lambda: wait(ctypes.CDLL(None))) for _ in range(tries))
    assert any(inside(moments, update) for _ in range(tries))


def test_thread_waiting_for_a_shared_tracker_releases_the_gil() -> None:
    """Two threads share a tracker by mistake; one is inside its network, which needs the GIL to finish."""
    inside_it, go = threading.Event(), threading.Event()

    class Waits(FakeEngine):
        def graph(self, role: str) -> Any:
            graph = super().graph(role)
            if role == "search":
                right = FakeGraph.run

                def run(feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
                    inside_it.set()
                    assert go.wait(timeout=30)
                    return right(graph, feeds)

                graph.run = run  # type: ignore[method-assign]
            return graph

    tracker = Tracker(engine=Waits())
    tracker.start(scene(RED), box=RED)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(tracker.update, scene(RED))
        assert inside_it.wait(timeout=30)
        second = pool.submit(tracker.update, scene(RED))
        threading.Timer(0.1, go.set).start()  # would never run if the second thread kept the GIL
        assert {first.result(timeout=60).index, second.result(timeout=60).index} == {1, 2}


def test_shipped_trackers_in_threads_give_the_tracks_of_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [frame.pixels.copy() for frame in islice(Scene().frames(), 10)]
    engine = Tracker(threads=1).engine

    def follow(text: str) -> list[Track]:
        tracker = Tracker(engine=engine)
        return [
            tracker.update(frame) if i else tracker.start(frame, text=text) for i, frame in enumerate(frames)
        ]

    texts = ["red car", "white van", "red car"]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(follow, texts))
    assert together == [follow(text) for text in texts]


def test_multi_tracker_shared_by_mistake_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    many = MultiTracker(engine=FakeEngine())
    many.add(box=RED, name="stays")

    def use(number: int) -> None:
        for turn in range(20):
            many.add(text="red", name=f"{number}.{turn}")
            many.update(scene(RED))
            many.remove(f"{number}.{turn}")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(use, range(3)))
    assert many.names == ("stays",)
    assert many.update(scene(RED))["stays"].index == 60


class Calling(FakeEngine):
    """An engine whose networks call its owner."""

    def __init__(self) -> None:
        super().__init__()
        self.again: Callable[[], object] = lambda: None

    def graph(self, role: str) -> Any:
        graph = super().graph(role)
        if role == "search":
            run = FakeGraph.run
            graph.run = lambda feeds: (self.again(), run(graph, feeds))[1]  # type: ignore[method-assign]
        return graph


@pytest.mark.parametrize("call", ["update", "start", "timing", "set_text"])
def test_engine_that_calls_its_own_tracker_is_an_error(call: str) -> None:
    """Otherwise it would deadlock."""
    engine = Calling()
    tracker = Tracker(engine=engine)
    tracker.reader._tokenizer = FakeTokenizer(engine.bundle)  # type: ignore[assignment]
    tracker.start(scene(RED), box=RED)
    calls: dict[str, Callable[[], object]] = {
        "update": lambda: tracker.update(scene(RED)),
        "start": lambda: tracker.start(scene(RED), box=RED),
        "timing": lambda: tracker.timing,
        "set_text": lambda: tracker.set_text("red"),
    }
    engine.again = calls[call]
    with pytest.raises(ConfigError, match="called from inside its own call"):
        tracker.update(scene(RED))
    engine.again = lambda: None
    assert tracker.update(scene(RED)).status == "tracking"
