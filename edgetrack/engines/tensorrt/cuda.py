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
        if code != self._runtime.cudaError_t.cudaSuccess:
            _, text = self._runtime.cudaGetErrorString(code)
            raise EngineUnavailable(
                f"engine 'tensorrt': {name} failed with {code.name} ({text.decode()}); expected an NVIDIA GPU whose "
                "driver (see: nvidia-smi) is at least as new as cuda-python: for CUDA 12, as in JetPack 6, run: "
                "pip install 'cuda-python<13'; or use engine='ort'"
            )
        return values[0] if values else None

    def gpu(self) -> Gpu:
        """The device."""
        properties = self.call("cudaGetDeviceProperties", self.call("cudaGetDevice"))
        return Gpu(properties.name.decode(), (properties.major, properties.minor))

    def copy_in(self, buffer: Buffer, stream: Stream) -> None:
        """Queues the copy of a buffer to the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.call("cudaMemcpyAsync", buffer.device, buffer.pinned, buffer.host.nbytes, kind, stream.handle)

    def copy_out(self, buffer: Buffer, stream: Stream) -> None:
        """Queues the copy of a buffer from the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self.call("cudaMemcpyAsync", buffer.pinned, buffer.device, buffer.host.nbytes, kind, stream.handle)

    def wait(self, stream: Any) -> None:
        """Waits until all that was queued on a stream, by its handle, is done."""
        self.call("cudaStreamSynchronize", stream)


class Stream:
    """One queue of work on the GPU, destroyed with this object."""

    def __init__(self, cuda: Cuda) -> None:
        self.handle = cuda.call("cudaStreamCreate")
        weakref.finalize(self, cuda.call, "cudaStreamDestroy", self.handle)


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
