"""The training loop: resumable, seeded, mixed precision, several processes through torchrun."""

from __future__ import annotations

import copy
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgetrack.network.network import EdgetrackNet
from edgetrack.network.region import SearchRegion
from edgetrack.network.text import TextEncoder
from edgetrack.training import checkpoint
from edgetrack.training.batches import Batch, forward, make_batch, mixed_precision
from edgetrack.training.distill import NanoTeacher, Teacher, annealed, distillation, imitation
from edgetrack.training.loop import Loop
from edgetrack.training.losses import total, tracking_losses
from edgetrack.training.prompts import cells, contrast_loss, refreshed
from edgetrack.training.quantize import quantize_aware
from edgetrack.training.recipe import Recipe
from edgetrack.training.region import narrowed
from edgetrack.training.teachers import NanoTrack
from edgetrack.training.thaw import Thaw
from edgetrack.training.uvl_teacher import UVLTeacher
from edgetrack.training.validate import validate

KINDS = ("tracking", "grounding")


Samples = Callable[[str], dict[str, Any]]  # "tracking" or "grounding" -> batch of arrays, see training.data
HeldOut = Mapping[str, Sequence[dict[str, Any]]]  # batches of each kind for validation


class _Whole(nn.Module):
    """Maps a batch to outputs, as the single module that torch's DistributedDataParallel needs to combine gradients."""

    def __init__(self, net: EdgetrackNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return forward(self.net, batch, lambda tokens, own: refreshed(tokens, own, batch.box, batch.present))


class Trainer(Loop[EdgetrackNet]):
    """One process of a training run."""

    def __init__(
        self, recipe: Recipe, samples: Samples, text: TextEncoder, held_out: HeldOut | None = None
    ) -> None:
        """Create the trainer; the first process validates on ``held_out``, if given."""
        rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        torch.manual_seed(recipe.seed)
        self.recipe, self.samples, self.text = recipe, samples, text
        self.region = SearchRegion(recipe.search_side, recipe.search_factor)
        gpus = torch.cuda.device_count()
        self.device = torch.device("cuda", rank % gpus) if gpus else torch.device("cpu")
        net, self.config = checkpoint.build(recipe)
        net.to(self.device)
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        average = copy.deepcopy(net).eval()
        if recipe.quantize_aware:  # the average, which is exported, stays in float
            quantize_aware(net)
        optimizer = torch.optim.AdamW(_groups(net, recipe), weight_decay=recipe.weight_decay)
        super().__init__(
            recipe, net, average, optimizer, report_steps=50, validate_steps=recipe.validate_steps, rank=rank
        )
        self.thaw = Thaw(recipe.frozen_blocks, recipe.thaw_patience)
        self.teacher = _teacher(recipe) if recipe.distill else None
        self._held_out = self._validation(held_out or {})
        self._judged_on = _fingerprint(held_out or {})
        self.resume()
        self.net.freeze(self.thaw.frozen)
        if recipe.trained:
            self.net.train_only(recipe.trained)
        self.rng = np.random.default_rng((recipe.seed, rank, self.step))
        if self.world > 1:
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        self.whole = self._joined()

    def _validation(self, held_out: HeldOut) -> dict[str, list[Batch]]:
        rng = np.random.default_rng(0)  # the choice of text or template is the same in each run
        return {
            kind: [self._batch(arrays, kind, rng) for arrays in group] for kind, group in held_out.items()
        }

    def _joined(self) -> nn.Module:
        """Return the network for training; several processes combine the gradients of the parameters being trained."""
        whole = _Whole(self.net)
        if self.world == 1:
            return whole
        return nn.parallel.DistributedDataParallel(whole, find_unused_parameters=True)

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of the loop, and of thawing if it belongs to this recipe and these samples."""
        super().load_state(state)
        if state["recipe"]["frozen_blocks"] == self.recipe.frozen_blocks:  # else the recipe has changed
            self.thaw.load(state["thaw"])
        if state.get("held_out") != self._judged_on:
            self.thaw.forget()

    def state(self) -> dict[str, Any]:
        """Return the state of the loop, and the values that the export needs."""
        return {
            **super().state(),
            "config": self.config,
            "region": self.region._asdict(),
            "recipe": self.recipe.as_dict(),
            "thaw": self.thaw.state(),
            "held_out": self._judged_on,
            "thresholds": {},
        }

    def _batch(self, arrays: dict[str, Any], kind: str, rng: np.random.Generator) -> Batch:
        if kind == "tracking":
            arrays = narrowed(arrays, self.region)
        made = make_batch(arrays, kind=kind, text=self.text, rng=rng)
        return made if self.device.type == "cpu" else made.to(self.device)

    def optimize(self) -> dict[str, float]:
        """Take one step on a tracking and a grounding batch; return the unweighted losses."""
        if self.recipe.keep_buckets:
            self.net.select.keep = int(self.rng.choice(self.recipe.keep_buckets))
        figures = {}
        for kind in KINDS:
            arrays = self.samples(kind)
            batch = self._batch(arrays, kind, self.rng)
            with mixed_precision(self.device):
                out = self.whole(batch)
            losses = tracking_losses(out, batch.box, batch.present)
            if kind == "tracking":
                losses |= self._likeness(out, batch, arrays)
            total(losses).backward()  # type: ignore[no-untyped-call]
            figures.update({f"{kind}_{name}": float(value.detach()) for name, value in losses.items()})
        return {**figures, "gradient": self.take_step(self.recipe.clip)}

    def _likeness(self, out: dict[str, Tensor], batch: Batch, arrays: dict[str, Any]) -> dict[str, Tensor]:
        """Return the losses of the embedding: contrastive prompts and, while it has a weight, the teacher."""
        losses = {"contrast": contrast_loss(out["embedding"], out["first"], batch.box, batch.present)}
        teaching = annealed(self.step, round(self.recipe.distill * self.recipe.steps))
        if self.teacher is not None and teaching:
            taught = self.teacher.teach(arrays, batch.use_text).to(self.device)
            imitated = imitation(out, taught, batch.present)
            losses |= {name: teaching * value for name, value in imitated.items()}
            losses["distill"] = teaching * distillation(
                out,
                taught,
                target=batch.target.flatten(1),
                inside=cells(batch.box, batch.present, out["embedding"].shape[1])[0],
                box=batch.box,
                teaching=teaching,
            )
        return losses

    def figures(self) -> dict[str, float]:
        """Return the metrics on the held-out samples; empty in the other processes, which have no such samples."""
        return validate(self.average, self._held_out) if self._held_out else {}

    def validate(self) -> None:
        """Report the metrics of the averaged weights; from these the first process decides for all what is thawed."""
        figures = self.figures()
        self.report(figures)
        blocks = self.thaw.frozen
        if figures:
            blocks = self.thaw.after(figures["tracking_iou"] + figures["grounding_iou"])
        if self.world > 1:
            decided = torch.tensor([blocks], device=self.device)
            torch.distributed.broadcast(decided, 0)
            blocks = int(decided)
        if blocks != self.net.frozen_blocks:
            self.net.freeze(blocks)
            self.whole = self._joined()  # the gradients of what has thawed are joined, too


def _teacher(recipe: Recipe) -> Teacher:
    if recipe.teacher:
        return UVLTeacher(Path(recipe.teacher))
    return NanoTeacher(NanoTrack(Path(recipe.teachers) / "nanotrack"))


def _groups(net: EdgetrackNet, recipe: Recipe) -> list[dict[str, Any]]:
    """Return parameter groups with the rates of trunk and rest; biases, norms and scalars have no weight decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in net.named_parameters():
        if not name.startswith("trunk.stem"):  # includes frozen ones, which may be thawed
            groups[name.startswith("trunk."), parameter.ndim > 1].append(parameter)
    rates = {True: recipe.trunk_rate, False: recipe.learning_rate}
    return [
        {
            "params": params,
            "base": rates[trunk],
            "lr": rates[trunk],
            **({} if decay else {"weight_decay": 0.0}),
        }
        for (trunk, decay), params in groups.items()
    ]


def _fingerprint(held_out: HeldOut) -> str:
    """Return a hash of the samples, because metrics on different samples are not comparable."""
    digest = hashlib.blake2b(digest_size=16)
    for group in held_out.values():
        for arrays in group:
            for value in arrays.values():
                digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return digest.hexdigest()
