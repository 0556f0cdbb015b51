"""Train the mask head on short sequences, synthesized from photos or taken from videos; resumable.

``python -m edgetrack.training.masks.train RECIPE.toml`` resumes from OUTPUT/last.pt if that exists.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgetrack.bundle import MASK, Bundle
from edgetrack.errors import ConfigError
from edgetrack.network.mask import KEY, SLOTS, MaskNet, wide_of
from edgetrack.training import checkpoint
from edgetrack.training.data.loader import Batch, collate
from edgetrack.training.loop import Loop, decaying
from edgetrack.training.masks.losses import Weights, losses, total
from edgetrack.training.masks.sampler import FRAMES, MaskSampler
from edgetrack.training.masks.things import SOURCES, Things, load
from edgetrack.training.masks.videos import VideoSampler, load_videos
from edgetrack.training.parameters import parameters_of, parts_of
from edgetrack.training.recipe_file import cosine, run_recipe
from edgetrack.training.worker import started

_TRUNK = "network.trunk."
_GIVEN = 0.35  # fraction of sequences that start with a true mask instead of a box


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a run."""

    data: str  # folder of training data
    cache: str  # folder of the teacher's class maps, see edgetrack.training.data.sources.class_maps
    output: str
    trunk: str = "edgetrack-256"  # the bundle whose trunk is shared
    initial: str = ""  # a bundle with a mask head to start from
    teacher: str = ""  # checkpoint of another run, of a larger network, as the teacher
    wide: int = 1  # factor on the width of the head; more than 1 is a teacher, which is not exported
    everything: bool = (
        False  # whether the memory holds every frame, as in STCN, and not only the first and the last
    )
    sources: tuple[str, ...] = SOURCES
    videos: tuple[tuple[str, str, str], ...] = ()  # name, folder and split of datasets of videos with masks
    video_share: float = 0.5  # fraction of sequences taken from them
    frames: int = FRAMES  # frames per sequence
    seed: int = 0
    steps: int = 20_000
    sequences: int = 8  # sequences per step
    held_out: int = 96  # sequences for validation
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
        """Return the factor on the learning rate at a step: a warm-up, then a cosine."""
        return min(1.0, (step + 1) / self.warmup_steps) * cosine(step / self.steps)


def built(trunk: str, wide: int = 1, initial: str = "") -> MaskNet:
    """Build the network with the trunk of a bundle, and with the head of the bundle ``initial`` if one is named."""
    net = MaskNet(wide)
    weights = parameters_of(Bundle.open(trunk).path("search"))
    mine = {name.removeprefix(_TRUNK): value for name, value in weights.items() if name.startswith(_TRUNK)}
    net.trunk.load_state_dict(mine)
    if initial:
        (head,) = parts_of(Bundle.open(initial), (MASK,), ("network.head",), "--masks")
        net.head.load_state_dict(head)
    return net


def unrolled(
    net: MaskNet, batch: Batch, given: Tensor, *, everything: bool = False
) -> list[dict[str, Tensor]]:
    """Run the network on each frame of sequences, with its memory updated as in a tracker.

    Args:
        net: The network.
        batch: Stacked samples.
        given: (B, 1), 1 where the first frame comes with its mask.
        everything: Whether the memory holds all frames, not only the first and the last one.
    """
    device = given.device
    images, targets, masks = (
        torch.from_numpy(batch[name]).to(device) for name in ("image", "target", "mask")
    )
    images = images.permute(0, 1, 4, 2, 3).float() / 127.5 - 1.0
    count, frames = images.shape[:2]
    with torch.no_grad():
        features = [f.reshape(count, frames, *f.shape[1:]) for f in net.features(images.flatten(0, 1))]
    cells = features[3].shape[-1] * features[3].shape[-2]
    empty = (
        torch.zeros(count, KEY, cells, device=device),
        torch.zeros(count, net.head.values, cells, device=device),
    )
    memory: list[tuple[Tensor, Tensor]] = []
    said: list[dict[str, Tensor]] = []
    for step in range(frames):
        slots = [*memory, *[empty] * (SLOTS - len(memory))]
        keys, values = (torch.stack(held, 1) for held in zip(*slots, strict=True))
        known = torch.arange(len(slots), device=device).expand(count, -1).lt(len(memory)).float()
        trust = given if step == 0 else torch.zeros_like(given)
        maps = tuple(f[:, step] for f in features)
        out = net.head(maps, targets[:, step, None], keys, values, known, masks[:, step, None], trust)
        said.append(out)
        memory = [*(memory if everything else memory[:1]), (out["key"], out["value"])]
    return said


