"""Frames as JPEG, for recordings and clips. Outputs that get the same frame share one encoding of it."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SinkError
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Frame

QUALITY = 95


class _Shared:
    """The JPEG of one image: the first output that needs it encodes it, and the others wait for that."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        key = id(pixels)
        self.lock = threading.Lock()
        self.jpeg: Any = None
        self.pixels = weakref.ref(pixels, lambda _: _images.pop(key, None))


_images: dict[int, _Shared] = {}  # by the id of the pixels; an entry lives as long as they do


def share(frame: Frame) -> None:
    """Let all outputs that get this frame share one JPEG of it; until the next call, its pixels must not change."""
    _images[id(frame.pixels)] = _Shared(frame.pixels)


class JpegEncoder:
    """Compresses frames with OpenCV.

    Args:
        name: Name of the output in errors.
    """

    def __init__(self, name: str) -> None:
        self._cv2, self._name = load_cv2(), name

    def pack(self, frame: Frame) -> Any:
        """Return the bytes of a JPEG file, uint8 (N,), read-only; of a shared frame, always the same array.

        Raises:
            SinkError: OpenCV cannot encode the frame.
        """
        shared = _images.get(id(frame.pixels))
        if shared is None:
            return self._encoded(frame)
        with shared.lock:
            if shared.jpeg is None:
                shared.jpeg = self._encoded(frame)
            return shared.jpeg

    def _encoded(self, frame: Frame) -> Any:
        good, jpeg = self._cv2.imencode(".jpg", frame.pixels, [self._cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not good:
            raise SinkError(f"{self._name}: OpenCV cannot write frame {frame.index} as JPEG")
        jpeg = jpeg.reshape(-1)
        jpeg.flags.writeable = False
        return jpeg
