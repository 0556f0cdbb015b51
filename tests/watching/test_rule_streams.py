"""Rules over any stream: clock jumps, boxes of any size; scenes that are mirrored, slowed down or renamed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_scenes import PIXELS, ZONES, Place, Way, at, play, shown, track

from edgetrack.events import Event
from edgetrack.types import Frame
from edgetrack.watching.rule import Rule
from edgetrack.watching.watcher import Watcher


def events_of(watcher: Watcher, times: list[float]) -> list[Event]:
    """Return the events of one person who stands still."""
    tracks = {"p": track(1, "person", at(100))}
    return [event for n, t in enumerate(times) for event in watcher.update(tracks, Frame(PIXELS, n, t))]


@pytest.mark.parametrize("jump", [-100.0, 100.0])
def test_clock_jump_extends_no_duration(jump: float) -> None:
    """The time of the jump does not count: only observed time does, and a gap counts one second at most."""
    times = [n / 10 + (jump if n > 20 else 0) for n in range(60)]
    [event] = events_of(Watcher([Rule.parse("a person is present for 5 seconds")]), times)
    assert event.index == (50 if jump < 0 else 41)
    assert event.time_s == pytest.approx(times[event.index])


def test_alert_says_who_and_where() -> None:
    watcher = Watcher([Rule.parse("a person is near the car for 0 seconds", name="too close")])
    tracks = {
        "a": track(4, "person", at(100)),
        "b": track(7, "car", at(120), one=True),
        "c": track(9, "person", at(300)),
    }
    [event] = watcher.update(tracks, Frame(PIXELS, 12, 3.5))
    assert (event.type, event.rule, event.index, event.time_s) == ("alert", "too close", 12, 3.5)
    assert (event.ids, event.name, event.id, event.query) == ((4, 7), "person #4", 4, "person")
    assert event.box is not None
    assert event.box.xyxy == (90, 80, 130, 120)
    assert watcher.counts == {"too close": 1}
    assert (watcher.targets, watcher.queries) == (("car",), ("person",))
    assert watcher.update(tracks, Frame(PIXELS, 13, 3.6)) == ()


def test_memory_is_bounded() -> None:
    rules = ["a person enters yard", "a person leaves yard", "a person loiters", "a person is taken away",
             "a person falls", "a person crosses gate", "a person is near another person"]  # fmt: skip
    watcher = Watcher([Rule.parse(rule) for rule in rules], ZONES)
    held = []
    tracemalloc.start()
    for n in range(451):  # in frames 1 s apart, a new person in each
        tracks = {str(i): track(i, "person", at(50 + 100 * (i % 4))) for i in (n, n + 1)}
        watcher.update(tracks, Frame(PIXELS, n, float(n)))
        if n in (150, 450):
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] - held[0] < 10_000  # bytes, of 300 persons


SENTENCES = (
    "a person is in yard",
    "a person enters yard then within 3 seconds the person stops",
    "a person moves faster than 0.8 heights a second",
    "a person is near another person",
    "a person approaches another person",
)
WAYS = st.lists(
    st.tuples(st.floats(20, 380), st.floats(60, 140), st.floats(-60, 60), st.floats(0.5, 4)),
    min_size=1,
    max_size=4,
)


def ways_of(drawn: list[tuple[float, float, float, float]], sign: float = 1.0) -> list[tuple[str, Way]]:
    """Return people who walk for some time and then stand; mirrored left to right if the sign is negative."""

    def way(x: float, y: float, speed: float, until_s: float) -> Way:
        return lambda t: at(200 + sign * (x + speed * min(t, until_s) - 200), y)

    return [("person", way(*one)) for one in drawn]


@settings(max_examples=15, deadline=None)
@given(WAYS, st.sampled_from(SENTENCES), st.randoms(use_true_random=False))
def test_renaming_ids_changes_nothing(
    drawn: list[tuple[float, float, float, float]], sentence: str, random: object
) -> None:
    people = ways_of(drawn)
    ids = list(range(1, len(people) + 1))
    random.shuffle(ids)  # type: ignore[attr-defined]
    renamed = dict(enumerate(ids, 1))
    told = play(sentence, 5, *people)
    again = play(sentence, 5, *people, ids=renamed)
    assert sorted((t, sorted(renamed[i] for i in who)) for t, who in told) == sorted(
        (t, sorted(who)) for t, who in again
    )


@settings(max_examples=8, deadline=None)
@given(WAYS)
def test_mirrored_scene_mirrors_directions(drawn: list[tuple[float, float, float, float]]) -> None:
    here, mirrored = ways_of(drawn), ways_of(drawn, -1.0)
    for sentence, other in [
        ("a person moves left", "a person moves right"),
        ("a person moves against left", "a person moves against right"),
        ("a person crosses gate going left", "a person crosses gate going right"),
        ("a person is near another person", "a person is near another person"),
    ]:
        assert play(sentence, 5, *here) == play(other, 5, *mirrored)


@settings(max_examples=15, deadline=None)
@given(WAYS, st.sampled_from([2.0, 3.0]))
def test_slowed_scene_with_slowed_rules_gives_the_same_alerts(
    drawn: list[tuple[float, float, float, float]], k: float
) -> None:
    """Frames are k times as far apart, and all times of the rule k times as long: the same frames alert.

    Nobody is in view or out of it so briefly that it does not count.
    """
    rule = "a person is present for {} seconds then within {} seconds the person is absent for {} seconds"
    spans = [(round(1 + d[3] / 4, 1), round(2 + d[3] / 2, 1)) for d in drawn]
    people = [("person", shown(span)) for span in spans]
    normal = play(rule.format(0.6, 4, 1), 6, *people)
    assert normal
    slow = [(p, lambda t, way=way: way(t / k)) for p, way in people]
    scaled = play(rule.format(0.6 * k, 4 * k, k), 6 * k, *slow, fps=10 / k)
    assert [(round(t * k, 3), who) for t, who in normal] == [(round(t, 3), who) for t, who in scaled]


def test_no_frame_raises_an_exception() -> None:
    watcher = Watcher([Rule.parse(sentence) for sentence in SENTENCES], ZONES)
    rng = np.random.default_rng(0)
    for n in range(300):
        places: list[Place] = [
            None if rng.random() < 0.3 else at(*rng.uniform(-500, 900, 2), *(10.0 ** rng.uniform(-3, 3, 2)))
            for _ in range(4)
        ]
        tracks = {
            str(i): track(i, "person", place, n, "tracking" if rng.random() < 0.7 else "uncertain")
            for i, place in enumerate(places)
        }
        for event in watcher.update(tracks, Frame(PIXELS, n, float(rng.uniform(-5, 5)))):
            assert event.ids
