"""Float16: the cost of its rounding, and how it gets into a bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_fake_bundle
from calibrations import once_a_role, recorded_once
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tensorrt_fakes import Fakes
from typer.testing import CliRunner

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from edgetrack.bundle import BATCHED, Bundle  # noqa: E402
from edgetrack.cli import app  # noqa: E402
from edgetrack.engines import open_engine, open_tensorrt  # noqa: E402
from edgetrack.engines.half import halve  # noqa: E402
from edgetrack.engines.tensorrt import build  # noqa: E402
from edgetrack.errors import BundleError, ConfigError, EngineUnavailable  # noqa: E402
from edgetrack.export import accuracy, calibration, command, fp16, gate, speed  # noqa: E402
from edgetrack.export.gate import GateConfig  # noqa: E402
from edgetrack.export.report import Report  # noqa: E402
from edgetrack.export.rounding import rounded  # noqa: E402
from edgetrack.export.session import Session, relative_error  # noqa: E402
from edgetrack.export.watch import silent  # noqa: E402

WRITTEN = (*fp16.HALVED, *BATCHED)
JETSON = GateConfig(target="jetson-orin-nano", threads=1)
SMALL = """
<ir_version: 10, opset_import: ["": 20]>
g (float[2,8] x) => (float[2,4] y, float[2,4] z)
<float[8,4] w = {0.1,-0.7,0.3,1.1,0.2,0.9,-1.3,0.4,0.6,0.05,-0.2,0.8,1.7,-0.33,0.21,0.11,
 -0.9,0.45,0.67,-0.12,0.31,0.77,-0.58,0.93,1.21,-0.07,0.36,0.49,-0.83,0.64,0.29,-0.41},
 float[4] bias = {0.3,-0.1,0.77,1.9}, float[4] far = {70000, 1, 1, 1}>
{
    product = MatMul (x, w)
    sum = Add (product, bias)
    y = Exp (sum)
    z = Mul (sum, far)
}
"""


def narrow(value: Any) -> Any:
    return np.asarray(value, np.float16).astype(np.float32)


def small() -> Any:
    model = onnx.parser.parse_model(SMALL)
    halve(model)
    return model


def test_constants_are_stored_in_the_type_of_use_without_overflow() -> None:
    kinds = {tensor.name: tensor.data_type for tensor in small().graph.initializer}
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert kinds == {"w_as_half": half, "bias_as_half": half, "far": single}  # float16 ends at 65504
    assert (
        sum(node.op_type == "Cast" for node in small().graph.node) == 2
    )  # x in, and the sum out for Exp and Mul


@given(arrays(np.float32, (2, 8), elements=st.floats(-2, 2, width=32)))
def test_every_result_is_rounded_once(x: Any) -> None:
    model = onnx.parser.parse_model(SMALL)
    w, bias, far = (onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    product = narrow(narrow(x) @ narrow(w))
    total = narrow(product + narrow(bias))
    given_ = Session(rounded(small()), Path()).run({"x": x})
    # a sum of eight products in another order may round differently: one step of float16
    step = 2 * np.spacing(np.abs(product).max().astype(np.float16)).astype(np.float32) + 2e-3
    assert np.abs(np.log(given_["y"]) - total).max() <= step
    assert np.abs(given_["z"] / far - total).max() <= step
    assert np.array_equal(narrow(given_["z"][:, 1:]), given_["z"][:, 1:])  # only values of float16


def test_rounded_graph_has_more_error_than_float16_of_onnx_runtime() -> None:
    """ONNX Runtime skips roundings on a CPU: its float16 differs from that of a GPU."""
    path = Bundle.open().path("template")
    model = onnx.load(str(path), load_external_data=False)
    feeds = {
        "image": np.random.default_rng(0).uniform(-1, 1, (1, 3, 128, 128)).astype(np.float32),
        "target": np.ones((1, 1, 8, 8), np.float32),
    }
    fp32 = Session(model, path.parent).run(feeds)
    halve(model)
    errors = [
        relative_error(Session(graph, path.parent).run(feeds), fp32) for graph in (model, rounded(model))
    ]
    assert 0 < 2 * errors[0] < errors[1] < 5e-3


@pytest.fixture(scope="module")
def quick() -> Iterator[pytest.MonkeyPatch]:
    """Use fewer frames and crops, and a fake speed that does not depend on the load of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (calibration, accuracy):
            patch.setattr(module, "FRAMES", 40)
        patch.setattr(accuracy, "TURN", 20)
        patch.setattr(calibration, "CROPS", 8)
        patch.setattr(calibration, "EVERY", 4)
        patch.setattr(fp16, "compare_speed", lambda fp32, other: speed.Speed(1.0, 2.0))
        patch.setattr(fp16, "Graphs", once_a_role(fp16.Graphs))
        patch.setattr(gate, "record", recorded_once(calibration.record))
        yield patch


