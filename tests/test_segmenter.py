"""A network of the user's own that outlines what a box holds: picture, points and masks as its TOML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from onnx import TensorProto, helper, numpy_helper

from edgetrack import Box
from edgetrack.errors import ConfigError
from edgetrack.segmenter import Segmenter

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


def frame(width: int, height: int) -> np.ndarray:
    """Two red squares."""
    pixels = np.full((height, width, 3), 60, np.uint8)
    pixels[20:60, 30:70] = pixels[20:60, 110:150] = (0, 0, 255)
    return pixels


@pytest.mark.parametrize("fit", ["pad", "letterbox", "stretch"])
@pytest.mark.parametrize("size", [(200, 100), (160, 240)])
def test_it_outlines_what_the_box_holds(tmp_path: Path, fit: str, size: tuple[int, int]) -> None:
    segmenter = Segmenter(write(tmp_path, f'fit = "{fit}"'), 1)
    for box, x in ((Box(20, 10, 60, 60), 30), (Box(100, 12, 58, 60), 110)):
        mask = segmenter.outline(frame(*size), box)
        assert mask is not None
        assert mask.size == size
        truth = np.zeros(size[::-1], np.bool_)
        truth[20:60, x : x + 40] = True
        found = mask.dense()
        assert (found & truth).sum() / (found | truth).sum() > 0.8
        rows, columns = np.nonzero(found)
        assert (columns.mean(), rows.mean()) == pytest.approx((x + 19.5, 39.5), abs=1.0)  # not shifted
    assert segmenter.outline(frame(*size), Box(80, 70, 12, 12)) is None


def test_names_can_be_joined(tmp_path: Path) -> None:
    joined = write(
        tmp_path, 'joins = {image_embed = "image_embeddings"}\nthreshold = 0.2', input="image_embed"
    )
    assert Segmenter(joined, 1).outline(frame(200, 100), Box(20, 10, 60, 60)) is not None
    with pytest.raises(ConfigError, match=r"takes 'image_embed', which is no output .*joins = \{image_embed"):
        Segmenter(write(tmp_path, input="image_embed"), 1)


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ('masks = "nothing"', r"gives low_res_masks, iou_predictions, not 'nothing'"),
        ('masks = "iou_predictions"', "do not answer as declared .*masks of shape"),
        ("joins = 3", "joins is 3; expected a table of names"),
        ("threshold = true", "threshold is True; expected a number"),
        ("names = []", "has the unknown key 'names'; expected encoder, decoder"),
        ('decoder = "e.onnx"', "cannot be read"),  # a second time
    ],
)
def test_files_that_declare_something_else(tmp_path: Path, keys: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Segmenter(write(tmp_path, keys), 1)


def test_models_that_are_none(tmp_path: Path) -> None:
    path = write(tmp_path, side="side")
    with pytest.raises(ConfigError, match=r"encoder takes image tensor\(float\).*size = 1024 says"):
        Segmenter(path, 1)
    path.write_text(KEYS + f"size = {SIDE}")
    assert Segmenter(path, 1).files == (path, tmp_path / "e.onnx", tmp_path / "d.onnx")
    path.write_text(KEYS.replace("d.onnx", "gone.onnx"))
    with pytest.raises(ConfigError, match=r"segmenter .*gone\.onnx cannot be loaded"):
        Segmenter(path, 1)
    path.write_text('decoder = "d.onnx"')
    with pytest.raises(ConfigError, match="has no encoder"):
        Segmenter(path, 1)
