"""Other people's trackers whose published weights edgetrack itself knows how to run."""

from __future__ import annotations

from edgetrack.peers import Opener

NAMES = ("nanotrack-v2", "nanotrack-v3", "owlv2", "owlvit", "sdstrack", "sutrack", "uvltrack")


def opener_of(name: str) -> Opener:
    """What runs the graphs of the tracker ``name``, one of ``NAMES``."""
    if name == "uvltrack":
        from edgetrack.peers import uvltrack

        return uvltrack.Published()
    if name.startswith("owl"):
        from edgetrack.peers import owl

        return owl.Published()
    if name == "sdstrack":
        from edgetrack.peers import sdstrack

        return sdstrack.Published()
    if name == "sutrack":
        from edgetrack.peers import sutrack

        return sutrack.Published()
    from edgetrack.peers import nanotrack

    return nanotrack.Published()