@pytest.fixture(scope="module")
def made(quick: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Report]:
    folder = tmp_path_factory.mktemp("fp16") / "bundle"
    request = command.Request("edgetrack-160", folder, ("fp16",), JETSON, page=True)
    bundle, (report,) = command.make_bundle(request, watch=silent)
    assert isinstance(bundle, Bundle)
    return bundle, report


def test_bundle_has_float16_and_keeps_the_rest(made: tuple[Bundle, Report]) -> None:
    bundle, report = made
    assert report.accepted, report.why
    given_ = Bundle.open("edgetrack-160").manifest
    assert bundle.manifest.precisions.keys() == given_.precisions.keys() | {"fp16"}
    assert bundle.manifest.precisions["fp16"].graphs == WRITTEN
    for role in bundle.graphs:
        for flavor in ("portable", "ort"):
            name = f"{role}.fp16.onnx" if role in WRITTEN else f"{role}.onnx"
            assert bundle.graph(role, "fp16", flavor=flavor).name == name
    kept = {role for role in given_.files if not role.startswith("report")}
    assert {role: bundle.manifest.files[role].sha256 for role in kept} == {
        role: given_.files[role].sha256 for role in kept
    }
    assert not {p.name for p in bundle.folder.glob("*.weights")} - {
        p.name for p in Bundle.open().folder.glob("*.weights")
    }  # float16 reads the existing weights


@pytest.mark.parametrize("role", WRITTEN)
def test_files_have_the_manifests_tensors_and_compute_in_float16(
    made: tuple[Bundle, Report], role: str
) -> None:
    model = onnx.load(str(made[0].graph(role, "fp16")), load_external_data=False)
    onnx.checker.check_model(str(made[0].graph(role, "fp16")), full_check=True)
    types = {np.dtype("float32"): onnx.TensorProto.FLOAT}
    spec = made[0].manifest.tensors[role]
    for values, specs in ((model.graph.input, spec.inputs), (model.graph.output, spec.outputs)):
        found = {v.name: v.type.tensor_type.elem_type for v in values}
        assert found == {name: types[np.dtype(s.dtype)] for name, s in specs.items()}
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in inferred.value_info}
    kinds |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    assert len(products) > 30
    assert {kinds[name] for node in products for name in node.input if name} == {onnx.TensorProto.FLOAT16}


def test_report_says_what_was_measured_and_on_what(made: tuple[Bundle, Report]) -> None:
    stored = json.loads(made[0].path("report").read_text())["fp16"]
    assert stored["accepted"] is True
    assert 0.9 < stored["clips"]["demo scene"][1] <= 1
    rows = {row["file"]: row for row in stored["files"]}
    for role in WRITTEN:
        row = rows[f"{role}.fp16.onnx"]
        assert 1e-5 < row["error"] < 1e-2
        assert row["speed"] == 0.5
    assert "does not predict the speed of a GPU" in stored["why"]
    page = made[0].path("report_page").read_text()
    for words in (
        "FP16 of edgetrack-160",
        "FP16 is included",
        "search.fp16.onnx",
        "CPUs have no float16 kernels",
    ):
        assert words in page


