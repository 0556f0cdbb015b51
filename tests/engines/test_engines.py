"""Choosing and running engines, on the shipped bundle."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_fake_bundle

from edgetrack.bundle import GRAPHS, Bundle
from edgetrack.engines import ENGINES, available, open_engine
from edgetrack.engines.base import Engine
from edgetrack.engines.ort import LIBRARY_VARIABLE, saturates
from edgetrack.errors import BundleError, ConfigError, EngineUnavailable, MissingExtra, reason_of


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine(Bundle.open(), precision="fp32", threads=1)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.open(write_fake_bundle(tmp_path_factory.mktemp("fake")))


def feeds(engine: Engine, role: str, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    return {
        name: random.uniform(0, 1, spec.shape).astype(spec.dtype)
        for name, spec in engine.graph(role).inputs.items()
    }


def test_auto_reports_the_chosen_engine(engine: Engine) -> None:
    taken = open_engine(engine.bundle, threads=1)
    assert (taken.name, taken.precision) == ("ort", "fp32" if saturates() else "int8")
    assert "ONNX Runtime" in str(taken.info)


@pytest.mark.parametrize("role", GRAPHS)
def test_every_graph_returns_the_tensors_of_the_manifest(engine: Engine, role: str) -> None:
    graph = engine.graph(role)
    assert engine.graph(role) is graph
    assert graph.inputs == engine.bundle.manifest.tensors[role].inputs
    outputs = graph.run(feeds(engine, role))
    assert list(outputs) == list(engine.bundle.manifest.tensors[role].outputs)
    for name, array in outputs.items():
        assert (str(array.dtype), array.shape) == (graph.outputs[name].dtype, graph.outputs[name].shape)
        assert np.isfinite(array).all()


def test_results_belong_to_the_caller_and_are_repeatable(engine: Engine) -> None:
    graph = engine.graph("prompt")
    first = graph.run(feeds(engine, "prompt"))["memory"]
    kept = first.copy()
    assert not np.array_equal(graph.run(feeds(engine, "prompt", seed=1))["memory"], kept)
    assert np.array_equal(first, kept)
    assert np.array_equal(graph.run(feeds(engine, "prompt"))["memory"], kept)


def test_closed_engine_loads_its_graphs_again(engine: Engine) -> None:
    before = engine.graph("prompt")
    engine.close()
    assert engine.graph("prompt") is not before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": None}, "got the inputs tokens; expected tokens, mask"),
        ({"extra": np.zeros(1, np.float32)}, "expected tokens, mask"),
        ({"mask": np.zeros((1, 23), np.float32)}, r"float32 \(1, 23\); expected float32 \(1, 24\)"),
        ({"mask": np.zeros((1, 24))}, r"float64 \(1, 24\); expected float32"),
        ({"mask": [1.0]}, "is list; expected float32"),
    ],
)
def test_wrong_feeds_are_named(engine: Engine, change: dict[str, Any], message: str) -> None:
    values = {k: v for k, v in {**feeds(engine, "prompt"), **change}.items() if v is not None}
    with pytest.raises(ConfigError, match=message):
        engine.graph("prompt").run(values)


def test_unknown_graph_is_an_error(engine: Engine) -> None:
    with pytest.raises(ConfigError, match=r"'depth' is unknown; expected one of text, .*search"):
        engine.graph("depth")


@pytest.mark.parametrize("name", ["ort", "openvino"])
def test_float16_needs_tensorrt(fake: Bundle, name: str) -> None:
    if name == "openvino":
        pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    with pytest.raises(EngineUnavailable, match=rf"'{name}' cannot run precision 'fp16'.*engine='tensorrt'"):
        open_engine(fake, engine=name, precision="fp16")


def test_every_engine_says_whether_it_runs_here(fake: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    found = available(fake)
    assert list(found) == [name for name in ENGINES if name != "auto"]
    assert str(found["ort"]).startswith("ONNX Runtime")
    assert isinstance(found["openvino"], MissingExtra)
    assert "edgetrack[tensorrt]" in str(found["tensorrt"])


def test_missing_int8_names_the_command_that_makes_it(fake: Bundle) -> None:
    with pytest.raises(EngineUnavailable, match=r"run: edgetrack export fake --int8 --calibration VIDEO"):
        open_engine(fake, precision="int8")


def test_onnx_runtime_rejects_bf16(fake: Bundle) -> None:
    with pytest.raises(EngineUnavailable, match=r"'ort' cannot run precision 'bf16'.*engine='openvino'"):
        open_engine(fake, engine="ort", precision="bf16")


@pytest.mark.parametrize("role", GRAPHS)
def test_openvino_equals_onnx_runtime(engine: Engine, role: str) -> None:
    pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    other = open_engine(engine.bundle, engine="openvino", precision="fp32", threads=1)
    assert "OpenVINO" in str(other.info)
    values = feeds(engine, role)
    given = other.graph(role).run(values)
    for name, array in engine.graph(role).run(values).items():
        assert np.abs(given[name] - array).max() <= 2e-4, name


def test_missing_openvino_is_an_error(fake: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgetrack\[openvino\]'"):
        open_engine(fake, engine="openvino")


@pytest.mark.parametrize(
    "options",
    [
        {"engine": "tensor"},
        {"engine": "trt"},
        {"engine": None},
        {"precision": "fp12"},
        {"threads": 0},
        {"threads": -1},
        {"threads": 2.0},
        {"threads": True},
        {"threads": "2"},
    ],
)
def test_unknown_options_are_rejected(fake: Bundle, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        open_engine(fake, **options)


def test_invalid_graph_file_is_a_bundle_error(fake: Bundle) -> None:
    with pytest.raises(BundleError, match=r"cannot load .*search\.onnx"):
        open_engine(fake).graph("search")


def test_missing_onnxruntime_names_the_install_command(fake: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, "/nowhere/libonnxruntime.so")
    with pytest.raises(EngineUnavailable, match=r"/nowhere/libonnxruntime\.so.*pip install onnxruntime"):
        open_engine(fake)


def test_unrelated_library_is_not_accepted_as_onnxruntime(
    fake: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, "libm.so.6")
    with pytest.raises(
        EngineUnavailable, match=r"libm\.so\.6 is not ONNX Runtime 1\.18 or later; run: pip install -U"
    ):
        open_engine(fake)


def test_old_onnxruntime_package_without_a_shared_library_is_rejected(
    fake: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages before 1.19 were built like this."""
    (tmp_path / "onnxruntime" / "capi").mkdir(parents=True)
    (tmp_path / "onnxruntime" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        EngineUnavailable, match=r"capi has no libonnxruntime\.so; .*run: pip install -U onnxruntime"
    ):
        open_engine(fake)


