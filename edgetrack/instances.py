"""The objects of a query: assignment of detections to objects, and objects that are new, gone, or back.

As in ByteTrack (Zhang et al., 2022), confident detections are assigned first, then the others to the remaining
objects. The cost combines overlap and appearance, as in StrongSORT (Du et al., 2023). Detections arrive some frames
late, and are compared with the positions predicted for the frame in which they were found.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgetrack.association import BUFFER, Floats, Motion, alike, assign, overlaps
from edgetrack.turned import about_feet
from edgetrack.types import Box, Status

SURE = 0.5  # score from which a detection may begin a track
LEAST = 0.1  # score below which a detection is ignored
LOOKS_WEIGHT = 0.5  # weight of appearance in the cost; the rest is overlap
UNLIKE = 0.4  # 1 - cosine from which two appearances are different
MOST_COST = 0.7  # maximum cost of a pair
UNSURE_IOU = 0.5  # IoU that a detection below SURE needs with a track
SAME = 0.85  # cosine from which a lost object is recovered
REACH, REACH_A_SECOND = 1.5, 1.5  # largest distance from the place where it was lost, in sizes of its box
MOST_REACH = 4.0
TICKS = 30.0  # ticks per second
MOST_STEP_S = 2.0  # maximum time between two frames
MISSED = 5  # detector passes without it until it is lost
MEMORY = 0.9  # weight of the previous appearance in the new one


@dataclass(frozen=True, slots=True)
class Detection:
    """One detected object; ``appearance`` is None below `SURE`."""

    box: Box
    score: float
    appearance: Floats | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The parameters of a query that users choose; see ``MultiTracker.every``."""

    most: int
    confirm: tuple[int, int]
    keep_s: float


@dataclass(eq=False)
class Instance:
    """An object of a query. ``id`` is 0 until it is confirmed."""

    motion: Motion
    score: float
    appearance: Floats
    looks: deque[bool]
    status: Status = "tentative"
    id: int = 0
    missed: int = 0
    fresh: bool = True  # whether a detector pass has found it in this frame
    begun: int = 0  # frame in which it was first seen
    turn: int = 0  # rotation of the frame in which it is upright, see turned.py; not 0 while it lies
    gone_s: float = 0.0  # when it was lost
    then: Motion = field(init=False)  # state in the frame of the detector pass in progress

    def __post_init__(self) -> None:
        self.then = self.motion

    @property
    def in_view(self) -> bool:
        return self.status in ("tracking", "uncertain")


