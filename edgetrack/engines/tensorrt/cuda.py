"""The CUDA runtime calls that the engine uses, with error checks, and buffers that free themselves."""

from __future__ import annotations

import ctypes
import weakref
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.errors import EngineUnavailable
from edgetrack.manifest import TensorSpec


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPU that a plan is built for."""

    index: int  # device number in CUDA
    name: str
    capability: tuple[int, int]  # compute capability, such as (8, 7)


class Cuda:
    """The current CUDA device.

    Raises:
        MissingExtra: The package cuda-python is not installed.
        EngineUnavailable: There is no GPU, or the driver is too old for cuda-python.
    """

    def __init__(self) -> None:
        self._runtime = require("cuda.bindings.runtime", extra="tensorrt")
        self.call("cudaFree", 0)  # creates the context, so that missing parts are reported here

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a CUDA function and return its results without the error code, which raises an exception if set."""
        code, *values = getattr(self._runtime, name)(*arguments)
        self.check(name, code)
        return values[0] if values else None

    def check(self, name: str, code: int) -> None:
        """Raise EngineUnavailable unless ``code``, returned by the function ``name``, means success."""
        error = self._runtime.cudaError_t(code)
        if error == self._runtime.cudaError_t.cudaSuccess:
            return
        _, text = self._runtime.cudaGetErrorString(error)
        raise EngineUnavailable(
            f"engine 'tensorrt': {name} failed with {error.name} ({text.decode()}); expected an NVIDIA GPU whose "
            "driver (see: nvidia-smi) is at least as new as cuda-python: for CUDA 12, as in JetPack 6, run: "
            "pip install 'cuda-python<13'; or use engine='ort'"
        )

    def gpu(self) -> Gpu:
        """Return the current device."""
        index = self.call("cudaGetDevice")
        properties = self.call("cudaGetDeviceProperties", index)
        return Gpu(index, properties.name.decode(), (properties.major, properties.minor))

    def device_at(self, address: int) -> int | None:
        """Return the number of the GPU that an address belongs to; None if CUDA does not know the memory."""
        attributes = self.call("cudaPointerGetAttributes", address)
        if attributes.type == self._runtime.cudaMemoryType.cudaMemoryTypeUnregistered:
            return None
        return int(attributes.device)

    def event(self) -> Any:
        """Return a new event that records no timing."""
        return self.call("cudaEventCreateWithFlags", self._runtime.cudaEventDisableTiming)

    def follow(self, stream: Stream, other: int) -> None:
        """Make a stream wait on the GPU for all work queued on another stream, given by its handle."""
        self.call("cudaEventRecord", stream.event, other)
        self.call("cudaStreamWaitEvent", stream.handle, stream.event, 0)

    def copy_in(self, buffer: Buffer, stream: Stream) -> None:
        """Queue the copy of a buffer to the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.call("cudaMemcpyAsync", buffer.device, buffer.pinned, buffer.host.nbytes, kind, stream.handle)

    def copy_out(self, buffer: Buffer, stream: Stream) -> None:
        """Queue the copy of a buffer from the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self.call("cudaMemcpyAsync", buffer.pinned, buffer.device, buffer.host.nbytes, kind, stream.handle)

    def begin_capture(self, stream: Stream) -> None:
        """Start to record the work that this thread queues on the stream, without running it.

        Recording ends with ``cudaStreamEndCapture``. Other threads may use CUDA as usual meanwhile (thread-local mode).
        """
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call("cudaStreamBeginCapture", stream.handle, mode)

    def wait(self, stream: Any) -> None:
        """Wait until all work queued on a stream, given by its handle, is done."""
        self.call("cudaStreamSynchronize", stream)


class Stream:
    """A CUDA stream, destroyed together with this object; ``event`` marks a position in another stream."""

    def __init__(self, cuda: Cuda) -> None:
        self.handle = cuda.call("cudaStreamCreate")
        weakref.finalize(self, cuda.call, "cudaStreamDestroy", self.handle)
        self.event = cuda.event()
        weakref.finalize(self, cuda.call, "cudaEventDestroy", self.event)


class Buffer:
    """A tensor with two copies: ``host`` in pinned memory, and one at the address ``device`` on the GPU."""

    def __init__(self, cuda: Cuda, spec: TensorSpec) -> None:
        size = prod(spec.shape) * np.dtype(spec.dtype).itemsize
        self.device: int = cuda.call("cudaMalloc", size)
        weakref.finalize(self, cuda.call, "cudaFree", self.device)
        self.pinned: int = cuda.call("cudaMallocHost", size)
        weakref.finalize(self, cuda.call, "cudaFreeHost", self.pinned)
        raw = (ctypes.c_byte * size).from_address(self.pinned)
        self.host: NDArray[Any] = np.frombuffer(memoryview(raw), spec.dtype).reshape(spec.shape)
