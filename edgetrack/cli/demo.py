"""``edgetrack demo``: track a car in a drawn scene, and write the video."""

from __future__ import annotations

from pathlib import Path

import typer

from edgetrack import signals
from edgetrack.cli.engine_options import EngineOptions, adapter_rules, refuse_unused
from edgetrack.cli.options import DemoOutput, DemoText, Engine, Model, Precision, Threads, Trust
from edgetrack.cli.tracking import Plan, track_source
from edgetrack.cli.wanted import Wanted


def demo_command(
    context: typer.Context,
    output: DemoOutput = Path("demo.mp4"),
    text: DemoText = "red car",
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
    trust: Trust = False,
) -> None:
    """Draw a short street scene, track a car in it by text, and write the video. Needs no download."""
    from edgetrack.demo import open_demo

    refuse_unused(context, adapter_rules(model))
    with signals.interruptible(), open_demo() as scene:
        options = EngineOptions(model, engine, precision, threads, trust=trust, wait=False)
        track_source(scene, Plan(wanted=Wanted([(text, None)]), options=options, outputs=[output]))
