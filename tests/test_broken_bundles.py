"""Whatever is wrong with a bundle, it is rejected with one sentence; nothing crashes, hangs or continues."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_fake_bundle
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.bundle import Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import BundleError
from edgetrack.manifest import Manifest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

Model = Any
GRAPH = "search"


def good_model() -> Model:
    """Make y = x + w, as the manifest of the fake bundle declares: float32 (1, 2) in and out."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y")]
    weight = numpy_helper.from_array(np.ones((1, 2), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "g", value[:1], value[1:], [weight]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def put(folder: Path, data: bytes) -> Bundle:
    """Make a bundle whose search graph is ``data``, with the right hash."""
    write_fake_bundle(folder)
    (folder / "search.onnx").write_bytes(data)
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["files"][GRAPH]["sha256"] = hashlib.sha256(data).hexdigest()
    file.write_text(json.dumps(manifest))
    return Bundle.open(folder)


def changed(change: Callable[[Model], object]) -> bytes:
    model = good_model()
    change(model)
    data: bytes = model.SerializeToString()
    return data


def external(location: str, *, offset: int = 0, length: int = 8) -> Callable[[Model], None]:
    def change(model: Model) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))

    return change


def _shape(model: Model, size: int | str) -> None:
    dim = model.graph.input[0].type.tensor_type.shape.dim[1]
    dim.Clear()
    if isinstance(size, str):
        dim.dim_param = size
    else:
        dim.dim_value = size


def _rename(model: Model) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "image"


def _double(model: Model) -> None:
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((1, 2)), "w"))


def _circle(model: Model) -> None:
    model.graph.node.insert(0, helper.make_node("Add", ["x", "b"], ["a"]))
    model.graph.node.insert(1, helper.make_node("Add", ["a", "w"], ["b"]))


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "text": b"this is not a network\n" * 9,
    "zeros": bytes(4096),
    "truncated": changed(lambda m: None)[:-30],
    "flipped": bytes(b ^ 0x55 for b in changed(lambda m: None)),
    "pickled": pickle.dumps({"weights": [1.0, 2.0]}),
    "zipped": b"PK\x03\x04" + bytes(200),
    "engine of TensorRT": b"ftrt" + bytes(range(200)),
    "other tensors": changed(_rename),
    "other type": changed(_double),
    "other shape": changed(lambda m: _shape(m, 1)),
    "open shape": changed(lambda m: _shape(m, "batch")),
    "unknown operator": changed(lambda m: setattr(m.graph.node[0], "op_type", "Subtract2")),
    "foreign domain": changed(lambda m: setattr(m.graph.node[0], "domain", "com.example")),
    "newer operators": changed(lambda m: setattr(m.opset_import[0], "version", 9999)),
    "newer format": changed(lambda m: setattr(m, "ir_version", 9999)),
    "no output": changed(lambda m: m.graph.ClearField("output")),
    "no nodes": changed(lambda m: m.graph.ClearField("node")),
    "input from nowhere": changed(lambda m: m.graph.node[0].input.__setitem__(1, "nowhere")),
    "circle": changed(_circle),
    "assigned twice": changed(lambda m: m.graph.node.append(m.graph.node[0])),
    "short weights": changed(lambda m: setattr(m.graph.initializer[0], "raw_data", b"\x00" * 4)),
    "weights missing": changed(external("gone.weights")),
    "weights too short": changed(external("tokenizer.bin", offset=8)),
    "weights before the start": changed(external("tokenizer.bin", offset=-4)),
    "weights outside": changed(external("../secret.weights")),
    "weights at an absolute path": changed(external("/etc/hostname")),
}


def test_valid_model_loads(tmp_path: Path) -> None:
    engine = OrtEngine(put(tmp_path / "b", changed(lambda m: None)), threads=1)
    assert np.array_equal(engine.graph(GRAPH).run({"x": np.ones((1, 2), np.float32)})["y"], [[2, 2]])


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_graph_is_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret.weights").write_bytes(bytes(64))
    with pytest.raises(BundleError, match=r"export (the bundle|it) again") as caught:
        OrtEngine(put(tmp_path / "b", BROKEN[kind]), threads=1).graph(GRAPH)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("kind", ["truncated", "unknown operator", "weights missing", "other tensors"])
