"""TensorRT and CUDA without a GPU: the calls that the engine makes, on host memory and ONNX Runtime.

Names and signatures are those of tensorrt 10.3 to 11.4 and cuda-python 12.8 to 13.5; ``test_tensorrt_names.py``
compares them with the real modules where those are installed. A plan is the ONNX file that it was built from, with its
weights.
"""

from __future__ import annotations

import ctypes
import enum
import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from cuda_graph_fakes import FakeGraphs
from gpu_arrays import LentMemory
from tensorrt_builder_fakes import DataType, FakeConfig, Flag, Logger, Parser, TensorIOMode

from edgetrack.bundle import Bundle
from edgetrack.engines import open_tensorrt
from edgetrack.engines.session_graph import session_options


class FakeCuda(FakeGraphs, LentMemory, ModuleType):
    """A fake of ``cuda.bindings.runtime``: every function returns a tuple that begins with an error code."""

    class cudaError_t(enum.IntEnum):
        cudaSuccess = 0
        cudaErrorInvalidValue = 1
        cudaErrorMemoryAllocation = 2
        cudaErrorInsufficientDriver = 35
        cudaErrorStreamCaptureUnsupported = 900
        cudaErrorStreamCaptureInvalidated = 901

    class cudaMemcpyKind(enum.IntEnum):
        cudaMemcpyHostToDevice = 1
        cudaMemcpyDeviceToHost = 2

    def __init__(self, name: str = "Fake GPU", capability: tuple[int, int] = (8, 7)) -> None:
        super().__init__("cuda.bindings.runtime")
        self.name, self.capability = name, capability
        self.device: dict[int, Any] = {}
        self.pinned: dict[int, Any] = {}
        self.allocations = 0
        self.copies: list[int] = []  # sizes in bytes
        self.waited: list[int] = []
        self.driver = True
        self.prepare_graphs()

    def _allocate(self, size: int, where: dict[int, Any]) -> tuple[Any, int]:
        if self.capture is not None:  # forbidden to the thread that captures
            self.valid = False
            return self.cudaError_t.cudaErrorStreamCaptureUnsupported, 0
        block = (ctypes.c_byte * size)()
        self.allocations += 1
        where[ctypes.addressof(block)] = block
        return self.cudaError_t.cudaSuccess, ctypes.addressof(block)

    def _release(self, address: int, where: dict[int, Any]) -> tuple[Any]:
        if address and where.pop(address, None) is None:
            return (self.cudaError_t.cudaErrorInvalidValue,)
        return (self.cudaError_t.cudaSuccess,)

    def cudaMalloc(self, size: int) -> tuple[Any, int]:
        return self._allocate(size, self.device)

    def cudaMallocHost(self, size: int) -> tuple[Any, int]:
        return self._allocate(size, self.pinned)

    def cudaFree(self, address: int) -> tuple[Any]:
        if not self.driver:
            return (self.cudaError_t.cudaErrorInsufficientDriver,)
        return self._release(address, self.device)

    def cudaFreeHost(self, address: int) -> tuple[Any]:
        return self._release(address, self.pinned)

    def cudaGetDevice(self) -> tuple[Any, int]:
        return self.cudaError_t.cudaSuccess, 0

    def cudaGetDeviceProperties(self, device: int) -> tuple[Any, Any]:
        major, minor = self.capability
        return self.cudaError_t.cudaSuccess, SimpleNamespace(
            name=self.name.encode(), major=major, minor=minor
        )

    def cudaGetErrorString(self, error: Any) -> tuple[Any, bytes]:
        return self.cudaError_t.cudaSuccess, f"the text of {error.name}".encode()

    def cudaStreamCreate(self) -> tuple[Any, int]:
        return self.cudaError_t.cudaSuccess, 77

    def cudaStreamDestroy(self, stream: int) -> tuple[Any]:
        return (self.cudaError_t.cudaSuccess,)

    def cudaStreamSynchronize(self, stream: int) -> tuple[Any]:
        if self.capture is not None and stream == 77:
            self.valid = False
            return (self.cudaError_t.cudaErrorStreamCaptureUnsupported,)
        self.waited.append(stream)
        return (self.cudaError_t.cudaSuccess,)

    def cudaMemcpyAsync(self, to: int, source: int, size: int, kind: Any, stream: int) -> tuple[Any]:
        inward = kind == self.cudaMemcpyKind.cudaMemcpyHostToDevice
        target, origin = (self.device, self.pinned) if inward else (self.pinned, self.device)
        if stream != 77 or size > len(target.get(to, ())) or size > len(origin.get(source, ())):
            return (self.cudaError_t.cudaErrorInvalidValue,)
        self.do(
            lambda: self._copy(target[to], origin[source], size)
        )  # a freed address is a KeyError at launch
        return (self.cudaError_t.cudaSuccess,)

    def _copy(self, target: Any, origin: Any, size: int) -> None:
        ctypes.memmove(target, origin, size)
        self.copies.append(size)


