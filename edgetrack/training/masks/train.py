"""Train the mask head on short sequences drawn from stills; resumable.

``python -m edgetrack.training.masks.train RECIPE.toml`` goes on from OUTPUT/last.pt if that exists.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgetrack.bundle import Bundle
from edgetrack.network.mask import KEY, SLOTS, VALUE, MaskNet
from edgetrack.training import checkpoint
from edgetrack.training.data.loader import Batch, collate
from edgetrack.training.loop import Loop, decaying
from edgetrack.training.masks.losses import Weights, losses, total
from edgetrack.training.masks.sampler import FRAMES, MaskSampler
from edgetrack.training.masks.things import SOURCES, Things, load
from edgetrack.training.parameters import parameters_of
from edgetrack.training.recipe_file import cosine, run_recipe
from edgetrack.training.worker import started

_TRUNK = "network.trunk."
_GIVEN = 0.35  # share of sequences that begin with a true mask instead of a box


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run needs."""

    data: str  # folder of training data
    cache: str  # folder of the teacher's class maps, see edgetrack.training.data.sources.class_maps
    output: str
    trunk: str = "edgetrack-256"  # the bundle whose trunk is shared
    teacher: str = ""  # the checkpoint of another run, of a larger network, to learn from
    sources: tuple[str, ...] = SOURCES
    seed: int = 0
    steps: int = 20_000
    sequences: int = 8  # a step
    held_out: int = 96  # sequences that are validated
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 300
    ema: float = 0.999
    outline: float = 0.5  # see losses.Weights
    contrast: float = 0.05
    distill: float = 0.5
    checkpoint_minutes: float = 5.0
    threads: int = 1

    def rate(self, step: int) -> float:
        """What the learning rate is multiplied by at a step: a warm-up, then a cosine."""
        return min(1.0, (step + 1) / self.warmup_steps) * cosine(step / self.steps)


def built(trunk: str) -> MaskNet:
    """The network with the trunk of a bundle."""
    net = MaskNet()
    weights = parameters_of(Bundle.open(trunk).path("search"))
    mine = {name.removeprefix(_TRUNK): value for name, value in weights.items() if name.startswith(_TRUNK)}
    net.trunk.load_state_dict(mine)
    return net


def unrolled(net: MaskNet, batch: Batch, given: Tensor) -> list[dict[str, Tensor]]:
    """What the network says of each frame of sequences, its memory filled as a tracker fills it.

    Args:
        net: The network.
        batch: What the sampler gives, stacked.
        given: (B, 1), 1 where the first frame comes with its mask.
    """
    images = torch.from_numpy(batch["image"]).permute(0, 1, 4, 2, 3).float() / 127.5 - 1.0
    targets = torch.from_numpy(batch["target"])[:, :, None]
    masks = torch.from_numpy(batch["mask"])[:, :, None]
    count, frames = images.shape[:2]
    with torch.no_grad():
        features = [f.reshape(count, frames, *f.shape[1:]) for f in net.features(images.flatten(0, 1))]
    cells = features[3].shape[-1] * features[3].shape[-2]
    keys: list[Tensor] = []
    values: list[Tensor] = []
    said: list[dict[str, Tensor]] = []
    for step in range(frames):
        empty = SLOTS - len(keys)
        known = torch.cat((torch.ones(count, len(keys)), torch.zeros(count, empty)), 1)
        memory = [
            torch.cat([*(t[:, None] for t in held), torch.zeros(count, empty, channels, cells)], 1)
            for held, channels in ((keys, KEY), (values, VALUE))
        ]
        trust = given if step == 0 else torch.zeros_like(given)
        maps = tuple(f[:, step] for f in features)
        out = net.head(maps, targets[:, step], memory[0], memory[1], known, masks[:, step], trust)
        said.append(out)
        keys, values = [*keys, out["key"]][-SLOTS:], [*values, out["value"]][-SLOTS:]
    return said


class Trainer(Loop[MaskNet]):
    """One run."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self.recipe = recipe
        net = built(recipe.trunk)
        learned = list(net.head.parameters())
        groups = decaying(learned, recipe.learning_rate)
        optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        super().__init__(
            recipe, net, copy.deepcopy(net).eval(), optimizer, report_steps=100, validate_steps=500
        )
        self.weights = Weights(recipe.outline, recipe.contrast, recipe.distill)
        self.teacher = taught_by(recipe.teacher, recipe.trunk) if recipe.teacher else None
        self.resume()
        data, cache = Path(recipe.data), Path(recipe.cache)
        things = Things(load(data, cache, recipe.sources, held_out=False))

        def begin() -> Callable[[], Batch]:
            sampler = MaskSampler(things, recipe.seed + 17 + self.step)
            return lambda: collate([sampler.sample() for _ in range(recipe.sequences)])

        self.next_batch = started(begin)
        held_out = MaskSampler(Things(load(data, cache, recipe.sources, held_out=True)), 5)
        self.held_out = [collate([held_out.sample() for _ in range(8)]) for _ in range(recipe.held_out // 8)]

    def optimize(self) -> dict[str, float]:
        """One step on a batch of sequences; returns the unweighted losses."""
        batch = self.next_batch()
        given = (torch.rand(len(batch["mask"]), 1) < _GIVEN).float()
        said = unrolled(self.net, batch, given)
        taught: list[dict[str, Tensor] | None] = [None] * len(said)
        if self.teacher is not None:
            with torch.no_grad():
                taught = list(unrolled(self.teacher, batch, given))
        masks = torch.from_numpy(batch["mask"])[:, :, None]
        sums: dict[str, float] = {}
        objective = torch.zeros(())
        for step, (out, lesson) in enumerate(zip(said, taught, strict=True)):
            terms = losses(out, masks[:, step], lesson)
            objective = objective + total(terms, self.weights) / len(said)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / len(said)
        objective.backward()  # type: ignore[no-untyped-call]
        self.take_step(1.0)
        return sums

    def figures(self) -> dict[str, float]:
        """Of the held-out pictures."""
        return validated(self.average, self.held_out)


def taught_by(path: str, trunk: str) -> MaskNet:
    """The teacher of a checkpoint, which learns no more."""
    net = built(trunk)
    net.load_state_dict(checkpoint.load(Path(path), ("model",))["model"])
    return net.eval().requires_grad_(False)


@torch.no_grad()
def validated(net: MaskNet, batches: list[Batch]) -> dict[str, float]:
    """Mean IoU of each frame's mask, the first frame's by its box alone."""
    found: list[list[float]] = [[] for _ in range(FRAMES)]
    for batch in batches:
        for step, out in enumerate(unrolled(net, batch, torch.zeros(len(batch["mask"]), 1))):
            mine, true = out["logits"][:, 0].numpy() > 0, batch["mask"][:, step] > 0.5
            both, either = (mine & true).sum((1, 2)), (mine | true).sum((1, 2))
            found[step] += (both / np.maximum(either, 1)).tolist()
    return {f"val frame {step}": float(np.mean(values)) for step, values in enumerate(found)}


def main() -> None:
    """``train.py RECIPE.toml``"""
    run_recipe("edgetrack.training.masks.train", Recipe, Trainer)


if __name__ == "__main__":
    main()
