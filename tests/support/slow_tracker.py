"""A tracker that other processes can open by its name, and that takes its time without using the processor."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from fake_engine import FakeEngine

from edgetrack.tracker import Tracker


class SlowTracker(Tracker):
    """The real tracker on an engine that finds red, at most 20 frames a second.

    It writes down, in the file that EDGETRACK_TEST_BEGUN names, where each sequence is begun: the node of a Ray
    cluster, else the process.
    """

    def start(self, *args: Any, **options: Any) -> Any:
        if "EDGETRACK_TEST_BEGUN" in os.environ:
            ray = sys.modules.get("ray")
            on_cluster = ray is not None and ray.is_initialized()
            place = ray.get_runtime_context().get_node_id() if on_cluster else os.getpid()
            with Path(os.environ["EDGETRACK_TEST_BEGUN"]).open("a") as file:
                file.write(f"{place}\n")
        return super().start(*args, **options)

    def update(self, frame: Any = None, **options: Any) -> Any:
        time.sleep(0.05)
        return super().update(frame, **options)


def open_tracker() -> Tracker:
    return SlowTracker(engine=FakeEngine())
