"""The TOML file that declares a detector in an ONNX file: its inputs, outputs and class names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edgetrack.crop import Triple
from edgetrack.declared import PICTURE, Parser, flag, numbers, one_of, read_table, text, texts

_ARTICLE = re.compile(r"^(?:the|an?|any) ")


@dataclass(frozen=True)
class Declaration:
    """The keys of the file.

    Attributes:
        model: Path of the ONNX file, relative to the folder of the TOML file.
        names: Names of the classes in texts, in the order of the classes.
        layout: "yolo": one output (1, 4 + classes, places) of center, size and scores. "rows": one output
            (1, places, 6) of corners, score and class. "pair": boxes (1, places, 4), and scores (1, places, classes).
            "labels": classes (1, places), corners (1, places, 4) and scores (1, places), as RT-DETR, D-FINE and DEIM
            are exported; these also take the size of the image.
        outputs: Names of the outputs; by default, the first ones of the graph.
        corners: With "pair", whether boxes are corners instead of center and size.
        relative: Whether boxes are fractions of the image size instead of pixels.
        logits: Whether scores are logits instead of probabilities.
        size: Side of the input image in pixels, if the graph leaves it open.
        fit: How the frame is placed in the square input image: "letterbox" centers it, "pad" puts it at the top left,
            "stretch" fills the square.
        bgr: Whether the channel order is BGR instead of RGB.
        mean: Mean by channel, in the image's channel order; the input is (value - mean) / std of values 0..255.
        std: Standard deviation by channel, see ``mean``.
        fill: Color around the frame, in the image's channel order.
        calibration: Scale and shift of ``edgetrack.grounders.Platt``, which convert scores to probabilities.
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
    """Read the file.

    Raises:
        ConfigError: The file cannot be read, or has an invalid key or value.
    """
    needed = {"model": '"FILE.onnx"', "names": '["helmet", "vest"]'}
    return Declaration(**read_table("grounder", path, _PARSERS, needed))


def plain(name: str) -> str:
    """Return a name in the form used for comparisons: lower case, without an article."""
    return _ARTICLE.sub("", " ".join(name.casefold().split()))


def _names(value: Any) -> tuple[str, ...]:
    names = texts(value)
    if len({plain(name) for name in names}) != len(names):
        raise ValueError("different texts")
    return names


_PARSERS: Mapping[str, Parser] = {
    "model": text,
    "names": _names,
    "layout": one_of("yolo", "rows", "pair", "labels"),
    "outputs": texts,
    "corners": flag,
    "relative": flag,
    "logits": flag,
    **PICTURE,
    "calibration": numbers(2),
}
assert list(_PARSERS) == [field.name for field in fields(Declaration)]
