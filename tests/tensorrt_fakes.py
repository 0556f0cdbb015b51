"""TensorRT and CUDA without a GPU: the calls that the engine makes, on host memory and ONNX Runtime.

Names and signatures are those of tensorrt 10.3 to 11.4 and cuda-python 12.8 to 13.5; ``test_tensorrt_names.py``
compares them with the real modules where those are installed. A plan is the ONNX file that it was built from, with its
weights.
"""

from __future__ import annotations

import ctypes
import enum
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from gpu_arrays import LentMemory

from edgetrack.bundle import Bundle
from edgetrack.engines import open_engine
from edgetrack.engines.ort import session_options


class FakeCuda(LentMemory, ModuleType):
    """``cuda.bindings.runtime``: every function gives a tuple that begins with an error code."""

    class cudaError_t(enum.IntEnum):
        cudaSuccess = 0
        cudaErrorInvalidValue = 1
        cudaErrorMemoryAllocation = 2
        cudaErrorInsufficientDriver = 35

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

    def _allocate(self, size: int, where: dict[int, Any]) -> tuple[Any, int]:
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
        self.waited.append(stream)
        return (self.cudaError_t.cudaSuccess,)

    def cudaMemcpyAsync(self, to: int, source: int, size: int, kind: Any, stream: int) -> tuple[Any]:
        inward = kind == self.cudaMemcpyKind.cudaMemcpyHostToDevice
        target, origin = (self.device, self.pinned) if inward else (self.pinned, self.device)
        if stream != 77 or size > len(target.get(to, ())) or size > len(origin.get(source, ())):
            return (self.cudaError_t.cudaErrorInvalidValue,)
        ctypes.memmove(to, source, size)
        self.copies.append(size)
        return (self.cudaError_t.cudaSuccess,)


