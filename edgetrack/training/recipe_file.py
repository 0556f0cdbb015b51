"""Reading of the short recipes: the grounder's, the mask head's and the second sensor's."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from edgetrack.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

R = TypeVar("R")


def read_recipe(cls: type[R], path: Path) -> R:
    """Read the fields of the dataclass ``cls`` in a TOML file; lists become tuples, also within lists.

    Raises:
        ConfigError: The file is missing or is not TOML, a key is unknown, or one without a default is missing.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"recipe {path} cannot be read: {error}") from None
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(known)):
        raise ConfigError(f"recipe {path} has unknown keys {unknown}; known keys are {sorted(known)}")
    needed = {n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(needed - set(table)):
        raise ConfigError(f"recipe {path} lacks {missing}; expected a value for each")
    return cls(**{name: _frozen(value) for name, value in table.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
