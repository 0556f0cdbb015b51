"""Other trackers whose published weights edgetrack can run without an adapter of the user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.peers import Opener
from edgetrack.peers.finding import PhraseFinder

FINDERS = ("groundingdino", "owlv2", "owlvit")  # detect by text in the whole frame
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
    """Return the opener for the graphs of the tracker ``name``, one of ``NAMES``."""
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
    """Open the detector ``name``, one of ``FINDERS``, with the graphs in ``folder``, in ``precision``.

    Raises:
        BundleError: a graph is missing or belongs to another model.
        EngineUnavailable: the processor does not support bfloat16.
        MissingExtra: the package tokenizers is not installed.
    """
    if name == "groundingdino":
        from edgetrack.peers.dino import DinoDetector

        return DinoDetector(folder, threads=threads, precision=precision)
    from edgetrack.peers.owl import OwlDetector

    return OwlDetector(folder, threads=threads, precision=precision)
