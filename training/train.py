"""The training loop: resumable, seeded, mixed precision, several processes through torchrun."""

from __future__ import annotations

import copy
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgetrack.training import checkpoint
from edgetrack.training.batches import Batch, forward, make_batch
from edgetrack.training.distill import annealed, distillation, teach
from edgetrack.training.losses import total, tracking_losses
from edgetrack.training.models.network import EdgetrackNet
from edgetrack.training.models.text import TextEncoder
from edgetrack.training.prompts import cells, contrast_loss, refreshed
from edgetrack.training.quantize import quantize_aware
from edgetrack.training.recipe import Recipe
from edgetrack.training.region import SearchRegion, narrowed
from edgetrack.training.teachers import NanoTrack
from edgetrack.training.thaw import Thaw
from edgetrack.training.validate import validate

KINDS = ("tracking", "grounding")


Samples = Callable[[str], dict[str, Any]]  # "tracking" or "grounding" to a batch of arrays, see training.data


class _Whole(nn.Module):
    """Batch in, outputs out: the one module whose gradients torch's DistributedDataParallel joins."""

    def __init__(self, net: EdgetrackNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return forward(self.net, batch, lambda tokens, own: refreshed(tokens, own, batch.box, batch.present))


class Trainer:
    """One process of a run. ``run()`` trains to the recipe's last step, from the last checkpoint if there is one."""

    def __init__(self, recipe: Recipe, samples: Samples, text: TextEncoder) -> None:
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
        self._resume()
        self.rng = np.random.default_rng((recipe.seed, self.rank, self.step))
        whole: nn.Module = _Whole(self.net)
        if self.world > 1:
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            whole = nn.parallel.DistributedDataParallel(whole, find_unused_parameters=True)
        self.whole = whole

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
        self.net.load_state_dict(state["live"])
        self.average.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.thaw.load(state.get("thaw", {}))  # checkpoints of 0.1 have none
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
                "thresholds": {},
            }
            checkpoint.save(self.folder / "last.pt", values)

    def batch(self, kind: str) -> Batch:
        return self._batch(self.samples(kind), kind)

    def _batch(self, arrays: dict[str, Any], kind: str) -> Batch:
        if kind == "tracking":
            arrays = narrowed(arrays, self.region)
        made = make_batch(arrays, kind=kind, text=self.text, rng=self.rng)
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
            batch = self._batch(arrays, kind)
            with torch.autocast(self.device.type, torch.bfloat16):
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
            if fast.requires_grad:  # frozen ones are equal
                slow.lerp_(fast, 1 - decay)

    def run(self) -> None:
        """Trains; writes one JSON line a report to ``log.jsonl``."""
        held_out: dict[str, list[Batch]] = {kind: [] for kind in KINDS}
        for i in range(8 * len(KINDS)):  # in turn, as the workers make them
            held_out[KINDS[i % len(KINDS)]].append(self.batch(KINDS[i % len(KINDS)]))
        torch.set_flush_denormal(True)
        try:
            self._steps(held_out)
            self._report(validate(self.average, held_out))
        finally:  # Ctrl-C keeps what is learned
            torch.set_flush_denormal(False)
            self.save()

    def _steps(self, held_out: dict[str, list[Batch]]) -> None:
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
                figures = validate(self.average, held_out)
                self._report(figures)
                self.net.freeze(self.thaw.after(figures["tracking_iou"] + figures["grounding_iou"]))
            if now - saved > 60 * self.recipe.checkpoint_minutes:
                self.save()
                saved = now

    def _report(self, figures: dict[str, float]) -> None:
        if self.rank:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        line = {"step": self.step, "minutes": round(self.seconds / 60, 2)}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(
                json.dumps({**line, **{name: round(value, 4) for name, value in figures.items()}}) + "\n"
            )
        shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {self.step}/{self.recipe.steps}  {shown}", flush=True)
