"""SDSTrack (CVPR 2024) on ONNX Runtime: tracks a box in pairs of images, as its published pipeline does.

The second image, X, is an aligned image of another sensor: thermal or event images unchanged, depth images converted by
``depth_picture``. Absence is not detected: every track is "tracking", with the network's confidence as its score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import BundleError, ConfigError, FrameError, NotStartedError
from edgetrack.peers import Mode
from edgetrack.peers.crops import Crop
from edgetrack.peers.pairs import (
    SEARCH_FACTOR,
    TEMPLATE_FACTOR,
    box_in_frame,
    crop_pair,
    hann_window,
)
from edgetrack.peers.sessions import open_session, run
from edgetrack.types import Box, Track

NAME = "sdstrack"
PATCH = 16  # side in pixels


class SDSTracker:
    """Tracks one target given by a box.

    Args:
        folder: folder written by ``edgetrack export sdstrack``.
        threads: number of threads of one network call.

    Raises:
        BundleError: a graph is missing or belongs to another tracker.
    """

    takes_x = needs_x = True

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self._learn, self._look = (
            open_session(folder / f"{n}.onnx", threads, NAME) for n in ("template", "search")
        )
        shapes = [tuple(value.shape) for graph in (self._learn, self._look) for value in graph.get_inputs()]
        if len(shapes) != 3 or any(shape[:2] != (1, 6) or len(shape) != 4 for shape in shapes[:2]):
            raise BundleError(
                f"{folder} contains another tracker; expected what 'edgetrack export {NAME}' writes"
            )
        self._template, self._search = int(shapes[0][3]), int(shapes[1][3])
        self._window = hann_window(self._search // PATCH)
        self._index = -1

    def start(
        self,
        frame: NDArray[np.uint8],
        *,
        text: str | None = None,
        box: Any = None,
        x: NDArray[np.uint8] | None = None,
    ) -> Track:
        """Set the target to ``box`` in ``frame`` and ``x``, both uint8 (H, W, 3) BGR.

        Raises:
            BoxError: the box is too large.
            ConfigError: a text is given, or no box.
            FrameError: ``x`` is missing or has another size.
        """
        if text is not None or box is None:
            raise ConfigError(f"{NAME} starts from a box only: call start(frame, x=..., box=...)")
        self._box = Box.of(box)
        crop = self._pair(frame, x, TEMPLATE_FACTOR, self._template)
        (self._tokens,) = run(self._learn, pair=crop.image)
        self._index = 0
        return Track(self._box, 1.0, "tracking", 0)

    def update(self, frame: NDArray[np.uint8], *, x: NDArray[np.uint8] | None = None) -> Track:
        """Find the target in the next pair, both uint8 (H, W, 3) BGR.

        Raises:
            FrameError: ``x`` is missing or has another size.
            NotStartedError: no target is set.
        """
        if self._index < 0:
            raise NotStartedError("update() before start(); call start(frame, x=..., box=...) first")
        crop = self._pair(frame, x, SEARCH_FACTOR, self._search)
        scores, boxes = run(self._look, pair=crop.image, template=self._tokens)
        response = scores[0] * self._window
        best = int(response.argmax())
        self._box = box_in_frame(boxes[0, best], crop.side, self._box, frame.shape[:2])
        self._index += 1
        return Track(self._box, float(response[best]), "tracking", self._index)

    def set_text(self, text: str) -> None:
        """Raise ConfigError, because this tracker takes no text."""
        raise ConfigError(f"{NAME} takes no text; start it with a box")

    def _pair(self, frame: NDArray[np.uint8], x: NDArray[np.uint8] | None, factor: float, size: int) -> Crop:
        if x is None:
            raise FrameError(
                f"{NAME} tracks in pairs of images, but got only one; give x=, the image of the other sensor"
            )
        return crop_pair(frame, x, self._box, factor=factor, size=size)


class Published:
    """Opens the published version; requires no user code."""

    modes: tuple[Mode, ...] = ("bbox",)

    def open(self, folder: Path, *, threads: int) -> SDSTracker:
        """Open the tracker with the graphs in ``folder``."""
        return SDSTracker(folder, threads=threads)
