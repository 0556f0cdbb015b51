"""Any detector in an ONNX file, with a TOML file that declares its inputs and outputs.

YOLO-World, YOLOE and others fix their classes at export; ``names`` lists the names of these. ONNX Runtime runs the
file; the detector's own code is not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.declared import Floats, look, open_session, picture_of, said
from edgetrack.errors import ConfigError, PromptError, reason_of
from edgetrack.grounders import Grounded, likeliest
from edgetrack.grounders.calibration import Platt
from edgetrack.grounders.declaration import Declaration, plain, read_declaration

_SHOWN = 12  # number of names in a message


class DeclaredGrounder:
    """A detector in an ONNX file, as a ``Grounder``.

    Args:
        path: Path of the TOML file; its ``model`` is relative to it.
        threads: Number of threads that the network may use.

    Raises:
        ConfigError: The file is not as described, or its model does not match it.
        MissingExtra: The package onnxruntime is not installed.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        self._path = path
        self._how = read_declaration(path)
        self.platt = Platt(*self._how.calibration)
        self._session = open_session(f"grounder {path}", path.parent / self._how.model, threads)
        self._out = self._picture()
        self._places = {plain(name): n for n, name in enumerate(self._how.names)}
        self._detect(np.full((8, 8, 3), 114, np.uint8))  # report mismatches now

    def check(self, phrases: Sequence[str]) -> None:
        """Raise PromptError for a phrase that is not one of the names."""
        names = self._how.names
        for phrase in phrases:
            if plain(phrase) not in self._places:
                more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
                raise PromptError(
                    f"the grounder {self._path.name} cannot find {phrase!r}; expected one of its names: "
                    f"{', '.join(names[:_SHOWN])}{more}"
                )

    def find(self, frame: NDArray[np.uint8], phrases: Sequence[str]) -> list[Grounded]:
        """Return the boxes of the classes with these names."""
        self.check(phrases)
        boxes, scores = self._detect(frame)
        return likeliest(boxes, scores[:, [self._places[plain(phrase)] for phrase in phrases]])

    def _detect(self, frame: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return boxes, x, y, w, h in pixels (P, 4), and scores (P, names)."""
        how = self._how
        image, (x, y, w, h) = look(frame, how, self._out)
        wanted = list(how.outputs) or None
        try:
            outputs = self._session.run(wanted, self._feeds(image))
            found, scores = _LAYOUTS[how.layout](how, outputs)
        except Exception as error:  # onnxruntime's exceptions have no common base but Exception
            raise self._error(f"its model's outputs are not as declared ({reason_of(error)})") from error
        rows, columns = self._out.shape[2:]
        unit = np.array([w, h] * 2) / (1 if how.relative else np.array([columns, rows] * 2))
        boxes = np.asarray(found * unit + np.array([x, y, 0, 0]), np.float32)
        if how.logits:
            scores = (1 / (1 + np.exp(-scores))).astype(np.float32)
        return boxes, scores

    def _feeds(self, image: Floats) -> dict[str, NDArray[Any]]:
        """Return the image, and its size (columns, rows) for a model that scales its boxes by it."""
        names = [one.name for one in self._session.get_inputs()]
        feeds: dict[str, NDArray[Any]] = {names[0]: image}
        if len(names) > 1:
            feeds[names[1]] = np.array([[image.shape[3], image.shape[2]]], np.int64)
        return feeds

    def _picture(self) -> Floats:
        inputs = self._session.get_inputs()
        sized = [one.type == "tensor(int64)" and len(one.shape) == 2 for one in inputs[1:]] in ([], [True])
        picture = picture_of(inputs[0], self._how.size) if sized else None
        if picture is None:
            raise self._error(
                f"its model takes {said(inputs)}; expected an image, float32 (1, 3, rows, columns), and "
                "optionally its size, int64 (1, 2); if rows and columns are open, set them with a line such "
                "as size = 640"
            )
        return picture

    def _error(self, what: str) -> ConfigError:
        return ConfigError(f"grounder {self._path}: {what}; see edgetrack.grounders.declaration")


def _from_corners(boxes: Floats) -> Floats:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def _from_center(boxes: Floats) -> Floats:
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], 1)


def _yolo(how: Declaration, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
    rows = _shaped(outputs[0], 4 + len(how.names), 1)[0].T
    return _from_center(rows[:, :4]), rows[:, 4:]


def _labels(how: Declaration, outputs: Sequence[NDArray[Any]]) -> tuple[Floats, Floats]:
    kinds, boxes, scores = outputs[:3]
    if kinds.ndim != 2:
        raise ValueError(f"labels have the shape {kinds.shape}, not (1, places)")
    columns = [boxes, scores[..., None], kinds[..., None]]
    return _rows(how, [np.concatenate([c.astype(np.float32) for c in columns], 2)])


def _rows(how: Declaration, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
    rows = _shaped(outputs[0], 6, 2)[0]
    rows = rows[(rows[:, 5] >= 0) & (rows[:, 5] < len(how.names))]  # also drops NaN
    kinds = rows[:, 5].astype(int)
    scores = np.zeros((len(rows), len(how.names)), np.float32)
    scores[np.arange(len(rows)), kinds] = rows[:, 4]
    return _from_corners(rows[:, :4]), scores


def _pair(how: Declaration, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
    boxes, scores = _shaped(outputs[0], 4, 2)[0], _shaped(outputs[1], len(how.names), 2)[0]
    if len(boxes) != len(scores):
        raise ValueError(f"{len(boxes)} boxes and {len(scores)} rows of scores")
    return _from_corners(boxes) if how.corners else _from_center(boxes), scores


_LAYOUTS: Mapping[str, Callable[[Declaration, Sequence[Floats]], tuple[Floats, Floats]]] = {
    "yolo": _yolo,
    "rows": _rows,
    "labels": _labels,
    "pair": _pair,
}


def _shaped(output: Floats, length: int, axis: int) -> Floats:
    if output.ndim != 3 or output.shape[0] != 1 or output.shape[axis] != length:
        raise ValueError(f"an output has the shape {output.shape}, but axis {axis} must have {length}")
    return output
