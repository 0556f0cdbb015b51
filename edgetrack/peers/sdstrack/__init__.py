"""SDSTrack (CVPR 2024) on ONNX Runtime: follows a box in pairs of pictures, as its published pipeline does.

The second picture, X, is of another sensor at the same place: heat or events as they are, depth by ``depth_picture``.
There is no sign of absence: every track is "tracking", and its score says how sure the network is.
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
PATCH = 16  # pixels, a side


class SDSTracker:
    """Follows one target given by a box.

    Args:
        folder: what ``edgetrack export sdstrack`` wrote.
        threads: that one network call may use.

    Raises:
        BundleError: a graph is missing or is another tracker's.
    """

    takes_x = needs_x = True

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self._learn, self._look = (
            open_session(folder / f"{n}.onnx", threads, NAME) for n in ("template", "search")
        )
        shapes = [tuple(value.shape) for graph in (self._learn, self._look) for value in graph.get_inputs()]
        if len(shapes) != 3 or any(shape[:2] != (1, 6) or len(shape) != 4 for shape in shapes[:2]):
            raise BundleError(
                f"{folder} holds another tracker; expected what 'edgetrack export {NAME}' writes"
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
        """Learns the target in ``box`` of ``frame`` and ``x``, both uint8 (H, W, 3) BGR.

        Raises:
            BoxError: the box is as large as no frame.
            ConfigError: a text, or no box.
            FrameError: ``x`` is missing or of another size.
        """
        if text is not None or box is None:
            raise ConfigError(f"{NAME} takes a box and nothing else: give start(frame, x=..., box=...)")
        self._box = Box.of(box)
        crop = self._pair(frame, x, TEMPLATE_FACTOR, self._template)
        (self._tokens,) = run(self._learn, pair=crop.image)
        self._index = 0
        return Track(self._box, 1.0, "tracking", 0)

    def update(self, frame: NDArray[np.uint8], *, x: NDArray[np.uint8] | None = None) -> Track:
        """Finds the target in the next pair, both uint8 (H, W, 3) BGR.

        Raises:
            FrameError: ``x`` is missing or of another size.
            NotStartedError: there is no target yet.
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
        """Raises ConfigError: this tracker takes no text."""
        raise ConfigError(f"{NAME} takes no text; give a box")

    def _pair(self, frame: NDArray[np.uint8], x: NDArray[np.uint8] | None, factor: float, size: int) -> Crop:
        if x is None:
            raise FrameError(
                f"{NAME} follows in pairs of pictures, and was given one; give x=, of the other sensor"
            )
        return crop_pair(frame, x, self._box, factor=factor, size=size)


class Published:
    """Opens the published version; needs no code of the user's."""

    modes: tuple[Mode, ...] = ("bbox",)

    def open(self, folder: Path, *, threads: int) -> SDSTracker:
        """The tracker on the graphs in ``folder``."""
        return SDSTracker(folder, threads=threads)
