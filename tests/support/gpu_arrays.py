"""Frames of other libraries in the memory of the fake GPU (``tensorrt_fakes``).

Their addresses are those of host memory moved by ``ON_GPU``, which no host memory has: whoever reads a frame other than
through the stand-in of the kernel (``cpp/crop_on_host.cpp``) crashes. The pixels are there once the stream that writes
them has been waited for, and noise after the frame was given back.
"""

from __future__ import annotations

import ctypes
import enum
import functools
import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

ON_GPU = 1 << 62
WRITER = 5  # the stream that writes frames
CAR = (13.0, 236.0, 136.0, 98.0)  # the red one, in the first frame of scene()


@functools.cache
def drawn() -> list[np.ndarray[Any, Any]]:
    from edgetrack.demo import open_demo

    with open_demo() as source:
        return [frame.pixels.copy() for frame in itertools.islice(source, 40, 50)]


def scene(count: int) -> Iterator[np.ndarray[Any, Any]]:
    """Frames of the demo, in host memory."""
    return itertools.islice(drawn(), count)


class LentMemory:
    """What CUDA's runtime knows of memory and streams that others made: a part of ``FakeCuda``."""

    cudaError_t: Any

    class cudaMemoryType(enum.IntEnum):
        cudaMemoryTypeUnregistered = 0
        cudaMemoryTypeDevice = 2

    cudaEventDisableTiming = 2

    def __init__(self, name: str) -> None:
        super().__init__(name)  # type: ignore[call-arg]
        self.lent: dict[range, int] = {}  # addresses, and the number of the GPU that they belong to
        self.queued: dict[int, Callable[[], None]] = {}  # by stream: what runs there once it is waited for
        self.recorded: dict[int, int] = {}  # the stream that an event was recorded on

    def cudaEventCreateWithFlags(self, flags: int) -> tuple[Any, int]:
        assert flags == self.cudaEventDisableTiming
        return self.cudaError_t.cudaSuccess, 88

    def cudaEventDestroy(self, event: int) -> tuple[Any]:
        return (self.cudaError_t.cudaSuccess,)

    def cudaEventRecord(self, event: int, stream: int) -> tuple[Any]:
        self.recorded[event] = stream
        return (self.cudaError_t.cudaSuccess,)

    def cudaStreamWaitEvent(self, stream: int, event: int, flags: int) -> tuple[Any]:
        if (stream, flags) != (77, 0) or event not in self.recorded:
            return (self.cudaError_t.cudaErrorInvalidValue,)
        self.queued.pop(self.recorded[event], lambda: None)()
        return (self.cudaError_t.cudaSuccess,)

    def cudaPointerGetAttributes(self, address: int) -> tuple[Any, Any]:
        kinds = self.cudaMemoryType
        for addresses, number in self.lent.items():
            if address in addresses:
                return self.cudaError_t.cudaSuccess, SimpleNamespace(
                    type=kinds.cudaMemoryTypeDevice, device=number
                )
        return self.cudaError_t.cudaSuccess, SimpleNamespace(type=kinds.cudaMemoryTypeUnregistered, device=-2)


class _Written:
    """Pixels that lie ``row_bytes`` apart (negative: the last row first), late."""

    def __init__(
        self, cuda: LentMemory, pixels: Any, *, row_bytes: int | None = None, number: int = 0
    ) -> None:
        height, width, _ = pixels.shape
        step = 3 * width if row_bytes is None else row_bytes
        self._memory = np.zeros(abs(step) * height + 1, np.uint8)
        rows = np.ndarray(pixels.shape, np.uint8, self._memory, max(0, -step) * (height - 1), (step, 3, 1))
        self.shape, self.strides = rows.shape, rows.strides
        self.address = rows.ctypes.data + ON_GPU
        start = self._memory.ctypes.data + ON_GPU
        cuda.lent[range(start, start + self._memory.size)] = number
        cuda.queued[WRITER] = lambda: np.copyto(rows, pixels)
        self._cuda, self._number = cuda, number

    def overwrite(self) -> None:
        self._memory[...] = np.random.default_rng(0).integers(0, 256, self._memory.size, np.uint8)


class InterfaceFrame(_Written):
    """What CuPy, Numba and PyCUDA show (CUDA Array Interface, version 3); ``changes`` to it."""

    def __init__(
        self,
        cuda: LentMemory,
        pixels: Any,
        *,
        changes: dict[str, Any] | None = None,
        read_only: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(cuda, pixels, **options)
        self.__cuda_array_interface__ = {
            "shape": self.shape,
            "typestr": "|u1",
            "data": (self.address, read_only),
            "strides": self.strides,
            "version": 3,
            "stream": WRITER,
            **(changes or {}),
        }


class _Array(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("kind", ctypes.c_int32),
        ("number", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


_Release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Managed(ctypes.Structure):
    _fields_ = (("array", _Array), ("context", ctypes.c_void_p), ("release", _Release))


class _Versioned(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("release", _Release),
        ("flags", ctypes.c_uint64),
        ("array", _Array),
    )


class DLPackFrame(_Written):
    """What PyTorch shows: DLPack, before version 1 or, ``versioned``, since; ``changes`` to the array in it."""

    def __init__(
        self,
        cuda: LentMemory,
        pixels: Any,
        *,
        versioned: bool = True,
        major: int = 1,
        kind: int = 2,
        changes: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(cuda, pixels, **options)
        self._versioned, self.major, self._kind, self._changes = versioned, major, kind, changes or {}
        self.released = 0
        self.streams: list[int] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._kind, self._number

    def __dlpack__(self, *, stream: int, **newer: Any) -> Any:
        if newer and not self._versioned:
            raise TypeError("__dlpack__() got an unexpected keyword argument 'max_version'")
        self.streams.append(stream)
        self._cuda.queued.pop(WRITER, lambda: None)()
        return self._capsule()

    def _capsule(self) -> Any:
        three = ctypes.c_int64 * 3
        array = _Array(
            self.address - 16, 2, self._number, 3, 1, 8, 1, three(*self.shape), three(*self.strides), 16
        )
        for name, value in self._changes.items():
            setattr(array, name, value)

        def release(_: int) -> None:
            self.released += 1
            self.overwrite()

        if self._versioned:
            read_only = 1
            self._held: Any = _Versioned(self.major, 0, None, _Release(release), read_only, array)
        else:
            self._held = _Managed(array, None, _Release(release))
        kind = b"dltensor_versioned" if self._versioned else b"dltensor"
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self._held), kind, None)
