"""NanoTrack v2 and v3 (Chu, SiamTrackers) on ONNX Runtime, with the same boxes as OpenCV's TrackerNano.

The published demo and OpenCV differ in details. This implementation follows OpenCV, which is more widespread, including
its peculiarities: sizes are compared with the target's position instead of its size, and the search region is exactly
twice the template's. The crop has OpenCV's rounding, too (``kernels/crop_square.h``), because this tracker amplifies
one gray level to ten pixels within ten frames. NanoTrack does not detect absence: every track is "tracking".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.crop import check_packed
from edgetrack.engines.ort import OrtGraph
from edgetrack.errors import BoxError, BundleError, ConfigError, NotStartedError, reason_of
from edgetrack.peers import Mode
from edgetrack.types import Box, Track

Floats = NDArray[Any]
NAME = "nanotrack"
TEMPLATE, SEARCH = 127, 255  # sides of the input images in pixels
STRIDE = 16
VERSIONS = {f"{NAME}-v2": 48, f"{NAME}-v3": 96}  # channels of the features, by adapter
_WINDOW, _PENALTY, _RATE = 0.455, 0.055, 0.37  # OpenCV's values
_LEAST = 10.0  # minimum side of a box in pixels


class Proposals(NamedTuple):
    """The output of each cell (S, S): score 0..1, and the sides of a box in pixels of the search image."""

    score: Floats
    left: Floats
    top: Floats
    right: Floats
    bottom: Floats


def proposals(classes: Floats, sides: Floats) -> Proposals:
    """Convert the outputs of the head.

    Args:
        classes: (2, S, S) logits of background and target.
        sides: (4, S, S) distances in pixels from each cell's center to left, top, right and bottom.
    """
    cells = classes.shape[-1]
    line = ((np.arange(cells) - cells // 2) * STRIDE + SEARCH // 2).astype(np.float32)
    background, target = np.exp(classes - classes.max(0))
    x, y = line[None, :], line[:, None]
    return Proposals(target / (background + target), x - sides[0], y - sides[1], x + sides[2], y + sides[3])


def context_side(width: Any, height: Any) -> Any:
    """Return the side of a square with the area of the box after padding each edge by half of its mean side."""
    pad = (width + height) * np.float32(0.5)
    return np.sqrt((width + pad) * (height + pad))


def change(ratio: Any) -> Any:
    """Return the factor of a change, whether larger or smaller: always at least 1."""
    return np.maximum(ratio, 1 / ratio)


class NanoTrack:
    """Tracks one target given by a box.

    Args:
        folder: folder written by ``edgetrack export nanotrack-v2`` or ``nanotrack-v3``.
        threads: number of threads of one network call.

    Raises:
        BundleError: a file is missing or cannot be loaded.
    """

    modes: tuple[Mode, ...] = ("bbox",)

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        template, search = (_open(folder / f"{name}.onnx", threads) for name in ("template", "search"))
        _check_tensors(folder, template, search)
        cells = search.outputs["classes"].shape[-1]
        self._picture = np.empty((1, 3, TEMPLATE, TEMPLATE), np.float32)
        self._image = np.empty((1, 3, SEARCH, SEARCH), np.float32)
        kernel = np.empty(template.outputs["kernel"].shape, np.float32)
        self._classes, self._sides = (np.empty((1, n, cells, cells), np.float32) for n in (2, 4))
        outputs = {"classes": self._classes, "sides": self._sides}
        self._learn = template.bind({"image": self._picture}, {"kernel": kernel})
        self._look = search.bind({"image": self._image, "kernel": kernel}, outputs)
        hann = np.hanning(cells)
        self._window = np.sqrt(np.outer(hann, hann)).astype(np.float32) * np.float32(_WINDOW)
        self._center = self._size = np.zeros(2, np.float32)
        self._index = -1

    def start(self, frame: NDArray[np.uint8], *, text: str | None = None, box: Any = None) -> Track:
        """Set the target to ``box`` in ``frame``, uint8 (H, W, 3) BGR.

        Raises:
            BoxError: the center of the box is outside the frame.
            ConfigError: a text is given, or no box.
        """
        if text is not None or box is None:
            raise ConfigError(f"{NAME} starts from a box only: give --mode bbox, or start(frame, box=...)")
        pixels = check_packed(frame)
        given = Box.of(box)
        height, width = pixels.shape[:2]
        if not (0 <= given.center[0] < width and 0 <= given.center[1] < height):
            raise BoxError(
                f"box {given.xywh} has its center outside the frame of {width}x{height} pixels; expected x,y,w,h"
            )
        self._center, self._size = (np.array(v, np.float32) for v in (given.center, (given.w, given.h)))
        self._crop(pixels, int(_context(self._size, self._size.sum())), self._picture)
        self._learn()
        self._index = 0
        return Track(given, 1.0, "tracking", 0)

    def update(self, frame: NDArray[np.uint8]) -> Track:
        """Find the target in the next frame, uint8 (H, W, 3) BGR.

        Raises:
            NotStartedError: no target is set.
        """
        if self._index < 0:
            raise NotStartedError("update() before start(); call start(frame, box=...) first")
        pixels = check_packed(frame)
        side = _context(self._size, np.float32(int(self._size.sum())))
        scale = TEMPLATE / side
        self._crop(pixels, int(side * (SEARCH // TEMPLATE)), self._image)
        self._look()
        score = self._follow(proposals(self._classes[0], self._sides[0]), scale, pixels.shape[1::-1])
        self._index += 1
        (x, y), (w, h) = self._center - self._size / 2, self._size
        return Track(Box(float(x), float(y), float(w), float(h)), score, "tracking", self._index)

    def set_text(self, text: str) -> None:
        """Raise ConfigError, because this tracker takes no text."""
        raise ConfigError(f"{NAME} takes no text; give --mode bbox")

    def _follow(self, found: Proposals, scale: Floats, limits: tuple[int, ...]) -> float:
        """Move the target to the best proposal, and return its score.

        Args:
            found: proposals in pixels of the search image, ``scale`` of which make up one pixel of the frame.
            scale: float32 like all values here, because OpenCV's rounding decides at which pixel the next crop begins.
            limits: width and height of the frame.
        """
        width, height, scaled = found.right - found.left, found.bottom - found.top, self._size * scale
        sizes = change(context_side(width, height) / context_side(*self._center))
        ratios = change(scaled[0] / scaled[1] / (width / height))
        penalty = np.exp((ratios * sizes - 1) * -_PENALTY)
        rank = penalty * found.score * (1 - _WINDOW) + self._window
        best = np.unravel_index(int(rank.argmax()), rank.shape)
        low = np.array([found.left[best], found.top[best]])
        high = np.array([found.right[best], found.bottom[best]])
        rate = penalty[best] * found.score[best] * np.float32(_RATE)
        size = (high - low) / scale * rate + (np.float32(1) - rate) * (scaled / scale)
        frame = np.array(limits, np.float32)
        self._center = np.clip(self._center + ((low + high) / 2 - SEARCH // 2) / scale, 0, frame)
        self._size = np.maximum(np.minimum(size, frame), np.float32(_LEAST))
        return float(rank[best])

    def _crop(self, pixels: NDArray[np.uint8], side: int, out: Floats) -> None:
        """Crop the square of ``side`` pixels around the center into float32 (1, 3, S, S), RGB, integers 0..255."""
        x, y = (int(v) - (side + 1) // 2 for v in self._center)
        with door:
            runtime.crop_square(pixels, x, y, side, out)


class Published:
    """Opens the published versions; requires no user code."""

    modes: tuple[Mode, ...] = NanoTrack.modes

    def open(self, folder: Path, *, threads: int) -> NanoTrack:
        """Open the tracker with the graphs in ``folder``."""
        return NanoTrack(folder, threads=threads)


def _check_tensors(folder: Path, template: OrtGraph, search: OrtGraph) -> None:
    """Raise BundleError unless the two graphs form a NanoTrack."""
    kernel, cells = template.outputs.get("kernel"), search.outputs.get("classes")
    channels = kernel.shape[1] if kernel is not None and len(kernel.shape) == 4 else 0
    side = cells.shape[-1] if cells is not None else 0
    shapes = {
        "image": (1, 3, SEARCH, SEARCH),
        "kernel": (1, channels, 8, 8),
        "classes": (1, 2, side, side),
        "sides": (1, 4, side, side),
    }
    found = {name: spec.shape for name, spec in {**search.inputs, **search.outputs}.items()}
    template_shapes = [spec.shape for spec in (*template.inputs.values(), *template.outputs.values())]
    if found != shapes or template_shapes != [(1, 3, TEMPLATE, TEMPLATE), shapes["kernel"]]:
        raise BundleError(
            f"{folder} contains another tracker, with tensors {found}; expected what 'edgetrack export "
            f"{NAME}-v2' writes"
        )


def _context(size: Floats, total: Any) -> Any:
    """Return the side of the template's square, given the size of a target and the sum of its sides."""
    width, height = size + total * np.float32(0.5)
    return np.sqrt(width * height)


def _open(path: Path, threads: int | None) -> OrtGraph:
    try:
        return OrtGraph(path.stem, path, threads=threads)
    except BundleError as error:
        raise BundleError(
            f"{path} cannot be loaded ({reason_of(error)}); write it again: edgetrack export {NAME}-v2 --weights "
            "BACKBONE.onnx --weights HEAD.onnx --output DIR"
        ) from error
