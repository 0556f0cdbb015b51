"""Each rule on synthetic tracks: alerts at the right time, for the right objects, once, and not otherwise."""

from __future__ import annotations

import pytest
from rule_scenes import ZONES, Place, Way, at, play, shown

from edgetrack.errors import ConfigError
from edgetrack.watching.rule import Rule
from edgetrack.watching.watcher import Watcher


def still(x: float, y: float = 100) -> Way:
    return lambda t: at(x, y)


def walking(x: float, speed: float) -> Way:
    return lambda t: at(x + speed * t)


def test_presence_counts_from_the_first_frame() -> None:
    assert play("a person is present for 2 seconds", 9, ("person", shown((1, 9)))) == [(3.0, (1,))]
    assert play("a person is present for 2 seconds", 9, ("person", shown((1, 2.9)))) == []
    assert play("a dog is present", 5, ("person", still(100))) == []


@pytest.mark.parametrize(("gap_s", "alerts"), [(0.5, 1), (0.6, 2)])
def test_short_interruption_ends_nothing(gap_s: float, alerts: int) -> None:
    """The last frame before a gap of ``gap_s`` is at 2.0 s: half a second without it is still tolerated."""
    way = shown((0, 2.1), (2.0 + gap_s + 0.1, 6))
    assert len(play("a person is present for 1 second", 6, ("person", way))) == alerts
    resumed = play("a person is present for 3 seconds", 6, ("person", way))
    assert resumed == [(3.0 if alerts == 1 else 5.7, (1,))]


def test_uncertain_box_changes_nothing() -> None:
    def vague(t: float) -> bool:
        return 2 <= t < 4

    assert play("a person is present for 3 seconds", 6, ("person", still(9)), uncertain=vague) == [
        (4.0, (1,))
    ]
    assert play("a person is absent for 1 second", 6, ("person", still(9)), uncertain=vague) == []
    assert play("a person is present", 1, ("person", still(9)), uncertain=lambda t: True) == []


def test_absent_alerts_again_after_the_object_was_there() -> None:
    assert play("the car is absent for 2 s", 9, ("the car", shown((1, 3)))) == [(5.0, ())]
    assert play("a car is absent", 3) == [(2.0, ())]


def test_entering_needs_outside_first_and_leaving_needs_inside_first() -> None:
    right, left = ("person", walking(150, 50)), ("person", walking(250, -50))
    assert play("a person enters yard", 4, right, left) == [(1.2, (1,))]  # 200 at 1.0 s, and 0.2 s to settle
    assert play("a person leaves yard", 4, right, left) == [(1.3, (2,))]  # 195 at 1.1 s
    assert play("a person is in the zone yard", 4, right, left) == [(0.5, (2,)), (1.5, (1,))]
    assert play("a person enters yard", 4, ("person", shown((1, 4), x=300))) == []
    assert play("a person leaves yard", 4, ("person", shown((1, 2), x=300))) == [(2.2, (1,))]


def test_jittering_box_at_an_edge_enters_once() -> None:
    def trembling(t: float) -> Place:
        return at(150 if t < 1 else 205 if t < 2 or round(t * 10) % 2 else 195)

    assert play("a person enters yard", 5, ("person", trembling)) == [(1.2, (1,))]


def test_lines_are_crossed_with_a_direction() -> None:
    right, left = ("person", walking(150, 50)), ("person", walking(250, -50))
    assert play("a person crosses gate", 3, right, left) == [(1.1, (1,)), (1.1, (2,))]
    assert play("a person crosses the line gate going right", 3, right, left) == [(1.1, (1,))]
    assert play("a person crosses gate going left", 3, right, left) == [(1.1, (2,))]


def test_stopping_needs_motion_first() -> None:
    def parks(t: float) -> Place:
        return at(100 + 40 * min(t, 2.0))

    told = play("a car stops for 2 seconds", 8, ("car", parks), ("car", still(300)))
    assert told == [(4.5, (1,))]  # the velocity is over half a second, so that it is slow from 2.5 s on
    again = play("a car stops", 12, ("car", lambda t: parks(t if t < 6 else t - 5)))
    assert [ids for _, ids in again] == [(1,), (1,)]


