"""How soon the threads of outputs yield the GIL to the one that tracks."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from edgetrack.cli.runners import TURN_S, quick_turns


@pytest.mark.parametrize("live", [True, False])
def test_gil_switch_interval_is_short_while_a_live_source_is_tracked(live: bool) -> None:
    source: Any = SimpleNamespace(live=live)
    before_s = sys.getswitchinterval()
    with quick_turns(source):
        assert sys.getswitchinterval() == pytest.approx(TURN_S if live else before_s)
    assert sys.getswitchinterval() == before_s
