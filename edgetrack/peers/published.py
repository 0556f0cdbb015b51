"""Other people's trackers whose published weights edgetrack itself knows how to run."""

from __future__ import annotations

from edgetrack.peers import Opener

NAMES = ("nanotrack-v2", "nanotrack-v3", "uvltrack")


def opener_of(name: str) -> Opener:
    """What runs the graphs of the tracker ``name``, one of ``NAMES``."""
    if name == "uvltrack":
        from edgetrack.peers.uvltrack import Published

        return Published()
    from edgetrack.peers import nanotrack

    return nanotrack.Published()
