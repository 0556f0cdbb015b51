"""The TensorRT plugins without a GPU: a C++ program with TensorRT's headers, and TensorRT's own registry."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cpp_programs import compile_and_run

SWITCH = "EDGETRACK_TENSORRT"
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


def folder_of(header: str, places: list[str]) -> str | None:
    return next((place for place in places if (Path(place) / header).is_file()), None)


def test_plugin_shapes_formats_and_round_trips(
    plugins: Path, needs: Callable[[str, str], None], repository: Path, tmp_path: Path
) -> None:
    root, cuda = os.environ.get("TENSORRT_ROOT"), os.environ.get("CUDA_HOME", "/usr/local/cuda")
    system = [str(folder) for folder in Path("/usr/include").glob("*-linux-gnu")]
    trt_headers = folder_of("NvInferRuntime.h", [f"{root}/include"] if root else system)
    cuda_headers = folder_of("cuda_runtime_api.h", [f"{cuda}/include"])
    if trt_headers is None:
        needs(
            SWITCH, "TensorRT's headers were not found: set TENSORRT_ROOT to the folder that holds include/"
        )
    if cuda_headers is None:
        needs(SWITCH, f"CUDA's headers are not in {cuda}: set CUDA_HOME to the folder that holds include/")
    assert "ok" in compile_and_run(
        tmp_path / "test_tensorrt_plugins",
        *("-isystem", str(trt_headers), "-isystem", str(cuda_headers)),
        str(repository / "tests" / "cpp" / "test_tensorrt_plugins.cpp"),
        str(plugins),
        f"-Wl,-rpath,{plugins.parent}",
    )


def test_tensorrt_registers_and_creates_the_plugins(plugins: Path, needs: Callable[[str, str], None]) -> None:
    if importlib.util.find_spec("tensorrt_lean") is None:
        needs(SWITCH, "TensorRT's lean runtime is not installed: pip install tensorrt-lean-cu13")
    done = subprocess.run(
        [sys.executable, "-c", REGISTRY, str(plugins)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("ok\n")
