"""The weight file: lookup tables stay in float16, and every value is kept."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

import onnxruntime  # noqa: E402

from edgetrack.engines.session_graph import session_options  # noqa: E402
from edgetrack.export.weights import WeightFile, round_to_grid, round_weights  # noqa: E402

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
def test_lookup_table_is_widened_row_by_row(tmp_path: Path, text: str, casts: set[str]) -> None:
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


def test_weights_rounded_to_a_grid_stay_close_and_compress() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
    before = np.random.default_rng(0).normal(scale=0.03, size=(384, 384)).astype(np.float32)
    layer = torch.nn.Linear(384, 384)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(before))
        layer.bias.fill_(0.1)  # equal values have no deviation that defines a step
    round_to_grid(layer)
    coarse = layer.weight.detach().numpy().copy()
    assert np.abs(coarse - before).max() <= 0.5 * before.std() / 48
    assert torch.equal(layer.bias, torch.full((384,), 0.1))
    round_weights(layer)  # float16 holds every multiple
    assert np.array_equal(layer.weight.detach().numpy(), coarse)
    sizes = [len(zlib.compress(weights.astype(np.float16).tobytes())) for weights in (before, coarse)]
    assert sizes[1] < 0.75 * sizes[0]
