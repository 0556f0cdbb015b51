"""The graphs given to TensorRT: their results in ONNX Runtime, and NVIDIA's parser and builder, which need no GPU."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

import onnxruntime  # noqa: E402

from edgetrack.bundle import BATCHED, EYE, GRAPHS, MASK, PAIRS, Bundle  # noqa: E402
from edgetrack.engines.session_graph import session_options  # noqa: E402
from edgetrack.engines.tensorrt.build import build_plan, make_log  # noqa: E402
from edgetrack.engines.tensorrt.rewrite import rewritten  # noqa: E402
from edgetrack.errors import BundleError  # noqa: E402
from edgetrack.export.layers import Source  # noqa: E402
from edgetrack.export.operators import operator_functions  # noqa: E402
from edgetrack.export.quantize import quantize  # noqa: E402
from edgetrack.manifest import GraphSpec  # noqa: E402

Arrays = dict[str, np.ndarray[Any, Any]]
ROLES = (*GRAPHS, *PAIRS)
SELECTING = ("search", "ground", "search_x")  # graphs that select tokens


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files of the shipped bundles, with a portable INT8 file of ``search`` whose ranges are made up."""
    place = tmp_path_factory.mktemp("graphs") / "bundle"
    shutil.copytree(Bundle.open().folder, place)
    source = Source.read(place / "search.onnx")
    ranges = dict.fromkeys(source.observed(), (-6.0, 6.0))
    model = quantize(source, ranges, list(source.layers), flavor="portable")
    assert any(node.op_type == "DequantizeLinear" for node in model.graph.node)
    onnx.save(model, place / "search.int8.onnx")
    return place


@pytest.fixture(scope="module")
def rtx() -> Any:
    return pytest.importorskip(
        "tensorrt_rtx_bindings", reason="needs TensorRT-RTX: pip install 'edgetrack[tensorrt-test]'"
    )


def plan(rtx: Any, path: Path) -> bytes:
    return build_plan(rtx, make_log(rtx), path, precision="fp32", half=False, plugin=False, workspace_mb=64)


