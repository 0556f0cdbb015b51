"""The weight file: what is looked up in stays in float16, and every value stays what it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

import onnxruntime  # noqa: E402

from edgetrack.engines.session_graph import session_options  # noqa: E402
from edgetrack.export.weights import WeightFile, round_matrices  # noqa: E402
from edgetrack.network.stored import array_of  # noqa: E402

LOOKUP = """
<ir_version: 10, opset_import: ["": 20]>
g (int64[1,3] ids) => (float[1,3,64] rows, float[1,3,64] product) {
    rows = Gather (table, ids)
    product = MatMul (rows, square)
}
"""
ALSO_MULTIPLIED = LOOKUP.replace(
    "product = MatMul (rows, square)", "all = MatMul (table, square)\n product = Gather (all, ids)"
)


@pytest.mark.parametrize(
    ("text", "casts"), [(LOOKUP, {"rows", "square"}), (ALSO_MULTIPLIED, {"table", "square"})]
)
def test_a_table_is_widened_row_by_row_where_it_is_only_looked_up_in(
    tmp_path: Path, text: str, casts: set[str]
) -> None:
    random = np.random.default_rng(0)
    model = onnx.parser.parse_model(text)
    for name, rows in (("table", 50), ("square", 64)):
        values = random.normal(size=(rows, 64)).astype(np.float16).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    ids = {"ids": np.array([[3, 0, 49]])}
    before = onnxruntime.InferenceSession(model.SerializeToString(), session_options(1)).run(None, ids)
    weights = WeightFile("all.weights")
    weights.store(model)
    (tmp_path / "all.weights").write_bytes(weights.bytes())
    onnx.save(model, tmp_path / "g.onnx")
    onnx.checker.check_model(str(tmp_path / "g.onnx"), full_check=True)
    assert {node.output[0] for node in model.graph.node if node.op_type == "Cast"} == casts
    after = onnxruntime.InferenceSession(str(tmp_path / "g.onnx"), session_options(1)).run(None, ids)
    for expected, given in zip(before, after, strict=True):
        assert np.array_equal(expected, given)


def test_matrices_rounded_to_int8_are_stored_as_int8_and_lose_nothing(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    random = np.random.default_rng(0)
    layer = torch.nn.Linear(64, 48, bias=False)
    before = random.normal(size=(48, 64)).astype(np.float32)
    before[3] = 0  # an output that nothing reaches
    before[5] *= 100  # each output has a scale of its own
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(before))
    round_matrices(layer)
    matrix = layer.weight.detach().numpy().T
    steps = np.abs(before.T).max(0) / 127
    assert (np.abs(matrix - before.T) <= 0.51 * steps).all()
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 20]> g (float[2,64] x) => (float[2,48] y) { y = MatMul (x, w) }'
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(matrix), "w"))
    weights = WeightFile("all.weights")
    weights.store(model)
    assert len(weights.bytes()) == 64 * 48 + 48 * 4  # also says that the file holds no float32 matrix
    (tmp_path / "all.weights").write_bytes(weights.bytes())
    onnx.save(model, tmp_path / "g.onnx")
    onnx.checker.check_model(str(tmp_path / "g.onnx"), full_check=True)
    x = random.normal(size=(2, 64)).astype(np.float32)
    options = session_options(1)
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # as the engine opens "text"
    session = onnxruntime.InferenceSession(str(tmp_path / "g.onnx"), options)
    assert np.allclose(session.run(None, {"x": x})[0], x @ matrix, rtol=1e-5, atol=1e-3)
    stored = {t.name: t for t in model.graph.initializer}
    assert stored["w_i8"].data_type == onnx.TensorProto.INT8
    widened = array_of(stored["w_i8"], tmp_path) * array_of(stored["w_scale"], tmp_path)
    assert np.array_equal(widened, matrix)
