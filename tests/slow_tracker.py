"""A tracker that other processes can open by its name, and that takes its time without using the processor."""

from __future__ import annotations

import time
from typing import Any

from fake_engine import FakeEngine

from edgetrack.tracker import Tracker


class SlowTracker(Tracker):
    """The real tracker on an engine that finds red, at most 20 frames a second."""

    def update(self, frame: Any) -> Any:
        time.sleep(0.05)
        return super().update(frame)


def open_tracker() -> Tracker:
    return SlowTracker(engine=FakeEngine())  # type: ignore[arg-type]
