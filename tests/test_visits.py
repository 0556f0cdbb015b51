"""Visits of objects: when they begin and end, and which image of them is kept."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrack.io.visits import Visits, crop
from edgetrack.types import Box, Frame, Status, Track

PIXELS = np.zeros((120, 160, 3), np.uint8)


def frame() -> Frame:
    return Frame(PIXELS, 0, 0.0)


def track(
    status: Status, score: float = 0.9, *, id: int = 1, query: str | None = None, x: float = 40
) -> Track:
    box = Box(x, 30, 40, 20) if status in ("tracking", "uncertain") else None
    return Track(box, score, status, 0, id=id, name="car", query=query)


def test_visit_is_updated_by_better_images_but_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr("edgetrack.io.visits.time.monotonic", lambda: now_s[0])
    visits, seen = Visits(), list[tuple[float, str, float]]()
    for score, x in ((0.5, 40), (0.52, 40), (0.7, 40), (0.9, 0), (0.95, 40), (0.96, 40)):
        for _ in range(2):
            for kind, visit, _ in visits.update(frame(), {"a": track("tracking", score, x=x)}):
                seen.append((now_s[0], kind, visit.score))
                visit.pixels = None
            now_s[0] += 0.75
    assert seen == [(100.0, "new", 0.5), (103.0, "update", 0.7), (106.0, "update", 0.95)]


def test_objects_of_a_query_end_if_they_do_not_come_back() -> None:
    visits, kinds = Visits(), list[str]()
    statuses: tuple[Status, ...] = ("tentative", "tracking", "lost", "tracking", "ended")
    for status in statuses:
        found = track(status, id=3, query="car")
        kinds += [kind for kind, *_ in visits.update(frame(), {"car #3": found})]
    assert kinds == ["new", "end"]
    assert [kind for kind, *_ in visits.update(frame(), {"x": track("tracking")})] == ["new"]
    assert [kind for kind, *_ in visits.update(frame(), {})] == ["end"]  # removed


def test_cropped_image_ends_at_the_border_of_the_frame() -> None:
    assert crop(PIXELS, Box(150, 100, 40, 40)).shape == (30, 20, 3)
    assert crop(PIXELS, Box(-20, -20, 30, 30)).shape == (18, 18, 3)
    assert crop(PIXELS, Box(400, 400, 5, 5)).size > 0
