"""The status line that is redrawn during a run."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from edgetrack.cli.status import StatusLine
from edgetrack.meter import Meter
from edgetrack.types import Frame, Track


@pytest.mark.parametrize(("live", "shown"), [(True, "frame 2/40"), (False, "frame 36/40")])
def test_status_line_counts_frames_up_to_the_total(live: bool, shown: str) -> None:
    """A camera skips frames: their numbers do not tell how many are left."""
    file, meter = io.StringIO(), Meter()
    console = Console(file=file, force_terminal=True, width=150, color_system=None)
    track = Track(None, 0.1, "searching", 35)
    for _ in range(2):
        meter.record(track, latency_ms=1.0, dropped=0)
    with StatusLine(console, total=40, live=live) as line:
        line.update(Frame(np.zeros((4, 6, 3), np.uint8), 35, 0.0), track, meter)
    assert shown in file.getvalue()
