"""``edgetrack train``: train a tracker from a recipe."""

from __future__ import annotations

from edgetrack.cli.options import Recipe


def train_command(recipe: Recipe) -> None:
    """Train a tracker from a recipe, resuming from its last checkpoint if there is one. Ctrl-C saves a checkpoint."""
    from edgetrack._imports import require

    require("torch", extra="train")
    from edgetrack.training.run import run

    run(recipe)
