"""Crops a region of a frame into the network's input: a fused implementation, and a readable reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.arrays import check_pixels, to_host
from edgetrack.errors import BoxError, ConfigError, FrameError

Triple = tuple[float, float, float]
Region = tuple[float, float, float, float]


def crop_into(
    pixels: NDArray[np.uint8],
    region: Region,
    out: NDArray[np.float32],
    *,
    mean: Triple,
    std: Triple,
    fill: Triple,
) -> None:
    """Crop ``region``, resize it bilinearly and write ``(rgb - mean) / std`` into ``out``.

    Nothing is allocated and the interpreter lock is released. Output pixel ``i`` samples the frame at
    ``x + (i + 0.5) * w / columns - 0.5``; pixels outside the frame have the color ``fill``, blended in
    bilinearly at the border.

    Args:
        pixels: uint8 (H, W, 3) BGR. The pixels of a row are packed; rows may be padded.
        region: ``(x, y, w, h)`` in pixels of the frame; it may extend outside and need not be square.
        out: float32 (1, 3, rows, columns), C-contiguous; receives RGB.
        mean: subtracted value, RGB, in 0..255.
        std: divisor, RGB, in 0..255.
        fill: BGR, 0..255.

    Raises:
        FrameError: ``pixels`` is not as described.
        BoxError: ``region`` is not finite or is empty.
        ConfigError: ``out``, ``mean``, ``std`` or ``fill`` is not as described.
    """
    frame = check_packed(pixels)
    _check_region(region)
    _check_out(out)
    for name, value in (("mean", mean), ("std", std), ("fill", fill)):
        _check_triple(name, value)
    with door:
        runtime.crop(frame, region, out, mean, std, fill)


def check_packed(pixels: object) -> NDArray[np.uint8]:
    """Return ``pixels`` if it is a uint8 (H, W, 3) array with packed rows, without a copy.

    An array of another library in host memory (DLPack: PyTorch, JAX) is returned as a numpy array that shares it.

    Raises:
        FrameError: it is anything else.
    """
    frame = check_pixels(to_host(pixels))
    check_rows(frame.shape, frame.strides, "pass numpy.ascontiguousarray(frame)")
    return frame


def check_rows(shape: tuple[int, ...], strides: tuple[int, ...], mend: str) -> None:
    """Raise FrameError, whose message ends with ``mend``, unless rows are packed and do not overlap.

    Args:
        shape: (H, W, 3).
        strides: strides in bytes; the distance between rows may be larger than a row, or negative.
        mend: advice for the user.
    """
    if strides[2] != 1 or (strides[1] != 3 and shape[1] > 1):
        raise FrameError(
            f"frame has the strides {strides}; expected the pixels of a row to be packed "
            f"(strides (any, 3, 1)); {mend}"
        )
    if shape[0] > 1 and abs(strides[0]) < 3 * shape[1]:
        raise FrameError(f"frame has the strides {strides}: its rows overlap; {mend}")


def crop_reference(
    pixels: NDArray[np.uint8],
    region: Region,
    size: tuple[int, int],
    *,
    mean: Triple,
    std: Triple,
    fill: Triple,
) -> NDArray[np.float32]:
    """Compute the result of ``crop_into`` in plain numpy, as the reference for its tests.

    Args:
        pixels: uint8 (H, W, 3) BGR.
        region: ``(x, y, w, h)`` in pixels of the frame.
        size: ``(rows, columns)`` of the result.
        mean: RGB, 0..255.
        std: RGB, 0..255.
        fill: BGR, 0..255.

    Returns:
        float32 (1, 3, rows, columns), RGB.
    """
    height, width = pixels.shape[:2]
    rows, columns = size
    x, y, w, h = region
    xs = np.clip(x + (np.arange(columns) + 0.5) * (w / columns) - 0.5, -1.0, width)
    ys = np.clip(y + (np.arange(rows) + 0.5) * (h / rows) - 0.5, -1.0, height)
    bordered = np.full((height + 3, width + 3, 3), fill, dtype=np.float64)  # one pixel before, two after
    bordered[1 : height + 1, 1 : width + 1] = pixels
    left, top = np.floor(xs).astype(int), np.floor(ys).astype(int)
    across, down = (xs - left)[None, :, None], (ys - top)[:, None, None]
    upper, lower = bordered[top + 1], bordered[top + 2]
    upper = upper[:, left + 1] * (1 - across) + upper[:, left + 2] * across
    lower = lower[:, left + 1] * (1 - across) + lower[:, left + 2] * across
    rgb = (upper * (1 - down) + lower * down)[..., ::-1]
    normalized = (rgb - np.asarray(mean)) / np.asarray(std)
    return np.ascontiguousarray(normalized.transpose(2, 0, 1)[None], dtype=np.float32)


def _check_region(region: Region) -> None:
    if len(region) != 4 or not all(math.isfinite(v) for v in region) or region[2] <= 0 or region[3] <= 0:
        raise BoxError(
            f"region {tuple(region)} cannot be cropped; expected finite (x, y, w, h) with w > 0 and h > 0"
        )


def _check_out(out: Any) -> None:
    if (
        not isinstance(out, np.ndarray)
        or out.dtype != np.float32
        or out.ndim != 4
        or out.shape[:2] != (1, 3)
        or out.size == 0
        or not out.flags.c_contiguous
        or not out.flags.writeable
    ):
        given = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ConfigError(
            f"out is {given}; "
            "expected a writeable, C-contiguous float32 array of the shape (1, 3, rows, columns)"
        )


def _check_triple(name: str, value: Triple) -> None:
    if len(value) != 3 or not all(math.isfinite(v) for v in value) or (name == "std" and 0 in value):
        zero = ", none of them 0" if name == "std" else ""
        raise ConfigError(f"{name} is {tuple(value)}; expected 3 finite numbers{zero}, one for each color")
