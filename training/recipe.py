"""A recipe: one TOML file that says everything a training run needs."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run needs. Paths are relative to the directory in which the run is started."""

    name: str
    data: str  # root of the training pictures
    teachers: str  # folder with mobilenetv2_imagenet.npz and, for distill, nanotrack/
    text: str  # folder that edgetrack.training.prune_text wrote
    output: str  # checkpoints and log
    folders: tuple[str, ...] = ()  # more stills with boxes, each with an annotations.jsonl
    initial: str = ""  # checkpoint whose weights the run starts from; "" = ImageNet trunk
    seed: int = 0
    steps: int = 20_000  # optimiser steps
    tracking_batch: int = 16  # template and search pairs a step and process
    grounding_batch: int = 10  # whole pictures a step and process
    workers: int = 1  # sample-making processes
    learning_rate: float = 8e-4
    trunk_rate: float = 8e-5
    weight_decay: float = 0.02
    warmup_steps: int = 200
    decay_share: float = 0.3  # the last share of the steps in which the rate falls linearly to zero
    ema: float = 0.998
    clip: float = 5.0
    checkpoint_minutes: float = 5.0
    validate_steps: int = 500
    frozen_blocks: int = 10  # of the trunk, at the start
    thaw_patience: int = (
        0  # validations without progress after which one more stage of the trunk learns; 0 = never
    )
    distill: float = 0.0  # share of the steps in which teachers/nanotrack teaches, ever less; 0 = no teacher
    keep_tokens: int = 128

    def __post_init__(self) -> None:
        for name in ("steps", "tracking_batch", "grounding_batch", "workers", "validate_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"recipe {self.name!r}: {name} = {getattr(self, name)}; expected 1 or more")

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Reads a TOML file.

        Raises:
            ConfigError: the file is missing, is not TOML, or has an unknown or a missing key.
        """
        try:
            values = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise ConfigError(
                f"recipe {path} does not exist; see training/recipes/ for those that ship"
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"recipe {path} is not valid TOML: {error}") from None
        known = {f.name: f for f in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(f"recipe {path} has unknown keys {unknown}; known keys are {sorted(known)}")
        values["folders"] = tuple(values.get("folders", ()))
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"recipe {path}: {error}") from None

    def rate(self, step: int) -> float:
        """Factor on the learning rates: linear warm-up, plateau, linear decay to zero.

        A plateau lets a run end early or go on longer by a change of ``steps`` alone.
        """
        decay = max(1.0, self.decay_share * self.steps)
        return max(0.0, min(1.0, (step + 1) / max(1, self.warmup_steps), (self.steps - step) / decay))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
