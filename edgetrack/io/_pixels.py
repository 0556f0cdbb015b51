"""Converts frames that PyAV has decoded to pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHOOSES_THREADS = 17  # the first PyAV whose conversions take a number of threads, by default one per core


def bgr_pixels(av: Any, picture: Any, **how: Any) -> NDArray[np.uint8]:
    """Return the pixels of ``picture``, uint8 (H, W, 3) BGR; ``how`` goes to its ``to_ndarray``.

    The conversion runs in the calling thread. FFmpeg starts helpers for each new size, and on a busy machine it has
    waited forever for them, so that a camera never sent its first frame.
    """
    if int(av.__version__.partition(".")[0]) >= _CHOOSES_THREADS:
        how["threads"] = 1
    pixels: NDArray[np.uint8] = picture.to_ndarray(format="bgr24", **how)
    return pixels
