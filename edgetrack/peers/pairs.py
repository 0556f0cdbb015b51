"""Common functions of OSTrack-like trackers that take pairs of color and X: thermal, event or depth images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.crop import check_packed
from edgetrack.errors import FrameError
from edgetrack.peers.crops import Crop, clipped, crop_square
from edgetrack.types import Box

TEMPLATE_FACTOR, SEARCH_FACTOR = 2.0, 4.0  # side of the region over sqrt(w * h) of the box
FARTHEST = 10_000  # maximum depth in millimeters


def crop_pair(frame: NDArray[np.uint8], x: NDArray[np.uint8], box: Box, *, factor: float, size: int) -> Crop:
    """Crop the region around a box from both images: color and X, float32 (1, 6, size, size), each normalized RGB.

    Args:
        frame: uint8 (H, W, 3) BGR.
        x: image of the second sensor, of the same size.
        box: box that determines the center and the scale of the region.
        factor: side of the region over sqrt(w * h) of the box.
        size: side of the result in pixels.

    Raises:
        BoxError: the region is too large.
        FrameError: the sizes of the images differ.
    """
    pixels, other = check_packed(frame), check_packed(x)
    if pixels.shape != other.shape:
        raise FrameError(
            f"x has {other.shape[1]}x{other.shape[0]} pixels, but the frame has {pixels.shape[1]}x"
            f"{pixels.shape[0]}; expected aligned images of the same size"
        )
    crops = [crop_square(picture, box, factor, size) for picture in (pixels, other)]
    return Crop(np.concatenate([crop.image for crop in crops], 1), crops[0].side)


def hann_window(cells: int) -> NDArray[np.float32]:
    """Return a Hann window over a square of cells, float32 (cells * cells,), without its zeros at the border."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi / (cells + 1) * np.arange(1, cells + 1, dtype=np.float32))
    window: NDArray[np.float32] = np.outer(hann, hann).reshape(-1).astype(np.float32)
    return window


def box_in_frame(found: NDArray[np.float32], side: int, around: Box, frame: tuple[int, int]) -> Box:
    """Convert a box in a search region to pixels of the frame, and clip it to the frame.

    Args:
        found: center, width and height in units of the region's side, (4,).
        side: side of the region in pixels of the frame.
        around: box around which the region was cut.
        frame: height and width of the frame in pixels.
    """
    cx, cy, w, h = (float(v) for v in found * np.float32(side))
    left, top = (middle - side / 2 for middle in around.center)
    return clipped(Box(left + cx - w / 2, top + cy - h / 2, w, h), frame)


def depth_picture(depth: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Convert a depth image in millimeters, (H, W), to the image x, uint8 (H, W, 3), that published weights expect.

    Depths are clipped at three times the median and at ten meters, and mapped to OpenCV's color map JET.

    Raises:
        FrameError: it is not a depth image.
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
    )  # the weights were trained with red and blue swapped
    return picture
