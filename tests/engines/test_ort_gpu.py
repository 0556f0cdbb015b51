"""ONNX Runtime's GPU providers, without a GPU: which options they get, what they may not do, and their errors."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from bundles import write_fake_bundle

from edgetrack import Tracker, targets
from edgetrack.bundle import Bundle
from edgetrack.demo.scene import Scene
from edgetrack.engines import open_engine, ort_gpu
from edgetrack.engines.ort import OrtEngine
from edgetrack.engines.ort_gpu import KINDS, OrtGpuEngine
from edgetrack.errors import BundleError, EngineUnavailable

CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"


class FakeOrt:
    """A fake of onnxruntime-gpu in Python: it computes on the CPU, and reports GPU providers."""

    OrtValue, SessionOptions = onnxruntime.OrtValue, onnxruntime.SessionOptions
    __version__, __file__ = onnxruntime.__version__, onnxruntime.__file__
    __spec__ = onnxruntime.__spec__  # engine "ort", used next to it, finds the library by this

    def __init__(self) -> None:
        self.opened: list[SimpleNamespace] = []
        self.fails: Callable[[], None] = lambda: None
        self.falls_back = False
        self.on_cuda = 0  # nodes that TensorRT cannot run

    def get_available_providers(self) -> list[str]:
        return [TENSORRT, CUDA, CPU]

    def set_default_logger_severity(self, level: int) -> None:
        assert level == 4

    def InferenceSession(self, path: str, options: Any, *, providers: Any, enable_fallback: int = 1) -> Any:  # noqa: N802
        self.fails()
        session = onnxruntime.InferenceSession(path, providers=[CPU])
        names = [name for name, _ in providers]
        parts = [SimpleNamespace(ep_name=names[0], get_nodes=lambda: [0] * 7)]
        parts += [SimpleNamespace(ep_name=CUDA, get_nodes=lambda: [0] * self.on_cuda)] * bool(self.on_cuda)
        self.opened.append(
            SimpleNamespace(
                path=Path(path), options=options, providers=dict(providers), retry=enable_fallback
            )
        )
        return SimpleNamespace(
            get_inputs=session.get_inputs,
            get_outputs=session.get_outputs,
            get_providers=lambda: [CPU] if self.falls_back else [*names, CPU],
            get_provider_graph_assignment_info=lambda: parts,
            io_binding=session.io_binding,
            run=session.run,
            run_with_iobinding=session.run_with_iobinding,
        )


@pytest.fixture
def ort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeOrt:
    fake = FakeOrt()
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    monkeypatch.setattr(ort_gpu, "_DEVICE", "cpu")
    monkeypatch.setattr(ort_gpu, "_missing", lambda *_: "")
    monkeypatch.setenv("EDGETRACK_CACHE", str(tmp_path / "cache"))
    return fake


def test_each_run_reads_the_current_content_of_the_arrays(ort: FakeOrt) -> None:
    """ONNX Runtime's own binding would keep using the content at the time of the binding."""
    bundle, random = Bundle.open(), np.random.default_rng(0)
    graph = open_engine(bundle, engine="ort-cuda", precision="fp32").graph("prompt")
    inputs = {name: np.zeros(spec.shape, spec.dtype) for name, spec in graph.inputs.items()}
    outputs = {name: np.empty(spec.shape, spec.dtype) for name, spec in graph.outputs.items()}
    run = graph.bind(inputs, outputs)  # type: ignore[attr-defined]
    for _ in range(2):
        for array in inputs.values():
            array[...] = random.uniform(0.1, 1, array.shape)
        run()
        expected = OrtEngine(bundle, threads=1).graph("prompt").run(inputs)
        for name, array in outputs.items():
            assert np.abs(array - expected[name]).max() <= 1e-5, name


def test_tracker_runs_on_the_gpu_provider(ort: FakeOrt) -> None:
    trackers = [Tracker(engine=engine, precision="fp32", threads=1) for engine in ("ort-cuda", "ort")]
    for frame in islice(Scene().frames(), 4):
        first, second = (
            t.update(frame.pixels) if frame.index else t.start(frame.pixels, text="blue car")
            for t in trackers
        )
        assert first.status == second.status
        assert first.box is not None
        assert first.box.iou(second.box) > 0.99


@pytest.mark.parametrize(("name", "providers"), [("ort-cuda", [CUDA]), ("ort-tensorrt", [TENSORRT, CUDA])])
def test_cpu_provider_is_never_requested(ort: FakeOrt, name: str, providers: list[str]) -> None:
    engine = open_engine(Bundle.open(), engine=name, precision="fp32")
    (opened,) = ort.opened  # the constructor has proved that it runs
    assert list(opened.providers) == providers
    assert opened.retry == 0
    assert opened.options.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"
    assert "nothing on the CPU" in str(engine.info)
    assert f"7 by {providers[0]}" in str(engine.info)


def test_providers_of_the_nodes_are_reported(ort: FakeOrt, caplog: pytest.LogCaptureFixture) -> None:
    ort.on_cuda = 3
    engine = open_engine(Bundle.open(), engine="ort-tensorrt", precision="fp32")
    assert f"7 by {TENSORRT}, 3 by {CUDA}" in str(engine.info)
    assert "TensorRT provider cannot run all nodes: {'CUDAExecutionProvider': 3}" in caplog.text


def raises(kind: str, text: str) -> Callable[[], None]:
    def fail() -> None:
        raise type(kind, (Exception,), {})(text)

    return fail


