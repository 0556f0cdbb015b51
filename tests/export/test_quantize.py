"""Integer graphs compared with a float one worked out by hand, and with the shipped model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from edgetrack.bundle import Bundle  # noqa: E402
from edgetrack.engines.ort import saturates  # noqa: E402
from edgetrack.export.layers import Source  # noqa: E402
from edgetrack.export.quantize import quantize, quantize_weight, scale_of  # noqa: E402
from edgetrack.export.ranges import METHODS, Histogram, entropy, minmax, observe, percentile  # noqa: E402
from edgetrack.export.session import Session, relative_error  # noqa: E402

FLAVORS = ("portable", "ort")


def small_model() -> Any:
    """Make conv -> relu6 -> conv, + the sum with the first conv, then a matrix product and a product of activations."""
    random = np.random.default_rng(0)
    weights = {
        "a.weight": random.normal(0, 0.5, (8, 3, 3, 3)),
        "a.bias": random.normal(0, 0.5, 8),
        "b.weight": random.normal(0, 0.3, (8, 8, 1, 1)),
        "b.bias": random.normal(0, 0.1, 8),
        "c.weight": random.normal(0, 0.3, (8, 8, 1, 1)),
        "w": random.normal(0, 0.3, (16, 5)),
        "low": np.array(0.0),
        "high": np.array(6.0),
    }
    nodes = [
        helper.make_node("Conv", ["image", "a.weight", "a.bias"], ["a"], name="n_a", pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["a", "low", "high"], ["a6"], name="n_a6"),
        helper.make_node("Conv", ["a6", "b.weight", "b.bias"], ["b"], name="n_b"),
        helper.make_node("Conv", ["b", "c.weight"], ["c"], name="n_c"),
        helper.make_node("Add", ["b", "c"], ["sum"], name="n_sum"),
        helper.make_node("MatMul", ["sum", "w"], ["rows"], name="n_w"),
        helper.make_node("Transpose", ["rows"], ["columns"], name="n_t", perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["rows", "columns"], ["out"], name="n_attention"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 8, 16, 16])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture(scope="module")
def small() -> tuple[Source, dict[str, Any], list[dict[str, Any]]]:
    source = Source(small_model(), Path())
    random = np.random.default_rng(1)
    pictures = [{"image": random.uniform(-1, 1, (1, 3, 16, 16)).astype(np.float32)} for _ in range(6)]
    session = Session(source.model, Path(), watched=source.observed())
    seen = observe(lambda feeds: {**feeds, **session.run(feeds)}, lambda: pictures)
    return source, {name: minmax(h) for name, h in seen.items()}, pictures


def test_layers_have_constant_weights_so_attention_is_not_one(small: Any) -> None:
    source = small[0]
    assert list(source.layers) == ["a", "b", "c", "n_w"]
    assert (source.layers["a"].output, source.layers["b"].output) == ("a6", "b")
    assert set(source.observed()) == {"image", "a6", "b", "c", "sum", "rows"}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_integers_span_exactly_the_range(small: Any, flavor: Any) -> None:
    """No value within the range is off by more than half a step of the 255 or 256 available."""
    source, ranges, _ = small
    low, high = ranges["image"]
    model = quantize(source, ranges, ["a"], flavor=flavor)
    watched = Session(model, Path(), watched=["image_dequantized"])
    image = np.linspace(low, high, 3 * 16 * 16, dtype=np.float32).reshape(1, 3, 16, 16)
    step = max(-low, high) / 127 if flavor == "portable" else (high - low) / 255
    found = watched.run({"image": image})["image_dequantized"]
    assert (
        np.abs(found - image).max() <= 0.5001 * step + (flavor == "ort") * 0.5 * step
    )  # its zero is rounded, too


@pytest.mark.parametrize("flavor", FLAVORS)
def test_integer_graph_is_close_to_the_float_graph(small: Any, flavor: Any) -> None:
    source, ranges, pictures = small
    model = quantize(source, ranges, source.layers, flavor=flavor)
    onnx.checker.check_model(model, full_check=True)
    fp32, int8 = Session(source.model, Path()), Session(model, Path())
    error = relative_error(int8.run(pictures[0]), fp32.run(pictures[0]))
    # but not equal, otherwise nothing was quantized; without VNNI weights have 7 bits, and 8-bit (portable) weights
    # overflow
    assert 1e-4 < error < (0.06 if not saturates() else 0.12)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_only_the_selected_layers_change(small: Any, flavor: Any) -> None:
    source, ranges, pictures = small
    model = quantize(source, ranges, ["b"], flavor=flavor)
    whole = {t.name: t for t in model.graph.initializer if t.data_type == TensorProto.INT8 and t.dims}
    assert [n for n in whole if n.endswith("_weight_quantized")] == ["n_b_weight_quantized"]
    kept = {t.name for t in model.graph.initializer}
    assert {"a.weight", "c.weight", "w"} <= kept
    assert "b.weight" not in kept
    none = quantize(source, ranges, [], flavor=flavor)
    assert none.SerializeToString(deterministic=True) == source.model.SerializeToString(deterministic=True)
    assert (
        relative_error(
            Session(model, Path()).run(pictures[0]), Session(source.model, Path()).run(pictures[0])
        )
        < 0.05
    )


def test_portable_flavor_is_what_tensorrt_reads(small: Any) -> None:
    source, ranges, _ = small
    model = quantize(source, ranges, source.layers, flavor="portable")
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    pairs = [n for n in model.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs
    assert all(stored[n.input[2]].dtype == np.int8 and not stored[n.input[2]].any() for n in pairs)
    assert {n.input[2] for n in model.graph.node if n.op_type == "Conv" and len(n.input) == 3} == {
        "a.bias",
        "b.bias",
    }


def test_ort_flavor_stays_in_integers_between_layers(small: Any) -> None:
    source, ranges, _ = small
    model = quantize(source, ranges, source.layers, flavor="ort")
    stored = {t.name: t.data_type for t in model.graph.initializer}
    readers = {n.output[0]: n for n in model.graph.node}
    for node in model.graph.node:
        if node.op_type == "Conv":
            assert all(readers[name].op_type == "DequantizeLinear" for name in node.input)
    assert {stored[n.input[2]] for n in model.graph.node if n.op_type == "QuantizeLinear"} == {
        TensorProto.UINT8
    }
    assert "sum_quantized" in readers


@given(arrays(np.float32, (4, 3, 2, 2), elements=st.floats(-100, 100, width=32)))
def test_weights_are_restored_within_half_a_step(weight: Any) -> None:
    values, scales = quantize_weight(weight, 0)
    assert values.dtype == np.int8
    assert (values >= -127).all()
    back = values.astype(np.float32) * scales.reshape(-1, 1, 1, 1)
    assert (np.abs(back - weight) <= scales.reshape(-1, 1, 1, 1) * 0.5001 + 1e-12).all()


@given(st.floats(-1e4, 0), st.floats(0, 1e4), st.sampled_from(FLAVORS))
def test_range_is_kept_and_zero_is_exact(low: float, high: float, flavor: Any) -> None:
    scale, zero = scale_of((low, high), flavor)
    least, most = (-127, 127) if flavor == "portable" else (0, 255)
    assert least <= zero <= most
    step = float(scale) * 1.001
    assert float(scale) * (least - int(zero)) <= low + step
    assert float(scale) * (most - int(zero)) >= high - step


def test_channel_of_tiny_weights_keeps_its_bias() -> None:
    model = small_model()
    for tensor in model.graph.initializer:
        if tensor.name == "b.weight":
            weight = numpy_helper.to_array(tensor).copy()
            weight[2] = 1e-20
            tensor.CopyFrom(numpy_helper.from_array(weight, "b.weight"))
    source = Source(model, Path())
    ranges = dict.fromkeys(source.observed(), (-8.0, 8.0))
    picture = {"image": np.zeros((1, 3, 16, 16), np.float32)}
    watched = ["b_dequantized"]
    quantized = Session(quantize(source, ranges, source.layers, flavor="ort"), Path(), watched=watched)
    bias = numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == "b.bias"))
    assert np.abs(quantized.run(picture)["b_dequantized"][0, 2] - bias[2]).max() < 16 / 255


def histogram(values: Any) -> Histogram:
    return observe(lambda feeds: feeds, lambda: [{"x": np.asarray(values, np.float32)}])["x"]


def test_only_percentile_and_entropy_cut_outliers() -> None:
    values = np.append(np.random.default_rng(0).normal(0, 1, 60_000), [80.0])
    seen = histogram(values)
    assert minmax(seen)[1] == 80
    assert 3 < percentile(seen)[1] < 6
    assert 2 < entropy(seen)[1] < 20
    assert all(rule(seen)[0] <= 0 <= rule(seen)[1] for rule in METHODS.values())


@given(arrays(np.float32, 50, elements=st.floats(-1e6, 1e6, width=32)))
@example(np.full(50, 4e-43, np.float32))  # float32 cannot represent bins below it
def test_ranges_lie_within_the_observed_values(values: Any) -> None:
    seen = histogram(values)
    for rule in METHODS.values():
        low, high = rule(seen)
        assert seen.low - 1e-3 * abs(seen.low) <= low <= 0 <= high <= seen.high * 1.001


@pytest.mark.nightly
def test_shipped_model_is_quantized_from_its_bundle_alone() -> None:
    pytest.importorskip("cv2", reason="the video extra is not installed")
    from edgetrack.demo.scene import Scene
    from edgetrack.engines.ort import OrtEngine
    from edgetrack.export.calibration import Reservoir
    from edgetrack.export.subject import Recorder
    from edgetrack.tracker import Tracker

    bundle = Bundle.open()
    kept = Reservoir(("search",), 64)
    recorder = Recorder(OrtEngine(bundle, threads=1), kept.keep, ("search",))
    tracker = Tracker(engine=recorder)
    for frame in islice(Scene().frames(), 12):
        if frame.index == 0:
            tracker.start(frame.pixels, text="blue car", box=(300, 200, 120, 60))
        else:
            tracker.update(frame.pixels)
    crops = kept.crops["search"]
    assert len(crops) == 11
    source = Source.read(bundle.path("search"))
    kinds = [layer.kind for layer in source.layers.values()]
    assert (kinds.count("Conv"), kinds.count("MatMul")) == (64, 14)
    session = Session(source.model, source.folder, watched=source.observed())
    ranges = {
        name: minmax(seen)
        for name, seen in observe(lambda f: {**f, **session.run(f)}, lambda: crops[:-1]).items()
    }
    expected = Session(source.model, source.folder).run(crops[-1])
    for flavor in FLAVORS:
        model = quantize(source, ranges, source.layers, flavor=flavor)
        most = 0.6 if saturates() and flavor == "portable" else 0.25  # which that processor rounds
        assert 1e-4 < relative_error(Session(model, source.folder).run(crops[-1]), expected) < most
