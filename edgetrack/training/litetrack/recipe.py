"""The recipe of a training run of LiteTrack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError
from edgetrack.training.recipe import DatasetEntry
from edgetrack.training.recipe_file import cosine, read_recipe


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a run. Paths are relative to the working directory."""

    network: str  # "litetrack", by which edgetrack train recognizes this kind of recipe
    vocabulary: str  # vocab.txt of bert-base-uncased
    output: str  # folder for checkpoints and log
    datasets: tuple[DatasetEntry, ...]  # official data sets for training
    initial: str = ""  # checkpoint of UVLTrack or LiteTrack to start from
    vision: str = ""  # instead of a checkpoint, weights of MAE: mae_pretrain_vit_base.pth
    language: str = ""  # and weights of BERT: model.safetensors of bert-base-uncased
    size: Mapping[str, int] = field(
        default_factory=dict
    )  # sizes that differ from LiteTrack-B's, see peers.uvltrack.network.Config
    keep: int = 128  # search tokens that enter the layers in which image and text are joined
    seed: int = 0
    steps: int = 300_000
    batch: int = 8  # samples per step, each with two search regions
    tasks: tuple[float, float, float] = (0.45, 0.11, 0.44)  # fractions of samples by box, by text, by both
    workers: int = 2  # processes that make samples
    learning_rate: float = 4e-4
    backbone_rate: float = 4e-5
    weight_decay: float = 1e-4
    warmup_steps: int = 1000
    ema: float = 0.9998
    clip: float = 0.1
    frozen_blocks: int = 7  # frozen blocks of the ViT, at the start
    least_frozen: int = 4  # blocks that always stay frozen
    thaw_patience: int = 3  # validations without progress before another block is thawed; 0 = never
    held_out: float = 0.05  # fraction of images and videos held out for validation; 0 = none
    validate_steps: int = 1000
    checkpoint_minutes: float = 15.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "workers", "validate_steps", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 1 or more")
        if not 0 <= self.least_frozen <= self.frozen_blocks:
            raise ConfigError(
                f"least_frozen = {self.least_frozen} with frozen_blocks = {self.frozen_blocks}; expected 0 "
                "to frozen_blocks"
            )
        if len(self.tasks) != 3 or min(self.tasks) < 0 or not sum(self.tasks) > 0:
            raise ConfigError(f"tasks = {self.tasks}; expected three weights: by box, by sentence, by both")
        if not 0 <= self.held_out <= 0.5 or (self.thaw_patience and not self.held_out):
            raise ConfigError(
                f"held_out = {self.held_out} with thaw_patience = {self.thaw_patience}; expected a fraction up to 0.5, "
                "above 0 if validation decides which blocks thaw: set held_out = 0.05, or thaw_patience = 0"
            )

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read a TOML file.

        Raises:
            ConfigError: The file is missing, is not TOML, or has an unknown, a missing or a wrong key.
        """
        try:
            read = read_recipe(cls, path)
        except (TypeError, ConfigError) as error:  # TypeError: a string in place of a number
            raise ConfigError(f"recipe {path}: {error}") from None
        tables: Any = read.datasets
        return replace(read, datasets=DatasetEntry.all_of(list(tables), path))

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates: a warm-up, then a cosine."""
        return min(1.0, (step + 1) / max(1, self.warmup_steps)) * cosine(step / self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a checkpoint."""
        return asdict(self)
