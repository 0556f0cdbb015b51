"""The training loop: resumable, seeded, mixed precision, several processes through torchrun."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgetrack.errors import ConfigError, reason_of
from edgetrack.network.network import EdgetrackNet
from edgetrack.network.region import SearchRegion
from edgetrack.network.text import TextEncoder
from edgetrack.training import checkpoint
from edgetrack.training.batches import Batch, forward, make_batch, mixed_precision
from edgetrack.training.distill import annealed, distillation, teach
from edgetrack.training.losses import total, tracking_losses
from edgetrack.training.prompts import cells, contrast_loss, refreshed
from edgetrack.training.quantize import quantize_aware
from edgetrack.training.recipe import Recipe
from edgetrack.training.region import narrowed
from edgetrack.training.teachers import NanoTrack
from edgetrack.training.thaw import Thaw
from edgetrack.training.validate import validate

KINDS = ("tracking", "grounding")


Samples = Callable[[str], dict[str, Any]]  # "tracking" or "grounding" to a batch of arrays, see training.data
HeldOut = Mapping[str, Sequence[dict[str, Any]]]  # batches of each kind that are never trained on


class _Whole(nn.Module):
    """Batch in, outputs out: the one module whose gradients torch's DistributedDataParallel joins."""

    def __init__(self, net: EdgetrackNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return forward(self.net, batch, lambda tokens, own: refreshed(tokens, own, batch.box, batch.present))


class Trainer:
    """One process of a run. ``run()`` trains to the recipe's last step, from the last checkpoint if there is one."""

    def __init__(
        self, recipe: Recipe, samples: Samples, text: TextEncoder, held_out: HeldOut | None = None
    ) -> None:
        """``held_out``: what the first process validates on; without it there is no validation."""
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        torch.manual_seed(recipe.seed)
        self.recipe, self.samples, self.text = recipe, samples, text
        self.region = SearchRegion(recipe.search_side, recipe.search_factor)
        gpus = torch.cuda.device_count()
        self.device = torch.device("cuda", self.rank % gpus) if gpus else torch.device("cpu")
        self.net, self.config = checkpoint.build(recipe)
        self.net.to(self.device)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        self.average = copy.deepcopy(self.net).eval()
        if recipe.quantize_aware:  # the average, which is what is exported, stays in float
            quantize_aware(self.net)
        self.optimizer = torch.optim.AdamW(self._groups(), weight_decay=recipe.weight_decay)
        self.step, self.seconds = 0, 0.0
        self.thaw = Thaw(recipe.frozen_blocks, recipe.thaw_patience)
        self.teacher = NanoTrack(Path(recipe.teachers) / "nanotrack") if recipe.distill else None
        self.folder = Path(recipe.output)
        self._held_out = self._validation(held_out or {})
        self._judged_on = _fingerprint(held_out or {})
        self._resume()
        self.rng = np.random.default_rng((recipe.seed, self.rank, self.step))
        if self.world > 1:
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        self.whole = self._joined()

    def _validation(self, held_out: HeldOut) -> dict[str, list[Batch]]:
        rng = np.random.default_rng(0)  # names the targets alike in each run, by text or by template
        return {
            kind: [self._batch(arrays, kind, rng) for arrays in group] for kind, group in held_out.items()
        }

    def _joined(self) -> nn.Module:
        """The network as it is trained: gradients of several processes are joined, of all that learns now."""
        whole = _Whole(self.net)
        if self.world == 1:
            return whole
        return nn.parallel.DistributedDataParallel(whole, find_unused_parameters=True)

    def _groups(self) -> list[dict[str, Any]]:
        """Trunk and rest at their own rates; biases, norms and scalars without decay."""
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = defaultdict(list)
        for name, parameter in self.net.named_parameters():
            if not name.startswith("trunk.stem"):  # frozen ones too: they may thaw
                groups[name.startswith("trunk."), parameter.ndim > 1].append(parameter)
        rates = {True: self.recipe.trunk_rate, False: self.recipe.learning_rate}
        return [
            {
                "params": params,
                "base": rates[trunk],
                "lr": rates[trunk],
                **({} if decay else {"weight_decay": 0.0}),
            }
            for (trunk, decay), params in groups.items()
        ]

    def _resume(self) -> None:
        path = self.folder / "last.pt"
        if not path.exists():
            return
        state = checkpoint.load(path)
        try:
            self.net.load_state_dict(state["live"])
            self.average.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = int(state["step"]), float(state["seconds"])
            if state["recipe"]["frozen_blocks"] == self.recipe.frozen_blocks:  # else the recipe decides anew
                self.thaw.load(state["thaw"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ConfigError(
                f"checkpoint {path} is not of this network and optimizer ({reason_of(error)}); expected one that "
                "this recipe wrote: set another 'output', or delete it to begin anew"
            ) from error
        if state.get("held_out") != self._judged_on:
            self.thaw.forget()
        self.net.freeze(self.thaw.frozen)

    def save(self) -> None:
        """Writes ``last.pt``; its ``model`` is the averaged weights, which export takes."""
        if self.rank == 0:
            values = {
                "model": self.average.state_dict(),
                "live": self.net.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "config": self.config,
                "region": self.region._asdict(),
                "recipe": self.recipe.as_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "thaw": self.thaw.state(),
                "held_out": self._judged_on,
                "thresholds": {},
            }
            checkpoint.save(self.folder / "last.pt", values)

    def _batch(self, arrays: dict[str, Any], kind: str, rng: np.random.Generator) -> Batch:
        if kind == "tracking":
            arrays = narrowed(arrays, self.region)
        made = make_batch(arrays, kind=kind, text=self.text, rng=rng)
        if self.device.type == "cpu":
            return made
        return Batch(
            **{f.name: getattr(made, f.name).to(self.device, non_blocking=True) for f in fields(Batch)}
        )

    def optimise(self) -> dict[str, float]:
        """One step on a tracking and a grounding batch; returns the unweighted losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * self.recipe.rate(self.step)
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
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        if torch.isfinite(norm):  # one bad batch must not end a run of hours
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._update_average()
        return {**figures, "gradient": float(norm)}

    def _likeness(self, out: dict[str, Tensor], batch: Batch, arrays: dict[str, Any]) -> dict[str, Tensor]:
        """The losses of the embedding: prompts that tell things apart, and the teacher while it teaches."""
        losses = {"contrast": contrast_loss(out["embedding"], out["first"], batch.box, batch.present)}
        teaching = annealed(self.step, round(self.recipe.distill * self.recipe.steps))
        if self.teacher is not None and teaching:
            taught = teach(self.teacher, arrays["search"], arrays["template"])
            losses["distill"] = teaching * distillation(
                out,
                (taught[0].to(self.device), taught[1].to(self.device)),
                target=batch.target.flatten(1),
                inside=cells(batch.box, batch.present, out["embedding"].shape[1])[0],
                box=batch.box,
                teaching=teaching,
            )
        return losses

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for slow, fast in zip(self.average.parameters(), self.net.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)  # what is frozen, too: it may have learned before

    def run(self) -> None:
        """Trains; writes one JSON line a report to ``log.jsonl``."""
        torch.set_flush_denormal(True)
        try:
            self._steps()
            if self.step % self.recipe.validate_steps:
                self._report(self._figures())
        finally:  # Ctrl-C keeps what is learned
            torch.set_flush_denormal(False)
            self.save()

    def _steps(self) -> None:
        sums: dict[str, float] = defaultdict(float)
        begun = saved = time.monotonic()
        before, since = self.seconds, self.step
        while self.step < self.recipe.steps:
            for name, value in self.optimise().items():
                sums[name] += value
            now = time.monotonic()
            self.seconds = before + now - begun
            if self.step % 50 == 0:
                self._report({name: value / (self.step - since) for name, value in sums.items()})
                sums.clear()
                since = self.step
            if self.step % self.recipe.validate_steps == 0:
                self._validate()
            if now - saved > 60 * self.recipe.checkpoint_minutes:
                self.save()
                saved = now

    def _figures(self) -> dict[str, float]:
        """Of the held-out samples; none in the other processes, which have none."""
        return validate(self.average, self._held_out) if self._held_out else {}

    def _validate(self) -> None:
        """Reports how good the averaged weights are; the first process decides for all what learns from now on."""
        figures = self._figures()
        self._report(figures)
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

    def _report(self, figures: dict[str, float]) -> None:
        if self.rank or not figures:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        line = {"step": self.step, "minutes": round(self.seconds / 60, 2)}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(
                json.dumps({**line, **{name: round(value, 4) for name, value in figures.items()}}) + "\n"
            )
        shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {self.step}/{self.recipe.steps}  {shown}", flush=True)


def _fingerprint(held_out: HeldOut) -> str:
    """Which samples these are: figures of others do not compare with theirs."""
    digest = hashlib.blake2b(digest_size=16)
    for group in held_out.values():
        for arrays in group:
            for value in arrays.values():
                digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return digest.hexdigest()
