"""``edgetrack train``: a tracker trained as a recipe says."""

from __future__ import annotations

from edgetrack.cli.options import Recipe


def train_command(recipe: Recipe) -> None:
    """Train a tracker as a recipe says, from its last checkpoint if there is one. Ctrl-C keeps what is learned."""
    from edgetrack._imports import require

    require("torch", extra="train")
    from edgetrack.training.run import run

    run(recipe)