def test_openvino_rejects_it_too(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    from edgetrack.engines.openvino import OpenVinoEngine

    with pytest.raises(BundleError, match=r"export (the bundle|it) again"):
        OpenVinoEngine(put(tmp_path / "b", BROKEN[kind]), threads=1).graph(GRAPH)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0b", "is not a valid path"),
        ("x" * 5000, "is not a valid path|cannot be read"),
        (".", "cannot be read"),
        ("~root", "cannot be read"),
    ],
)
def test_odd_paths_are_rejected(tmp_path: Path, path: str, message: str) -> None:
    entry = {"path": path, "sha256": "0" * 64}
    files = json.loads((write_fake_bundle(tmp_path) / "manifest.json").read_text())["files"]
    with pytest.raises(BundleError, match=message):
        Bundle.open(write_fake_bundle(tmp_path, files={**files, "search": entry}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_named_pipe_does_not_block(tmp_path: Path) -> None:
    folder = write_fake_bundle(tmp_path / "b")
    (folder / "search.onnx").unlink()
    os.mkfifo(folder / "search.onnx")
    with pytest.raises(BundleError, match="it is not a file"):
        Bundle.open(folder)
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    with pytest.raises(BundleError, match="is not a model bundle"):
        Bundle.open(folder)


def test_circular_links_are_rejected(tmp_path: Path) -> None:
    folder = write_fake_bundle(tmp_path / "b")
    (folder / "search.onnx").unlink()
    (folder / "search.onnx").symlink_to("search.onnx")
    with pytest.raises(BundleError):
        Bundle.open(folder)


def test_endless_manifest_is_rejected(tmp_path: Path) -> None:
    folder = write_fake_bundle(tmp_path / "b")
    with (folder / "manifest.json").open("a") as stream:
        stream.write(" " * (1 << 20))
    with pytest.raises(BundleError, match="expected at most 1,048,576"):
        Bundle.open(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "not valid JSON"),
        ('{"schema": ' + "9" * 5000 + "}", "not valid JSON"),
        ("\ufeff{}", "not valid JSON"),
    ],
)
def test_texts_that_break_parsers_are_rejected(content: str, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Manifest.from_json(content, origin="here")


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": [1, 2, float("nan")]},
        {"std": [1, 0, 1]},
        {"fill": [10**400, 0, 0]},
        {"factors": {"template": 0, "search": 4}},
        {"thresholds": {"track_threshold": float("inf")}},
        {"precisions": {"int8": {"graphs": ["search"]}}},
        {"precisions": {"int8": {"graphs": 3, "thresholds": {}}}},
        {"precisions": ["int8"]},
        {"versions": {"onnx": 1}},
    ],
)
def test_meaningless_numbers_are_rejected(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="field with a wrong type"):
        Bundle.open(write_fake_bundle(tmp_path, **changes))


def test_precision_without_its_files_is_rejected(tmp_path: Path) -> None:
    precisions = {"int8": {"graphs": ["search"], "thresholds": {}}}
    with pytest.raises(BundleError, match=r"does not list search\.int8, search\.int8\.ort"):
        Bundle.open(write_fake_bundle(tmp_path, precisions=precisions))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
VALID: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def _valid(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = write_fake_bundle(tmp_path_factory.mktemp("valid"), precisions={}, versions={"onnx": "1"})
    VALID.update(json.loads((folder / "manifest.json").read_text()))


def reads_or_refuses(text: str) -> None:
    """Read the manifest, and write and read it again if it is valid; any error but BundleError fails the test."""
    with contextlib.suppress(BundleError):
        manifest = Manifest.from_json(text, origin="here")
        assert Manifest.from_json(manifest.to_json(), origin="here") == manifest


@given(st.data())
def test_manifest_with_any_value_anywhere(data: st.DataObject) -> None:
    values = copy.deepcopy(VALID)
    place: Any = values
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(JSON)
    reads_or_refuses(json.dumps(values))


@given(st.text())
def test_manifest_of_any_text(text: str) -> None:
    reads_or_refuses(text)


@given(JSON)
def test_manifest_of_any_json(value: Any) -> None:
    reads_or_refuses(json.dumps(value))
