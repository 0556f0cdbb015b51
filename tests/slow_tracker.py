"""A tracker that other processes can open by its name, and that takes its time without using the processor."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from fake_engine import FakeEngine

from edgetrack.tracker import Tracker


class SlowTracker(Tracker):
    """The real tracker on an engine that finds red, at most 20 frames a second.

    On a Ray cluster it writes down, in the file that EDGETRACK_TEST_BEGUN names, where each sequence is begun.
    """

    def start(self, *args: Any, **options: Any) -> Any:
        if "EDGETRACK_TEST_BEGUN" in os.environ:
            import ray

            with Path(os.environ["EDGETRACK_TEST_BEGUN"]).open("a") as file:
                file.write(f"{ray.get_runtime_context().get_node_id()}\n")
        return super().start(*args, **options)

    def update(self, frame: Any) -> Any:
        time.sleep(0.05)
        return super().update(frame)


def open_tracker() -> Tracker:
    return SlowTracker(engine=FakeEngine())  # type: ignore[arg-type]
