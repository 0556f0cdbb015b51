"""SDSTrack (CVPR 2024) on ONNX Runtime: follows a box in pairs of pictures, as its published pipeline does.

The second picture, X, is of another sensor at the same place: heat or events as they are, depth by ``depth_picture``.
There is no sign of absence: every track is "tracking", and its score says how sure the network is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.crop import check_packed
from edgetrack.errors import BundleError, ConfigError, FrameError, NotStartedError
from edgetrack.peers import Mode
from edgetrack.peers.crops import clipped, crop_square
from edgetrack.peers.sessions import open_session, run
from edgetrack.types import Box, Track

NAME = "sdstrack"
PATCH = 16  # pixels, a side
TEMPLATE_FACTOR, SEARCH_FACTOR = 2.0, 4.0  # side of the region over sqrt(w * h) of the box
FARTHEST = 10_000  # millimeters, of a depth picture


class SDSTracker:
    """Follows one target given by a box.

    Args:
        folder: what ``edgetrack export sdstrack`` wrote.
        threads: that one network call may use.

    Raises:
        BundleError: a graph is missing or is another tracker's.
    """

    takes_x = True

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
        cells = self._search // PATCH
        hann = 0.5 - 0.5 * np.cos(2 * np.pi / (cells + 1) * np.arange(1, cells + 1, dtype=np.float32))
        self._window = np.outer(hann, hann).reshape(-1).astype(np.float32)
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
        pair = self._pair(frame, x, TEMPLATE_FACTOR, self._template)[0]
        (self._tokens,) = run(self._learn, pair=pair)
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
        pair, side = self._pair(frame, x, SEARCH_FACTOR, self._search)
        scores, boxes = run(self._look, pair=pair, template=self._tokens)
        response = scores[0] * self._window
        best = int(response.argmax())
        cx, cy, w, h = (float(v) for v in boxes[0, best] * np.float32(side))
        left, top = (middle - side / 2 for middle in self._box.center)
        self._box = clipped(Box(left + cx - w / 2, top + cy - h / 2, w, h), frame.shape[:2])
        self._index += 1
        return Track(self._box, float(response[best]), "tracking", self._index)

    def set_text(self, text: str) -> None:
        """Raises ConfigError: this tracker takes no text."""
        raise ConfigError(f"{NAME} takes no text; give a box")

    def _pair(
        self, frame: NDArray[np.uint8], x: NDArray[np.uint8] | None, factor: float, size: int
    ) -> tuple[NDArray[np.float32], int]:
        """The region around the box in both pictures, (1, 6, size, size), and its side in pixels of the frame."""
        if x is None:
            raise FrameError(
                f"{NAME} follows in pairs of pictures, and was given one; give x=, of the other sensor"
            )
        pixels, other = check_packed(frame), check_packed(x)
        if pixels.shape != other.shape:
            raise FrameError(
                f"x is of {other.shape[1]}x{other.shape[0]} pixels, and the frame of {pixels.shape[1]}x"
                f"{pixels.shape[0]}; expected pictures of the same place"
            )
        crops = [crop_square(picture, self._box, factor, size) for picture in (pixels, other)]
        return np.concatenate([crop.image for crop in crops], 1), crops[0].side


class Published:
    """Opens the published version; needs no code of the user's."""

    modes: tuple[Mode, ...] = ("bbox",)

    def open(self, folder: Path, *, threads: int) -> SDSTracker:
        """The tracker on the graphs in ``folder``."""
        return SDSTracker(folder, threads=threads)


def depth_picture(depth: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """A depth image in millimeters, (H, W), as the picture x, uint8 (H, W, 3), that the published weights know.

    Far things are cut off at three times the median, at most at ten meters; the rest is spread over OpenCV's map JET.

    Raises:
        FrameError: it is no depth image.
    """
    if not isinstance(depth, np.ndarray) or depth.ndim != 2 or depth.dtype != np.uint16 or depth.size == 0:
        raise FrameError(
            f"depth is {getattr(depth, 'dtype', type(depth).__name__)} {getattr(depth, 'shape', '')}; expected uint16 "
            "(H, W), in millimeters"
        )
    cv2 = require("cv2", extra="video")
    near = np.minimum(depth, int(min(3 * float(np.median(depth)), FARTHEST)))
    gray = cv2.normalize(near, None, alpha=0, beta=255, norm_type=cv2.NORM_MINMAX).astype(np.uint8)
    colors = cv2.applyColorMap(gray, cv2.COLORMAP_JET)
    picture: NDArray[np.uint8] = np.ascontiguousarray(
        colors[..., ::-1]
    )  # the weights know red and blue swapped
    return picture
