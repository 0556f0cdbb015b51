"""Frames in GPU memory: borrowed from another library without a copy, and cropped on the GPU."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from edgetrack._native import library, runtime
from edgetrack.arrays import GpuFrame, check_picture, device_of
from edgetrack.crop import check_rows
from edgetrack.engines.tensorrt.cuda import Buffer, Cuda, Gpu, Stream
from edgetrack.errors import FrameError

_CUDA = (2, 13)  # DLPack's device types: GPU memory and managed memory
_EXPECTED = "expected uint8, shape (height, width, 3), colors in BGR order"
_MEND = "pass frame.contiguous() (PyTorch) or cupy.ascontiguousarray(frame)"


class GpuFrames:
    """Borrow frames in the memory of one GPU, and crop them into the inputs of the networks on that GPU.

    Args:
        cuda: The engine's CUDA device.
        gpu: The GPU whose memory holds the frames.
        stream: The stream on which the crops run, after the work that writes a frame.
        lock: Held while work is queued on the stream.
    """

    def __init__(self, cuda: Cuda, gpu: Gpu, stream: Stream, lock: Lock) -> None:
        self._cuda, self._gpu, self._stream, self._lock = cuda, gpu, stream, lock

    @contextmanager
    def lend(self, frame: Any) -> Iterator[GpuFrame]:
        """Yield the frame in the form that the C++ tracker expects; it is returned to its owner at the end.

        Only the GPU waits for the work that writes the frame, not the caller: ``__dlpack__`` gets our stream, and our
        stream waits for the one that ``__cuda_array_interface__`` names. Read-only frames are accepted.

        Raises:
            FrameError: The frame is in other memory, is not a suitable image, or cannot be shared.
            EngineUnavailable: The CUDA kernels were not built.
        """
        _ = self._kernel  # report a missing kernel before the frame is touched
        loan = None
        with self._lock:
            if hasattr(frame, "__dlpack__"):
                loan = self._borrow(frame)
        try:
            yield self._checked(frame, loan) if loan is not None else self._by_interface(frame)
        finally:
            if loan is not None:
                loan.close()

    def crop(self, view: tuple[int, ...], image: Buffer) -> None:
        """Queue the crop of a borrowed frame into a network's input (1, 3, rows, columns).

        Args:
            view: Addresses of a BgrFrame, a Region and Colors (``kernels/cuda_kernels.h``).
            image: The input; its host memory is not changed.

        Raises:
            EngineUnavailable: CUDA cannot run the kernel.
        """
        rows, columns = image.host.shape[2:]
        code = self._kernel(*view, rows, columns, 0, image.device, int(self._stream.handle))
        self._cuda.check("edgetrack_crop_bgr", code)

    @cached_property
    def _kernel(self) -> Callable[..., int]:
        kernel = ctypes.CDLL(str(library("cuda"))).edgetrack_crop_bgr
        pointer, number = ctypes.c_void_p, ctypes.c_int32
        kernel.argtypes = [pointer, pointer, pointer, number, number, number, pointer, pointer]
        kernel.restype = ctypes.c_int
        return kernel

    def _borrow(self, frame: Any) -> runtime.Loan:
        stream = int(self._stream.handle)
        self._check_device(frame, *frame.__dlpack_device__())
        try:
            try:
                capsule = frame.__dlpack__(stream=stream, max_version=(1, 0))
            except TypeError:  # the library predates DLPack 1.0
                capsule = frame.__dlpack__(stream=stream)
            return runtime.Loan(capsule)
        except Exception as error:  # each library raises exceptions of its own
            raise FrameError(
                f"frame is a {type(frame).__name__} that cannot be shared through DLPack ({error}); pass its "
                "plain data, such as frame.detach() (PyTorch)"
            ) from error

    def _checked(self, frame: Any, loan: runtime.Loan) -> GpuFrame:
        self._check_device(frame, *loan.device)
        check_picture(loan.dtype, loan.shape, _EXPECTED)
        return _laid_out(loan.address, loan.shape, loan.strides)

    def _by_interface(self, frame: Any) -> GpuFrame:
        """Read the CUDA Array Interface, version 3 or older; strides are in bytes, which for uint8 equal elements."""
        try:
            interface = frame.__cuda_array_interface__
            dtype = str(np.dtype(interface["typestr"]))
            shape, strides = tuple(interface["shape"]), interface.get("strides")
            address, stream = int(interface["data"][0]), interface.get("stream")
            masked = interface.get("mask") is not None
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise FrameError(
                f"frame is a {type(frame).__name__} whose __cuda_array_interface__ cannot be read "
                f"({type(error).__name__}: {error}); pass a PyTorch, CuPy, Numba or PyCUDA array"
            ) from error
        if masked:
            raise FrameError(f"frame is a masked {type(frame).__name__}; pass all of its pixels")
        check_picture(dtype, shape, _EXPECTED)
        number = self._cuda.device_at(address)
        if number is None:
            raise FrameError(
                f"frame is a {type(frame).__name__} whose __cuda_array_interface__ contains the address {address:#x}, "
                "which is not GPU memory (it may have been freed); pass an array that still exists"
            )
        self._check_device(frame, _CUDA[0], number)
        given = _laid_out(address, shape, strides)
        if stream is not None:
            with self._lock:
                self._cuda.follow(self._stream, int(stream))
        return given

    def _check_device(self, frame: Any, kind: int, number: int) -> None:
        if int(kind) in _CUDA and number == self._gpu.index:
            return
        there = device_of(frame) if int(kind) not in _CUDA else f"cuda:{number}"
        here = f"cuda:{self._gpu.index}"
        raise FrameError(
            f"frame is a {type(frame).__name__} in the memory of {there}, but engine 'tensorrt' runs on {here} "
            f"({self._gpu.name}); pass a copy there, such as frame.to({here!r}) (PyTorch), or one in host memory"
        )


def _laid_out(address: int, shape: tuple[int, ...], strides: tuple[int, ...] | None) -> GpuFrame:
    height, width, _ = shape
    steps = (3 * width, 3, 1) if strides is None else tuple(strides)
    if len(steps) != 3 or not all(0 < length < 1 << 31 for length in shape):
        raise FrameError(
            f"frame has the shape {shape} and the strides {steps}; {_EXPECTED}, and three strides"
        )
    check_rows(shape, steps, _MEND)
    return GpuFrame(address, width, height, steps[0])
