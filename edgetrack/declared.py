"""Shared code for a user's own networks: ONNX files with a TOML file that describes their inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.crop import Region, Triple, crop_into
from edgetrack.engines.session_graph import session_options
from edgetrack.errors import ConfigError, reason_of
from edgetrack.finite import is_finite
from edgetrack.toml_file import load_toml

Floats = NDArray[np.float32]
Parser = Callable[[Any], Any]  # parses a value; raises ValueError with the expected format
LARGEST = 4096  # maximum side of the input image
LEAST = 1e-6  # minimum divisor of the input image


class Picture(Protocol):
    """The keys for the input image, which all of these files have."""

    @property
    def size(self) -> int: ...  # side, if the graph leaves it open
    @property
    def fit(self) -> str: ...
    @property
    def bgr(self) -> bool: ...
    @property
    def mean(self) -> Triple: ...
    @property
    def std(self) -> Triple: ...
    @property
    def fill(self) -> Triple: ...


def read_table(
    what: str, path: Path, parsers: Mapping[str, Parser], needed: Mapping[str, str]
) -> dict[str, Any]:
    """Read the values of a TOML file.

    Args:
        what: Type of the file, such as "grounder".
        path: Path of the file.
        parsers: Parsers of the supported keys.
        needed: Required keys with example values, such as ``'"FILE.onnx"'``.

    Raises:
        ConfigError: It cannot be read, or has an unknown key or an invalid value.
    """
    example = " and ".join(f"{key} = {value}" for key, value in needed.items())
    try:
        _, values = load_toml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{what} {path} cannot be read ({error}); expected a TOML file with {example}"
        ) from error
    for key in values:
        if key not in parsers:
            raise ConfigError(f"{what} {path} has the unknown key {key!r}; expected {', '.join(parsers)}")
    for key in needed:
        if key not in values:
            raise ConfigError(f"{what} {path} has no {key}; expected, for example, {example}")
    parsed = {}
    for key, value in values.items():
        try:
            parsed[key] = parsers[key](value)
        except ValueError as error:
            raise ConfigError(f"{what} {path}: {key} is {value!r:.80}; expected {error}") from error
    return parsed


def open_session(what: str, model: Path, threads: int | None) -> Any:
    """Open an ``onnxruntime.InferenceSession`` on the CPU; ``what`` is the start of error messages.

    Raises:
        ConfigError: It is not an ONNX file.
        MissingExtra: onnxruntime is not installed.
    """
    onnxruntime = require("onnxruntime", extra="int8")
    try:
        return onnxruntime.InferenceSession(
            str(model), session_options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions have no common base class except Exception
        raise ConfigError(
            f"{what}: {model} cannot be loaded ({reason_of(error)}); expected an ONNX file"
        ) from error


def picture_of(declared: Any, size: int) -> Floats | None:
    """Return a buffer for the image input of a session, float32 (1, 3, rows, columns).

    ``size`` is its side if the graph leaves it open. Returns None if the input is something else, or no size is
    known.
    """
    shape = declared.shape
    if len(shape) != 4 or shape[1] != 3 or declared.type != "tensor(float)":
        return None
    sides = [side if isinstance(side, int) else size for side in shape[2:]]
    return np.empty((1, 3, *sides), np.float32) if all(0 < side <= LARGEST for side in sides) else None


def said(inputs: Any) -> str:
    """Return the names, types and shapes of a session's inputs, for an error message."""
    return ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)


def look(frame: NDArray[np.uint8], how: Picture, out: Floats) -> tuple[Floats, Region]:
    """Fill ``out`` with the frame, preprocessed for the network.

    Returns:
        The image, which may be ``out`` itself, and the part of the frame that it shows: x, y, w, h in pixels.
    """
    region = _region(frame, how.fit)
    mean, std = _turned(how.mean, how.bgr), _turned(how.std, how.bgr)
    fill = _turned(how.fill, not how.bgr)  # crop_into expects BGR order
    crop_into(frame, region, out, mean=mean, std=std, fill=fill)
    return (np.ascontiguousarray(out[:, ::-1]) if how.bgr else out), region


def _turned(colors: Triple, other_order: bool) -> Triple:
    first, second, third = colors
    return (third, second, first) if other_order else colors


def _region(frame: NDArray[np.uint8], fit: str) -> Region:
    height, width = frame.shape[:2]
    side = max(height, width)
    if fit == "stretch":
        return 0, 0, width, height
    return (0, 0, side, side) if fit == "pad" else ((width - side) / 2, (height - side) / 2, side, side)


def text(value: Any) -> str:
    """Parse a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Parse a list of texts."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError("a list of texts")
    return tuple(value)


def flag(value: Any) -> bool:
    """Parse true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def one_of(*choices: str) -> Parser:
    """Parse one of these texts."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(" or ".join(choices))
        return str(value)

    return parse


def numbers(count: int) -> Parser:
    """Parse a list of this many finite numbers."""

    def parse(value: Any) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != count or not all(map(_is_number, value)):
            raise ValueError(f"{count} numbers")
        return tuple(float(v) for v in value)

    return parse


def number(value: Any) -> float:
    """Parse a finite number."""
    if not _is_number(value):
        raise ValueError("a number")
    return float(value)


def side(value: Any) -> int:
    """Parse a number of pixels."""
    if type(value) is not int or not 0 < value <= LARGEST:
        raise ValueError(f"a number of pixels up to {LARGEST}")
    return value


def divisors(value: Any) -> tuple[float, ...]:
    """Parse three numbers that are not 0."""
    parsed: tuple[float, ...] = numbers(3)(value)
    if min(map(abs, parsed)) < LEAST:
        raise ValueError(f"3 numbers, each with a magnitude of at least {LEAST:g}")
    return parsed


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and is_finite(value)


PICTURE: Mapping[str, Parser] = {
    "size": side,
    "fit": one_of("letterbox", "pad", "stretch"),
    "bgr": flag,
    "mean": numbers(3),
    "std": divisors,
    "fill": numbers(3),
}
