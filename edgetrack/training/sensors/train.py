"""Train the second sensor's branch and gate on pairs of images; the shipped network stays frozen. Resumable.

``python -m edgetrack.training.sensors.train RECIPE.toml`` resumes from OUTPUT/last.pt if that exists.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from edgetrack.bundle import PAIRS, Bundle
from edgetrack.errors import ConfigError
from edgetrack.network.network import TEMPLATE_TOKENS, EdgetrackNet
from edgetrack.network.selection import kept_tokens
from edgetrack.network.sensor import SHARE, SensorNet
from edgetrack.training.data.loader import Batch, collate
from edgetrack.training.data.sources.videos import Videos, load_videos
from edgetrack.training.loop import Loop, decaying
from edgetrack.training.losses import decode_boxes, iou, total, tracking_losses
from edgetrack.training.masks.things import SOURCES, Things, load
from edgetrack.training.parameters import parameters_of, parts_of
from edgetrack.training.recipe_file import cosine, run_recipe
from edgetrack.training.sensors.aligned import load_aligned
from edgetrack.training.sensors.sampler import PairSampler
from edgetrack.training.worker import started

_NETWORK = "network."  # prefix of the parameters' names in a bundle's graphs
_WITHOUT_BIAS = ("correlate.weight", "contrast.weight", "select.project.weight", "channels.project.weight")
_HELD_OUT_VIDEOS = 8  # one of this many is for validation


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a run."""

    data: str  # folder of training data
    cache: str  # folder of the teacher's class maps, see edgetrack.training.data.sources.class_maps
    output: str
    network: str = "edgetrack-256"  # the bundle that gets a second sensor
    initial: str = ""  # a bundle with a second sensor to start from
    sources: tuple[str, ...] = SOURCES
    aligned: tuple[str, ...] = ()  # folders of aligned pairs, see edgetrack.training.sensors.aligned
    aligned_share: float = 0.3  # fraction of samples from them
    seed: int = 0
    steps: int = 20_000
    pairs: int = 12  # pairs per step
    held_out: int = 96  # pairs for validation
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 300
    ema: float = 0.998
    likeness: float = (
        0.5  # weight of the distance between the features and those of the color image before its failure
    )
    checkpoint_minutes: float = 5.0
    threads: int = 1

    def __post_init__(self) -> None:
        if not all(isinstance(folder, str) for folder in self.aligned):
            raise ConfigError(f"aligned is {self.aligned!r:.80}; expected a list of folders in quotes")
        if self.aligned_share > 1:
            raise ConfigError(f"aligned_share is {self.aligned_share}; expected a number from 0 to 1")

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate at a step: a warm-up, then a cosine."""
        return min(1.0, (step + 1) / self.warmup_steps) * cosine(step / self.steps)


def shipped_network(name: str) -> EdgetrackNet:
    """Return the tracking network of a bundle, in float32."""
    bundle = Bundle.open(name)
    net = EdgetrackNet(keep=kept_tokens(bundle.path("search")))
    found = parameters_of(bundle.path("search"), [_NETWORK + name for name in _WITHOUT_BIAS])
    found |= parameters_of(bundle.path("template")) | parameters_of(bundle.path("prompt"))
    mine = {k.removeprefix(_NETWORK): v for k, v in found.items() if k.startswith(_NETWORK)}
    net.load_state_dict(mine)
    return net.eval()


def built(network: str, initial: str = "") -> SensorNet:
    """Build the network of a bundle with a second sensor, and with that of the bundle ``initial`` if one is named."""
    net = SensorNet(shipped_network(network))
    if initial:
        path, fusion = parts_of(Bundle.open(initial), PAIRS, ("network.path", "network.fusion"), "--sensor")
        net.path.load_state_dict(path)
        net.fusion.load_state_dict(fusion)
    return net


def image_of(pixels: NDArray[np.uint8]) -> Tensor:
    """Convert (B, S, S, 3) uint8 RGB to (B, 3, S, S) in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def run_pairs(net: SensorNet, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Run the network on the search crops; return its outputs, and its features of template and search crop."""
    seen = {}
    for name in ("template", "search"):
        images = batch[name]
        other = F.interpolate(image_of(images[:, 1]), scale_factor=SHARE, mode="bilinear")
        seen[name] = net.features(image_of(images[:, 0]), other, torch.from_numpy(batch[f"{name}_there"]))
    template, search = seen["template"][0], seen["search"][0]
    held = net.net.remember(template, torch.from_numpy(batch["target"])[:, None])
    count = len(template)
    prototypes = torch.stack((held["prototype"], torch.zeros_like(held["prototype"])), 1)
    out = net.net.find(
        search, net.net.embed(search), held["memory"], torch.ones(count, TEMPLATE_TOKENS),
        torch.zeros(count, 2, search.shape[1]), held["anchor"], held["prompts"], prototypes,
    )  # fmt: skip
    return {**out, "share": seen["search"][1]}, template, search


def boxes_of(batch: Batch) -> Tensor:
    """Return (B, 4) cxcywh, relative to the search crop."""
    x, y, w, h = (batch["box"] / batch["search"].shape[2]).T
    return torch.from_numpy(np.stack((x + w / 2, y + h / 2, w, h), 1).astype(np.float32))


class Trainer(Loop[SensorNet]):
    """A training run."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self.recipe = recipe
        net = built(recipe.network, recipe.initial)
        learned = [p for p in net.parameters() if p.requires_grad]
        groups = decaying(learned, recipe.learning_rate)
        optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        super().__init__(
            recipe, net, copy.deepcopy(net).eval(), optimizer, report_steps=100, validate_steps=500
        )
        self.resume()
        data, cache = Path(recipe.data), Path(recipe.cache)
        videos = load_videos(data)
        visible, infrared = parted(videos, data, held_out=False)
        aligned, aligned_out = (load_aligned(recipe.aligned, held_out=out) for out in (False, True))
        things = Things(load(data, cache, recipe.sources, held_out=False))

        def begin() -> Callable[[], Batch]:
            seed, share = recipe.seed + 17 + self.step, recipe.aligned_share
            sampler = PairSampler(things, visible, infrared, seed, aligned, share)
            return lambda: collate([sampler.sample() for _ in range(recipe.pairs)])

        self.next_batch = started(begin)
        others = Things(load(data, cache, recipe.sources, held_out=True))
        held_out = {"val": PairSampler(others, *parted(videos, data, held_out=True), 5)}
        if aligned_out is not None:
            held_out["val aligned"] = PairSampler(others, None, None, 5, aligned_out, 1.0)
        self.held_out = {
            name: [collate([sampler.sample() for _ in range(8)]) for _ in range(recipe.held_out // 8)]
            for name, sampler in held_out.items()
        }

    def optimize(self) -> dict[str, float]:
        """Do one step; return the unweighted losses."""
        batch = self.next_batch()
        out, template, search = run_pairs(self.net, batch)
        terms = tracking_losses(
            {k: v for k, v in out.items() if k != "share"},
            boxes_of(batch),
            torch.from_numpy(batch["present"]),
        )
        with torch.no_grad():
            clean = [self.net.net.features(image_of(batch[f"clean_{n}"])) for n in ("template", "search")]
        known = torch.from_numpy(batch["known"])
        apart = torch.stack([F.mse_loss(seen, true, reduction="none").mean((1, 2, 3))
                             for seen, true in zip((template, search), clean, strict=True)]).mean(0)  # fmt: skip
        likeness = (apart * known).sum() / known.sum().clamp(min=1.0)
        (total(terms) + self.recipe.likeness * likeness).backward()  # type: ignore[no-untyped-call]
        self.take_step(2.0)
        return {
            "likeness": float(likeness.detach()),
            **{name: float(value.detach()) for name, value in terms.items()},
        }

    def figures(self) -> dict[str, float]:
        """Return the validation figures on the held-out pictures, apart from those on the held-out aligned pairs."""
        return {
            f"{name} {kind}": value
            for name, batches in self.held_out.items()
            for kind, value in validated(self.average, batches).items()
        }


def parted(videos: Videos, data: Path, *, held_out: bool) -> tuple[Videos | None, Videos | None]:
    """Return the labeled visible and thermal videos for training, or those held out."""
    lines = (data / "train" / "flying" / "index.jsonl").read_text().splitlines()
    thermal = np.array([json.loads(line)["sensor"] != "visible" for line in lines])
    count = len(videos)
    kind, labeled = np.zeros(count, bool), np.zeros(count, bool)
    kind[: len(thermal)], labeled[: len(thermal)] = thermal, True
    mine = labeled & ((np.arange(count) % _HELD_OUT_VIDEOS == 0) == held_out)
    return videos.chosen(mine & ~kind), videos.chosen(mine & kind)


@torch.no_grad()
def validated(net: SensorNet, batches: list[Batch]) -> dict[str, float]:
    """Return the mean IoU of the best cell's box for present targets: with both sensors, color alone, and x alone.

    ``before`` is color alone before its failure.
    """
    found: dict[str, list[float]] = {"both": [], "color": [], "other": [], "before": []}
    for batch in batches:
        there = batch["present"] > 0
        for name, values in found.items():
            out, _, _ = run_pairs(net, _only(batch, name))
            boxes = decode_boxes(out["offset"], out["size"]).flatten(1, 2)
            best = out["score"].flatten(1).argmax(1)
            picked = boxes[torch.arange(len(boxes)), best]
            values += iou(picked, boxes_of(batch)).numpy()[there].tolist()
    return {name: float(np.mean(values)) for name, values in found.items()}


def _only(batch: Batch, name: str) -> Batch:
    """Return the batch with one sensor missing."""
    if name == "both":
        return batch
    there = np.tile(np.array([name != "other", name == "other"], np.float32), (len(batch["box"]), 1))
    changed = {**batch, "template_there": there, "search_there": there}
    if name == "before":
        for crop in ("template", "search"):
            changed[crop] = np.stack((batch[f"clean_{crop}"], batch[crop][:, 1]), 1)
    return changed


def main() -> None:
    """``train.py RECIPE.toml``"""
    run_recipe("edgetrack.training.sensors.train", Recipe, Trainer)


if __name__ == "__main__":
    main()
