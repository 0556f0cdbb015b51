"""Identities of the detections of a query: confirmed, lost, back, ended; ids stay with their objects."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from edgetrack.association import Floats
from edgetrack.instances import MISSED, Detection, Instances, Rules
from edgetrack.types import Box

pytest.importorskip("scipy")

SIZE = (640, 480)


def face(n: int) -> Floats:
    """Make appearance vectors that have nothing in common."""
    return np.eye(8)[n]


class Film:
    """A video with a search in each frame, at 10 frames per second."""

    def __init__(self, most: int = 8, confirm: tuple[int, int] = (2, 3), keep_s: float = 2.0) -> None:
        self.instances = Instances(Rules(most, confirm, keep_s), count(1))
        self.frame = 0
        self.news: list[tuple[str, int]] = []

    def show(
        self, *things: tuple[float, float, int], score: float = 0.9, frames: int = 1, late: int = 0
    ) -> None:
        """Show objects of 40 x 80 pixels at (x, y) with an appearance, for a number of frames."""
        for _ in range(frames):
            for n in range(late + 1):
                self.frame += 1
                self.instances.step(SIZE, self.frame / 10)
                if n == 0:
                    self.instances.begin_look()
            appearance = [face(n) if score >= 0.5 else None for _, _, n in things]
            boxes = [Box(x, y, 40, 80) for x, y, _ in things]
            self.instances.see([Detection(b, score, a) for b, a in zip(boxes, appearance, strict=True)])
            self.news += [(kind, one.id) for kind, one in self.instances.take_news()]

    def at(self) -> dict[int, tuple[str, float]]:
        """Return status and left edge of each confirmed object."""
        return {one.id: (one.status, one.motion.box.x) for one in self.instances.all if one.id}


def test_object_gets_an_id_after_k_of_n_detections() -> None:
    film = Film(confirm=(2, 3))
    film.show((100, 100, 0))
    assert [one.status for one in film.instances.all] == ["tentative"]
    assert film.at() == {}
    film.show()
    film.show((100, 100, 0))
    assert film.news == [("appeared", 1)]
    assert film.at()[1][0] == "tracking"


def test_object_with_too_few_detections_is_forgotten() -> None:
    film = Film(confirm=(2, 3))
    film.show((100, 100, 0))
    film.show(frames=2)
    assert film.instances.all == []
    film.show((100, 100, 0))
    assert film.news == []


def test_weak_detection_continues_tracks_but_starts_none() -> None:
    film = Film()
    film.show((100, 100, 0), score=0.3, frames=5)
    assert film.instances.all == []
    film.show((100, 100, 0), frames=3)
    film.show((102, 100, 0), score=0.3, frames=2 * MISSED)
    assert film.at()[1][0] == "tracking"


def test_ids_stay_with_crossing_objects() -> None:
    film = Film()
    for n in range(40):
        film.show((100 + 8 * n, 100, 0), (420 - 8 * n, 110, 1))
    assert film.news == [("appeared", 1), ("appeared", 2)]
    places = {one.id: one for one in film.instances.all}
    first = 1 if np.argmax(places[1].appearance) == 0 else 2
    assert places[first].motion.box.x == pytest.approx(412, abs=6)
    assert places[3 - first].motion.box.x == pytest.approx(108, abs=6)


def test_late_result_applies_to_the_frame_that_it_saw() -> None:
    film = Film()
    for n in range(20):
        film.show((100 + 12 * n, 100, 0), late=2)  # 4 pixels a frame, seen two frames before
    assert film.at()[1][1] == pytest.approx(100 + 12 * 19 + 8, abs=4)


def test_missed_object_is_uncertain_then_lost_then_ended() -> None:
    film = Film(keep_s=1.0)
    film.show((100, 100, 0), frames=3)
    film.show()
    assert film.at()[1][0] == "uncertain"
    film.show(frames=MISSED)
    assert film.at()[1][0] == "lost"
    film.show(frames=11)
    assert film.at()[1][0] == "ended"
    film.show()
    assert film.at() == {}
    assert film.news == [("appeared", 1), ("lost", 1), ("ended", 1)]


def test_departed_object_does_not_take_over_a_newcomer_nearby() -> None:
    film = Film(confirm=(3, 5))
    film.show((100, 100, 0), frames=4)
    film.show((100, 100, 0), (120, 120, 1))
    film.show((120, 120, 1), frames=4)
    assert film.news == [("appeared", 1), ("appeared", 2)]
    assert film.at()[1][0] == "uncertain"


def test_object_that_leaves_the_frame_is_lost_at_once() -> None:
    film = Film()
    for n in range(8):
        film.show((500 + 20 * n, 100, 0))
    film.show()
    assert film.news[-1] == ("lost", 1)


@pytest.mark.parametrize(
    ("who", "where", "expected"), [(0, 140, "back"), (1, 140, "appeared"), (0, 600, "appeared")]
)
def test_object_is_back_if_it_looks_the_same_and_is_near(who: int, where: float, expected: str) -> None:
    film = Film(keep_s=5.0)
    film.show((100, 100, 0), frames=4)
    film.show(frames=MISSED + 2)
    film.show((where, 100, who), frames=3)
    assert film.news[-1] == (expected, 1 if expected == "back" else 2)


def test_ids_are_never_reused() -> None:
    film = Film(keep_s=0.5)
    for _ in range(4):
        film.show((100, 100, 0), frames=3)
        film.show(frames=MISSED + 8)
    assert [number for kind, number in film.news if kind == "appeared"] == [1, 2, 3, 4]
    assert [number for kind, number in film.news if kind == "ended"] == [1, 2, 3, 4]


def test_no_more_than_the_maximum_are_followed() -> None:
    film = Film(most=2)
    film.show(*((100 + 100 * n, 100, n) for n in range(4)), frames=6)
    assert len(film.at()) == 2
    film.show((300, 100, 2), (400, 100, 3), frames=MISSED + 3)
    assert sum(status == "tracking" for status, _ in film.at().values()) == 2


def test_all_end_at_once_when_the_phrase_changes() -> None:
    film = Film(keep_s=60)
    film.show((100, 100, 0), (300, 100, 1), frames=3)
    film.instances.end_all()
    film.show()
    assert sorted(film.news[2:]) == [("ended", 1), ("ended", 2), ("lost", 1), ("lost", 2)]


def test_backward_clock_jump_moves_no_box_far() -> None:
    film = Film()
    for n in range(8):
        film.show((100 + 4 * n, 100, 0))
    film.frame = -1000
    film.show((132, 100, 0))
    assert film.at()[1][1] == pytest.approx(132, abs=6)
