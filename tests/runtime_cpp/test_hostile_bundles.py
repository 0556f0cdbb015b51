"""No bundle can do harm: neither by consistent but wrong shapes nor by where its graphs keep their weights."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

from hostile_bundles import (  # noqa: E402
    LARGE,
    OUTSIDE,
    SHAPES,
    graphs,
    seal,
    tensors_of,
    with_outside_weights,
    with_weights,
    write,
)

from edgetrack._native import runtime  # noqa: E402
from edgetrack.bundle import Bundle  # noqa: E402
from edgetrack.errors import BundleError  # noqa: E402
from edgetrack.manifest import LARGEST_TENSOR, LONGEST_TEXT  # noqa: E402


def in_a_child(*folders: Path) -> list[str]:
    child = Path(__file__).parents[1] / "support" / "hostile_child.py"
    words = [sys.executable, str(child), *map(str, folders)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.returncode, done.stdout[-300:], done.stderr[-2000:])
    return done.stdout.splitlines()


def test_inconsistent_shapes_are_rejected_without_a_crash(tmp_path: Path) -> None:
    folders = []
    for number, change in enumerate(SHAPES.values()):
        change(shapes := graphs())
        folders.append(write(tmp_path / str(number), shapes))
    for line, case in zip(in_a_child(*folders), (case for case in SHAPES for _ in range(2)), strict=True):
        assert line.split()[1] == "BundleError", (case, line)


def test_consistent_bundle_runs(tmp_path: Path) -> None:
    assert {line.split()[1] for line in in_a_child(write(tmp_path / "b", graphs()))} == {"ran"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30, 1e38, 0.0])
def test_network_outputs_that_are_not_boxes_are_handled(tmp_path: Path, value: float) -> None:
    """Whatever a network outputs becomes a box of finite numbers, no box, or a BundleError."""
    for line in in_a_child(write(tmp_path / "b", graphs(), value=value)):
        assert line.split()[1] in ("ran", "BundleError"), line


def test_output_larger_than_declared_is_an_error(tmp_path: Path) -> None:
    """Its shape is known only when the graph runs, after its memory has been allocated."""
    folder = write(tmp_path / "b", graphs())
    model = onnx.load(str(folder / "search.onnx"))
    constants = {"row": [0, 0, 0, 1], "forty": 40.0, "nothing": 0.0}
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.array(value, np.int64 if name == "row" else np.float32), name)
        for name, value in constants.items()
    )
    steps = [
        ("ReduceSum", ["film"], "sum"),
        ("Mul", ["sum", "nothing"], "zero"),
        ("Add", ["zero", "forty"], "real"),
        ("Cast", ["real"], "more"),
        ("Mul", ["row", "more"], "longer"),
        ("Add", ["score_shape", "longer"], "size_of_score"),
    ]
    nodes = [
        onnx.helper.make_node(kind, ins, [out], **({"to": onnx.TensorProto.INT64} if kind == "Cast" else {}))
        for kind, ins, out in steps
    ]
    nodes[0].attribute.append(onnx.helper.make_attribute("keepdims", 0))
    next(node for node in model.graph.node if node.output[0] == "score").input[0] = "size_of_score"
    old = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes + old)
    (folder / "search.onnx").write_bytes(model.SerializeToString())
    seal(folder)
    for line in in_a_child(folder):
        assert line.split()[1] == "EngineUnavailable", line


@pytest.mark.parametrize("kind", LARGE)
def test_large_tensors_are_rejected_before_allocation(tmp_path: Path, kind: str) -> None:
    shapes = graphs()
    folder = write(tmp_path / "b", shapes)
    LARGE[kind](shapes)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["tensors"] = tensors_of(shapes)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"expected at most 16,777,216 elements"):
        Bundle.open(folder)


@pytest.mark.parametrize("length", [0, 2, 4097, 2**40, 2**70])
def test_texts_have_a_length_limit(tmp_path: Path, length: int) -> None:
    with pytest.raises(BundleError, match="export the bundle again"):
        Bundle.open(write(tmp_path / "b", graphs(), text_length=length))


def test_python_and_cpp_have_the_same_limits() -> None:
    assert (runtime.LARGEST_GRAPH, runtime.LONGEST_TEXT) == (LARGEST_TENSOR, LONGEST_TEXT)


@pytest.mark.parametrize("case", OUTSIDE)
def test_weights_in_unlisted_files_are_rejected(tmp_path: Path, case: str) -> None:
    with_weights(write(tmp_path / "b", graphs()), case)
    with pytest.raises(BundleError, match="again") as caught:
        Bundle.open(tmp_path / "b")
    assert "\n" not in str(caught.value)


def test_weights_in_listed_files_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", graphs())
    with_outside_weights(folder, location="./text.weights", offset="8", length="8")
    assert {line.split()[1] for line in in_a_child(folder)} == {"ran"}


def nested(where: str) -> bytes:
    """Make an ONNX file with a tensor in an external file, referenced from an unusual place."""
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, text in {"location": "/etc/passwd", "offset": "0", "length": "8"}.items():
        tensor.external_data.add(key=key, value=text)
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [])
    graph = helper.make_graph([], "g", [], [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    if where == "constant":
        model.graph.node.extend(inner.node)
    elif where == "subgraph":
        model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))
    elif where == "function":
        opset = [helper.make_opsetid("", 17)]
        model.functions.append(helper.make_function("d", "f", [], ["c"], list(inner.node), opset))
    elif where == "sparse":
        model.graph.sparse_initializer.add().values.CopyFrom(tensor)
    elif where == "list":
        attribute = model.graph.node.add(op_type="Loop").attribute.add(name="t")
        attribute.tensors.add().CopyFrom(tensor)
    else:
        model.training_info.add().algorithm.initializer.add().CopyFrom(tensor)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize("where", ["constant", "subgraph", "function", "sparse", "list", "training"])
def test_external_weights_are_found_wherever_a_tensor_may_be(where: str) -> None:
    assert runtime.outside_weights(nested(where), "it") == [(b"/etc/passwd", 0, 8)]


def test_damaged_onnx_file_does_not_crash_the_reader() -> None:
    data = nested("function")
    for end in range(len(data)):
        _reads_or_refuses(data[:end])
    for at in range(len(data)):
        for byte in (0, 0x7F, 0x80, 0xFF):
            _reads_or_refuses(data[:at] + bytes([byte]) + data[at + 1 :])
    deep = b""
    for _ in range(200):  # a subgraph in a node in a subgraph ...
        for tag in (0x32, 0x2A, 0x0A):
            deep = bytes([tag]) + _varint(len(deep)) + deep
    _reads_or_refuses(b"\x3a" + _varint(len(deep)) + deep)


def _reads_or_refuses(data: bytes) -> None:
    with contextlib.suppress(BundleError):  # any other error fails the test
        runtime.outside_weights(data, "it")


def _varint(number: int) -> bytes:
    low = bytes([number & 127 | (128 if number > 127 else 0)])
    return low if number < 128 else low + _varint(number >> 7)


def test_names_that_are_not_utf8_are_handled(tmp_path: Path) -> None:
    """Locations and keys may not be valid UTF-8; an error about them must be readable all the same."""
    folder = write(tmp_path / "b", graphs())
    with_outside_weights(folder, location="text.weights", offset="0", length="8")
    whole = (folder / "text.onnx").read_bytes()
    for written in (b"text.weights", b"offset"):
        (folder / "text.onnx").write_bytes(whole.replace(written, b"\x1b\xff" + written[2:]))
        seal(folder)
        with pytest.raises(BundleError, match="again") as caught:
            Bundle.open(folder)
        assert "\x1b" not in str(caught.value)


def test_graph_must_be_named_onnx(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", graphs())
    (folder / "text.onnx").rename(folder / "text.ort")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["text"]["path"] = "text.ort"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        BundleError, match=r"'text\.ort' as its graph text; expected a file whose name ends in \.onnx"
    ):
        Bundle.open(folder)


def test_symbolic_link_to_a_file_of_the_bundle_is_rejected(tmp_path: Path) -> None:
    folder = write(tmp_path / "b", graphs())
    (folder / "text.weights").rename(folder / "w")
    (folder / "text.weights").symlink_to("w")
    with pytest.raises(BundleError, match=r"text\.weights is a link; expected the file itself"):
        Bundle.open(folder)


def test_bundle_keeps_its_folder_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "b", graphs())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    bundle = Bundle.open("b")
    monkeypatch.chdir("elsewhere")
    assert bundle.path("tokenizer").is_file()
    assert bundle.folder.is_absolute()