def test_speed_is_in_heights_or_pixels() -> None:
    fast, slow = ("car", walking(20, 60)), ("car", walking(20, 30))
    assert play("a car moves faster than 1 height a second for 1 second", 3, fast, slow) == [(1.2, (1,))]
    assert play("a car moves faster than 50 pixels a second for 1 second", 3, fast, slow) == [(1.2, (1,))]
    assert play("a car moves faster than 1.6 heights a second", 3, fast, slow) == []


@pytest.mark.parametrize(("slow", "alerts"), [(42.0, 1), (38.0, 2)])
def test_small_drop_in_speed_is_tolerated(slow: float, alerts: int) -> None:
    """50 pixels per second are required to start, and 40 are enough to continue."""

    def waves(t: float) -> Place:
        x, now = 0.0, 0.0
        while now < t - 1e-9:
            x, now = x + 0.1 * (60.0 if now < 2 or now >= 5 else slow), now + 0.1
        return at(x)

    assert len(play("a car moves faster than 50 pixels a second", 8, ("car", waves))) == alerts


def test_directions_and_the_wrong_way() -> None:
    right, left, down = ("car", walking(20, 40)), ("car", walking(380, -40)), ("car", lambda t: at(9, 40 * t))
    assert play("a car moves right", 2, right, left, down) == [(0.7, (1,))]
    assert play("a car moves against right", 2, right, left, down) == [(0.7, (2,))]
    assert play("a car moves down", 2, right, left, down) == [(0.7, (3,))]


def test_approaching_is_motion_of_the_first_object() -> None:
    person, car = ("person", walking(50, 40)), ("the car", still(300))
    assert play("a person approaches the car", 3, person, car) == [(0.7, (1, 2))]
    assert play("a person approaches the car", 3, ("person", still(50)), ("the car", walking(300, -40))) == []
    assert play("a person approaches the car", 3, ("person", walking(200, -40)), car) == []


def test_near_is_the_gap_between_edges_in_heights_of_the_taller() -> None:
    car = ("the red car", still(300))
    assert play("a person is near the red car", 3, ("person", still(260)), car) == [(0.5, (1, 2))]  # 20 of 40
    assert play("a person is near the red car", 3, ("person", still(259)), car) == []
    assert play("a person stays within 2 heights of the red car", 3, ("person", still(200)), car) != []


@pytest.mark.parametrize(("x", "alerts"), [(245.5, 1), (244, 2)])
def test_near_ends_at_a_larger_distance_than_it_begins(x: float, alerts: int) -> None:
    """Near begins at a gap of 0.5 heights, and ends beyond 0.875: 35 pixels."""

    def moves(t: float) -> Place:
        return at(270 if t < 2 or t >= 4 else x)

    told = play("a person is near the car", 6, ("person", moves), ("the car", still(300)))
    assert len(told) == alerts


def test_pair_alerts_once() -> None:
    people = [("person", still(x)) for x in (100, 110, 300)]
    assert play("a person is near another person", 3, *people) == [(0.5, (1, 2))]


def test_fall_changes_height_and_shape() -> None:
    def falls(t: float) -> Place:
        return at(100, 100, 20, 40) if t < 2 else at(100, 115, 40, 15)

    def bends(t: float) -> Place:
        return at(100, 100, 20, 40) if t < 2 else at(100, 105, 26, 26.5)

    def slowly(t: float) -> Place:
        return at(100, 100, 20, 40) if t < 2 else at(100, 100, 30, 34) if t < 4 else at(100, 115, 40, 15)

    assert play("a person falls", 6, ("person", falls)) == [(2.5, (1,))]
    assert play("a person falls", 6, ("person", bends), ("person", slowly)) == []
    assert play("a person falls", 6, ("person", lambda t: at(100, 115, 40, 15))) == []


def test_person_cut_off_by_the_border_has_not_fallen() -> None:
    def goes(t: float) -> Place:
        return at(100, 100, 20, 40) if t < 2 else at(100, 195, 20, 10)

    assert play("a person falls", 6, ("person", goes)) == []


def test_left_behind_needs_an_owner_who_leaves() -> None:
    def owner(t: float) -> Place:
        return at(100 if t < 3 else min(100 + 60 * (t - 3), 350))

    bag: Way = lambda t: at(110, 110, 10, 10)  # noqa: E731
    rule = "a bag is left behind for 5 seconds"
    told = play(rule, 12, ("bag", bag), ("person", owner))
    assert told == [(9.1, (1,))]  # the gap is beyond 0.875 heights from 4.1 s on
    assert play(rule, 12, ("bag", bag)) == []
    assert play(rule, 12, ("bag", bag), ("person", still(100))) == []


