"""`edgetrack train RECIPE.toml`: data, text encoder and loop put together."""

from __future__ import annotations

from pathlib import Path

from edgetrack.training.recipe import Recipe


def run(path: Path) -> None:
    """Trains as a recipe says, from its last checkpoint if there is one.

    Raises:
        ConfigError: the recipe, a checkpoint or a path in it is wrong.
        SourceError: the training data are not there.
    """
    from edgetrack.training.data.loader import Plan, start_workers

    recipe = Recipe.load(path)
    plan = Plan(tracking=recipe.tracking_batch, grounding=recipe.grounding_batch)
    # Workers fork before torch starts its threads, which a fork would not carry over.
    with start_workers(recipe.workers, recipe.seed, plan=plan, root=recipe.data) as workers:
        from edgetrack.training.models.text import TextEncoder
        from edgetrack.training.train import Trainer

        Trainer(recipe, workers.next, TextEncoder.load(recipe.text)).run()
