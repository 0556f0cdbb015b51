"""An array that claims to be in GPU memory."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from tensorrt_fakes import FakeCuda


class CudaArray:
    """An array in the fake GPU's memory, as CuPy, Numba and PyCUDA expose it (CUDA Array Interface, version 3)."""

    def __init__(self, cuda: FakeCuda, array: np.ndarray[Any, Any], **changes: Any) -> None:
        _, address = cuda.cudaMalloc(max(array.nbytes, 1))
        ctypes.memmove(address, np.ascontiguousarray(array).ctypes.data, array.nbytes)
        self.__cuda_array_interface__ = {
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": (address, False),
            "strides": None,
            "version": 3,
            "stream": 1,
            **changes,
        }