def outputs(model: Any, folder: Path, feeds: Arrays) -> Arrays:
    path = folder / "candidate.onnx"
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(str(path), session_options(1), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def tensors_of(role: str) -> GraphSpec:
    return Bundle.open("edgetrack-256-x").manifest.tensors[role]  # this bundle has every graph


def inputs(role: str) -> Arrays:
    random = np.random.default_rng(1)
    feeds: Arrays = {}
    for name, spec in tensors_of(role).inputs.items():
        if spec.dtype == "int64":
            feeds[name] = random.integers(0, 1000, spec.shape)
        elif "mask" in name or name == "present":
            feeds[name] = np.ones(spec.shape, np.float32)
        else:
            feeds[name] = random.normal(0, 1, spec.shape).astype(np.float32)
    if "prototypes" in feeds:  # the second is absent, as at the start of a track
        feeds["prototypes"] /= np.linalg.norm(feeds["prototypes"], axis=-1, keepdims=True)
        feeds["prototypes"][0, 1] = 0
    return feeds


@pytest.mark.parametrize("role", SELECTING)
def test_plugin_node_of_selection_gives_the_same_result(folder: Path, role: str) -> None:
    model = onnx.load_model_from_string(rewritten(folder / f"{role}.onnx", half=False, plugin=True))
    assert not model.functions
    select, restore = (n for n in model.graph.node if n.domain == "edgetrack")
    # as in kernels/README.md
    assert (select.op_type, len(select.input), len(select.output)) == ("TokenSelect", 4, 4)
    assert (restore.op_type, len(restore.input), len(restore.output)) == ("TokenRestore", 3, 1)
    assert [(a.name, a.i) for a in select.attribute] == [("keep", 64)]
    model.functions.extend(operator_functions())  # in place of the plugins
    expected = outputs(onnx.load(folder / f"{role}.onnx", load_external_data=False), folder, inputs(role))
    for name, array in outputs(model, folder, inputs(role)).items():
        assert np.abs(array - expected[name]).max() <= 2e-6 * max(1, np.abs(expected[name]).max()), name


KERNEL = """
<ir_version: 10, opset_import: ["": 20, "edgetrack": 1]>
g (float[1,8,4] tokens, float[1,2,4] prototypes, float[4,4] w, float[1] limit) => (float[1,8,4] restored) {
    keys = MatMul (tokens, w)
    some, indices, count, scores = edgetrack.TokenSelect <keep = 3> (tokens, keys, prototypes, limit)
    better = MatMul (some, w)
    restored = edgetrack.TokenRestore (tokens, better, indices)
}
"""


@pytest.mark.parametrize("half", [False, True])
def test_only_nodes_with_a_kernel_signature_lose_their_functions(tmp_path: Path, half: bool) -> None:
    model = onnx.parser.parse_model(KERNEL)
    model.functions.extend(operator_functions())
    onnx.save(model, tmp_path / "kernel.onnx")
    random = np.random.default_rng(0)
    shapes = {"tokens": (1, 8, 4), "prototypes": (1, 2, 4), "w": (4, 4), "limit": (1,)}
    feeds = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    expected = outputs(model, tmp_path, feeds)
    candidate = onnx.load_model_from_string(rewritten(tmp_path / "kernel.onnx", half=half, plugin=True))
    assert not candidate.functions
    nodes = [node.op_type for node in candidate.graph.node if node.domain == "edgetrack"]
    assert nodes == ["TokenSelect", "TokenRestore"]
    candidate.functions.extend(operator_functions())  # in place of the plugins
    given = outputs(candidate, tmp_path, feeds)
    assert np.abs(given["restored"] - expected["restored"]).max() <= (0.02 if half else 0)


@pytest.mark.parametrize("plugin", [False, True])
@pytest.mark.parametrize("role", ROLES)
def test_float16_stays_close_and_keeps_the_types_of_inputs_and_outputs(
    folder: Path, role: str, plugin: bool
) -> None:
    before = onnx.load(folder / f"{role}.onnx", load_external_data=False)
    model = onnx.load_model_from_string(rewritten(folder / f"{role}.onnx", half=True, plugin=plugin))
    assert [v.SerializeToString() for v in model.graph.input] == [
        v.SerializeToString() for v in before.graph.input
    ]
    assert list(model.graph.output) == list(before.graph.output)
    if plugin and role in SELECTING:
        model.functions.extend(operator_functions())  # in place of the plugins
    expected = outputs(before, folder, inputs(role))
    for name, array in outputs(model, folder, inputs(role)).items():
        error = np.abs(array - expected[name]).max() / max(1e-3, np.abs(expected[name]).max())
        assert error <= 6e-3, (name, error)


def test_computation_is_in_float16(folder: Path) -> None:
    model = onnx.load_model_from_string(rewritten(folder / "search.onnx", half=True, plugin=False))
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph  # strict: wrong types are errors
    kinds = {v.name: v.type.tensor_type.elem_type for v in [*graph.value_info, *graph.input, *graph.output]}
    kinds |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    for node in graph.node:
        given = {kinds[name] for name in node.input if name}
        if node.op_type in ("Conv", "MatMul", "Gemm"):
            assert given == {onnx.TensorProto.FLOAT16}, node.name
        if node.op_type in ("Softmax", "LayerNormalization", "TopK", "Exp"):
            assert onnx.TensorProto.FLOAT16 not in given, node.name


@pytest.mark.parametrize(
    ("file", "half"),
    [(f"{role}.onnx", half) for role in (*ROLES, *EYE, MASK, *BATCHED) for half in (False, True)]
    + [("search.int8.onnx", False)],
)
def test_nvidias_parser_reads_every_file(rtx: Any, folder: Path, file: str, half: bool) -> None:
    log = make_log(rtx)
    flags = 1 << int(rtx.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = rtx.Builder(log).create_network(flags)
    parser = rtx.OnnxParser(network, log)
    path = folder / file
    data = rewritten(path, half=True, plugin=False) if half else path.read_bytes()
    assert parser.parse(data, str(path)), parser.get_error(0).desc()
    role = file.partition(".")[0]
    tensors = tensors_of(role)
    fed = [network.get_input(i) for i in range(network.num_inputs)]
    given = [network.get_output(i) for i in range(network.num_outputs)]
    for specs, values in ((tensors.inputs, fed), (tensors.outputs, given)):
        found = {v.name: (np.dtype(rtx.nptype(v.dtype)).name, tuple(v.shape)) for v in values}
        assert found == {name: (spec.dtype, spec.shape) for name, spec in specs.items()}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_nvidias_builder_makes_a_plan(rtx: Any, folder: Path, precision: str) -> None:
    log = make_log(rtx)
    path = folder / "prompt.onnx"  # the smallest graph: the others take half a minute each
    plan = build_plan(
        rtx, log, path, precision=precision, half=precision == "fp16", plugin=False, workspace_mb=256
    )
    assert len(plan) > 10_000
    assert not log.errors


def test_nvidias_builder_supports_int8(rtx: Any, tmp_path: Path) -> None:
    text = """
    <ir_version: 10, opset_import: ["": 20]>
    g (float[1,3,8,8] x) => (float[1,4,8,8] y)
    <float s = {0.05}, int8 z = {0}, int8[4,3,1,1] w = {1,2,3,4,5,6,7,8,9,10,11,12}, float[4] ws = {0.1,0.2,0.3,0.4},
     int8[4] wz = {0,0,0,0}>
    {
        xq = QuantizeLinear (x, s, z)
        xd = DequantizeLinear (xq, s, z)
        wd = DequantizeLinear <axis = 0> (w, ws, wz)
        y = Conv (xd, wd)
    }
    """
    onnx.save(onnx.parser.parse_model(text), tmp_path / "int8.onnx")
    log = make_log(rtx)
    plan = build_plan(
        rtx, log, tmp_path / "int8.onnx", precision="int8", half=False, plugin=False, workspace_mb=64
    )
    assert plan
    assert not log.errors


def test_message_of_nvidias_parser_is_passed_on(rtx: Any, tmp_path: Path) -> None:
    (tmp_path / "rubbish.onnx").write_bytes(b"this is no ONNX file")
    with pytest.raises(BundleError, match=r"cannot read .*rubbish\.onnx \(.+\); export the bundle again"):
        plan(rtx, tmp_path / "rubbish.onnx")


def test_graph_that_does_not_build_is_rejected_with_tensorrts_message(rtx: Any, tmp_path: Path) -> None:
    text = '<ir_version: 10, opset_import: ["": 20]> g (string[2] x) => (string[2] y) { y = Identity (x) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "text.onnx")
    with pytest.raises(BundleError, match=r"cannot read .*text\.onnx"):
        plan(rtx, tmp_path / "text.onnx")