class Trainer(Loop[MaskNet]):
    """A training run."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self.recipe = recipe
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        net = built(recipe.trunk, recipe.wide, recipe.initial).to(self.device)
        learned = list(net.head.parameters())
        groups = decaying(learned, recipe.learning_rate)
        optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        super().__init__(
            recipe, net, copy.deepcopy(net).eval(), optimizer, report_steps=100, validate_steps=500
        )
        self.weights = Weights(recipe.outline, recipe.contrast, recipe.distill)
        self.teacher = taught_by(recipe.teacher, recipe.trunk).to(self.device) if recipe.teacher else None
        self.resume()
        draw, drawn_out = (sampling(recipe, held_out=held_out) for held_out in (False, True))
        self.next_batch = started(lambda: draw(recipe.seed + 17 + self.step, recipe.sequences))
        next_held_out = drawn_out(5, 8)
        self.held_out = [next_held_out() for _ in range(recipe.held_out // 8)]

    def optimize(self) -> dict[str, float]:
        """Do one step on a batch of sequences; return the unweighted losses."""
        batch = self.next_batch()
        given = (torch.rand(len(batch["mask"]), 1) < _GIVEN).float().to(self.device)
        said = unrolled(self.net, batch, given, everything=self.recipe.everything)
        taught: list[dict[str, Tensor] | None] = [None] * len(said)
        if self.teacher is not None:
            with torch.no_grad():
                taught = list(unrolled(self.teacher, batch, given, everything=True))
        masks = torch.from_numpy(batch["mask"]).to(self.device)[:, :, None]
        sums: dict[str, float] = {}
        objective = torch.zeros((), device=self.device)
        for step, (out, lesson) in enumerate(zip(said, taught, strict=True)):
            terms = losses(out, masks[:, step], lesson)
            objective = objective + total(terms, self.weights) / len(said)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / len(said)
        objective.backward()  # type: ignore[no-untyped-call]
        self.take_step(1.0)
        return sums

    def figures(self) -> dict[str, float]:
        """Return the validation figures on the held-out pictures and videos."""
        return validated(self.average, self.held_out, everything=self.recipe.everything)


def sampling(recipe: Recipe, *, held_out: bool) -> Callable[[int, int], Callable[[], Batch]]:
    """Return a function that takes a seed and a batch size in sequences, and returns a function that draws batches."""
    things = Things(load(Path(recipe.data), Path(recipe.cache), recipe.sources, held_out=held_out))
    objects = load_videos(recipe.videos, held_out=held_out)
    share = recipe.video_share if things.pictures and objects else float(bool(objects))
    if not things.pictures and not objects:
        raise ConfigError(
            f"sources {recipe.sources} and videos {recipe.videos} contain nothing to "
            f"{'validate on' if held_out else 'learn from'}; expected one of them with masks"
        )

    def begin(seed: int, count: int) -> Callable[[], Batch]:
        stills = MaskSampler(things, seed, recipe.frames)
        videos, random = VideoSampler(objects, recipe.frames, seed), np.random.default_rng(seed)
        return lambda: collate(
            [(videos if random.random() < share else stills).sample() for _ in range(count)]
        )

    return begin


def taught_by(path: str, trunk: str) -> MaskNet:
    """Load a teacher from a checkpoint, frozen."""
    weights = checkpoint.load(Path(path), ("model",))["model"]
    net = built(trunk, wide_of(weights))
    net.load_state_dict(weights)
    return net.eval().requires_grad_(False)


@torch.no_grad()
def validated(net: MaskNet, batches: list[Batch], *, everything: bool = False) -> dict[str, float]:
    """Return the mean IoU of each frame's mask; the first frame is segmented from its box alone."""
    device = next(net.parameters()).device
    found: dict[int, list[float]] = defaultdict(list)
    for batch in batches:
        given = torch.zeros(len(batch["mask"]), 1, device=device)
        for step, out in enumerate(unrolled(net, batch, given, everything=everything)):
            mine, true = out["logits"][:, 0].cpu().numpy() > 0, batch["mask"][:, step] > 0.5
            both, either = (mine & true).sum((1, 2)), (mine | true).sum((1, 2))
            found[step] += (both / np.maximum(either, 1)).tolist()
    return {f"val frame {step}": float(np.mean(values)) for step, values in found.items()}


def main() -> None:
    """``train.py RECIPE.toml``"""
    run_recipe("edgetrack.training.masks.train", Recipe, Trainer)


if __name__ == "__main__":
    main()
