"""The image of a second sensor (thermal, depth or events), aligned with the color frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.arrays import describe, to_host
from edgetrack.crop import check_packed
from edgetrack.errors import ConfigError, FrameError
from edgetrack.types import Frame


def sensor_picture(values: NDArray[Any], *, low: float, high: float) -> NDArray[np.uint8]:
    """Convert measurements to a gray image for ``Tracker.update(x=...)``.

    Use the same range for all frames; a separate range per frame would change the appearance of the target.

    Args:
        values: (H, W), any number type: 16-bit thermal counts, depth in millimeters. Values that are not finite
            become ``low``.
        low: Value that becomes black.
        high: Value that becomes white; less than ``low`` to make near objects bright.

    Returns:
        uint8 (H, W).

    Raises:
        FrameError: It is not an array (H, W) of numbers.
        ConfigError: The range is empty or not finite.
    """
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "uif":
        raise FrameError(
            f"the sensor's values are {describe(values)}; expected an array (height, width) of numbers"
        )
    if not (np.isfinite(low) and np.isfinite(high)) or low == high:
        raise ConfigError(f"low is {low!r} and high is {high!r}; expected two different finite numbers")
    shown = (values.astype(np.float32) - low) * (255.0 / (high - low))
    return np.asarray(np.clip(np.nan_to_num(shown, nan=0.0), 0, 255), np.uint8)


def pair_of(color: object | None, x: object) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8]]:
    """Convert both images of a pair for the C++ trackers.

    Args:
        color: The color image, or None if it is missing.
        x: The second sensor's image: uint8 (H, W, 3), or (H, W) gray, or a ``Frame``.

    Raises:
        FrameError: One of them is not an image in host memory, or they differ in size.
    """
    if isinstance(x, Frame):
        x = x.pixels
    x = to_host(x)
    if isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype == np.uint8:
        x = np.repeat(x[..., None], 3, axis=2)
    elif isinstance(x, np.ndarray) and x.ndim == 2:
        raise FrameError(
            f"x is {describe(x)}; expected uint8: scale it by edgetrack.sensor_picture(x, low=..., high=...)"
        )
    other = check_packed(x)
    if color is None:
        return None, other
    frame = check_packed(color)
    if frame.shape != other.shape:
        raise FrameError(
            f"the color frame has {frame.shape[1]}x{frame.shape[0]} pixels and x has {other.shape[1]}x{other.shape[0]};"
            " expected images of the same size and scene: align them (docs/sensors.md)"
        )
    return frame, other
