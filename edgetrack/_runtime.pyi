from typing import Any

import numpy as np
from numpy.typing import NDArray

def crop(
    pixels: NDArray[np.uint8],
    region: tuple[float, float, float, float],
    out: NDArray[np.float32],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    fill: tuple[float, float, float],
) -> None: ...
def crop_bgr_pixels(
    pixels: NDArray[np.uint8],
    region: tuple[float, float, float, float],
    out: NDArray[np.float32],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    fill: tuple[float, float, float],
) -> None: ...
def crop_nv12(
    luma: NDArray[np.uint8],
    chroma: NDArray[np.uint8],
    region: tuple[float, float, float, float],
    out: NDArray[np.float32],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    fill: tuple[float, float, float],
) -> None: ...
def token_select(
    tokens: NDArray[Any],
    keys: NDArray[Any],
    prototypes: NDArray[np.float32],
    threshold: NDArray[np.float32],
    keep: int,
) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]: ...
def token_restore(
    tokens: NDArray[Any], selected: NDArray[Any], indices: NDArray[np.int32]
) -> NDArray[Any]: ...
