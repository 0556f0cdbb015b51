"""Other people's trackers whose published weights edgetrack itself knows how to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.peers import Opener
from edgetrack.peers.finding import PhraseFinder

FINDERS = ("groundingdino", "owlv2", "owlvit")  # by text in the whole frame
NAMES = (
    "groundingdino",
    "litetrack",
    "nanotrack-v2",
    "nanotrack-v3",
    "owlv2",
    "owlvit",
    "sdstrack",
    "sutrack",
    "uvltrack",
)


def opener_of(name: str) -> Opener:
    """What runs the graphs of the tracker ``name``, one of ``NAMES``."""
    if name == "uvltrack":
        from edgetrack.peers import uvltrack

        return uvltrack.Published()
    if name == "litetrack":
        from edgetrack.peers import litetrack

        return litetrack.Published()
    if name.startswith("owl"):
        from edgetrack.peers import owl

        return owl.Published()
    if name == "groundingdino":
        from edgetrack.peers import dino

        return dino.Published()
    if name == "sdstrack":
        from edgetrack.peers import sdstrack

        return sdstrack.Published()
    if name == "sutrack":
        from edgetrack.peers import sutrack

        return sutrack.Published()
    from edgetrack.peers import nanotrack

    return nanotrack.Published()


def finder_of(name: str, folder: Path, *, threads: int | None, precision: str) -> PhraseFinder[Any]:
    """The detector in the folder with the graphs of ``name``, one of ``FINDERS``, in ``precision``.

    Raises:
        BundleError: a graph is missing or is another model's.
        EngineUnavailable: this processor has no bfloat16.
        MissingExtra: the package tokenizers is not installed.
    """
    if name == "groundingdino":
        from edgetrack.peers.dino import DinoDetector

        return DinoDetector(folder, threads=threads, precision=precision)
    from edgetrack.peers.owl import OwlDetector

    return OwlDetector(folder, threads=threads, precision=precision)