class _Logger:
    class Severity(enum.IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def log(self, severity: Any, message: str) -> None:
        raise NotImplementedError


class _Flag(enum.IntEnum):
    STRONGLY_TYPED = 1


class _DataType(enum.IntEnum):
    FLOAT = 0
    INT64 = 8


class _TensorIOMode(enum.IntEnum):
    NONE, INPUT, OUTPUT = range(3)


class _Config:
    def __init__(self) -> None:
        self.limits: dict[Any, int] = {}
        self.cleared: list[Any] = []

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        self.limits[pool] = size

    def clear_flag(self, flag: Any) -> None:
        self.cleared.append(flag)


class FakeTensorRt(ModuleType):
    """``tensorrt``: builds by copying, loads only plans of its own version, computes with ONNX Runtime."""

    ILogger = _Logger
    NetworkDefinitionCreationFlag = _Flag
    DataType = _DataType
    TensorIOMode = _TensorIOMode
    MemoryPoolType = enum.IntEnum("MemoryPoolType", ["WORKSPACE"])
    BuilderFlag = enum.IntEnum("BuilderFlag", ["TF32"])

    def __init__(self, cuda: FakeCuda, version: str = "10.3.0") -> None:
        super().__init__("tensorrt")
        self.cuda, self.__version__ = cuda, version
        self.mark = f"plan of {version} for {cuda.name};".encode()
        self.builds: list[bytes] = []  # the ONNX files that were built
        self.configs: list[_Config] = []
        self.loaded: list[str] = []  # plugin libraries

    def nptype(self, kind: Any) -> Any:
        return {_DataType.FLOAT: np.float32, _DataType.INT64: np.int64}[kind]

    def get_plugin_registry(self) -> Any:
        return SimpleNamespace(load_library=lambda path: self.loaded.append(path) or object())

    def Builder(self, log: Any) -> Any:
        return SimpleNamespace(
            create_network=self._network, create_builder_config=_Config, build_serialized_network=self._build
        )

    def _network(self, flags: int) -> Any:
        assert flags == 1 << int(_Flag.STRONGLY_TYPED)
        return SimpleNamespace(data=b"", num_outputs=0)

    def _build(self, network: Any, config: _Config) -> bytes | None:
        self.configs.append(config)
        self.builds.append(network.data)
        return self.mark + network.data

    def OnnxParser(self, network: Any, log: Any) -> Any:
        return _Parser(network)

    def Runtime(self, log: Any) -> Any:
        return SimpleNamespace(deserialize_cuda_engine=lambda plan: self._load(log, plan))

    def _load(self, log: Any, plan: bytes) -> Any:
        if not plan.startswith(self.mark):
            log.log(
                _Logger.Severity.ERROR,
                "Error Code 6: the engine plan file is not compatible\nand a page more",
            )
            return None
        return _Engine(self.cuda, plan[len(self.mark) :])


class _Parser:
    def __init__(self, network: Any) -> None:
        self._network = network
        self.num_errors = 0

    def parse(self, model: bytes, path: str | None = None) -> bool:
        import onnx
        from onnx.external_data_helper import load_external_data_for_model

        try:
            graph = onnx.load_model_from_string(model)
            load_external_data_for_model(graph, str(Path(str(path)).parent))
        except Exception:
            self.num_errors = 1
            return False
        self._network.data, self._network.num_outputs = graph.SerializeToString(), len(graph.graph.output)
        return True

    def get_error(self, index: int) -> Any:
        return SimpleNamespace(desc=lambda: "the file is no ONNX")


class _Engine:
    def __init__(self, cuda: FakeCuda, data: bytes) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(
            data, session_options(1), providers=["CPUExecutionProvider"]
        )
        self.cuda = cuda
        self.fed = {v.name: v for v in self.session.get_inputs()}
        self.values = self.fed | {v.name: v for v in self.session.get_outputs()}
        self.num_io_tensors = len(self.values)

    def get_tensor_name(self, index: int) -> str:
        return list(self.values)[index]

    def get_tensor_mode(self, name: str) -> Any:
        return _TensorIOMode.INPUT if name in self.fed else _TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return _DataType.INT64 if self.values[name].type == "tensor(int64)" else _DataType.FLOAT

    def get_tensor_shape(self, name: str) -> Any:
        return tuple(self.values[name].shape)

    def create_execution_context(self) -> Any:
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._addresses: dict[str, int] = {}

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return name in self._engine.values

    def execute_async_v3(self, stream_handle: int) -> bool:
        engine = self._engine
        if stream_handle != 77 or set(self._addresses) != set(engine.values):
            return False
        views = {name: self._view(name) for name in engine.values}
        results = engine.session.run(None, {name: views[name] for name in engine.fed})
        for value, result in zip(engine.session.get_outputs(), results, strict=True):
            views[value.name][...] = result
        return True

    def _view(self, name: str) -> np.ndarray[Any, Any]:
        block = self._engine.cuda.device[
            self._addresses[name]
        ]  # no pointer of the host passes for one of the GPU
        dtype = np.int64 if self._engine.get_tensor_dtype(name) == _DataType.INT64 else np.float32
        return np.frombuffer(block, dtype).reshape(self._engine.get_tensor_shape(name))


def install(set_item: Callable[[Any, str, Any], None], cuda: FakeCuda, trt: FakeTensorRt) -> None:
    """Puts the fakes where the engine imports from; ``set_item`` is that of pytest's ``monkeypatch``."""
    for name, module in (
        ("cuda", ModuleType("cuda")),
        ("cuda.bindings", ModuleType("cuda.bindings")),
        ("cuda.bindings.runtime", cuda),
        ("tensorrt", trt),
    ):
        set_item(sys.modules, name, module)


Fakes = tuple[FakeCuda, FakeTensorRt]


def tensorrt(precision: str = "fp32") -> Any:
    return open_engine(Bundle.open(), engine="tensorrt", precision=precision)


def feeds(engine: Any, role: str) -> dict[str, Any]:
    random = np.random.default_rng(0)
    specs = engine.bundle.manifest.tensors[role].inputs
    return {name: random.uniform(0, 1, s.shape).astype(s.dtype) for name, s in specs.items()}


def plans(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "tensorrt").iterdir())
