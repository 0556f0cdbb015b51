"""Reads TOML files that users write, and refuses values that would break their readers."""

from __future__ import annotations

import re
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
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")


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


def line_of_key(text: str, *keys: str) -> int:
    """Return the number of the line that has a key, such as ``"text"``, or ``"cameras", "gate", "text"`` in tables.

    For a value in an inline table, it is the line on which that table begins.
    """
    table: list[str] = []
    around, found = 0, 1  # number of keys that the best line so far has in common
    for number, line in enumerate(text.splitlines(), 1):
        if (head := _TABLE.match(line)) is not None:
            table = here = _names(head[1])
        elif (pair := _KEY.match(line)) is not None:
            here = [*table, *_names(pair[1])]
        else:
            continue
        if here[: len(keys)] == list(keys):
            return number
        if len(here) > around and here == list(keys[: len(here)]):
            around, found = len(here), number
    return found


def _names(dotted: str) -> list[str]:
    return [name.strip("\"'") for name in re.findall(_NAME, dotted)]
