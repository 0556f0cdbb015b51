"""The training of LiteTrack: resumable; lower layers are thawed when progress stalls."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgetrack.errors import ConfigError
from edgetrack.peers.litetrack.network import LiteTrack
from edgetrack.peers.uvltrack.network import Config
from edgetrack.peers.uvltrack.vocabulary import WordPieces, tokenizer_json
from edgetrack.training.data.loader import collate
from edgetrack.training.data.mixture import LEAST, Mixture, Weighted
from edgetrack.training.data.split import is_held_out
from edgetrack.training.litetrack.batches import make_batch
from edgetrack.training.litetrack.initial import begin
from edgetrack.training.litetrack.losses import best_iou, losses, run, total
from edgetrack.training.litetrack.recipe import Recipe
from edgetrack.training.litetrack.sampler import PairSampler
from edgetrack.training.loop import Loop, decaying
from edgetrack.training.thaw import Thaw
from edgetrack.training.worker import started

Samples = Callable[[], dict[str, Any]]  # returns the next stacked samples
_VALIDATION, _VALIDATION_SEED = 8, 5  # number of batches and their seed, the same in each run


class Trainer(Loop[LiteTrack]):
    """A training run.

    Args:
        recipe: Settings of the run.
        config: Sizes of the network.
        pieces: Converts texts to word pieces.
        samples: Returns training samples.
        held_out: Samples for validation.
    """

    def __init__(
        self,
        recipe: Recipe,
        config: Config,
        pieces: WordPieces,
        samples: Samples,
        held_out: list[dict[str, Any]],
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.samples, self.pieces = recipe, samples, pieces
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = LiteTrack(config, recipe.keep)
        if not (Path(recipe.output) / "last.pt").exists():
            begin(network, recipe)
        network.to(self.device)
        optimizer = torch.optim.AdamW(_groups(network, recipe), weight_decay=recipe.weight_decay)
        super().__init__(
            recipe,
            network,
            copy.deepcopy(network).eval(),
            optimizer,
            report_steps=50,
            validate_steps=recipe.validate_steps,
        )
        stages = range(recipe.frozen_blocks, recipe.least_frozen - 1, -1)
        self.thaw = Thaw(recipe.frozen_blocks, recipe.thaw_patience, stages)
        self.resume()
        self.net.freeze(self.thaw.frozen)
        self.held_out = [make_batch(made, pieces, self.device) for made in held_out]

    def optimize(self) -> dict[str, float]:
        """Take one step; return the unweighted losses."""
        batch = make_batch(self.samples(), self.pieces, self.device)
        terms = losses(run(self.net, batch), batch.box, keep=self.net.backbone.select.keep)
        total(terms).backward()  # type: ignore[no-untyped-call]
        self.take_step(self.recipe.clip)
        return {name: float(value.detach()) for name, value in terms.items()}

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """Return the mean IoU of the most likely cell's box on the held-out samples."""
        found = [best_iou(run(self.average, batch), batch.box) for batch in self.held_out]
        return {"val iou": float(torch.cat(found).mean())} if found else {}

    def validate(self) -> None:
        """Report the quality of the averaged weights, and decide from it which layers stay frozen."""
        figures = self.figures()
        self.report({**figures, "frozen": float(self.thaw.frozen)} if figures else {})
        if figures:
            self.net.freeze(self.thaw.after(figures["val iou"]))

    def state(self) -> dict[str, Any]:
        """Return the state of the loop, with the recipe and the state of thawing."""
        return {**super().state(), "recipe": self.recipe.as_dict(), "thaw": self.thaw.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of the loop, and of thawing if it started at the same block.

        The number of kept tokens is the recipe's.
        """
        super().load_state(state)
        if state["recipe"]["frozen_blocks"] == self.recipe.frozen_blocks:
            self.thaw.load(state["thaw"])
        for network in (self.net, self.average):
            network.backbone.get_buffer("keep").fill_(network.backbone.select.keep)

    def _update_average(self) -> None:
        super()._update_average()
        for slow, fast in zip(self.average.buffers(), self.net.buffers(), strict=True):
            slow.copy_(fast)  # statistics of the heads' normalization layers


def train(recipe: Recipe, done: int) -> None:
    """Train by a recipe; ``done`` steps were taken before, so that a resumed run draws different samples.

    Raises:
        ConfigError, ExportError: A file that the recipe names is missing or wrong.
        DatasetError: A data set is missing or damaged.
    """
    config, pieces = _sizes(recipe)
    mixture, held = _parted(recipe)
    # Workers fork before torch starts its threads, which would not survive a fork.
    seeds = [recipe.seed + 1000 * i + done for i in range(recipe.workers)]
    workers = cycle([started(partial(_drawn, mixture, recipe, config, seed)) for seed in seeds])
    validated = []
    if held.sources:
        draw = _drawn(held, recipe, config, _VALIDATION_SEED)
        validated = [draw() for _ in range(_VALIDATION)]
    Trainer(recipe, config, pieces, lambda: next(workers)(), validated).run()


def _sizes(recipe: Recipe) -> tuple[Config, WordPieces]:
    """Return the sizes of the network, with one word embedding per entry of the vocabulary, and the vocabulary."""
    path = Path(recipe.vocabulary)
    if not path.is_file():
        raise ConfigError(
            f"vocabulary = {recipe.vocabulary!r} does not exist; expected vocab.txt of bert-base-uncased"
        )
    try:
        config = Config(**recipe.size)
        content = tokenizer_json(path, config.vocabulary)
        config.heads  # noqa: B018 - a width that no variant has is told here
    except (TypeError, KeyError) as error:
        raise ConfigError(
            f"size = {dict(recipe.size)} does not describe a network ({error}); expected keys and values of "
            "edgetrack.peers.uvltrack.network.Config, or none for LiteTrack-B"
        ) from None
    if recipe.frozen_blocks > config.depth or config.text_layers >= config.depth:
        raise ConfigError(
            f"frozen_blocks = {recipe.frozen_blocks} and text_layers = {config.text_layers} with depth = "
            f"{config.depth}; expected at most depth for frozen_blocks, and less for text_layers"
        )
    return config, WordPieces(content)


def _parted(recipe: Recipe) -> tuple[Mixture, Mixture]:
    """Return the data for training and for validation."""
    mixture = Mixture.open(recipe.datasets)
    if not mixture.sources:
        raise ConfigError("the recipe lists no data sets; expected [[datasets]], such as lasot")
    if not recipe.held_out:
        return mixture, Mixture()
    train, held = mixture.parted(lambda key: is_held_out(key, recipe.held_out))
    if not held.sources:
        raise ConfigError(
            f"held_out = {recipe.held_out:g} of {len(mixture.sources)} data sets leaves too little to validate on; "
            f"expected {LEAST} sequences or images of one of them: change held_out, or set held_out = 0 and "
            "thaw_patience = 0"
        )
    return train, held


def _drawn(mixture: Mixture, recipe: Recipe, config: Config, seed: int) -> Samples:
    """Return a function that draws stacked samples."""
    samplers = [
        (weight, PairSampler(source, config, recipe.tasks, seed + 10 * i))
        for i, (weight, source) in enumerate(mixture.sources)
    ]
    weighted = Weighted(samplers, seed)
    return lambda: collate([weighted.sample() for _ in range(recipe.batch)])


def _groups(network: LiteTrack, recipe: Recipe) -> list[dict[str, Any]]:
    """Return parameter groups with the rates of the backbone and of the rest.

    Parts of the backbone that UVLTrack does not have are new, and get the rate of the rest.
    """
    backbone = network.backbone
    slow = [*backbone.vit.parameters(), *backbone.bert.parameters()]
    known = set(map(id, slow))
    fast: list[nn.Parameter] = [p for p in network.parameters() if id(p) not in known]
    return [*decaying(slow, recipe.backbone_rate), *decaying(fast, recipe.learning_rate)]