def test_library_named_by_the_environment_variable_is_loaded(
    fake: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run in a subprocess without the onnxruntime package."""
    found = find_spec("onnxruntime")
    assert found is not None
    assert found.submodule_search_locations is not None
    library = next(Path(found.submodule_search_locations[0]).glob("capi/libonnxruntime.so.*"))
    code = (
        "import sys; sys.modules['onnxruntime'] = None; import edgetrack\n"
        "print(edgetrack.Tracker(engine='ort').engine.info)"
    )
    environment = {**os.environ, LIBRARY_VARIABLE: str(library)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"ONNX Runtime {library.name.partition('.so.')[2]} on the CPU")


def test_tracker_runs_without_the_onnxruntime_package() -> None:
    code = (
        "import sys, numpy as np, edgetrack\n"
        "tracker = edgetrack.Tracker(engine='ort')\n"
        "frame = np.zeros((48, 64, 3), np.uint8)\n"
        "tracker.start(frame, text='red car', box=(10, 10, 20, 20)), tracker.update(frame)\n"
        "print({'onnxruntime', 'tokenizers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_graphs_are_loaded_lazily(fake: Bundle) -> None:
    assert isinstance(open_engine(fake).bundle.folder, Path)  # no graph of it could be loaded


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512_vnni", False),
        ("flags\t\t: fpu avx2 avx_vnni", False),
        ("flags\t\t: fpu avx2 avx512f", True),
        ("Features\t: fp asimd asimddp", False),  # ARM
        (None, False),
    ],
)
def test_processors_whose_int8_overflows_are_detected(
    tmp_path: Path, flags: str | None, expected: bool
) -> None:
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor: 0\n{flags}\n")
    assert saturates(cpuinfo=tmp_path / "cpuinfo") is expected


def test_auto_avoids_int8_on_processors_where_it_overflows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.open(write_fake_bundle(tmp_path, precisions={"int8": {"graphs": [], "thresholds": {}}}))
    monkeypatch.setattr("edgetrack.engines.saturates", lambda: True)
    assert open_engine(bundle, engine="ort").precision == "fp32"
    assert "no VNNI" in open_engine(bundle, engine="ort").info.precision_reason
    assert open_engine(bundle, engine="ort", precision="int8").precision == "int8"
    monkeypatch.setattr("edgetrack.engines.saturates", lambda: False)
    assert open_engine(bundle, engine="ort").precision == "int8"


def test_library_error_becomes_one_line_with_the_reason() -> None:
    openvino = (
        "Exception from src/inference/src/cpp/core.cpp:84:\n"
        "Check 'false' failed at src/frontends/common/src/frontend.cpp:47:\n"
        'Loading input model\nInput tensor isn\'t found for node "b"\n\n'
    )
    told = reason_of(RuntimeError(openvino))
    assert told == 'RuntimeError: Loading input model Input tensor isn\'t found for node "b"'
    assert reason_of(RuntimeError("\n  the reason\npages of text")) == "RuntimeError: the reason"
    assert (
        reason_of(RuntimeError("node \x1b[31mred")) == "RuntimeError: node red"
    )  # a name that a graph's author may choose
    assert reason_of(ValueError()) == "ValueError"
    assert len(reason_of(ValueError("a" * 1000))) == 300


HARMLESS = """
import gc, os, signal
from edgetrack.bundle import Bundle
from edgetrack.engines import open_engine
signal.signal(signal.SIGTERM, lambda *_: print("survived"))
engines = [open_engine(Bundle.open(), engine="openvino", precision="fp32") for _ in range(2)]
for engine in engines:
    engine.graph("prompt")
del engine
while engines:
    engines.pop(0)  # the first goes first
    gc.collect()
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_signal_is_harmless_after_openvino_was_used() -> None:
    """On processors with AMX, OpenVINO's CPU plugin frees the signal stack when it is unloaded."""
    pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    done = subprocess.run(
        [sys.executable, "-c", HARMLESS], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "survived\n" * 2
