"""Rendered days: a seed always renders the same day, and unusual events are where the ground truth says."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

from edgetrack.demo.days import FPS, HEIGHT, WIDTH, Day
from edgetrack.demo.trouble import EVENTS
from edgetrack.errors import ConfigError


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(3, 3 * 3600)


def test_same_seed_renders_the_same_day(day: Day) -> None:
    again = Day(3, 3 * 3600)
    assert again.events == day.events
    for index in (0, 700, 20_000):
        first, second = day.draw(index), again.draw(index)
        assert (first[0] == second[0]).all()
        assert first[1:] == second[1:]
    assert (Day(4, 60).draw(10)[0] != day.draw(10)[0]).any()


def test_every_kind_of_event_occurs_and_events_do_not_overlap(day: Day) -> None:
    assert {event.kind for event in day.events} == set(EVENTS)
    assert all(a.end_s < b.start_s for a, b in zip(day.events, day.events[1:], strict=False))
    assert Day(3, 3600, events=False).events == []


def test_boxes_of_events_are_in_the_frame_while_they_last(day: Day) -> None:
    for number, event in enumerate(day.events):
        first, last = round(event.start_s * FPS), round(event.end_s * FPS)
        for index in (first - 5, last + 5):
            assert number not in day.draw(index)[2]
        box = day.draw((first + last) // 2)[2][number]
        assert 0 <= box.x < box.xyxy[2] <= WIDTH
        assert 0 <= box.y < box.xyxy[3] <= HEIGHT


def test_frames_have_times_and_the_street_is_busy() -> None:
    day = Day(0, 20)
    frames = list(day.frames())
    assert len(frames) == len(day) == 100
    assert frames[-1].time_s == pytest.approx(99 / FPS)
    assert np.mean([len(day.draw(index)[1]) for index in range(0, 100, 10)]) > 0.5
    with pytest.raises(IndexError):
        day.draw(100)


@pytest.mark.parametrize("seconds", [0, -5, float("nan"), 1e9])
def test_invalid_length_of_a_day_is_rejected(seconds: float) -> None:
    with pytest.raises(ConfigError, match="synthetic day of"):
        Day(0, seconds)
