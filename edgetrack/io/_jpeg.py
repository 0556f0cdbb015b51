"""Frames as JPEG, for recordings."""

from __future__ import annotations

from typing import Any

from edgetrack.errors import SinkError
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Frame

QUALITY = 95


class JpegEncoder:
    """Compresses frames with OpenCV.

    Args:
        name: Name of the output in errors.
    """

    def __init__(self, name: str) -> None:
        self._cv2, self._name = load_cv2(), name

    def pack(self, frame: Frame) -> Any:
        """Return the bytes of a JPEG file, uint8 (N,).

        Raises:
            SinkError: OpenCV cannot encode the frame.
        """
        good, jpeg = self._cv2.imencode(".jpg", frame.pixels, [self._cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not good:
            raise SinkError(f"{self._name}: OpenCV cannot write frame {frame.index} as JPEG")
        return jpeg.reshape(-1)
