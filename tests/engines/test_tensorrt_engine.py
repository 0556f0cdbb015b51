"""The TensorRT engine on fakes of TensorRT and CUDA."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cuda_array import CudaArray
from tensorrt_fakes import Fakes, FakeTensorRt, feeds, tensorrt

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack import Tracker, targets
from edgetrack.bundle import GRAPHS, PAIRS, Bundle
from edgetrack.engines import open_engine, open_tensorrt
from edgetrack.engines.tensorrt import TensorRtEngine
from edgetrack.errors import BundleError, ConfigError, EngineUnavailable, MissingExtra

RGBX = "edgetrack-256-x"


@pytest.mark.parametrize(("precision", "largest"), [("fp32", 0.0), ("fp16", 5e-3)])
def test_every_graph_gives_the_results_of_onnx_runtime(fakes: Fakes, precision: str, largest: float) -> None:
    engine, reference = (
        tensorrt(precision, RGBX),
        open_engine(Bundle.open(RGBX), engine="ort", precision="fp32", threads=1),
    )
    assert "TensorRT 10.3.0 on Fake GPU (compute capability 8.7)" in str(engine.info)
    assert precision in str(engine.info)
    for role in (*GRAPHS, *PAIRS):
        given = engine.graph(role).run(feeds(engine, role))
        expected = reference.graph(role).run(feeds(engine, role))
        assert given.keys() == expected.keys()
        for name, array in expected.items():
            assert np.abs(given[name] - array).max() <= largest * max(1, np.abs(array).max()), (role, name)
        if precision == "fp16" and role == "search":
            assert not np.array_equal(given["score"], expected["score"])  # float16 was indeed used


def test_tracker_gives_the_same_boxes(fakes: Fakes) -> None:
    from edgetrack.demo import open_demo

    results = []
    for engine in (tensorrt(), open_engine(Bundle.open(), engine="ort", precision="fp32", threads=1)):
        tracker = Tracker(engine=engine)
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


def test_tracker_of_pairs_gives_the_same_boxes(fakes: Fakes) -> None:
    from edgetrack.demo import open_demo

    with open_demo() as scene:
        pairs = [(f.pixels.copy(), 255 - f.pixels) for f, _ in zip(scene, range(6), strict=False)]
    black = np.zeros_like(pairs[0][0])
    pairs[2:4] = [(black, x) for _, x in pairs[2:4]]  # seen in the second sensor alone
    results = []
    for engine in (tensorrt(model=RGBX), open_engine(Bundle.open(RGBX), engine="ort", precision="fp32")):
        tracker = Tracker(engine=engine)
        tracks = [tracker.start(pairs[0][0], box=(200, 150, 80, 60), x=pairs[0][1])]
        tracks += [tracker.update(color, x=x) for color, x in pairs[1:]]
        results.append(tracks)
    assert results[0] == results[1]
    assert [track.modalities for track in results[0][2:4]] == [("x",)] * 2
    assert all(track.box for track in results[0])


def test_frames_allocate_nothing_and_copy_back_only_the_bound_outputs(fakes: Fakes) -> None:
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


def test_all_gpu_memory_is_freed(fakes: Fakes) -> None:
    import gc

    cuda, _ = fakes
    engine = tensorrt()
    engine.graph("prompt")
    assert cuda.device
    assert cuda.pinned
    engine.close()
    gc.collect()
    assert (cuda.device, cuda.pinned) == ({}, {})


def test_input_in_gpu_memory_is_read_in_place(fakes: Fakes) -> None:
    cuda, _ = fakes
    engine = tensorrt()
    graph, values = engine.graph("search"), feeds(engine, "search")
    expected = graph.run(values)
    there = CudaArray(cuda, values["image"])
    cuda.copies.clear()
    given = graph.run({**values, "image": there})
    assert values["image"].nbytes not in cuda.copies
    assert cuda.waited[-2:] == [1, 77]  # the producer's stream, then the engine's
    for name, array in expected.items():
        assert np.array_equal(given[name], array)
    other = {**values, "image": np.zeros_like(values["image"])}
    assert not np.array_equal(
        graph.run(other)["score"], expected["score"]
    )  # the engine's own buffer is bound again


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"typestr": "<f2"}, "is float16"),
        ({"shape": (1, 3, 256, 128)}, r"\(1, 3, 256, 128\)"),
        ({"strides": (786432, 4, 3072, 12)}, "C-contiguous"),
    ],
)
def test_unsupported_gpu_array_is_rejected(fakes: Fakes, changes: dict[str, Any], says: str) -> None:
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


def test_int8_uses_the_portable_files(fakes: Fakes, tmp_path: Path) -> None:
    engine = tensorrt()
    asked: list[str] = []
    portable = engine.bundle.graph

    def graph(role: str, precision: str, *, flavor: str = "portable") -> Path:
        asked.append(flavor)
        return Path(portable(role, precision, flavor=flavor))

    engine.bundle.graph = graph
    engine.graph("prompt")
    assert set(asked) == {"portable"}


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
def test_missing_packages_are_named(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, missing: str, machine: str, says: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("platform.machine", lambda: machine)
    with pytest.raises(MissingExtra, match=says):
        tensorrt()


def test_missing_gpu_old_version_and_unsupported_precision_are_errors(fakes: Fakes) -> None:
    cuda, trt = fakes
    with pytest.raises(EngineUnavailable, match=r"cannot run precision 'bf16'; expected fp32, fp16 or int8"):
        tensorrt("bf16")
    cuda.driver = False
    with pytest.raises(EngineUnavailable, match=r"cudaErrorInsufficientDriver.*nvidia-smi.*'cuda-python<13'"):
        tensorrt()
    trt.__version__ = "8.6.1"
    with pytest.raises(EngineUnavailable, match=r"needs TensorRT 10\.3 or later, but 8\.6\.1 is installed"):
        tensorrt()


def test_graph_that_cannot_be_parsed_or_built_is_an_error(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bundles import write_fake_bundle

    broken = Bundle.open(write_fake_bundle(tmp_path / "broken"))
    with pytest.raises(
        BundleError, match=r"TensorRT 10\.3\.0 cannot read .*search\.onnx \(the file is no ONNX\)"
    ):
        open_tensorrt(broken).graph("search")
    with pytest.raises(BundleError, match=r"search\.onnx cannot be rewritten for TensorRT"):
        open_tensorrt(broken, precision="fp16").graph("search")
    monkeypatch.setattr(FakeTensorRt, "_build", lambda *_: None)
    with pytest.raises(
        EngineUnavailable, match=r"cannot build prompt\.onnx in fp32 on this GPU \(TensorRT gave no reason\)"
    ):
        tensorrt().graph("prompt")


def test_warnings_are_visible_without_logging_configuration() -> None:
    assert logging.lastResort is not None  # a warning reaches stderr
    assert logging.getLogger("edgetrack.engines.tensorrt").isEnabledFor(logging.WARNING)


def test_cuda_python_errors_without_a_driver_are_understood(
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
