"""The operators as functions of standard operators and as the compiled library, both compared with the CPU twin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetrack._native import runtime

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
ort = pytest.importorskip("onnxruntime")

from edgetrack.export.operators import operator_functions  # noqa: E402

SELECT = """
<ir_version: 10, opset_import: ["": 20, "edgetrack": 1]>
g (float[B,N,D] tokens, float[B,M,E] keys, float[C,P,F] prototypes, float[T] threshold)
=> (float[B,K,D] selected, int32[B,K] indices, int32[B] count, float[B,N] scores) {
    selected, indices, count, scores = edgetrack.TokenSelect <keep = KEEP> (tokens, keys, prototypes, threshold)
}
"""
RESTORE = """
<ir_version: 10, opset_import: ["": 20, "edgetrack": 1]>
g (float[B,N,D] tokens, float[B,K,D] selected, int32[B,L] indices) => (float[B,N,D] restored) {
    restored = edgetrack.TokenRestore (tokens, selected, indices)
}
"""


def session(text: str, ops: Path | None = None, *, functions: bool = True) -> Any:
    model = onnx.parser.parse_model(text)
    if functions:
        model.functions.extend(operator_functions())
        onnx.checker.check_model(model, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if ops is not None:
        options.register_custom_ops_library(str(ops))
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def select_feeds(
    batch: int, tokens: int, width: int, key_width: int, prototypes: int
) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(tokens * width)
    there = rng.normal(size=(batch, prototypes, key_width))
    there /= np.linalg.norm(there, axis=-1, keepdims=True)
    there[0, -1] = 0.0  # absent
    feeds = {
        "tokens": rng.normal(size=(batch, tokens, width)),
        "keys": rng.normal(size=(batch, tokens, key_width)),
        "prototypes": there,
        "threshold": rng.normal(size=batch) * 0.1,
    }
    feeds["keys"][0, 1], feeds["keys"][0, 2] = np.nan, 0.0
    feeds["keys"][-1, -1] = 1e30  # its squared length overflows
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in feeds.items()}


def twin_of(feeds, keep):
    return runtime.token_select(feeds["tokens"], feeds["keys"], feeds["prototypes"], feeds["threshold"], keep)


SIZES = [
    (1, 256, 192, 192, 2, 128),
    (2, 400, 192, 64, 3, 128),
    (1, 1024, 96, 768, 2, 1000),
    (3, 4, 5, 7, 2, 4),
]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("compiled", [False, True], ids=["function", "library"])
def test_select_equals_the_cpu_twin(size, compiled, request):
    ops = request.getfixturevalue("ops") if compiled else None
    feeds = select_feeds(*size[:-1])
    outputs = session(SELECT.replace("KEEP", str(size[-1])), ops).run(None, feeds)
    expected = twin_of(feeds, size[-1])
    for name, mine, twin in zip(("selected", "indices", "count"), outputs, expected, strict=False):
        np.testing.assert_array_equal(mine, twin, err_msg=name)
    np.testing.assert_allclose(outputs[3], expected[3], atol=0 if compiled else 2e-6)


@pytest.mark.parametrize(("onnx_type", "dtype"), [("float16", np.float16), ("int8", np.int8)])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_library_supports_half_and_integer_tokens(ops, onnx_type, dtype, size):
    """Both operators in one graph: restoring what was selected returns the input."""
    text = f"""
