"""A recipe: one TOML file with all settings of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edgetrack.datasets.phrases import PhraseLayout
from edgetrack.datasets.registry import layout_of
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.errors import ConfigError, DatasetError
from edgetrack.toml_file import load_toml
from edgetrack.training.recipe_types import check_types


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """One ``[[datasets]]`` entry of a recipe: a data set in its official layout, see `edgetrack.datasets`."""

    name: str  # a layout, such as "lasot"
    path: str  # the folder into which its archives were unpacked
    split: str
    weight: float = 1.0  # relative to the weights of all entries and ``data_weight``
    skip: tuple[str, ...] = ()  # sequences to leave out, by the names that edgetrack dataset check prints

    def __post_init__(self) -> None:
        for key in ("name", "path", "split"):
            if not isinstance(getattr(self, key), str):
                raise ConfigError(f"{key} = {getattr(self, key)!r}; expected a string")
        if not isinstance(self.weight, (int, float)) or not 0 < self.weight < float("inf"):
            raise ConfigError(f"weight = {self.weight!r}; expected a number above 0")
        if isinstance(self.skip, str) or not all(isinstance(name, str) for name in self.skip):
            raise ConfigError(f"skip = {self.skip!r}; expected a list of names")
        try:
            layout = layout_of(self.name, self.split)
        except DatasetError as error:
            raise ConfigError(str(error)) from None
        if isinstance(layout, SequenceLayout) and self.split in layout.hidden:
            raise ConfigError(f"the boxes of {self.name} {self.split} are not public; train on another split")
        if isinstance(layout, PhraseLayout):
            raise ConfigError(f"{self.name} is for evaluation only; train on another data set, such as coco")
        if self.skip and not isinstance(layout, SequenceLayout):
            raise ConfigError(
                f"skip = {self.skip!r}; expected no skip: {self.name} has images, not sequences"
            )

    @classmethod
    def all_of(cls, tables: Any, path: Path) -> tuple[DatasetEntry, ...]:
        """Return the entries of a recipe's array of tables."""
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise ConfigError(
                f"recipe {path}: datasets is not an array of tables; write [[datasets]] above each entry"
            )
        known = [f.name for f in fields(cls)]
        made = []
        for i, table in enumerate(tables, 1):
            if unknown := sorted(set(table) - set(known)):
                raise ConfigError(
                    f"recipe {path}: [[datasets]] {i} has unknown keys {unknown}; known keys are {known}"
                )
            try:
                made.append(cls(**table))
            except (TypeError, ConfigError) as error:
                raise ConfigError(f"recipe {path}: [[datasets]] {i}: {error}") from None
        return tuple(made)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a run. Paths are relative to the working directory."""

    name: str
    data: str  # root of the training images; "" with datasets = none
    teachers: str  # folder with mobilenetv2_imagenet.npz and, for distill, nanotrack/
    text: str  # folder that edgetrack.training.prune_text wrote
    output: str  # folder for checkpoints and log
    folders: tuple[str, ...] = ()  # folders of more images with boxes, each with an annotations.jsonl
    initial: str = ""  # checkpoint or bundle with the initial weights; "" = ImageNet trunk
    seed: int = 0
    steps: int = 20_000  # optimizer steps
    tracking_batch: int = 16  # pairs of template and search crop per step and process
    grounding_batch: int = 10  # whole images per step and process
    workers: int = 1  # processes that make samples
    learning_rate: float = 8e-4
    trunk_rate: float = 8e-5
    weight_decay: float = 0.02
    warmup_steps: int = 200
    decay_share: float = 0.3  # last fraction of the steps, in which the rate falls linearly to zero
    ema: float = 0.998
    clip: float = 5.0
    checkpoint_minutes: float = 5.0
    validate_steps: int = 500
    frozen_blocks: int = 10  # frozen blocks of the trunk, at the start
    trained: tuple[
        str, ...
    ] = ()  # parts of the network to train, such as "heads"; () = all but frozen blocks
    held_out: float = 0.05  # fraction of images and videos for validation, see data/split.py; 0 = none
    thaw_patience: int = 0  # validations without progress before another stage is thawed; 0 = never
    distill: float = 0.0  # fraction of the steps over which the teacher's weight falls to 0; 0 = no teacher
    teacher: str = ""  # bundle of UVLTrack-B as the teacher; "" = teachers/nanotrack
    keep_tokens: int = 128  # tokens that the token selection keeps while tracking
    keep_buckets: tuple[
        int, ...
    ] = ()  # each step uses one, so that fewer tokens work as well; () = always keep_tokens
    quantize_aware: bool = False  # simulate the rounding of INT8, for a short final run at a low rate
    search_side: int = 256  # side of the search image in pixels; a smaller one is faster
    search_factor: float = 4.0  # side of the search region over sqrt(w * h) of the box
    datasets: tuple[DatasetEntry, ...] = ()  # official data sets to use as well
    data_weight: float = 1.0  # weight of ``data``, relative to those of ``datasets``

    def __post_init__(self) -> None:
        for name in ("steps", "tracking_batch", "grounding_batch", "workers", "validate_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"recipe {self.name!r}: {name} = {getattr(self, name)}; expected 1 or more")
        self._check_freezing()
        if not 0 <= self.held_out <= 0.5:
            raise ConfigError(
                f"recipe {self.name!r}: held_out = {self.held_out}; expected a fraction from 0 to 0.5"
            )
        if any(type(keep) is not int or keep < 1 for keep in self.keep_buckets):
            raise ConfigError(
                f"recipe {self.name!r}: keep_buckets = {self.keep_buckets}; expected numbers of tokens, 1 or more"
            )
        if self.search_side % 32 or not 96 <= self.search_side <= 256:
            raise ConfigError(
                f"recipe {self.name!r}: search_side = {self.search_side}; expected a multiple of 32 from 96 to 256"
            )
        if not 2 <= self.search_factor <= 4:
            raise ConfigError(f"recipe {self.name!r}: search_factor = {self.search_factor}; expected 2 to 4")
        if self.distill and (self.search_side, self.search_factor) != (256, 4):
            raise ConfigError(
                f"recipe {self.name!r}: distill = {self.distill} with search_side = {self.search_side} and "
                f"search_factor = {self.search_factor}; expected 256 and 4: teacher and student must see the "
                "same region"
            )
        if self.teacher and not self.distill:
            raise ConfigError(
                f"recipe {self.name!r}: teacher = {self.teacher!r} with distill = 0, so the teacher is never used; set "
                "distill to a fraction of the steps, such as 0.7, or remove teacher"
            )
        if not self.data_weight > 0:
            raise ConfigError(
                f"recipe {self.name!r}: data_weight = {self.data_weight}; expected a number above 0; "
                'to train without these images, set data = ""'
            )

    def _check_freezing(self) -> None:
        if not 6 <= self.frozen_blocks <= 13:
            raise ConfigError(
                f"recipe {self.name!r}: frozen_blocks = {self.frozen_blocks}; expected 6 to 13: the first "
                "stages of the trunk stay frozen"
            )
        if self.thaw_patience and not self.held_out:
            raise ConfigError(
                f"recipe {self.name!r}: thaw_patience = {self.thaw_patience} with held_out = 0; expected "
                "validation samples, because they decide which blocks thaw: set held_out, for example to 0.05"
            )
        if self.thaw_patience and self.trained:
            raise ConfigError(
                f"recipe {self.name!r}: thaw_patience = {self.thaw_patience} with trained = {list(self.trained)}; "
                "expected one of them: blocks of the trunk never thaw if only the named parts are trained"
            )

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read a TOML file.

        Raises:
            ConfigError: The file is missing, is not TOML, or has an unknown or a missing key.
        """
        try:
            _, values = load_toml(path)
        except FileNotFoundError:
            raise ConfigError(
                f"recipe {path} does not exist; edgetrack/training/recipes/ has the shipped ones"
            ) from None
        except OSError as error:
            raise ConfigError(f"recipe {path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(f"recipe {path} is not valid TOML: {error}") from None
        known = {f.name: f for f in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(f"recipe {path} has unknown keys {unknown}; known keys are {sorted(known)}")
        check_types(cls, {name: value for name, value in values.items() if name != "datasets"}, path)
        for key in ("folders", "trained", "keep_buckets"):
            values[key] = tuple(values.get(key, ()))
        values["datasets"] = DatasetEntry.all_of(values.get("datasets", []), path)
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"recipe {path}: {error}") from None

    def rate(self, step: int) -> float:
        """Return the factor on the learning rates: linear warm-up, plateau, linear decay to zero.

        Because of the plateau, changing ``steps`` is enough to shorten or extend a run.
        """
        decay = max(1.0, self.decay_share * self.steps)
        return max(0.0, min(1.0, (step + 1) / max(1, self.warmup_steps), (self.steps - step) / decay))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
