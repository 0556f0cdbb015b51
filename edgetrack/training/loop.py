"""The common part of the training loops: steps, averaged weights, reports, and a checkpoint to resume from."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn

from edgetrack.errors import ConfigError, reason_of
from edgetrack.training import checkpoint
from edgetrack.training.resumable import undisturbed

Net = TypeVar("Net", bound=nn.Module)


class Schedule(Protocol):
    """The part of a recipe that a loop uses."""

    @property
    def output(self) -> str: ...  # the folder of the checkpoint and the log

    @property
    def steps(self) -> int: ...

    @property
    def ema(self) -> float: ...  # the decay of the average

    @property
    def checkpoint_minutes(self) -> float: ...

    def rate(self, step: int) -> float: ...  # factor on the learning rates


def decaying(parameters: Iterable[nn.Parameter], rate: float) -> list[dict[str, Any]]:
    """Return parameter groups with a learning rate; biases and scales, which have one axis, have no weight decay."""
    learned = list(parameters)
    return [
        {"params": [p for p in learned if p.ndim > 1], "base": rate},
        {"params": [p for p in learned if p.ndim < 2], "base": rate, "weight_decay": 0.0},
    ]


class Loop(ABC, Generic[Net]):
    """A training loop; ``run()`` trains to the last step, from the last checkpoint if there is one.

    Attributes:
        net: The network.
        average: The exponential moving average of its weights, which is validated and exported.
        optimizer: Its groups have their full learning rate under ``base``.
        step: Steps done.
        seconds: Time spent on them.
        rank: Index of the process; the first one, 0, reports and saves.
        report_steps: Steps between two reports of the losses.
        validate_steps: Steps between two validations.
    """

    def __init__(
        self, schedule: Schedule, net: Net, average: Net, optimizer: torch.optim.Optimizer, *,
        report_steps: int, validate_steps: int, rank: int = 0,
    ) -> None:  # fmt: skip
        self.schedule, self.net, self.average, self.optimizer = schedule, net, average, optimizer
        self.report_steps, self.validate_steps, self.rank = report_steps, validate_steps, rank
        self.folder = Path(schedule.output)
        self.step, self.seconds = 0, 0.0

    @abstractmethod
    def optimize(self) -> dict[str, float]:
        """Compute the gradients of a step, take it (`take_step`), and return the losses."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """Return the metrics of the averaged weights on held-out samples; empty without such samples."""

    def validate(self) -> None:
        """Report the metrics of the averaged weights."""
        self.report(self.figures())

    def take_step(self, max_norm: float) -> float:
        """Take an optimizer step with gradients clipped to ``max_norm``, and update the average.

        Return the norm of the gradients before clipping.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * self.schedule.rate(self.step)
        norm = nn.utils.clip_grad_norm_(self.net.parameters(), max_norm)
        with undisturbed():  # no signal may leave half a step
            if torch.isfinite(norm):  # one bad batch must not end a run of hours
                self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.step += 1
            self._update_average()
        return float(norm)

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.schedule.ema, (1 + self.step) / (10 + self.step))
        for slow, fast in zip(self.average.parameters(), self.net.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)  # what is frozen, too: it may have learned before

    def run(self) -> None:
        """Train; write one JSON line per report to ``log.jsonl``, and finally ``last.pt``, also when interrupted."""
        torch.set_flush_denormal(True)
        try:
            self._steps()
            if self.step % self.validate_steps:
                self.report(self.figures())
        finally:
            torch.set_flush_denormal(False)
            self.save()

    def _steps(self) -> None:
        sums: dict[str, float] = defaultdict(float)
        begun = saved = time.monotonic()
        before, since = self.seconds, self.step
        while self.step < self.schedule.steps:
            for name, value in self.optimize().items():
                sums[name] += value
            now = time.monotonic()
            self.seconds = before + now - begun
            if self.step % self.report_steps == 0:
                self.report({name: value / (self.step - since) for name, value in sums.items()})
                sums.clear()
                since = self.step
            if self.step % self.validate_steps == 0:
                self.validate()
            if now - saved > 60 * self.schedule.checkpoint_minutes:
                self.save()
                saved = now

    def report(self, figures: dict[str, float]) -> None:
        """Append figures to the log, and print them."""
        if self.rank or not figures:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        line = {"step": self.step, "minutes": round(self.seconds / 60, 2)}
        line |= {name: round(value, 4) for name, value in figures.items()}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {self.step}/{self.schedule.steps}  {shown}", flush=True)

    def state(self) -> dict[str, Any]:
        """Return the contents of a checkpoint; ``model`` is the averaged weights, which are exported."""
        return {
            "model": self.average.state_dict(),
            "live": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the values of `state`."""
        self.net.load_state_dict(state["live"])
        self.average.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def save(self) -> None:
        """Write ``last.pt``."""
        if self.rank == 0:
            checkpoint.save(self.folder / "last.pt", self.state())

    def resume(self) -> None:
        """Resume from ``last.pt`` if it exists.

        Raises:
            ConfigError: It is damaged, or belongs to another network or optimizer.
        """
        path = self.folder / "last.pt"
        if not path.exists():
            return
        state = checkpoint.load(path, ("model",))
        try:
            self.load_state(state)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ConfigError(
                f"checkpoint {path} does not fit this network and optimizer ({reason_of(error)}); expected one that "
                "this recipe wrote: set another 'output', or delete the checkpoint to start again"
            ) from error
