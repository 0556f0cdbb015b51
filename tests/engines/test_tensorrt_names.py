"""The names that the TensorRT engine and its fakes call exist in NVIDIA's own modules."""

from __future__ import annotations

from importlib import import_module

import pytest
from tensorrt_fakes import FakeCuda

NAMES = {
    "ILogger": ("Severity",),
    "ILogger.Severity": ("ERROR", "INTERNAL_ERROR"),
    "Runtime": ("deserialize_cuda_engine",),
    "ICudaEngine": (
        "num_io_tensors",
        "get_tensor_name",
        "get_tensor_mode",
        "get_tensor_dtype",
        "get_tensor_shape",
    ),
    "IExecutionContext": ("set_tensor_address", "execute_async_v3"),
    "TensorIOMode": ("INPUT", "OUTPUT"),
    "DataType": ("FLOAT", "INT64"),
    "IPluginRegistry": ("load_library",),
}
BUILDER_NAMES = {
    "Builder": ("create_network", "create_builder_config", "build_serialized_network"),
    "NetworkDefinitionCreationFlag": ("STRONGLY_TYPED",),
    "INetworkDefinition": ("num_outputs",),
    "OnnxParser": ("parse", "num_errors", "get_error"),
    "ParserError": ("desc",),
    "IBuilderConfig": (
        "set_memory_pool_limit",
        "clear_flag",
        "create_timing_cache",
        "set_timing_cache",
        "get_timing_cache",
    ),
    "ITimingCache": ("serialize",),
    "MemoryPoolType": ("WORKSPACE",),
    "BuilderFlag": ("TF32",),
}


@pytest.mark.parametrize(
    ("module", "names"),
    [("tensorrt_lean_bindings", NAMES), ("tensorrt_rtx_bindings", NAMES | BUILDER_NAMES)],
)
def test_nvidia_modules_have_the_names_that_the_engine_uses(
    module: str, names: dict[str, tuple[str, ...]]
) -> None:
    real = pytest.importorskip(module, reason=f"needs {module}: pip install 'edgetrack[tensorrt-test]'")
    assert callable(real.nptype)
    for path, members in names.items():
        owner = real
        for part in path.split("."):
            owner = getattr(owner, part)
        for member in members:
            assert hasattr(owner, member), f"{path}.{member}"


def test_cuda_python_has_the_names_that_the_engine_uses() -> None:
    pytest.importorskip("cuda.bindings", reason="needs cuda-python: pip install 'edgetrack[tensorrt]'")
    real = import_module("cuda.bindings.runtime")
    for name in (n for n in dir(FakeCuda) if n.startswith("cuda")):
        assert hasattr(real, name), name
    for name in FakeCuda.cudaError_t.__members__:
        assert getattr(real.cudaError_t, name) == FakeCuda.cudaError_t[name]
    for name in FakeCuda.cudaMemoryType.__members__:
        assert getattr(real.cudaMemoryType, name) == FakeCuda.cudaMemoryType[name]
    assert real.cudaEventDisableTiming == FakeCuda.cudaEventDisableTiming
    for name in FakeCuda.cudaMemcpyKind.__members__:
        assert getattr(real.cudaMemcpyKind, name) == FakeCuda.cudaMemcpyKind[name]
    for name in FakeCuda.cudaStreamCaptureMode.__members__:
        assert getattr(real.cudaStreamCaptureMode, name) == FakeCuda.cudaStreamCaptureMode[name]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cudaStreamBeginCapture", ["stream", "mode"]),
        ("cudaStreamEndCapture", ["stream"]),
        ("cudaGraphInstantiate", ["graph", "flags"]),  # three more arguments before CUDA 12
        ("cudaGraphLaunch", ["graphExec", "stream"]),
        ("cudaGraphDestroy", ["graph"]),
        ("cudaGraphExecDestroy", ["graphExec"]),
    ],
)
def test_cuda_python_captures_with_these_arguments(name: str, arguments: list[str]) -> None:
    pytest.importorskip("cuda.bindings", reason="needs cuda-python: pip install 'edgetrack[tensorrt]'")
    said = str(getattr(import_module("cuda.bindings.runtime"), name).__doc__).splitlines()[0]
    given = [part.split(":")[0].split()[-1] for part in said.partition("(")[2].rstrip(")").split(",")]
    assert said.startswith(f"{name}(")
    assert given == arguments
