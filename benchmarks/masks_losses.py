"""Measure the contribution of each loss of the mask head: short parallel trainings that differ in one term.

python benchmarks/masks_losses.py edgetrack/training/recipes/masks.toml --steps 200

The heads start from the same weights and get the same batches in the same order; the frozen trunk runs once for all of
them. The output is the mean IoU on the recipe's held-out images, in the first frame (by its box) and in later ones
(with the memory).
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from edgetrack.network.mask import MaskNet
from edgetrack.training.data.loader import Batch
from edgetrack.training.loop import decaying
from edgetrack.training.masks.losses import OMEGA, contrast, near_outline, poly1
from edgetrack.training.masks.train import Recipe, built, sampling, unrolled, validated
from edgetrack.training.recipe_file import read_recipe
from edgetrack.training.worker import started

GIVEN = 0.35  # fraction of sequences that start with a ground truth mask, as in training


@dataclass(frozen=True)
class Arm:
    """The loss of one training; the first of ARMS is the shipped one."""

    epsilon: float = 1.0  # of poly-1; 0 is plain cross-entropy
    outline: float = 0.5
    contrast: float = 0.05
    anywhere: bool = False  # contrastive loss on pixels from everywhere instead of near the outline

    def objective(self, out: dict[str, Tensor], mask: Tensor) -> Tensor:
        near = near_outline(mask)
        each = poly1(out["logits"], mask, self.epsilon)
        objective = each.mean() + self.outline * (each * near).sum() / near.sum().clamp(min=1.0)
        if self.contrast:
            where = torch.zeros_like(near) if self.anywhere else near
            objective = objective + self.contrast * contrast(out["embedding"], mask, where, None, OMEGA)
        return objective


ARMS = {
    "all terms, as shipped": Arm(),
    "cross-entropy, not poly-1": Arm(epsilon=0.0),
    "contrast between pixels from anywhere": Arm(anywhere=True),
    "no contrast": Arm(contrast=0.0),
    "no term of its own near the outline": Arm(outline=0.0),
    "cross-entropy alone": Arm(0.0, 0.0, 0.0),
}


class Run:
    """One training: a head, its average and its optimizer."""

    def __init__(self, arm: Arm, base: MaskNet, recipe: Recipe) -> None:
        self.arm, self.recipe, self.steps = arm, recipe, 0
        self.net = copy.deepcopy(base)
        self.average = copy.deepcopy(base).eval()
        groups = decaying(list(self.net.head.parameters()), recipe.learning_rate)
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)

    def step(self, batch: Batch, given: Tensor) -> None:
        masks = torch.from_numpy(batch["mask"])[:, :, None]
        torch.manual_seed(self.steps)  # all runs draw the same pixels
        said = unrolled(self.net, batch, given)
        torch.stack([self.arm.objective(out, masks[:, i]) for i, out in enumerate(said)]).mean().backward()  # type: ignore[no-untyped-call]
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * self.recipe.rate(self.steps)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        keep = min(self.recipe.ema, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        self.steps += 1


def share_features(runs: list[Run], base: MaskNet, batch: Batch) -> None:
    """Compute the trunk's features of a batch once, for the next pass of all runs."""
    images = torch.from_numpy(batch["image"]).permute(0, 1, 4, 2, 3).float() / 127.5 - 1.0
    with torch.no_grad():
        features = base.features(images.flatten(0, 1))
    for run in runs:
        for net in (run.net, run.average):
            net.features = lambda image: features  # type: ignore[method-assign]


def score(runs: list[Run], base: MaskNet, batches: list[Batch]) -> list[list[float]]:
    """Return the mean IoU by frame, for each run."""
    found: list[list[list[float]]] = [[] for _ in runs]
    for batch in batches:
        share_features(runs, base, batch)
        for run, values in zip(runs, found, strict=True):
            values.append(list(validated(run.average, [batch]).values()))
    return [torch.tensor(values).mean(0).tolist() for values in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--sequences", type=int, default=8, help="of a step")
    parser.add_argument("--every", type=int, default=50, help="steps between two scores")
    options = parser.parse_args()
    recipe = replace(
        read_recipe(Recipe, options.recipe),
        steps=options.steps,
        sequences=options.sequences,
        warmup_steps=max(1, options.steps // 5),
        ema=0.98,  # suitable for a short training
    )
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    base = built(recipe.trunk)
    runs = [Run(arm, base, recipe) for arm in ARMS.values()]
    draw, drawn_out = (sampling(recipe, held_out=held_out) for held_out in (False, True))
    next_batch, next_held_out = started(lambda: draw(recipe.seed + 17, recipe.sequences)), drawn_out(5, 8)
    held_out = [next_held_out() for _ in range(recipe.held_out // 8)]
    for step in range(1, recipe.steps + 1):
        batch = next_batch()
        given = (torch.rand(recipe.sequences, 1) < GIVEN).float()
        share_features(runs, base, batch)
        for run in runs:
            run.step(batch, given)
        if step % options.every == 0 or step == recipe.steps:
            for name, values in zip(ARMS, score(runs, base, held_out), strict=True):
                print(step, name, *(f"{value:.3f}" for value in values), sep="\t", flush=True)


if __name__ == "__main__":
    main()