def test_taken_away_means_moved_or_gone() -> None:
    def carried(t: float) -> Place:
        return at(100 if t < 4 else 100 + 40 * (t - 4), 100, 10, 10)

    assert play("a bag is taken away", 9, ("bag", carried)) == [(6.2, (1,))]  # away from 4.2 s on
    assert play("a bag is taken away", 9, ("bag", shown((0, 4)))) == [(6.0, (1,))]
    assert play("a bag is taken away", 9, ("bag", shown((0, 1.5))), ("bag", walking(9, 30))) == []
    assert play("a bag is taken away", 9, ("bag", shown((0, 4), (5, 9)))) == []


def test_loitering_is_staying_near_one_place() -> None:
    def strolls(t: float) -> Place:
        return at(100 + 40 * abs((t % 2) - 1))

    assert play("a person loiters for 20 s", 30, ("person", strolls)) == [(20.0, (1,))]
    assert play("a person loiters for 20 s", 30, ("person", walking(10, 10))) == []  # 80 pixels in 8 s
    assert play("a person loiters within 6 heights for 20 s", 30, ("person", walking(10, 10))) == [
        (20.0, (1,))
    ]


def test_wrong_height_in_one_frame_does_not_end_loitering() -> None:
    def stands(t: float) -> Place:
        return at(100 if t < 5 else 130, h=20 if abs(t - 12) < 0.01 else 40)

    assert play("a person loiters within 1 height for 20 s", 30, ("person", stands)) == [(20.0, (1,))]


def test_counts_above_and_below() -> None:
    people = [("person", shown((n, 9), x=100 + 60 * n)) for n in range(4)]
    assert play("the count of person is above 2", 6, *people) == [(2.5, ())]
    assert play("the count of person is below 2", 6, *people) == [(0.5, ())]
    assert play("the count of person is more than 1 in yard", 6, *people) == [(3.5, ())]


def test_parts_of_a_rule_are_about_the_same_objects() -> None:
    near, runner = ("person", still(270)), ("person", walking(20, 60))
    car = ("the car", still(300))
    both = "a person is near the car and the person moves faster than 1 height a second"
    assert play(both, 3, near, runner, car) == []
    assert play(both, 5, ("person", walking(150, 60)), car) == [(2.4, (1, 2))]  # near from 1.9 s on
    either = "a person is near the car or a person moves faster than 1 height a second"
    assert play(either, 3, near, runner, car) == [(0.5, (1, 3)), (0.7, (2,))]


def test_then_needs_order_and_time_limit() -> None:
    rule = "a person enters yard then within {} seconds the person stops"

    def arrives(t: float) -> Place:
        return at(min(150 + 50 * t, 250))

    assert play(rule.format(5), 6, ("person", arrives)) == [(3.5, (1,))]  # entered at 1.2 s
    assert play(rule.format("2.3"), 6, ("person", arrives)) == [(3.5, (1,))]
    assert play(rule.format("2.2"), 6, ("person", arrives)) == []
    backward = "a person stops then within 5 seconds the person enters yard"
    assert play(backward, 6, ("person", arrives)) == []
    other = [("person", lambda t: at(150 + 50 * t)), ("person", lambda t: at(min(20 + 50 * t, 120)))]
    assert play(rule.format(5), 4, *other) == []


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("a person enters yrad", "names the zone 'yrad'; expected yard"),
        ("a person enters gate", "names the zone 'gate'; expected one of yard"),
        ("a person crosses gate going up", "has the direction 'up' of 'gate'; expected left or right"),
    ],
)
def test_unknown_place_is_named(sentence: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Watcher([Rule.parse(sentence)], ZONES)


def test_contradictory_rules_are_rejected() -> None:
    with pytest.raises(ConfigError, match="no rule is given"):
        Watcher([])
    with pytest.raises(ConfigError, match="given twice"):
        Watcher([Rule.parse("a person falls"), Rule.parse("when a person falls down")])
    with pytest.raises(ConfigError, match='"the person" is in one rule and "a person" in another'):
        Watcher([Rule.parse("a person falls"), Rule.parse("the person stops")])
