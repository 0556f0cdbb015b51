"""How soon threads of outputs leave the interpreter to the one that tracks."""

from __future__ import annotations

import sys

import pytest

from edgetrack.cli.runners import TURN_S, quick_turns


@pytest.mark.parametrize("live", [True, False])
def test_gil_switch_interval_is_short_while_a_live_source_is_tracked(live: bool) -> None:
    before_s = sys.getswitchinterval()
    with quick_turns(live=live):
        assert sys.getswitchinterval() == pytest.approx(TURN_S if live else before_s)
    assert sys.getswitchinterval() == before_s
