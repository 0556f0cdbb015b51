"""A segmenter as Segment Anything is exported, drawn by hand: it outlines what is red in the box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIDE, CELL = 128, 4
KEYS = 'encoder = "e.onnx"\ndecoder = "d.onnx"\nmean = [0, 0, 0]\nstd = [255, 255, 255]\nfill = [0, 0, 0]\n'


def constant(name: str, value: Any) -> Any:
    return numpy_helper.from_array(np.asarray(value, np.float32), name)


def write(folder: Path, keys: str = "", *, input: str = "image_embeddings", side: Any = SIDE) -> Path:
    """Segment Anything in small: how red a cell of 4 pixels is, and of two masks the second is right."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    embedding = helper.make_tensor_value_info("image_embeddings", TensorProto.FLOAT, None)
    nodes = [
        helper.make_node("Conv", ["image", "red"], ["redness"]),
        helper.make_node(
            "AveragePool", ["redness"], ["image_embeddings"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]
        ),
    ]
    weights = [constant("red", np.array([1, -0.5, -0.5]).reshape(1, 3, 1, 1))]
    save(folder / "e.onnx", nodes, [image], [embedding], weights)

    centers = (np.arange(SIDE // CELL) + 0.5) * CELL
    grid = np.stack(np.meshgrid(centers, centers))[:, None]  # x, y (2, 1, rows, columns)
    inputs = [
        helper.make_tensor_value_info(input, TensorProto.FLOAT, None),
        helper.make_tensor_value_info("point_coords", TensorProto.FLOAT, [1, "n", 2]),
        helper.make_tensor_value_info("point_labels", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("mask_input", TensorProto.FLOAT, [1, 1, "a", "b"]),
        helper.make_tensor_value_info("has_mask_input", TensorProto.FLOAT, [1]),
        helper.make_tensor_value_info("orig_im_size", TensorProto.FLOAT, [2]),
    ]
    outputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, None)
        for n in ("low_res_masks", "iou_predictions")
    ]
    nodes = [
        helper.make_node("Gather", ["point_coords", "zero"], ["low"], axis=1),
        helper.make_node("Gather", ["point_coords", "one"], ["high"], axis=1),
        *(helper.make_node("Reshape", [name, "shape"], [f"{name}_corner"]) for name in ("low", "high")),
        helper.make_node("Sub", ["grid", "low_corner"], ["after"]),
        helper.make_node("Sub", ["high_corner", "grid"], ["before"]),
        helper.make_node("Min", ["after", "before"], ["within"]),  # (2, 1, rows, columns)
        helper.make_node("ReduceMin", ["within"], ["inside"], axes=[0], keepdims=1),
        helper.make_node("Sub", [input, "half"], ["redder"]),
        helper.make_node("Min", ["inside", "redder"], ["right"]),
        helper.make_node("Neg", ["right"], ["wrong"]),
        helper.make_node("Concat", ["wrong", "right"], ["low_res_masks"], axis=1),
        helper.make_node("Identity", ["good"], ["iou_predictions"]),
    ]
    weights = [
        constant("grid", grid),
        constant("half", [0.5]),
        constant("good", [[0.2, 0.9]]),
        *(
            numpy_helper.from_array(np.array(v, np.int64), n)
            for n, v in (("zero", 0), ("one", 1), ("shape", [2, 1, 1, 1]))
        ),
    ]
    save(folder / "d.onnx", nodes, inputs, outputs, weights)
    (folder / "s.toml").write_text(KEYS + keys)
    return folder / "s.toml"


def save(path: Path, nodes: Any, inputs: Any, outputs: Any, weights: Any) -> None:
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, weights), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
