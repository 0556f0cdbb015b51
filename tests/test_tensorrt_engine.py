"""The TensorRT engine on fakes of TensorRT and CUDA; names and the ONNX files against NVIDIA's own modules."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorrt_fakes import CudaArray, FakeCuda, FakeTensorRt, install

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack import Tracker, targets
from edgetrack.bundle import GRAPHS, Bundle
from edgetrack.engines import open_engine
from edgetrack.engines.tensorrt import TensorRtEngine
from edgetrack.engines.tensorrt.plans import PlanCache, cache_folder
from edgetrack.errors import BundleError, ConfigError, EngineUnavailable, MissingExtra

Fakes = tuple[FakeCuda, FakeTensorRt]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fakes:
    cuda = FakeCuda()
    trt = FakeTensorRt(cuda)
    install(monkeypatch.setitem, cuda, trt)
    monkeypatch.setenv("EDGETRACK_CACHE", str(tmp_path / "cache"))
    return cuda, trt


def tensorrt(precision: str = "fp32") -> Any:
    return open_engine(Bundle.open(), engine="tensorrt", precision=precision)


def feeds(engine: Any, role: str) -> dict[str, Any]:
    random = np.random.default_rng(0)
    specs = engine.bundle.manifest.tensors[role].inputs
    return {name: random.uniform(0, 1, s.shape).astype(s.dtype) for name, s in specs.items()}


def plans(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "tensorrt").iterdir())


@pytest.mark.parametrize(("precision", "largest"), [("fp32", 0.0), ("fp16", 5e-3)])
def test_every_graph_gives_what_onnx_runtime_gives(fakes: Fakes, precision: str, largest: float) -> None:
    engine, reference = (
        tensorrt(precision),
        open_engine(Bundle.open(), engine="ort", precision="fp32", threads=1),
    )
    assert "TensorRT 10.3.0 on Fake GPU (compute capability 8.7)" in engine.reason
    assert precision in engine.reason
    for role in GRAPHS:
        given = engine.graph(role).run(feeds(engine, role))
        expected = reference.graph(role).run(feeds(engine, role))
        assert given.keys() == expected.keys()
        for name, array in expected.items():
            assert np.abs(given[name] - array).max() <= largest * max(1, np.abs(array).max()), (role, name)
        if precision == "fp16" and role == "search":
            assert not np.array_equal(given["score"], expected["score"])  # it is float16 that ran


def test_a_tracker_follows_the_same_boxes(fakes: Fakes) -> None:
    from edgetrack.demo import open_demo

    results = []
    for options in ({"engine": "tensorrt"}, {"engine": "ort", "threads": 1}):
        tracker = Tracker(precision="fp32", **options)  # type: ignore[arg-type]
        with open_demo() as scene:
            for frame, _ in zip(scene, range(6), strict=False):
                if frame.index == 0:
                    track = tracker.start(frame.pixels, text="red car", box=(200, 150, 80, 60))
                else:
                    track = tracker.update(frame.pixels)
                results.append(track)
    half = len(results) // 2
    assert results[:half] == results[half:]
    assert any(track.box for track in results)


def test_no_frame_allocates_and_only_the_bound_outputs_come_back(fakes: Fakes) -> None:
    cuda, _ = fakes
    engine = tensorrt()
    graph = engine.graph("search")
    inputs = feeds(engine, "search")
    score = np.zeros(graph.outputs["score"].shape, np.float32)
    call = graph.bind(inputs, {"score": score})
    call()
    before, expected = cuda.allocations, score.copy()
    cuda.copies.clear()
    inputs["image"][...] = 0
    call()
    assert cuda.allocations == before
    assert len(cuda.copies) == len(inputs) + 1
    assert cuda.copies[-1] == score.nbytes
    assert not np.array_equal(score, expected)


def test_everything_is_freed(fakes: Fakes) -> None:
    import gc

    cuda, _ = fakes
    engine = tensorrt()
    engine.graph("prompt")
    assert cuda.device
    assert cuda.pinned
    engine.close()
    gc.collect()
    assert (cuda.device, cuda.pinned) == ({}, {})


def test_a_plan_is_built_once_and_then_read(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    assert [record.message for record in caplog.records] == [
        "TensorRT builds graph 'prompt' in fp32 for Fake GPU, once: this may take minutes"
    ]
    assert len(trt.builds) == 1
    assert trt.configs[0].limits == {trt.MemoryPoolType.WORKSPACE: targets.detect().memory_budget_mb << 20}
    assert trt.configs[0].cleared == [trt.BuilderFlag.TF32]
    caplog.clear()
    tensorrt().graph("prompt")
    assert len(trt.builds) == 1
    assert not caplog.records
    assert [path.suffix for path in plans(tmp_path)] == [".plan"]  # and nothing half written beside it


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-5], "damaged or was cut short"),
        (lambda data: data[:20], "damaged or was cut short"),
        (lambda data: b"", "no plan of this version"),
        (lambda data: b"ftrt" + data, "no plan of this version"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "damaged or was cut short"),
    ],
    ids=["short", "very short", "empty", "foreign", "one bit"],
)
def test_a_damaged_plan_is_built_again_with_one_line(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any, says: str
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    (plan,) = plans(tmp_path)
    good = plan.read_bytes()
    plan.write_bytes(damage(good))
    caplog.clear()
    engine = tensorrt()
    assert engine.graph("prompt").run(feeds(engine, "prompt"))
    assert len(trt.builds) == 2
    assert says in caplog.records[0].message
    assert str(plan) in caplog.records[0].message
    assert plan.read_bytes() == good


def test_a_plan_that_tensorrt_refuses_is_built_again(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    (plan,) = plans(tmp_path)
    PlanCache(tmp_path / "cache").write(plan, b"whole, and of another TensorRT")
    caplog.clear()
    tensorrt().graph("prompt")
    assert len(trt.builds) == 2
    assert (
        "(Error Code 6: the engine plan file is not compatible): it is built again"
        in caplog.records[0].message
    )
    assert "a page more" not in caplog.text


def test_another_gpu_version_or_precision_has_a_plan_of_its_own(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tensorrt().graph("prompt")
    for options in ({"name": "Other GPU"}, {"capability": (11, 0)}):
        cuda = FakeCuda(**options)  # type: ignore[arg-type]
        install(monkeypatch.setitem, cuda, FakeTensorRt(cuda))
        tensorrt().graph("prompt")
    cuda = FakeCuda()
    install(monkeypatch.setitem, cuda, FakeTensorRt(cuda, "10.16.1"))
    tensorrt().graph("prompt")
    tensorrt("fp16").graph("prompt")
    assert len(plans(tmp_path)) == 5


def test_another_bundle_has_plans_of_its_own(fakes: Fakes, tmp_path: Path) -> None:
    import json

    copy = tmp_path / "copy"
    shutil.copytree(Bundle.open().folder, copy)
    first, second = tensorrt(), open_engine(Bundle.open(copy), engine="tensorrt")
    first.graph("prompt")
    second.graph("prompt")
    assert len(plans(tmp_path)) == 1  # the same files, wherever they lie
    with (copy / "tracker.weights").open("ab") as file:
        file.write(b"\0")
    manifest = json.loads((copy / "manifest.json").read_text())
    import hashlib

    digest = hashlib.sha256((copy / "tracker.weights").read_bytes()).hexdigest()
    manifest["files"]["tracker_weights"]["sha256"] = digest
    (copy / "manifest.json").write_text(json.dumps(manifest))
    open_engine(Bundle.open(copy), engine="tensorrt").graph("prompt")
    assert len(plans(tmp_path)) == 2


def test_a_cache_in_the_place_of_a_file_is_said(
    fakes: Fakes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file")
    engine = tensorrt()
    assert engine.graph("prompt").run(feeds(engine, "prompt"))
    assert "cannot be written" in caplog.text


def test_where_plans_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGETRACK_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("EDGETRACK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/edgetrack")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "edgetrack"


def test_writers_at_the_same_time_leave_one_whole_plan(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path)
    place = cache.path("search-fp32", ("a",))
    candidates = [bytes([i]) * 300_000 for i in range(8)]
    threads = [threading.Thread(target=cache.write, args=(place, plan)) for plan in candidates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.read(place) in candidates
    assert list(cache.folder.iterdir()) == [place]


def test_an_input_in_gpu_memory_is_read_where_it_lies(fakes: Fakes) -> None:
    cuda, _ = fakes
    engine = tensorrt()
    graph, values = engine.graph("search"), feeds(engine, "search")
    expected = graph.run(values)
    there = CudaArray(cuda, values["image"])
    cuda.copies.clear()
    given = graph.run({**values, "image": there})
    assert values["image"].nbytes not in cuda.copies
    assert cuda.waited[-2:] == [1, 77]  # the stream of the one who wrote it, then ours
    for name, array in expected.items():
        assert np.array_equal(given[name], array)
    other = {**values, "image": np.zeros_like(values["image"])}
    assert not np.array_equal(graph.run(other)["score"], expected["score"])  # its own buffer is back


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"typestr": "<f2"}, "is float16"),
        ({"shape": (1, 3, 256, 128)}, r"\(1, 3, 256, 128\)"),
        ({"strides": (786432, 4, 3072, 12)}, "C-contiguous"),
    ],
)
def test_another_array_in_gpu_memory_is_refused(fakes: Fakes, changes: dict[str, Any], says: str) -> None:
    engine = tensorrt()
    values = feeds(engine, "search")
    values["image"] = CudaArray(fakes[0], values["image"], **changes)
    with pytest.raises(ConfigError, match=says):
        engine.graph("search").run(values)


def test_wrong_feeds_are_named(fakes: Fakes) -> None:
    engine = tensorrt()
    values = feeds(engine, "prompt")
    with pytest.raises(ConfigError, match="expected tokens, mask"):
        engine.graph("prompt").run({"mask": values["mask"]})
    with pytest.raises(ConfigError, match=r"float64 \(1, 24\); expected float32"):
        engine.graph("prompt").run({**values, "mask": values["mask"].astype(float)})


def test_int8_takes_the_portable_files(fakes: Fakes, tmp_path: Path) -> None:
    engine = tensorrt()
    asked: list[str] = []
    portable = engine.bundle.graph

    def graph(role: str, precision: str, *, flavour: str = "portable") -> Path:
        asked.append(flavour)
        return Path(portable(role, precision, flavour=flavour))

    engine.bundle.graph = graph
    engine.graph("prompt")
    assert asked == ["portable"]


@pytest.mark.parametrize(
    ("missing", "machine", "says"),
    [
        ("tensorrt", "x86_64", r"'tensorrt' cannot be imported.*pip install 'edgetrack\[tensorrt\]'$"),
        (
            "tensorrt",
            "aarch64",
            "on a Jetson TensorRT comes with JetPack.*sudo apt install python3-libnvinfer",
        ),
        ("cuda.bindings.runtime", "x86_64", r"'cuda.bindings.runtime'.*pip install 'edgetrack\[tensorrt\]'"),
    ],
)
def test_what_is_not_installed_is_named(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, missing: str, machine: str, says: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("platform.machine", lambda: machine)
    with pytest.raises(MissingExtra, match=says):
        tensorrt()


def test_no_gpu_an_old_version_and_other_precisions(fakes: Fakes) -> None:
    cuda, trt = fakes
    with pytest.raises(EngineUnavailable, match=r"cannot run precision 'bf16'; expected fp32, fp16 or int8"):
        tensorrt("bf16")
    cuda.driver = False
    with pytest.raises(EngineUnavailable, match=r"cudaErrorInsufficientDriver.*nvidia-smi.*'cuda-python<13'"):
        tensorrt()
    trt.__version__ = "8.6.1"
    with pytest.raises(EngineUnavailable, match=r"needs TensorRT 10\.3 or later, and 8\.6\.1 is installed"):
        tensorrt()


def test_what_cannot_be_read_or_built_is_said(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bundles import write_fake_bundle

    broken = Bundle.open(write_fake_bundle(tmp_path / "broken"))
    with pytest.raises(
        BundleError, match=r"TensorRT 10\.3\.0 cannot read .*search\.bin \(the file is no ONNX\)"
    ):
        open_engine(broken, engine="tensorrt").graph("search")
    with pytest.raises(BundleError, match=r"search\.bin cannot be rewritten for TensorRT"):
        open_engine(broken, engine="tensorrt", precision="fp16").graph("search")
    monkeypatch.setattr(FakeTensorRt, "_build", lambda *_: None)
    with pytest.raises(
        EngineUnavailable, match=r"cannot build prompt\.onnx in fp32 on this GPU \(it gave no reason\)"
    ):
        tensorrt().graph("prompt")


def test_the_plugin_library_is_loaded_and_part_of_the_plan(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, trt = fakes
    tensorrt().graph("prompt")
    plugin = tmp_path / "libedgetrack_plugins.so"
    plugin.write_bytes(b"one")
    monkeypatch.setattr("edgetrack.engines.tensorrt.library", lambda name: plugin)
    engine = tensorrt()
    assert "token selection by the plugin" in engine.reason
    assert trt.loaded == [str(plugin)]
    engine.graph("prompt")
    plugin.write_bytes(b"another build")
    tensorrt().graph("prompt")
    assert len(plans(tmp_path)) == 3
    monkeypatch.setattr(
        trt, "get_plugin_registry", lambda: type("R", (), {"load_library": lambda *_: None})()
    )
    with pytest.raises(EngineUnavailable, match="built against another version"):
        tensorrt()


def test_logging_needs_no_configuration() -> None:
    assert logging.lastResort is not None  # a warning reaches stderr
    assert logging.getLogger("edgetrack.engines.tensorrt").isEnabledFor(logging.WARNING)


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
    "IBuilderConfig": ("set_memory_pool_limit", "clear_flag"),
    "MemoryPoolType": ("WORKSPACE",),
    "BuilderFlag": ("TF32",),
}


@pytest.mark.parametrize(
    ("module", "names"),
    [("tensorrt_lean_bindings", NAMES), ("tensorrt_rtx_bindings", NAMES | BUILDER_NAMES)],
)
def test_nvidia_has_the_names_that_the_engine_uses(module: str, names: dict[str, tuple[str, ...]]) -> None:
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
    for name in (n for n in vars(FakeCuda) if n.startswith("cuda")):
        assert hasattr(real, name), name
    for name in FakeCuda.cudaError_t.__members__:
        assert getattr(real.cudaError_t, name) == FakeCuda.cudaError_t[name]
    for name in FakeCuda.cudaMemcpyKind.__members__:
        assert getattr(real.cudaMemcpyKind, name) == FakeCuda.cudaMemcpyKind[name]


def test_without_a_driver_cuda_python_itself_is_understood(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cuda", "cuda.bindings", "cuda.bindings.runtime"):
        monkeypatch.delitem(sys.modules, name)
    pytest.importorskip(
        "cuda.bindings.runtime", reason="needs cuda-python: pip install 'edgetrack[tensorrt]'"
    )
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("there is a GPU")
    with pytest.raises(EngineUnavailable, match=r"cudaFree failed with cudaError.*expected an NVIDIA GPU"):
        TensorRtEngine(Bundle.open(), targets.detect())
