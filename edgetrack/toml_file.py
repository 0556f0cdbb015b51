"""TOML files that people write by hand: one way to read them, whatever is in them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LARGEST = 1 << 24  # bytes of a file
DEEPEST = 64  # tables and lists inside each other
_BOUND = 1 << 63  # whole numbers of TOML have 64 bits; Python would take any, which no float can hold


def load_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file, without the mark that Windows puts before it, and what it holds.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not TOML in UTF-8, or has a number, a depth or a size that no such file needs.
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
            raise ValueError("it has a whole number of more than 64 bits")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(depth + 1, one) for one in inner]
