"""The common part of the short recipes: the grounder's, the mask head's and the second sensor's."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edgetrack.errors import ConfigError
from edgetrack.toml_file import load_toml
from edgetrack.training.command_line import arguments
from edgetrack.training.recipe_types import check_types
from edgetrack.training.resumable import resumable


class Short(Protocol):
    """A recipe with an output folder for its checkpoint."""

    @property
    def output(self) -> str: ...


class Run(Protocol):
    """A training run."""

    def run(self) -> None: ...


NETWORKS = ("", "litetrack")
R = TypeVar("R")
S = TypeVar("S", bound=Short)


def read_recipe(cls: type[R], path: Path) -> R:
    """Read the fields of the dataclass ``cls`` from a TOML file; lists become tuples, also within lists.

    Raises:
        ConfigError: The file is missing or is not TOML, a key is unknown, or one without a default is missing.
    """
    try:
        _, table = load_toml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"recipe {path} cannot be read: {error}") from None
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(known)):
        raise ConfigError(f"recipe {path} has unknown keys {unknown}; known keys are {sorted(known)}")
    needed = {n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(needed - set(table)):
        raise ConfigError(f"recipe {path} lacks {missing}; expected a value for each key")
    check_types(cls, {name: value for name, value in table.items() if name != "datasets"}, path)
    return cls(**{name: _frozen(value) for name, value in table.items()})


def network_of(path: Path) -> str:
    """Return the ``network`` that a recipe trains; empty if it has no such key, or is not valid TOML.

    Raises:
        ConfigError: There is no such network.
    """
    try:
        name = load_toml(path)[1].get("network", "")
    except (OSError, ValueError):
        return ""  # loading the whole recipe will report the error
    if name not in NETWORKS:
        raise ConfigError(
            f"recipe {path}: network = {name!r}; expected {NETWORKS[1]!r}, or no key network for edgetrack's own"
        )
    return str(name)


def cosine(share: float) -> float:
    """Return a factor on the learning rate that falls from 1 to 0.01 along a cosine, for ``share`` from 0 to 1."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def run_recipe(module: str, cls: type[S], trainer: Callable[[S], Run]) -> None:
    """Train by the recipe on the command line; when the run is interrupted, print how to resume it.

    Args:
        module: Name of the module in the command ``python -m MODULE RECIPE.toml``.
        cls: Dataclass of the recipe.
        trainer: Creates the run of a recipe.
    """
    path = arguments(
        "Train by a recipe, resuming from its last checkpoint if there is one.", recipe=Path
    ).recipe
    recipe = read_recipe(cls, path)
    with resumable(Path(recipe.output) / "last.pt", f"python -m {module} {shlex.quote(str(path))}"):
        trainer(recipe).run()


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
