"""`edgetrack train RECIPE.toml`: combines data, text encoder and training loop."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from edgetrack.errors import ConfigError
from edgetrack.training.litetrack.recipe import Recipe as LiteTrackRecipe
from edgetrack.training.recipe import Recipe
from edgetrack.training.recipe_file import network_of
from edgetrack.training.resumable import resumable

_VALIDATION = 8  # batches of each kind; the first of several processes validates for all


def _check_inputs(recipe: Recipe) -> None:
    """Report missing inputs before anything is loaded."""
    text, teacher = Path(recipe.text) / "minilm_pruned.pt", Path(recipe.teachers) / "mobilenetv2_imagenet.npz"
    if not text.is_file():
        raise ConfigError(
            f"recipe {recipe.name!r}: {text} does not exist; expected the text encoder in the folder 'text'; "
            f"run: python -m edgetrack.training.prune_text {recipe.text or 'FOLDER'}"
        )
    if not recipe.initial and not teacher.is_file():
        raise ConfigError(
            f"recipe {recipe.name!r}: {teacher} does not exist; expected the trunk's ImageNet weights in the folder "
            "'teachers'; correct the path, or set 'initial' to a checkpoint or bundle, such as edgetrack-256"
        )


def run(path: Path) -> None:
    """Train by a recipe, from its last checkpoint if there is one; however the run ends, it leaves a checkpoint.

    Raises:
        ConfigError: The recipe, a checkpoint or a path in it is wrong.
        SourceError: The training data are missing.
        DatasetError: A data set of the recipe is missing or damaged.
        SystemExit: A signal has ended the run.
    """
    if network_of(path) == "litetrack":
        lite = LiteTrackRecipe.load(path)
        with resumable(Path(lite.output) / "last.pt", _command(path)):
            _train_litetrack(lite)
        return
    recipe = Recipe.load(path)
    _check_inputs(recipe)
    with resumable(Path(recipe.output) / "last.pt", _command(path)):
        _train(recipe)


def _command(path: Path) -> str:
    """Return the command that resumes a run; if there are several processes, it is the same for all."""
    command = shlex.join(["edgetrack", "train", str(path)])
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return command if processes == 1 else f"torchrun --nproc-per-node {processes} -m {command}"


def _train(recipe: Recipe) -> None:
    from edgetrack.training.data.loader import Plan, start_workers
    from edgetrack.training.data.mixture import Mixture

    plan = Plan(tracking=recipe.tracking_batch, grounding=recipe.grounding_batch)
    mixture = Mixture.open(recipe.datasets, recipe.data_weight)
    # Each process of a run has its own random numbers: worker i adds 1000 i.
    seed = recipe.seed + 1000 * recipe.workers * int(os.environ.get("RANK", 0))
    seed += steps_done(Path(recipe.output))
    # Workers fork before torch starts its threads, which would not survive a fork.
    with start_workers(
        recipe.workers,
        seed,
        plan=plan,
        root=recipe.data,
        folders=recipe.folders,
        mixture=mixture,
        held_out=recipe.held_out,
        validation=0 if int(os.environ.get("RANK", 0)) else _VALIDATION,
    ) as workers:
        from edgetrack.network.text import TextEncoder
        from edgetrack.training.train import Trainer

        text = TextEncoder.load(recipe.text)
        Trainer(recipe, workers.next, text, workers.held_out()).run()


def _train_litetrack(recipe: LiteTrackRecipe) -> None:
    from edgetrack.training.litetrack.train import train

    train(recipe, steps_done(Path(recipe.output)))


def steps_done(folder: Path) -> int:
    """Return the last step in a run's log, so that a resumed run does not repeat its first samples."""
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    for line in reversed(lines):
        try:
            return int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):
            continue  # incomplete line of a killed process
    return 0
