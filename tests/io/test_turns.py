"""Turns of cameras on one engine: in the order in which they ask, each with its newest frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import numpy as np
import pytest

from edgetrack.io.reading import Reading
from edgetrack.io.source import Source
from edgetrack.io.turns import InTurn, Turns
from edgetrack.types import Frame


def test_a_thread_that_asks_again_at_once_does_not_get_ahead() -> None:
    turns, order, ready = Turns(1), list[int](), threading.Barrier(3)

    def work(number: int) -> None:
        ready.wait()
        for _ in range(20):
            turns.take()
            order.append(number)
            time.sleep(0.002)
            turns.give()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    middle = order[3:-3]
    assert all(len(set(middle[n : n + 3])) == 3 for n in range(len(middle) - 3)), order


@pytest.mark.parametrize("most", [1, 2, 3])
def test_so_many_have_a_turn_at_the_same_time(most: int) -> None:
    turns, lock = Turns(most), threading.Lock()
    now, seen = 0, list[int]()

    def work() -> None:
        nonlocal now
        for _ in range(10):
            turns.take()
            with lock:
                now += 1
                seen.append(now)
            time.sleep(0.005)
            with lock:
                now -= 1
            turns.give()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) == most


def frames(go: threading.Event) -> Generator[Frame, None, None]:
    """Two frames, and three more when told so."""
    for index in range(5):
        if index == 2:
            go.wait(10)
        yield Frame(np.zeros((4, 4, 3), np.uint8), index, index / 30, captured_ns=index * 1_000_000_000)
        time.sleep(0.05)


@pytest.mark.parametrize("live", [True, False])
def test_the_frame_is_the_newest_when_the_turn_comes(live: bool) -> None:
    go, turns = threading.Event(), Turns(1)
    with Source(frames(go), name="f", fps=30, count=None, live=live, reading=Reading()) as source:
        taken = InTurn(source, turns)
        it = iter(taken)
        first = next(it)
        assert first.index == 0
        taken.rest()
        turns.take()  # another camera has the turn while the other frames arrive
        go.set()
        got = list[Frame]()
        thread = threading.Thread(target=lambda: got.append(next(it)))
        thread.start()
        time.sleep(0.6)
        assert not got
        turns.give()
        thread.join(10)
        rest = [*got, *it]
    indices = [frame.index for frame in rest]
    if live:  # one waited for the turn, and the newest one is taken in its place
        assert indices == [4]
        assert taken.dropped == 3
        assert rest[0].gap_s == pytest.approx(4)  # since the one that was tracked
    else:
        assert indices == [1, 2, 3, 4]
        assert taken.dropped == 0


def test_the_first_frame_is_tracked_although_there_is_a_newer_one_if_it_has_the_box() -> None:
    go, turns = threading.Event(), Turns(1)
    go.set()
    with Source(frames(go), name="f", fps=30, count=None, live=True, reading=Reading()) as source:
        time.sleep(0.5)
        taken = InTurn(source, turns, from_first=True)
        assert [frame.index for frame in taken] == [0, 4]


def test_an_error_does_not_keep_the_turn() -> None:
    go, turns = threading.Event(), Turns(1)
    go.set()
    with Source(frames(go), name="f", fps=30, count=None, live=False, reading=Reading()) as source:
        taken = InTurn(source, turns)
        kept = iter(taken)
        next(kept)
        taken.rest()
        taken.rest()  # twice is once
        asked = [threading.Thread(target=turns.take, daemon=True) for _ in range(2)]
        for thread in asked:
            thread.start()
        asked[0].join(5)
        assert not asked[0].is_alive()
        asked[1].join(0.2)
        assert asked[1].is_alive()
        turns.give()
        asked[1].join(5)
        assert not asked[1].is_alive()
