"""One deserialized plan with its buffers, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.arrays import device_of
from edgetrack.engines.base import check_feeds
from edgetrack.engines.tensorrt.capture import Captures, CudaGraphs
from edgetrack.engines.tensorrt.cuda import Buffer, Cuda, Stream
from edgetrack.engines.tensorrt.frames import GpuFrames
from edgetrack.errors import ConfigError, EngineUnavailable
from edgetrack.manifest import TensorSpec

Arrays = Mapping[str, NDArray[Any]]


class TensorRtGraph:
    """An execution context whose tensors have fixed addresses; nothing is allocated from frame to frame.

    Args:
        role: Role of the graph, used in messages.
        trt: The module ``tensorrt``.
        engine: An ``ICudaEngine``.
        cuda: Allocates the buffers.
        stream: The stream on which the graph runs.
        lock: Held during a run, so that several graphs can share the stream.
        frames: Crops frames on the same GPU and stream into the input "image".
        replay: Whether bound runs are replayed as CUDA graphs.

    Raises:
        EngineUnavailable: The GPU has too little memory.
    """

    def __init__(
        self,
        role: str,
        trt: Any,
        engine: Any,
        cuda: Cuda,
        stream: Stream,
        lock: Lock,
        frames: GpuFrames,
        replay: CudaGraphs,
    ) -> None:
        self.role = role
        self._frames = frames
        self._cuda, self._stream, self._lock = cuda, stream, lock
        self._engine = engine  # the context uses its weights, so keep it alive
        self._context = engine.create_execution_context()
        if self._context is None:
            raise EngineUnavailable(
                f"TensorRT cannot run graph {role!r}: the GPU has too little free memory; end other programs on it, "
                "or use engine='ort'"
            )
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        specs = {name: _spec(trt, engine, name) for name in names}
        fed = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        self.inputs: Mapping[str, TensorSpec] = {name: specs[name] for name in fed}
        self.outputs: Mapping[str, TensorSpec] = {name: specs[name] for name in names if name not in fed}
        self._buffers = {name: Buffer(cuda, spec) for name, spec in specs.items()}
        for name, buffer in self._buffers.items():
            self._context.set_tensor_address(name, buffer.device)
        self._captures = Captures(role, cuda, stream, replay)

    def run(self, feeds: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """See ``Graph.run``. An input in GPU memory (``__cuda_array_interface__``) is used in place.

        The run waits for the work that writes such an input, on the stream that its interface names.
        """
        there = {name: array for name, array in feeds.items() if device_of(array) is not None}
        check_feeds(self.role, self.inputs, feeds, elsewhere=there)
        addresses = {name: self._address(name, array) for name, array in there.items()}
        with self._lock:
            if addresses:
                self._captures.forget()
            own = [name for name in self.inputs if name not in addresses]
            try:
                for name, address in addresses.items():
                    self._context.set_tensor_address(name, address)
                for name in own:
                    np.copyto(self._buffers[name].host, feeds[name], casting="no")
                self._queue(own, self.outputs)
                self._cuda.wait(self._stream.handle)
            finally:
                for name in addresses:
                    self._context.set_tensor_address(name, self._buffers[name].device)
            return {name: self._buffers[name].host.copy() for name in self.outputs}

    def bind(self, inputs: Arrays, outputs: Arrays) -> Callable[..., None]:
        """See ``edgetrack.engines.binding.bind``; arrays are copied through preallocated pinned memory.

        From the second run on, the copies and the network are one CUDA graph. If the returned function is called with
        a ``view`` (see ``GpuFrames.crop``), it first crops the input "image" from a frame on the GPU.
        """
        check_feeds(self.role, self.inputs, inputs)
        wanted = tuple(outputs)

        def run(*view: int) -> None:
            with self._lock:
                own = tuple(name for name in self.inputs if not (view and name == "image"))
                try:
                    for name in own:
                        np.copyto(self._buffers[name].host, inputs[name], casting="no")
                    if view:
                        self._frames.crop(view, self._buffers["image"])
                    self._captures.run((own, wanted), lambda: self._queue(own, wanted))
                finally:
                    self._cuda.wait(self._stream.handle)  # then the frame can be returned to its owner
                for name, array in outputs.items():
                    np.copyto(array, self._buffers[name].host, casting="no")

        return run

    def _queue(self, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        """Queue a run: copy ``inputs`` from pinned buffers, run the network, copy ``outputs`` to pinned buffers."""
        for name in inputs:
            self._cuda.copy_in(self._buffers[name], self._stream)
        if not self._context.execute_async_v3(int(self._stream.handle)):
            raise EngineUnavailable(f"TensorRT failed to run graph {self.role!r}; use engine='ort'")
        for name in outputs:
            self._cuda.copy_out(self._buffers[name], self._stream)

    def _address(self, name: str, array: Any) -> int:
        """Return the address of an input in GPU memory; the stream waits for the work that writes it."""
        spec = self.inputs[name]
        interface = getattr(array, "__cuda_array_interface__", None)
        if interface is None:
            raise ConfigError(
                f"input {name!r} of graph {self.role!r} is a {type(array).__name__} in the memory of "
                f"{device_of(array)} without __cuda_array_interface__; expected CuPy, Numba, PyCUDA or PyTorch on CUDA"
            )
        given = TensorSpec(str(np.dtype(interface["typestr"])), tuple(interface["shape"]))
        strides = interface.get("strides")
        if given != spec or (strides is not None and tuple(strides) != _packed(spec)):
            raise ConfigError(
                f"input {name!r} of graph {self.role!r} is {given.dtype} {given.shape} with the strides {strides} in "
                f"GPU memory; expected {spec.dtype} {spec.shape}, C-contiguous"
            )
        if interface.get("stream") is not None:
            self._cuda.wait(interface["stream"])
        address: int = interface["data"][0]
        return address


def _spec(trt: Any, engine: Any, name: str) -> TensorSpec:
    dtype = np.dtype(trt.nptype(engine.get_tensor_dtype(name)))
    return TensorSpec(dtype.name, tuple(engine.get_tensor_shape(name)))


def _packed(spec: TensorSpec) -> tuple[int, ...]:
    """Return the strides in bytes of a C-contiguous tensor."""
    size = np.dtype(spec.dtype).itemsize
    return tuple(size * prod(spec.shape[i + 1 :]) for i in range(len(spec.shape)))
