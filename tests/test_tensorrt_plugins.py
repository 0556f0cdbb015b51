"""The TensorRT plugins without a GPU: a C++ program against TensorRT's headers, and TensorRT's own registry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cpp_programs import compile_and_run

from edgetrack._native import library
from edgetrack.errors import EngineUnavailable

REGISTRY = """
import sys
import numpy as np
import tensorrt_lean as trt
registry = trt.get_plugin_registry()
assert registry.load_library(sys.argv[1])
names = {creator.name for creator in registry.all_creators}
assert {"TokenSelect", "TokenRestore"} <= names, names
creator = registry.get_creator("TokenSelect", "1", "")
assert [field.name for field in creator.field_names] == ["keep"]
def make(keep):
    field = trt.PluginField("keep", np.array([keep], np.int32), trt.PluginFieldType.INT32)
    return creator.create_plugin("node", trt.PluginFieldCollection([field]), trt.TensorRTPhase.RUNTIME)
plugin = make(128)
for kind in (trt.PluginCapabilityType.CORE, trt.PluginCapabilityType.RUNTIME):
    assert plugin.get_capability_interface(kind) is not None, kind
assert plugin.get_capability_interface(trt.PluginCapabilityType.BUILD).num_outputs == 4
assert make(0) is None and make(1025) is None
print("ok")
"""


@pytest.fixture(scope="module")
def plugins() -> Path:
    try:
        return library("plugins")
    except EngineUnavailable as error:
        pytest.skip(f"the TensorRT plugins were not built: {error}")


def test_shapes_formats_and_round_trips(plugins: Path, repository: Path, tmp_path: Path) -> None:
    headers, cuda = os.environ.get("TENSORRT_ROOT"), os.environ.get("CUDA_HOME", "/usr/local/cuda")
    if headers is None:
        pytest.skip("needs TensorRT's headers: set TENSORRT_ROOT to the folder that holds include/")
    assert "ok" in compile_and_run(
        tmp_path / "test_tensorrt_plugins",
        *("-isystem", f"{headers}/include", "-isystem", f"{cuda}/include"),
        str(repository / "tests" / "cpp" / "test_tensorrt_plugins.cpp"),
        str(plugins),
        f"-Wl,-rpath,{plugins.parent}",
    )


def test_tensorrt_registers_and_makes_them(plugins: Path) -> None:
    pytest.importorskip(
        "tensorrt_lean", reason="needs TensorRT's lean runtime: pip install tensorrt-lean-cu13"
    )
    done = subprocess.run(
        [sys.executable, "-c", REGISTRY, str(plugins)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("ok\n")
