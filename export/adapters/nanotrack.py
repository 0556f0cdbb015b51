"""NanoTrack v2 and v3 from their ONNX pair, with the boxes that OpenCV's TrackerNano gives.

The published demo and OpenCV differ in details; this follows OpenCV, which is what people have, oddities included:
sizes are compared with the target's position where its size was meant, and the search region is exactly twice the
template's. The crop is OpenCV's own, too: our one-pass crop differs from it by rounding, and this tracker
makes ten pixels of that within ten frames. NanoTrack gives no sign of absence: every track is "tracking".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.engines.base import first_line
from edgetrack.engines.ort import session_options
from edgetrack.errors import BoxError, BundleError, NotStartedError
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Box, Track, check_pixels

Floats = NDArray[np.float32]
TEMPLATE, SEARCH = 127, 255  # pixels
STRIDE = 16
_CONTEXT, _WINDOW, _PENALTY, _RATE = 0.5, 0.455, 0.055, 0.37
_LEAST = 10.0  # pixels, of a box


class NanoTrack:
    """Follows one target given by a box.

    Args:
        backbone: ``nanotrack_backbone*.onnx``.
        head: ``nanotrack_head*.onnx`` of the same version.
        threads: that one network call may use.

    Raises:
        BundleError: a file cannot be loaded.
        MissingExtra: onnx or OpenCV is not installed.
    """

    def __init__(self, backbone: Path, head: Path, *, threads: int = 2) -> None:
        self._cv2: Any = load_cv2()
        self._backbone = _open(backbone, threads, any_size=True)
        self._head = _open(head, threads, any_size=False)
        self._template: Floats | None = None
        self._center = self._size = np.zeros(2)
        self._index = -1

    def start(self, frame: NDArray[np.uint8], *, box: Any) -> Track:
        """Learns the target in ``box`` of ``frame``, uint8 (H, W, 3) BGR."""
        pixels = check_pixels(frame)
        given = Box.of(box)
        height, width = pixels.shape[:2]
        if not (0 <= given.center[0] < width and 0 <= given.center[1] < height):
            raise BoxError(
                f"box {given.xywh} has its centre outside the frame of {width}x{height} pixels; expected x,y,w,h"
            )
        self._center, self._size = np.array(given.center), np.array([given.w, given.h])
        side = int(np.sqrt(np.prod(self._size + _CONTEXT * self._size.sum())))
        (self._template,) = self._backbone.run(None, {"input": self._crop(pixels, side, TEMPLATE)})
        self._index = 0
        return Track(given, 1.0, "tracking", 0)

    def update(self, frame: NDArray[np.uint8]) -> Track:
        """Finds the target in the next frame, uint8 (H, W, 3) BGR.

        Raises:
            NotStartedError: there is no target yet.
        """
        if self._template is None:
            raise NotStartedError("update() before start(); call start(frame, box=...) first")
        pixels = check_pixels(frame)
        scale = TEMPLATE / np.sqrt(np.prod(self._size + _CONTEXT * int(self._size.sum())))
        image = self._crop(pixels, int(TEMPLATE / scale * (SEARCH // TEMPLATE)), SEARCH)
        (features,) = self._backbone.run(None, {"input": image})
        classes, sides = self._head.run(None, {"input1": self._template, "input2": features})
        center, size, score, rate = self._best(classes[0], sides[0], scale)
        limits = np.array(pixels.shape[1::-1], np.float64)
        self._center = np.clip(self._center + center / scale, 0, limits)
        self._size = np.maximum(np.minimum(size / scale * rate + (1 - rate) * self._size, limits), _LEAST)
        self._index += 1
        (x, y), (w, h) = self._center - self._size / 2, self._size
        return Track(Box(float(x), float(y), float(w), float(h)), score, "tracking", self._index)

    def _best(
        self, classes: Floats, sides: Floats, scale: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Shift of the centre and size, both in pixels of the search image; score; share of the new size.

        Args:
            classes: (2, S, S) logits of background and target.
            sides: (4, S, S) pixels from each cell's centre to left, top, right and bottom.
            scale: pixels of the search image for one of the frame.
        """
        cells = classes.shape[-1]
        line = (np.arange(cells) - cells // 2) * STRIDE + SEARCH // 2
        left, top = line[None, :] - sides[0], line[:, None] - sides[1]
        width, height = sides[0] + sides[2], sides[1] + sides[3]
        score = 1 / (1 + np.exp(classes[0] - classes[1]))
        ratio = self._size[0] / self._size[1]
        change = _either(_extent(width, height) / _extent(*self._center))
        penalty = np.exp(-_PENALTY * (change * _either(ratio / (width / height)) - 1))
        hann = np.hanning(cells)
        rank = penalty * score * (1 - _WINDOW) + np.sqrt(np.outer(hann, hann)) * _WINDOW
        best = np.unravel_index(int(rank.argmax()), rank.shape)
        size = np.array([width[best], height[best]], np.float64)
        center = np.array([left[best], top[best]]) + size / 2 - SEARCH // 2
        return center, size, float(rank[best]), float(penalty[best] * score[best] * _RATE)

    def _crop(self, pixels: NDArray[np.uint8], side: int, out: int) -> Floats:
        """The square of ``side`` pixels around the centre as float32 (1, 3, out, out), RGB, whole numbers 0..255."""
        cv2, (height, width) = self._cv2, pixels.shape[:2]
        x, y = (int(v) - (side + 1) // 2 for v in self._center)
        left, top = max(0, -x), max(0, -y)
        right, bottom = max(0, x + side - width), max(0, y + side - height)
        around, mean = (top, bottom, left, right), cv2.mean(pixels)[:3]
        wide = cv2.copyMakeBorder(pixels, *around, cv2.BORDER_CONSTANT, value=mean)
        square = cv2.resize(wide[y + top : y + top + side, x + left : x + left + side], (out, out))
        return np.ascontiguousarray(square[..., ::-1].transpose(2, 0, 1)[None], dtype=np.float32)


def _extent(width: Any, height: Any) -> Any:
    """The side of a square as large as a box with context around it."""
    pad = (width + height) * 0.5
    return np.sqrt((width + pad) * (height + pad))


def _either(ratio: Any) -> Any:
    return np.maximum(ratio, 1 / ratio)


def _open(path: Path, threads: int, *, any_size: bool) -> Any:
    import onnxruntime

    onnx = require("onnx", extra="export")
    try:
        model = onnx.load(str(path))
        if any_size:  # one file serves template and search image
            for value in (*model.graph.input, *model.graph.output):
                for axis in (2, 3):
                    value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}_{axis}"
            del model.graph.value_info[:]
        return onnxruntime.InferenceSession(
            model.SerializeToString(), session_options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnx and onnxruntime raise whatever the damage leads to
        raise BundleError(
            f"{path} cannot be loaded ({first_line(error)}); expected an ONNX file of NanoTrack"
        ) from error
