"""What the short recipes share: the grounder's, the mask head's and the second sensor's."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edgetrack.errors import ConfigError
from edgetrack.toml_file import load_toml
from edgetrack.training.recipe_types import check_types
from edgetrack.training.resumable import resumable


class Short(Protocol):
    """A recipe with a folder for its checkpoint."""

    @property
    def output(self) -> str: ...


class Run(Protocol):
    """What a recipe leads to."""

    def run(self) -> None: ...


NETWORKS = ("", "litetrack")
R = TypeVar("R")
S = TypeVar("S", bound=Short)


def read_recipe(cls: type[R], path: Path) -> R:
    """Read the fields of the dataclass ``cls`` in a TOML file; lists become tuples, also within lists.

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
        raise ConfigError(f"recipe {path} lacks {missing}; expected a value for each")
    check_types(cls, {name: value for name, value in table.items() if name != "datasets"}, path)
    return cls(**{name: _frozen(value) for name, value in table.items()})


def network_of(path: Path) -> str:
    """Which network a recipe trains, by its key ``network``; empty where it has none, or cannot be read as TOML.

    Raises:
        ConfigError: There is no such network.
    """
    try:
        name = load_toml(path)[1].get("network", "")
    except (OSError, ValueError):
        return ""  # who reads it whole says why
    if name not in NETWORKS:
        raise ConfigError(
            f"recipe {path}: network = {name!r}; expected {NETWORKS[1]!r}, or no such key for edgetrack's own"
        )
    return str(name)


def cosine(share: float) -> float:
    """Factor on a learning rate that falls from 1 to a hundredth along a cosine, ``share`` of the way through."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def run_recipe(module: str, cls: type[S], trainer: Callable[[S], Run]) -> None:
    """Train as the recipe says that the command line names; whatever ends the run, it says how to go on.

    Args:
        module: Name of the module that is the command: ``python -m MODULE RECIPE.toml``.
        cls: Dataclass of the recipe.
        trainer: Makes the run of a recipe.
    """
    path = Path(sys.argv[1])
    recipe = read_recipe(cls, path)
    with resumable(Path(recipe.output) / "last.pt", f"python -m {module} {shlex.quote(str(path))}"):
        trainer(recipe).run()


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
