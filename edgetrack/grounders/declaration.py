"""The TOML file of a detector in an ONNX file: what goes in, what comes out, and what its classes are called."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edgetrack.crop import Triple
from edgetrack.errors import ConfigError

LARGEST = 4096  # side of a picture
_ARTICLE = re.compile(r"^(?:the|an?|any) ")


@dataclass(frozen=True)
class Declaration:
    """The keys of the file.

    Attributes:
        model: Path of the ONNX file, from the folder of the TOML file.
        names: What the classes are called in texts, in their order.
        layout: "yolo": one output (1, 4 + classes, places) of center, size and scores. "rows": one output
            (1, places, 6) of corners, score and class. "pair": boxes (1, places, 4), and scores (1, places, classes).
            "labels": classes (1, places), corners (1, places, 4) and scores (1, places), as RT-DETR, D-FINE and DEIM
            are exported, which also take the size of the picture.
        outputs: Names of the outputs; without, the first ones of the graph.
        corners: With "pair", whether boxes are corners instead of center and size.
        relative: Whether boxes are shares of the picture instead of its pixels.
        logits: Whether scores are logits instead of probabilities.
        size: Side of the picture, where the graph leaves it open.
        fit: "letterbox": the frame in the middle of the square. "pad": at its top left. "stretch": over all of it.
        bgr: Whether the picture is blue first.
        mean, std: The picture is (value - mean) / std of values 0..255, in the order of its colors.
        fill: Color around the frame, in the order of the picture's.
        calibration: Scale and shift of ``edgetrack.grounders.Platt``, by which scores become probabilities.
    """

    model: str
    names: tuple[str, ...]
    layout: str = "yolo"
    outputs: tuple[str, ...] = ()
    corners: bool = False
    relative: bool = False
    logits: bool = False
    size: int = 0
    fit: str = "letterbox"
    bgr: bool = False
    mean: Triple = (0, 0, 0)
    std: Triple = (255, 255, 255)
    fill: Triple = (114, 114, 114)
    calibration: tuple[float, float] = (1, 0)


def read_declaration(path: Path) -> Declaration:
    """Reads the file.

    Raises:
        ConfigError: it cannot be read, or has a key or a value that is not as described.
    """
    values = _values(path)
    for key in values:
        if key not in _PARSERS:
            raise ConfigError(f"grounder {path} has the unknown key {key!r}; expected {', '.join(_PARSERS)}")
    for key in ("model", "names"):
        if key not in values:
            raise ConfigError(
                f'grounder {path} has no {key}; expected such as model = "FILE.onnx" and names = ["helmet", "vest"]'
            )
    parsed = {}
    for key, value in values.items():
        try:
            parsed[key] = _PARSERS[key](value)
        except ValueError as error:
            raise ConfigError(f"grounder {path}: {key} is {value!r:.80}; expected {error}") from error
    return Declaration(**parsed)


def plain(name: str) -> str:
    """A name as it is compared: in lower case, without an article."""
    return _ARTICLE.sub("", " ".join(name.casefold().split()))


def _values(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f'grounder {path} cannot be read ({error}); expected a TOML file with model = "FILE.onnx" and names = [...]'
        ) from error
    return values


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError("a list of texts")
    if len({plain(text) for text in value}) != len(value):
        raise ValueError("texts that differ")
    return tuple(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _one_of(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(" or ".join(choices))
        return str(value)

    return parse


def _numbers(count: int) -> Callable[[Any], tuple[float, ...]]:
    def parse(value: Any) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            raise ValueError(f"{count} numbers")
        return tuple(float(v) for v in value)

    return parse


def _side(value: Any) -> int:
    if type(value) is not int or not 0 < value <= LARGEST:
        raise ValueError(f"a number of pixels up to {LARGEST}")
    return value


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _divisors(value: Any) -> tuple[float, ...]:
    if 0 in (numbers := _numbers(3)(value)):
        raise ValueError("3 numbers, none of them 0")
    return numbers


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "model": _text,
    "names": _texts,
    "layout": _one_of("yolo", "rows", "pair", "labels"),
    "outputs": _texts,
    "corners": _flag,
    "relative": _flag,
    "logits": _flag,
    "size": _side,
    "fit": _one_of("letterbox", "pad", "stretch"),
    "bgr": _flag,
    "mean": _numbers(3),
    "std": _divisors,
    "fill": _numbers(3),
    "calibration": _numbers(2),
}
assert list(_PARSERS) == [field.name for field in fields(Declaration)]
