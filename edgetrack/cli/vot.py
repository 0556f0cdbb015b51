"""``edgetrack vot``: serve the tracker to the VOT toolkit."""

from __future__ import annotations

from edgetrack.cli.engine_options import EngineOptions
from edgetrack.cli.options import Engine, Model, Precision, Threads


def vot_command(
    threads: Threads = 2, engine: Engine = "auto", precision: Precision = "auto", model: Model = None
) -> None:
    """Serve edgetrack to the VOT toolkit over TraX."""
    from edgetrack._imports import require

    require("trax", extra="vot")
    from edgetrack.evaluation.trackers.vot import serve

    serve(EngineOptions(model, engine, precision, threads).tracker())
