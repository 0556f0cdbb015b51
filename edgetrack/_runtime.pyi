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
