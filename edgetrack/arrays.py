"""Arrays of other libraries: on which device they are, and how to read them without a copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import FrameError


class DLPackArray(Protocol):
    """An array of PyTorch, CuPy, JAX or numpy, on any device."""

    def __dlpack__(self, *, stream: Any = None) -> Any: ...

    def __dlpack_device__(self) -> tuple[Any, Any]: ...


class CudaArray(Protocol):
    """An array of CuPy, Numba or PyCUDA in GPU memory."""

    @property
    def __cuda_array_interface__(self) -> Mapping[str, Any]: ...


Pixels = NDArray[np.uint8] | DLPackArray | CudaArray  # one frame, uint8 (H, W, 3) BGR


class GpuFrame(NamedTuple):
    """A frame in GPU memory, uint8 BGR, with packed pixels in each row; its creator keeps the memory alive."""

    address: int
    width: int
    height: int
    row_bytes: int  # distance between two rows; may be negative


# DLPack's device types that numpy can read (dlpack.h): the CPU, and host memory pinned by CUDA or ROCm.
_HOST = {1, 3, 11}
_NAMES = {2: "cuda", 4: "opencl", 7: "vulkan", 8: "metal", 10: "rocm", 13: "cuda (managed)", 14: "oneapi"}


def device_of(array: object) -> str | None:
    """Return the accelerator whose memory contains ``array``, such as "cuda:0"; None for host memory or other objects.

    It is taken from ``__cuda_array_interface__`` (CuPy, Numba, PyCUDA, PyTorch) and ``__dlpack_device__``.
    """
    if isinstance(array, np.ndarray):
        return None
    try:
        on_cuda = getattr(array, "__cuda_array_interface__", None) is not None
    except (
        Exception
    ):  # PyTorch raises RuntimeError for tensors with gradients, which have a __dlpack_device__
        on_cuda = False
    ask = getattr(array, "__dlpack_device__", None)
    if ask is None:
        return "cuda" if on_cuda else None
    try:
        kind, number = ask()
    except Exception as error:  # PyTorch raises ValueError for its device "meta"
        return f"a device without a name ({error})"
    if int(kind) in _HOST and not on_cuda:
        return None
    return f"{_NAMES.get(int(kind), f'device type {int(kind)}')}:{number}"


def to_host(frame: Any) -> Any:
    """Convert an array of another library in host memory (DLPack) to numpy without a copy; return others unchanged.

    Raises:
        FrameError: it is in the memory of a GPU, or cannot be shared.
    """
    device = device_of(frame)
    if device is not None:
        raise FrameError(
            f"frame is a {_kind(frame)} in the memory of {device}, which only engine 'tensorrt' accepts (on "
            "CUDA): for other engines, pass a copy in host memory, such as frame.cpu() (PyTorch) or "
            "frame.get() (CuPy, PyCUDA)"
        )
    if isinstance(frame, np.ndarray) or not hasattr(frame, "__dlpack__"):
        return frame
    try:
        array: NDArray[Any] = np.from_dlpack(frame)
    except Exception as error:  # any exception: gradients, sub-byte types, byte order
        raise FrameError(
            f"frame is a {_kind(frame)} that cannot be read without a copy ({error}); pass it as a numpy array"
        ) from error
    return array


def describe(array: object) -> str:
    """Return type, shape and device of an argument, for error messages."""
    if isinstance(array, np.ndarray):
        return f"{array.dtype} {array.shape}"
    device = device_of(array)
    return _kind(array) if device is None else f"{_kind(array)} in the memory of {device}"


def _kind(array: object) -> str:
    return type(array).__name__


def check_pixels(pixels: object) -> NDArray[np.uint8]:
    """Return ``pixels`` itself if it is a non-empty uint8 (H, W, 3) array, without a copy.

    Raises:
        FrameError: it is anything else.
    """
    expected = "expected a numpy array, uint8, shape (height, width, 3), colors in BGR order"
    if not isinstance(pixels, np.ndarray):
        raise FrameError(f"frame is a {type(pixels).__name__}; {expected}")
    check_picture(pixels.dtype, pixels.shape, expected)
    return pixels


def check_picture(dtype: str | np.dtype[Any], shape: tuple[int, ...], expected: str) -> None:
    """Raise FrameError, whose message ends with ``expected``, unless it is a non-empty uint8 (H, W, 3) array."""
    if dtype != "uint8":
        raise FrameError(f"frame has dtype {dtype}; {expected}")
    if len(shape) != 3 or shape[2] != 3:
        raise FrameError(f"frame has shape {shape}; {expected}")
    if 0 in shape:
        raise FrameError(f"frame is empty, shape {shape}; {expected}")
