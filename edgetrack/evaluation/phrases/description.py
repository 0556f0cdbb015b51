"""The TOML file next to an ONNX detector, which describes its input and output.

output = "picodet"                   # picodet, yolox, yolov8 or detr: see `decoding`
size = [416, 416]                    # width and height of the input; default: from the graph
resize = "stretch"                   # or letterbox (at the top left), letterbox-center
color = "rgb"                        # or bgr
mean = [123.675, 116.28, 103.53]     # for values 0..255, in the order of ``color``; default: 0
std = [58.395, 57.12, 57.375]        # default: 1
threshold = 0.4                      # minimum score of a box that is shown
classes = ["person", "bicycle"]      # default: the 80 classes of COCO
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError
from edgetrack.evaluation.phrases.decoding import LAYOUTS
from edgetrack.evaluation.phrases.rule_words import COCO
from edgetrack.toml_file import load_toml

MAX_SIDE = 4096  # maximum side of the input in pixels
RESIZE, COLOR = ("stretch", "letterbox", "letterbox-center"), ("rgb", "bgr")


@dataclass(frozen=True, slots=True)
class Description:
    """The content of the file.

    Raises:
        ConfigError: a value is invalid.
    """

    output: str
    size: tuple[int, int] | None = None
    resize: str = "stretch"
    color: str = "rgb"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    threshold: float = 0.4
    classes: tuple[str, ...] = COCO

    def __post_init__(self) -> None:
        for name, allowed in (("output", tuple(LAYOUTS)), ("resize", RESIZE), ("color", COLOR)):
            self._expect(name, getattr(self, name) in allowed, f"one of {', '.join(allowed)}")
        sides = self.size is None or (_are(self.size, int, 2) and all(0 < v <= MAX_SIDE for v in self.size))
        self._expect("size", sides, "width and height in pixels, such as [416, 416]")
        self._expect("mean", _are(self.mean, float, 3), "three numbers")
        self._expect("std", _are(self.std, float, 3) and min(self.std) > 0, "three numbers above 0")
        score = _are((self.threshold,), float, 1) and 0 < self.threshold < 1
        self._expect("threshold", score, "a score between 0 and 1")
        self._expect("classes", bool(self.classes) and _are(self.classes, str), "a list of names")

    def _expect(self, name: str, good: bool, expected: str) -> None:
        if not good:
            value = getattr(self, name)
            shown = list(value) if isinstance(value, tuple) else value
            raise ConfigError(f"{name} = {shown!r:.80}; expected {expected}")

    @classmethod
    def load(cls, path: Path) -> Description:
        """Read the file.

        Raises:
            ConfigError: the file is missing, is not TOML, or does not describe a detector.
        """
        known = [field.name for field in fields(cls)]
        try:
            _, values = load_toml(path)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read ({error.strerror}); expected a description of the detector beside "
                "it, such as: "
                'output = "picodet"; docs/evaluation.md has the keys'
            ) from None
        except ValueError as error:
            raise ConfigError(f"{path} is not valid TOML ({error}); correct the file") from None
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(f"{path} has the unknown keys {unknown}; expected keys among {known}")
        if "output" not in values:
            raise ConfigError(f"{path} has no key output; expected one of {', '.join(LAYOUTS)}")
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        try:
            return cls(**given)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None


def _are(values: object, kind: type, count: int | None = None) -> bool:
    """Return whether a value is a list of ``count`` items of a type; integers count as floats, as in TOML files."""
    if not isinstance(values, tuple) or (count is not None and len(values) != count):
        return False
    if kind is float:
        return all(type(value) in (int, float) and math.isfinite(value) for value in values)
    return all(type(value) is kind for value in values)