class FakeTensorRt(ModuleType):
    """A fake of ``tensorrt``: it builds by copying, loads only plans of its own version, computes with ONNX Runtime."""

    ILogger = Logger
    NetworkDefinitionCreationFlag = Flag
    DataType = DataType
    TensorIOMode = TensorIOMode
    MemoryPoolType = enum.IntEnum("MemoryPoolType", ["WORKSPACE"])
    BuilderFlag = enum.IntEnum("BuilderFlag", ["TF32"])

    def __init__(self, cuda: FakeCuda, version: str = "10.3.0") -> None:
        super().__init__("tensorrt")
        self.cuda, self.__version__ = cuda, version
        self.mark = f"plan of {version} for {cuda.name};".encode()
        self.timing_mark = f"timing of {version} on {cuda.name}:".encode()
        self.timed: list[bytes] = []  # networks whose layers were measured
        self.build_s = 0.0  # that a build takes
        self.error: str | None = None  # with which builds fail
        self.record: Path | None = None  # gets a line at the beginning and at the end of each build
        self.executions = 0
        self.builds: list[bytes] = []  # the ONNX files that were built
        self.configs: list[FakeConfig] = []
        self.loaded: list[str] = []  # plugin libraries

    def nptype(self, kind: Any) -> Any:
        return {DataType.FLOAT: np.float32, DataType.INT64: np.int64}[kind]

    def get_plugin_registry(self) -> Any:
        def load_library(path: str) -> object:
            self.loaded.append(path)
            return object()

        return SimpleNamespace(load_library=load_library)

    def Builder(self, log: Any) -> Any:
        self.log = log
        return SimpleNamespace(
            create_network=self._network,
            create_builder_config=lambda: FakeConfig(self),
            build_serialized_network=self._build,
        )

    def _network(self, flags: int) -> Any:
        assert flags == 1 << int(Flag.STRONGLY_TYPED)
        return SimpleNamespace(data=b"", num_outputs=0)

    def _build(self, network: Any, config: FakeConfig) -> bytes | None:
        self.configs.append(config)
        self.builds.append(network.data)
        self._note("began")
        time.sleep(self.build_s)
        if self.error is not None:
            self.log.log(Logger.Severity.ERROR, self.error)
            return None
        digest = hashlib.sha256(network.data).digest()
        if config.cache is None or digest not in config.cache.timed:
            self.timed.append(digest)
        if config.cache is not None:
            config.cache.timed.add(digest)
        self._note("ended")
        return self.mark + network.data

    def _note(self, what: str) -> None:
        if self.record is not None:
            with self.record.open("a") as file:
                file.write(f"{os.getpid()} {what}\n")

    def OnnxParser(self, network: Any, log: Any) -> Any:
        return Parser(network)

    def Runtime(self, log: Any) -> Any:
        return SimpleNamespace(deserialize_cuda_engine=lambda plan: self._load(log, plan))

    def _load(self, log: Any, plan: bytes) -> Any:
        if not plan.startswith(self.mark):
            log.log(
                Logger.Severity.ERROR,
                "Error Code 6: the engine plan file is not compatible\nand a page more",
            )
            return None
        return _Engine(self, plan[len(self.mark) :])


class _Engine:
    def __init__(self, trt: FakeTensorRt, data: bytes) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(
            data, session_options(1), providers=["CPUExecutionProvider"]
        )
        self.cuda, self.trt = trt.cuda, trt
        self.fed = {v.name: v for v in self.session.get_inputs()}
        self.values = self.fed | {v.name: v for v in self.session.get_outputs()}
        self.num_io_tensors = len(self.values)

    def get_tensor_name(self, index: int) -> str:
        return list(self.values)[index]

    def get_tensor_mode(self, name: str) -> Any:
        return TensorIOMode.INPUT if name in self.fed else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return DataType.INT64 if self.values[name].type == "tensor(int64)" else DataType.FLOAT

    def get_tensor_shape(self, name: str) -> Any:
        return tuple(self.values[name].shape)

    def create_execution_context(self) -> Any:
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._addresses: dict[str, int] = {}
        self._settled = False  # False: an address is new, and the next run does what may not be captured

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        self._settled = False
        return name in self._engine.values

    def execute_async_v3(self, stream_handle: int) -> bool:
        engine = self._engine
        if stream_handle != 77 or set(self._addresses) != set(engine.values):
            return False
        if engine.cuda.capture is not None and not self._settled:
            return False
        self._settled = True
        addresses = dict(self._addresses)  # a captured run works on those of its capture
        engine.cuda.do(lambda: self._compute(addresses))
        return True

    def _compute(self, addresses: dict[str, int]) -> None:
        engine = self._engine
        views = {name: self._view(name, address) for name, address in addresses.items()}
        results = engine.session.run(None, {name: views[name] for name in engine.fed})
        for value, result in zip(engine.session.get_outputs(), results, strict=True):
            views[value.name][...] = result
        engine.trt.executions += 1

    def _view(self, name: str, address: int) -> np.ndarray[Any, Any]:
        block = self._engine.cuda.device[address]  # no pointer of the host passes for one of the GPU
        dtype = np.int64 if self._engine.get_tensor_dtype(name) == DataType.INT64 else np.float32
        return np.frombuffer(block, dtype).reshape(self._engine.get_tensor_shape(name))


def install(set_item: Callable[[Any, str, Any], None], cuda: FakeCuda, trt: FakeTensorRt) -> None:
    """Install the fakes where the engine imports from; ``set_item`` is that of pytest's ``monkeypatch``."""
    for name, module in (
        ("cuda", ModuleType("cuda")),
        ("cuda.bindings", ModuleType("cuda.bindings")),
        ("cuda.bindings.runtime", cuda),
        ("tensorrt", trt),
    ):
        set_item(sys.modules, name, module)


Fakes = tuple[FakeCuda, FakeTensorRt]


def tensorrt(precision: str = "fp32", model: str | None = None) -> Any:
    return open_tensorrt(Bundle.open(model), precision=precision)


def feeds(engine: Any, role: str) -> dict[str, Any]:
    random = np.random.default_rng(0)
    specs = engine.bundle.manifest.tensors[role].inputs
    return {name: random.uniform(0, 1, s.shape).astype(s.dtype) for name, s in specs.items()}


def plans(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "tensorrt").glob("*.plan"))