class Instances:
    """All instances of one query.

    Args:
        rules: the user's parameters.
        ids: iterator of new ids.
    """

    def __init__(self, rules: Rules, ids: Iterator[int]) -> None:
        self.all: list[Instance] = []
        self.ticks = 1.0  # ticks from the last frame to this one
        self._size = self._look_size = (0, 0)  # of this frame, and of that of the detector pass in progress
        self._rules, self._ids = rules, ids
        self._news: list[tuple[str, Instance]] = []
        self._now_s = self._look_s = (
            0.0  # times of this frame, and of the frame of the detector pass in progress
        )

    def take_news(self) -> list[tuple[str, Instance]]:
        """Return the events since the last call: "appeared", "lost", "back" or "ended", each with its object."""
        news, self._news = self._news, []
        return news

    def step(self, size: tuple[int, int], now_s: float) -> None:
        """Advance to the next frame, of (width, height) pixels."""
        since_s = now_s - self._now_s
        ticks = TICKS * since_s if 0 < since_s < MOST_STEP_S else 1.0  # otherwise the clock was set
        self._now_s, self.ticks, self._size = now_s, ticks, size
        self.all = [one for one in self.all if one.status != "ended"]
        for one in self.all:
            one.fresh = False
            one.motion.step(ticks)
            x, y = one.motion.box.center
            if one.in_view and not (0 <= x < size[0] and 0 <= y < size[1]):
                self._lose(one, now_s)
            if one.status == "lost" and now_s - one.gone_s > self._rules.keep_s:
                one.status = "ended"
                self._news.append(("ended", one))

    def end_all(self) -> None:
        """End all tracks with the next frame; their ids are not reused."""
        self.all = [one for one in self.all if one.status != "tentative"]
        for one in self.all:
            if one.in_view:
                self._lose(one, -math.inf)
            one.gone_s = -math.inf

    def begin_look(self) -> None:
        """Start a detector pass on this frame."""
        self._look_s, self._look_size = self._now_s, self._size
        for one in self.all:
            one.then = one.motion.copy()

    @property
    def may_lie(self) -> bool:
        """Return whether an object lies, or is missing and may have fallen."""
        return any(one.in_view and (one.missed or one.turn) for one in self.all)

    def see(self, detections: Sequence[Detection], turn: int = 0) -> None:
        """Process the result of that pass, in the same or a later frame; ``turn`` is that of its frame, see turned.py.

        In a rotated frame, only objects that are missing or were lying before are matched, and no new ones are
        created. An object that is higher than wide in the original frame does not lie.
        """
        age, now_s = TICKS * max(self._now_s - self._look_s, 0.0), self._now_s
        ours = [one for one in self.all if one.status != "ended"]
        if turn:
            ours = [one for one in ours if one.in_view and (one.missed or one.turn == turn)]
            detections = [one for one in detections if one.box.w > one.box.h]
        sure = [one for one in detections if one.score >= SURE]
        unsure = [one for one in detections if one.score < SURE]
        left, sure = self._match(ours, sure, age, turn)
        missed = self._match_unsure([one for one in left if one.in_view and one.turn == turn], unsure, age)
        for one in missed + [one for one in left if one.status == "tentative"]:
            self._miss(one, now_s)
        if turn:
            return
        for detection in sure:
            self._begin(detection, age)
        self._confirm(now_s)

    def _match(
        self, ours: list[Instance], theirs: list[Detection], age: float, turn: int
    ) -> tuple[list[Instance], list[Detection]]:
        """Match by overlap and appearance; return the pairs, and the rest of both.

        All are matched together, so that a departing object does not take the detection of a tentative one next to
        it.
        """
        if not ours or not theirs:
            return ours, theirs
        overlap = _overlaps(ours, theirs, turn)
        cosine = alike([one.appearance for one in ours], [_look(one) for one in theirs])
        unlike = np.minimum((1 - cosine) / UNLIKE, 1.0)
        cost = (1 - LOOKS_WEIGHT) * (1 - overlap) + LOOKS_WEIGHT * unlike
        cost[overlap <= 0] = np.inf
        for row, one in enumerate(ours):
            if one.status == "lost":
                cost[row, cosine[row] < SAME] = np.inf
        pairs = assign(cost, MOST_COST)
        for i, j in pairs:
            self._found(ours[i], theirs[j], age, turn)
        return _without(ours, [i for i, _ in pairs]), _without(theirs, [j for _, j in pairs])

    def _match_unsure(self, ours: list[Instance], theirs: list[Detection], age: float) -> list[Instance]:
        """Match by overlap; return the pairs, and the remaining objects."""
        cost = 1 - overlaps([one.then.box for one in ours], [one.box for one in theirs])
        pairs = assign(cost, 1 - UNSURE_IOU)
        for i, j in pairs:
            self._found(ours[i], theirs[j], age, ours[i].turn)
        return _without(ours, [i for i, _ in pairs])

    def _found(self, one: Instance, detection: Detection, age: float, turn: int) -> None:
        if one.status == "lost":
            one.then = Motion(detection.box, self._look_size)
            self._news.append(("back", one))
        elif one.turn != turn:  # its shape differs
            one.then = Motion(detection.box, self._look_size)
        else:
            one.then.correct(detection.box, self._look_size)
        one.motion = one.then.copy()
        one.motion.step(age)
        one.score, one.missed, one.fresh, one.turn = detection.score, 0, True, turn
        one.looks.append(True)
        if one.status != "tentative":
            one.status = "tracking"
        if detection.appearance is not None:
            mean = MEMORY * one.appearance + (1 - MEMORY) * detection.appearance
            one.appearance = mean / max(float(np.linalg.norm(mean)), 1e-9)

    def _miss(self, one: Instance, now_s: float) -> None:
        one.missed += 1
        one.looks.append(False)
        if one.status == "tentative":
            k, n = self._rules.confirm
            if list(one.looks).count(False) > n - k:
                self.all.remove(one)
        elif one.missed > MISSED:
            self._lose(one, now_s)
        else:
            one.status = "uncertain"

    def _lose(self, one: Instance, now_s: float) -> None:
        one.status, one.gone_s = "lost", now_s
        self._news.append(("lost", one))

    def _begin(self, detection: Detection, age: float) -> None:
        motion = Motion(detection.box, self._look_size)
        motion.step(age)
        looks = deque([True], maxlen=self._rules.confirm[1])
        self.all.append(Instance(motion, detection.score, _look(detection), looks))

    def _confirm(self, now_s: float) -> None:
        """Confirm the objects that enough passes have found: each is a recovered or a new object."""
        k, _ = self._rules.confirm
        ready = [one for one in self.all if one.status == "tentative" and sum(one.looks) >= k and one.fresh]
        room = self._rules.most - sum(one.in_view for one in self.all)
        ready = sorted(ready, key=lambda one: -one.score)[: max(room, 0)]
        gone = [one for one in self.all if one.status == "lost"]
        cost = 1 - alike([one.appearance for one in ready], [one.appearance for one in gone])
        for i, new in enumerate(ready):
            for j, old in enumerate(gone):
                if not _within_reach(old, new, now_s):
                    cost[i, j] = np.inf
        known = {i: gone[j] for i, j in assign(cost, 1 - SAME)} if ready and gone else {}
        for i, new in enumerate(ready):
            new.status = "tracking"
            before = known.get(i)
            if before is None:
                new.id = next(self._ids)
                self._news.append(("appeared", new))
            else:
                self.all.remove(before)
                new.id, new.begun = before.id, before.begun
                self._news.append(("back", new))


def _look(detection: Detection) -> Floats:
    if detection.appearance is None:
        raise ValueError(f"a detection of score {detection.score} has no appearance")
    return detection.appearance


def _overlaps(ours: list[Instance], theirs: list[Detection], turn: int) -> Floats:
    """Return the IoU with each predicted box; with a different turn, also with the box after falling or getting up."""
    boxes = [one.box for one in theirs]
    overlap = overlaps([one.then.box for one in ours], boxes, BUFFER)
    if all(one.turn == turn for one in ours):
        return overlap
    elsewhere = overlaps([about_feet(one.then.box, one.turn, turn) for one in ours], boxes, BUFFER)
    result: Floats = np.maximum(overlap, elsewhere)
    return result


def _without(all: list[Instance] | list[Detection], taken: list[int]) -> list:  # type: ignore[type-arg]
    return [one for place, one in enumerate(all) if place not in taken]


def _within_reach(old: Instance, new: Instance, now_s: float) -> bool:
    was, now = old.motion.box, new.motion.box
    distance = float(np.hypot(*np.subtract(was.center, now.center))) / np.sqrt(was.w * was.h)
    return bool(distance <= min(REACH + REACH_A_SECOND * (now_s - old.gone_s), MOST_REACH))