<ir_version: 10, opset_import: ["": 20, "edgetrack": 1]>
g ({onnx_type}[B,N,D] tokens, {onnx_type}[B,N,E] keys, float[B,P,E] prototypes, float[B] threshold)
=> ({onnx_type}[B,K,D] selected, int32[B,K] indices, int32[B] count, float[B,N] scores, {onnx_type}[B,N,D] back) {{
    selected, indices, count, scores = edgetrack.TokenSelect <keep = {size[-1]}> (tokens, keys, prototypes, threshold)
    back = edgetrack.TokenRestore (tokens, selected, indices)
}}
"""
    rng, feeds = np.random.default_rng(0), select_feeds(*size[:-1])
    for name in ("tokens", "keys"):
        feeds[name] = rng.integers(-127, 128, feeds[name].shape).astype(dtype)
    *outputs, back = session(text, ops, functions=False).run(None, feeds)
    expected = twin_of(feeds, size[-1])
    for mine, twin in zip(outputs, expected, strict=True):
        assert mine.dtype == twin.dtype
        np.testing.assert_array_equal(mine, twin)
    np.testing.assert_array_equal(back, feeds["tokens"])


@pytest.mark.parametrize("compiled", [False, True], ids=["function", "library"])
def test_restore_equals_the_cpu_twin(compiled, request):
    ops = request.getfixturevalue("ops") if compiled else None
    rng = np.random.default_rng(0)
    tokens, selected = rng.normal(size=(2, 30, 8)).astype("f"), rng.normal(size=(2, 5, 8)).astype("f")
    indices = np.array([[0, 3, 4, 20, 29], [5, 6, 7, 8, 9]], np.int32)
    feeds = {"tokens": tokens, "selected": selected, "indices": indices}
    restored = session(RESTORE, ops).run(None, feeds)[0]
    np.testing.assert_array_equal(restored, runtime.token_restore(tokens, selected, indices))


def test_library_takes_precedence_over_the_function(ops):
    """The function is wrong on purpose: only a session that runs the library gets the right result."""
    text = SELECT.replace("KEEP", "4")
    model = onnx.parser.parse_model(text)
    wrong = operator_functions()[0]
    (topk,) = [n for n in wrong.node if n.op_type == "TopK" and "chosen" in n.output]
    topk.attribute.append(onnx.helper.make_attribute("largest", 0))
    model.functions.append(wrong)
    feeds = select_feeds(3, 9, 5, 7, 2)
    results = []
    for path in (None, ops):
        options = ort.SessionOptions()
        if path is not None:
            options.register_custom_ops_library(str(path))
        run = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run
        results.append(run(None, feeds)[1])
    twin = twin_of(feeds, 4)[1]
    assert not np.array_equal(results[0], twin)
    np.testing.assert_array_equal(results[1], twin)


def test_graph_without_function_and_library_does_not_load(ops):
    with pytest.raises(Exception, match="TokenSelect"):
        session(SELECT.replace("KEEP", "4"), functions=False)
    session(SELECT.replace("KEEP", "4"), ops, functions=False)


@pytest.mark.parametrize("keep", [0, -1, 1025, 2**40])
def test_invalid_keep_is_rejected_when_the_graph_loads(ops, keep):
    with pytest.raises(Exception, match=f"keep is {keep}; expected 1 to 1024"):
        session(SELECT.replace("KEEP", str(keep)), ops, functions=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"threshold": np.zeros(3, "f")}, "batches of tokens and threshold differ: 1 and 3"),
        ({"keys": np.zeros((1, 8, 7), "f")}, "numbers of tokens and keys differ: 9 and 8"),
        ({"prototypes": np.zeros((1, 2, 6), "f")}, "widths of keys and prototypes differ: 7 and 6"),
        ({"prototypes": np.zeros((1, 0, 7), "f")}, "number of prototypes is 0"),
        (
            {"tokens": np.zeros((1, 3, 5), "f"), "keys": np.zeros((1, 3, 7), "f")},
            "keep is 4; expected 1 to 3",
        ),
        ({"tokens": np.zeros((1, 1025, 5), "f"), "keys": np.zeros((1, 1025, 7), "f")}, "tokens is 1025"),
    ],
)
def test_invalid_shapes_are_rejected_when_the_graph_runs(ops, change, says):
    with pytest.raises(Exception, match=says):
        session(SELECT.replace("KEEP", "4"), ops, functions=False).run(
            None, {**select_feeds(1, 9, 5, 7, 2), **change}
        )


def test_restore_rejects_indices_outside_the_map(ops):
    feeds = {
        "tokens": np.zeros((1, 4, 3), "f"),
        "selected": np.ones((1, 2, 3), "f"),
        "indices": np.array([[1, 4]], np.int32),
    }
    with pytest.raises(Exception, match="index 4 follows 1; expected ascending indices from 0 to 3"):
        session(RESTORE, ops, functions=False).run(None, feeds)
