"""Type checks for the values of a recipe, so that a run of days does not start with a typo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from edgetrack.errors import ConfigError
from edgetrack.finite import is_finite

_KINDS: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number, 0 or more", lambda value: type(value) is int and value >= 0),
    float: ("a number, 0 or more", lambda value: is_finite(value) and value >= 0),
    str: ("a string in quotes", lambda value: isinstance(value, str)),
    tuple: ("a list", lambda value: isinstance(value, list)),
    Mapping: ("a table", lambda value: isinstance(value, dict)),
}


def check_types(recipe: type[Any], values: Mapping[str, Any], path: Path) -> None:
    """Check values from a TOML file against the annotations of their dataclass.

    Raises:
        ConfigError: A value has the wrong type, or is a number that is below 0 or not finite.
    """
    hints = get_type_hints(recipe)
    for name, value in values.items():
        kind = _KINDS.get(get_origin(hints[name]) or hints[name])
        if kind is not None and not kind[1](value):
            raise ConfigError(f"recipe {path}: {name} is {value!r:.80}; expected {kind[0]}")