@pytest.mark.parametrize(("times", "accepted"), [(0.4, False), (1.5, True)])
def test_speed_decides_on_a_cpu(
    made: tuple[Bundle, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: float, accepted: bool
) -> None:
    class Same:
        def accuracy(self, tracker: Any, precision: str) -> accuracy.Accuracy:
            return accuracy.Accuracy("agreement", {"clip": [accuracy.Turn(100, 1.0, 1.0)]})

    monkeypatch.setattr(gate, "Agreement", lambda *_, **__: Same())
    monkeypatch.setattr(fp16, "compare_speed", lambda fp32, other: speed.Speed(times, 1.0))
    wanted = GateConfig(target="x86-cpu", threads=1)
    request = command.Request("edgetrack-160", tmp_path / "out", ("fp16",), wanted)
    bundle, (report,) = command.make_bundle(request, watch=silent)
    assert report.accepted is accepted
    assert ("fp16" in bundle.manifest.precisions) is accepted
    assert bool(list(bundle.folder.glob("*fp16*"))) is accepted
    if not accepted:
        assert "x86-cpu has no fast float16" in report.why
        assert "0.40 times" in report.why
        assert "--target jetson-orin-nano" in report.why


def test_inaccurate_float16_is_left_out(
    quick: pytest.MonkeyPatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refuses:
        def accuracy(self, tracker: Any, precision: str) -> accuracy.Accuracy:
            assert precision == "fp16"
            return accuracy.Accuracy("success AUC", {"clip": [accuracy.Turn(100, 0.8, 0.6)]})

    monkeypatch.setattr(gate, "Agreement", lambda *_, **__: Refuses())
    request = command.Request("edgetrack-160", tmp_path / "out", ("fp16",), JETSON)
    bundle, (report,) = command.make_bundle(request, watch=silent)
    assert not report.accepted
    assert "0.600 against 0.800 in fp32 over 100 frames" in report.why
    assert "expected a ratio of at least 0.99" in report.why
    assert "fp16" not in bundle.manifest.precisions
    assert "int8" in bundle.manifest.precisions
    assert not list(bundle.folder.glob("*fp16*"))


def test_several_precisions_share_one_gate(
    made: tuple[Bundle, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def add(name: str) -> Any:
        def call(gate: Any, *, watch: Any) -> Report:
            seen.append(gate)
            return Report(precision=name, **gate.facts(), why=f"the {name}")

        return call

    monkeypatch.setattr(command, "_ADD", {name: add(name) for name in ("int8", "fp16")})
    monkeypatch.setattr(command, "_stays", lambda *_: False)
    request = command.Request(str(made[0].folder), tmp_path / "out", ("int8", "fp16"), JETSON, page=True)
    bundle, reports = command.make_bundle(request, watch=silent)
    assert [report.precision for report in reports] == ["int8", "fp16"]
    assert len(seen) == 2
    assert seen[0] is seen[1]
    assert bundle.manifest.precisions.keys() == {"int8", "fp16"}  # rejected now, but kept unchanged
    assert json.loads(bundle.path("report").read_text()).keys() == {"int8", "fp16"}
    assert "INT8 and FP16 of edgetrack-160" in bundle.path("report_page").read_text()


def test_cpu_engines_reject_float16_and_name_one_that_runs_it(made: tuple[Bundle, Report]) -> None:
    with pytest.raises(
        EngineUnavailable, match=r"'ort' cannot run precision 'fp16'.*no CPU kernels.*'ort-cuda'"
    ):
        open_engine(made[0], engine="ort", precision="fp16")
    assert open_engine(made[0], engine="ort").precision in ("int8", "fp32")  # what auto selects


def test_tensorrt_uses_the_float16_of_the_bundle(
    made: tuple[Bundle, Report], fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bytes:
        raise AssertionError("rewritten, although the bundle has float16")

    monkeypatch.setattr(build, "rewritten", refuse)
    engine = open_tensorrt(made[0], precision="fp16")
    for role in ("prompt", "search"):  # float32 next to float16, as in the manifest
        assert engine.graph(role).inputs == made[0].manifest.tensors[role].inputs
    with pytest.raises(AssertionError, match="although the bundle"):
        open_tensorrt(Bundle.open(), precision="fp16").graph("prompt")


def test_bundle_without_its_listed_files_is_rejected(tmp_path: Path) -> None:
    precisions = {"fp16": {"graphs": ["search"], "thresholds": {}}}
    with pytest.raises(BundleError, match=r"does not list search\.fp16; export the bundle again"):
        Bundle.open(write_fake_bundle(tmp_path, precisions=precisions))


def test_damaged_file_is_rejected(made: tuple[Bundle, Report], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(made[0].folder, tmp_path / "copy")
    file = tmp_path / "copy" / "search.fp16.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    with pytest.raises(BundleError, match=r"search\.fp16\.onnx is damaged"):
        Bundle.open(tmp_path / "copy")


def test_unknown_target_is_rejected_before_the_work() -> None:
    with pytest.raises(ConfigError, match="unknown target 'toaster'"):
        GateConfig(target="toaster")


def test_command_exits_with_1_and_says_why(
    quick: pytest.MonkeyPatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--fp16", "--target", "x86-cpu", "--threads", "1", "--output", str(tmp_path / "out")]
    arguments = ["export", "edgetrack-160", *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1, result.output
    assert "FP16 is left out: target x86-cpu has no fast float16" in " ".join(result.output.split())
    assert "fp16" not in Bundle.open(tmp_path / "out").manifest.precisions
