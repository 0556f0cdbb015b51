"""The few calls of CUDA's runtime that the engine makes, each checked, and memory that frees itself."""

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
    """What a plan is built for."""

    index: int  # CUDA's number of it
    name: str
    capability: tuple[int, int]  # compute capability, such as (8, 7)


class Cuda:
    """CUDA's current device.

    Raises:
        MissingExtra: cuda-python is not installed.
        EngineUnavailable: no GPU, or a driver older than cuda-python needs.
    """

    def __init__(self) -> None:
        self._runtime = require("cuda.bindings.runtime", extra="tensorrt")
        self.call("cudaFree", 0)  # makes the context, so that what is missing is said here

    def call(self, name: str, *arguments: Any) -> Any:
        """What CUDA's function gives beside its error code, which becomes an exception."""
        code, *values = getattr(self._runtime, name)(*arguments)
        self.check(name, code)
        return values[0] if values else None

    def check(self, name: str, code: int) -> None:
        """Raises EngineUnavailable unless ``code``, which the function ``name`` returned, is that of success."""
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
        """The device."""
        index = self.call("cudaGetDevice")
        properties = self.call("cudaGetDeviceProperties", index)
        return Gpu(index, properties.name.decode(), (properties.major, properties.minor))

    def device_at(self, address: int) -> int | None:
        """The number of the GPU that an address belongs to; None where it is memory that CUDA does not know."""
        attributes = self.call("cudaPointerGetAttributes", address)
        if attributes.type == self._runtime.cudaMemoryType.cudaMemoryTypeUnregistered:
            return None
        return int(attributes.device)

    def event(self) -> Any:
        """A new event, without the time at which it is reached."""
        return self.call("cudaEventCreateWithFlags", self._runtime.cudaEventDisableTiming)

    def follow(self, stream: Stream, other: int) -> None:
        """Makes a stream wait, on the GPU, for all that is queued on another, by its handle."""
        self.call("cudaEventRecord", stream.event, other)
        self.call("cudaStreamWaitEvent", stream.handle, stream.event, 0)

    def copy_in(self, buffer: Buffer, stream: Stream) -> None:
        """Queues the copy of a buffer to the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.call("cudaMemcpyAsync", buffer.device, buffer.pinned, buffer.host.nbytes, kind, stream.handle)

    def copy_out(self, buffer: Buffer, stream: Stream) -> None:
        """Queues the copy of a buffer from the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self.call("cudaMemcpyAsync", buffer.pinned, buffer.device, buffer.host.nbytes, kind, stream.handle)

    def begin_capture(self, stream: Stream) -> None:
        """From here to ``cudaStreamEndCapture``, what this thread queues on the stream is recorded and not run.

        Other threads go on using CUDA as they like meanwhile (thread-local mode).
        """
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call("cudaStreamBeginCapture", stream.handle, mode)

    def wait(self, stream: Any) -> None:
        """Waits until all that was queued on a stream, by its handle, is done."""
        self.call("cudaStreamSynchronize", stream)


class Stream:
    """One queue of work on the GPU, destroyed with this object; ``event`` marks a place in another one."""

    def __init__(self, cuda: Cuda) -> None:
        self.handle = cuda.call("cudaStreamCreate")
        weakref.finalize(self, cuda.call, "cudaStreamDestroy", self.handle)
        self.event = cuda.event()
        weakref.finalize(self, cuda.call, "cudaEventDestroy", self.event)


class Buffer:
    """A tensor that exists twice: ``host``, in pinned memory, and at the address ``device`` on the GPU."""

    def __init__(self, cuda: Cuda, spec: TensorSpec) -> None:
        size = prod(spec.shape) * np.dtype(spec.dtype).itemsize
        self.device: int = cuda.call("cudaMalloc", size)
        weakref.finalize(self, cuda.call, "cudaFree", self.device)
        self.pinned: int = cuda.call("cudaMallocHost", size)
        weakref.finalize(self, cuda.call, "cudaFreeHost", self.pinned)
        raw = (ctypes.c_byte * size).from_address(self.pinned)
        self.host: NDArray[Any] = np.frombuffer(memoryview(raw), spec.dtype).reshape(spec.shape)
