"""``edgetrack models``, ``edgetrack engines``, ``edgetrack targets`` and ``edgetrack train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgetrack.cli.base import app
from edgetrack.options import Model


@app.command("models")
def models_command() -> None:
    """List the models that come with the package."""
    from edgetrack.status import print_models
    from edgetrack.terminal import open_console

    print_models(open_console())


@app.command("engines")
def engines_command(model: Model = None) -> None:
    """List the engines, what each would run on here, and what is missing for the others."""
    from edgetrack.bundle import Bundle
    from edgetrack.status import print_engines
    from edgetrack.terminal import open_console

    print_engines(open_console(), Bundle.open(model))


@app.command("targets")
def targets_command() -> None:
    """List the boards that edgetrack knows, and which of them this machine is taken for."""
    from edgetrack.status import print_targets
    from edgetrack.terminal import open_console

    print_targets(open_console())


@app.command("train")
def train_command(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="What to train on, and how.")],
) -> None:
    """Train a tracker as a recipe says, from its last checkpoint if there is one. Ctrl-C keeps what is learned."""
    from edgetrack._imports import require

    require("torch", extra="train")
    from edgetrack.training.run import run

    run(recipe)
