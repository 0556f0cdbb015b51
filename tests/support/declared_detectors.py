"""Detectors in ONNX files, with their declarations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")


NAMES = ("helmet", "Safety vest")


# What the detector says, whatever it sees: places of two classes in a picture of 64 x 32 pixels.
CENTERS = np.array([[16, 8, 8, 4], [48, 24, 16, 8]], np.float32)


SCORES = np.array([[0.9, 0.2], [0.1, 0.6]], np.float32)


CORNERS = np.concatenate([CENTERS[:, :2] - CENTERS[:, 2:] / 2, CENTERS[:, :2] + CENTERS[:, 2:] / 2], 1)


ROWS = np.concatenate([CORNERS, [[0.9], [0.6]], [[0], [1]]], 1).astype(np.float32)


LOGITS = np.log(SCORES / (1 - SCORES))


WAYS: list[tuple[str, list[Any], str]] = [
    ("yolo", [np.concatenate([CENTERS, SCORES], 1).T], ""),
    ("rows", [ROWS], ""),
    ("pair", [CENTERS, SCORES], ""),
    ("labels", [[0, 1], CORNERS / [64, 32, 64, 32], [0.9, 0.6]], ""),
    ("pair", [CORNERS, LOGITS], "corners = true\nlogits = true"),
    ("pair", [CENTERS / [64, 32, 64, 32], SCORES], 'relative = true\noutputs = ["out0", "out1"]'),
]


def write(folder: Path, outputs: list[Any], text: str, *, side: Any = (32, 64), see: bool = False) -> Path:
    """Write a detector with constant outputs, and with ``see`` its input; three are scaled by the given size."""
    helper = onnx.helper
    kind = onnx.TensorProto.FLOAT
    nodes = [helper.make_node("Identity", [f"c{n}"], [f"out{n}"]) for n in range(len(outputs))]
    inputs = [helper.make_tensor_value_info("images", kind, [1, 3, *side])]
    if len(outputs) == 3:
        inputs.append(helper.make_tensor_value_info("size", onnx.TensorProto.INT64, ["n", 2]))
        nodes[1] = helper.make_node("Mul", ["c1", "scale"], ["out1"])
        nodes.insert(0, helper.make_node("Concat", ["pixels", "pixels"], ["scale"], axis=1))
        nodes.insert(0, helper.make_node("Cast", ["size"], ["pixels"], to=kind))
    nodes += [helper.make_node("Identity", ["images"], ["seen"])]
    given = [
        onnx.numpy_helper.from_array(np.asarray(v, np.float32)[None], f"c{n}") for n, v in enumerate(outputs)
    ]
    axes = [[1, *(f"{n}{axis}" for axis in range(np.ndim(v)))] for n, v in enumerate(outputs)]
    shapes = [helper.make_tensor_value_info(f"out{n}", kind, axes[n]) for n in range(len(outputs))]
    seen = helper.make_tensor_value_info("seen", kind, [1, 3, *side])
    graph = helper.make_graph(nodes, "g", inputs, [seen] if see else [*shapes, seen], given)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    folder.mkdir(exist_ok=True)
    (folder / "a.onnx").write_bytes(model.SerializeToString())
    path = folder / "a.toml"
    path.write_text(f'model = "a.onnx"\nnames = {json.dumps(NAMES)}\n{text}\n')
    return path
