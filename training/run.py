"""`edgetrack train RECIPE.toml`: data, text encoder and loop put together."""

from __future__ import annotations

import json
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
    seed = recipe.seed + _steps_done(Path(recipe.output))
    with start_workers(recipe.workers, seed, plan=plan, root=recipe.data, folders=recipe.folders) as workers:
        from edgetrack.training.models.text import TextEncoder
        from edgetrack.training.train import Trainer

        Trainer(recipe, workers.next, TextEncoder.load(recipe.text)).run()


def _steps_done(folder: Path) -> int:
    """The last step in a run's log: one that goes on must not see its first samples again."""
    log = folder / "log.jsonl"
    return int(json.loads(log.read_text().splitlines()[-1])["step"]) if log.exists() else 0