@pytest.mark.parametrize(
    ("kind", "text", "error", "message"),
    [
        ("Fail", "nodes that are assigned to the default CPU EP", EngineUnavailable, "assigned to the default CPU"),
        ("RuntimeError", "x.cc:1 CUDA failure 35: too old ; GPU", EngineUnavailable, r"\(CUDA failure 35: too old\)"),
        ("EPFail", "no engine", EngineUnavailable, "cannot run prompt.onnx in fp32 on the GPU"),
        ("InvalidGraph", "no such node", BundleError, "export the bundle again"),
    ],
)  # fmt: skip
def test_gpu_error_is_one_sentence(
    ort: FakeOrt, kind: str, text: str, error: type[Exception], message: str
) -> None:
    ort.fails = raises(kind, text)
    with pytest.raises(error, match=message):
        open_engine(Bundle.open(), engine="ort-cuda", precision="fp32")


def test_session_that_fell_back_to_another_provider_is_rejected(ort: FakeOrt) -> None:
    ort.falls_back = True
    with pytest.raises(EngineUnavailable, match=r"it fell back to another provider.*or use engine='ort'"):
        open_engine(Bundle.open(), engine="ort-tensorrt", precision="fp32")


def test_graph_whose_tensors_differ_from_the_manifest_is_rejected(
    ort: FakeOrt, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.open()
    other = Bundle(bundle.folder, bundle.manifest)
    monkeypatch.setattr(other, "graph", lambda *_, **__: bundle.path("template"))
    with pytest.raises(BundleError, match="differ from those in its manifest"):
        open_engine(other, engine="ort-cuda", precision="fp32")


def test_int8_uses_the_portable_file_and_needs_tensorrt(ort: FakeOrt) -> None:
    bundle = Bundle.open()
    open_engine(bundle, engine="ort-tensorrt", precision="int8").graph("search")
    assert ort.opened[-1].path.name == "search.int8.onnx"
    with pytest.raises(EngineUnavailable, match="expected fp32, fp16; for int8 use an engine with TensorRT"):
        open_engine(bundle, engine="ort-cuda", precision="int8")
    assert open_engine(bundle, engine="ort-cuda").precision == "fp32"


@pytest.mark.parametrize("name", KINDS)
def test_float16_must_be_in_the_bundle(ort: FakeOrt, tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineUnavailable, match=r"edgetrack export fake --fp16 .*--target BOARD"):
        open_engine(Bundle.open(write_fake_bundle(tmp_path)), engine=name, precision="fp16")
    with pytest.raises(EngineUnavailable, match="cannot run precision 'bf16'"):
        open_engine(Bundle.open(), engine=name, precision="bf16")


def test_engine_cache_folder_depends_on_the_weights(ort: FakeOrt, tmp_path: Path) -> None:
    import json

    open_engine(Bundle.open("edgetrack-256"), engine="ort-tensorrt", precision="fp32")
    open_engine(Bundle.open("edgetrack-160"), engine="ort-tensorrt", precision="fp32")
    first, second = (Path(o.providers[TENSORRT]["trt_engine_cache_path"]) for o in ort.opened)
    assert first.parent == second.parent == tmp_path / "cache" / "onnxruntime"
    assert first != second
    assert first.is_dir()
    options = ort.opened[0].providers[TENSORRT]
    assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == (
        "0",
        "0",
    )  # the types in the file apply
    assert json.loads(options["trt_max_workspace_size"]) == targets.detect().memory_budget_mb << 20


def test_unwritable_cache_is_reported(ort: FakeOrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGETRACK_CACHE", str(tmp_path / "file"))
    with pytest.raises(EngineUnavailable, match="set EDGETRACK_CACHE to a writable folder"):
        open_engine(Bundle.open(), engine="ort-tensorrt", precision="fp32")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("libcuda.so.1: cannot open", "no NVIDIA driver here"),
        ("libnvinfer.so.10: cannot open", r"pip install 'tensorrt-cu13<11'"),
        ("libcudnn.so.9: cannot open", r"pip install 'onnxruntime-gpu\[cuda,cudnn\]'"),
    ],
)
def test_missing_library_names_what_installs_it(
    ort: FakeOrt, monkeypatch: pytest.MonkeyPatch, said: str, message: str
) -> None:
    def load(path: str) -> None:
        assert path.endswith("libonnxruntime_providers_tensorrt.so")
        raise OSError(said)

    monkeypatch.undo()  # the real _missing; then patch the rest again
    monkeypatch.setitem(sys.modules, "onnxruntime", ort)
    monkeypatch.setattr(ctypes, "CDLL", load)
    ort.fails = raises("Fail", "nodes that are assigned to the default CPU EP")
    with pytest.raises(EngineUnavailable, match=message):
        OrtGpuEngine(Bundle.open(), targets.detect(), name="ort-tensorrt")


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="onnxruntime-gpu is installed here")
@pytest.mark.parametrize("name", KINDS)
def test_cpu_package_of_onnxruntime_is_not_enough(name: str) -> None:
    with pytest.raises(EngineUnavailable, match=r"built without .*uninstall -y onnxruntime onnxruntime-gpu"):
        open_engine(Bundle.open(), engine=name)


def test_missing_onnxruntime_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineUnavailable, match=r"needs onnxruntime-gpu.*pip install 'onnxruntime-gpu"):
        open_engine(Bundle.open(), engine="ort-cuda", precision="fp32")


def test_auto_skips_providers_never_run_on_a_gpu() -> None:
    for name in targets.names():
        assert targets.load(name).engines[0] == "ort"
