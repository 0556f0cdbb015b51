"""Reads TOML files that users write, and refuses values that would break their readers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LARGEST = 1 << 24  # bytes of a file
DEEPEST = 64  # nesting of tables and lists
_BOUND = 1 << 63  # TOML integers have 64 bits; tomllib accepts larger ones, which may not fit in a float


def load_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file, without a byte-order mark, and its values.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not TOML in UTF-8, too large, too deeply nested, or has an integer beyond 64 bits.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    text = content.decode("utf-8-sig")
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check(values)
    return text, values


def _check(values: dict[str, Any]) -> None:
    waiting: list[tuple[int, Any]] = [(0, values)]
    while waiting:
        depth, value = waiting.pop()
        if depth > DEEPEST:
            raise ValueError("it is nested too deeply")
        if isinstance(value, int) and not -_BOUND <= value < _BOUND:
            raise ValueError("it has an integer of more than 64 bits")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(depth + 1, one) for one in inner]
