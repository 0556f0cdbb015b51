"""An ONNX detector as a peer: its input, its output, and what its description must contain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")

import onnx
from onnx import TensorProto, helper, numpy_helper

from edgetrack.errors import ConfigError, EngineUnavailable
from edgetrack.evaluation.phrases.decoding import detr, picodet, suppress, yolov8, yolox
from edgetrack.evaluation.phrases.detector import DetectorModel

SIDE = 64


def write_detector(folder: Path, toml: str, *, side: Any = SIDE) -> Path:
    """Write a YOLOv8-like network with one box, whose class scores are the means of the three input channels."""
    box = numpy_helper.from_array(np.array([[[32], [16], [32], [16]]], np.float32), "box")
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["classes"]),
        helper.make_node("Concat", ["box", "classes"], ["out"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 7, 1])],
        [box, numpy_helper.from_array(np.array([2]), "last")],
    )
    path = folder / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    path.with_suffix(".toml").write_text(toml)
    return path


COMMON = 'output = "yolov8"\nstd = [255, 255, 255]\nclasses = ["first", "second", "third"]\n'
RED = np.full((100, 200, 3), (0, 0, 255), np.uint8)  # BGR


@pytest.mark.parametrize(("color", "name"), [("rgb", "first"), ("bgr", "third")])
def test_channels_have_the_order_of_the_description(tmp_path: Path, color: str, name: str) -> None:
    model = DetectorModel(write_detector(tmp_path, f'{COMMON}color = "{color}"'), threads=1)
    found = model.detect(RED)
    assert [d.name for d in found] == [name]
    assert found[0].score == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("resize", "box"),
    [
        ("stretch", (50, 12.5, 100, 25)),  # 64 pixels are 200 across and 100 down
        ("letterbox", (50, 25, 100, 50)),  # 64 pixels are 200, from the top
        ("letterbox-center", (50, 0, 100, 25)),  # 16 pixels lower: half of the box is in the border
    ],
)
def test_boxes_are_in_pixels_of_the_image(tmp_path: Path, resize: str, box: tuple[float, ...]) -> None:
    model = DetectorModel(write_detector(tmp_path, f'{COMMON}resize = "{resize}"'), threads=1)
    assert model.detect(RED)[0].box == pytest.approx(box)


def test_mean_is_subtracted_in_the_same_channel_order(tmp_path: Path) -> None:
    model = DetectorModel(write_detector(tmp_path, f"{COMMON}mean = [204, -25.5, 0]"), threads=1)
    found = model.detect(RED)
    assert (found[0].name, found[0].score) == ("first", pytest.approx(0.2, abs=1e-5))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("", "has no key output; expected one of picodet, yolox, yolov8, detr"),
        ('output = "ssd"', "output = 'ssd'; expected one of picodet"),
        ("output = ", "is not valid TOML"),
        ('output = "yolox"\nresise = "stretch"', r"unknown keys \['resise'\]; expected keys among"),
        ('output = "yolox"\nresize = "crop"', "resize = 'crop'; expected one of stretch"),
        ('output = "yolox"\nstd = [1, 1, 0]', r"std = \[1, 1, 0\]; expected three numbers"),
        ('output = "yolox"\nmean = 3', "mean = 3; expected three numbers"),
        ('output = "yolox"\nsize = [416]', r"size = \[416\]; expected width and height"),
        ('output = "yolox"\nthreshold = 2', "threshold = 2; expected a score"),
        ('output = "yolox"\nclasses = [1]', r"classes = \[1\]; expected a list of names"),
    ],
)
def test_wrong_description_says_what_is_wrong(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DetectorModel(write_detector(tmp_path, toml), threads=1)


def test_missing_or_invalid_network_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.onnx does not exist; expected an ONNX file"):
        DetectorModel(tmp_path / "none.onnx", threads=1)
    path = write_detector(tmp_path, COMMON)
    path.write_bytes(b"none")
    with pytest.raises(EngineUnavailable, match=r"tiny.onnx cannot be loaded"):
        DetectorModel(path, threads=1)
    path.with_suffix(".toml").unlink()
    with pytest.raises(ConfigError, match=r"tiny.toml cannot be read .*expected a description"):
        DetectorModel(path, threads=1)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (COMMON.replace("yolov8", "yolox"), r"outputs of shape \(1, 7, 1\) do not fit the layout 'yolox'"),
        (COMMON.replace("yolov8", "picodet"), "do not fit the layout 'picodet'"),
        (COMMON.replace("yolov8", "detr"), "do not fit the layout 'detr'"),
        (COMMON.replace(', "third"', ""), "3 classes instead of 2"),
        (COMMON + "size = [32, 32]", "does not take an input of 32 x 32 pixels"),
    ],
)
def test_description_must_match_the_network(tmp_path: Path, toml: str, message: str) -> None:
    model = DetectorModel(write_detector(tmp_path, toml), threads=1)
    with pytest.raises(ConfigError, match=message):
        model.detect(RED)


def test_dynamic_input_size_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"which does not fix the size; give size = \[WIDTH, HEIGHT\]"):
        DetectorModel(write_detector(tmp_path, COMMON, side="side"), threads=1)
    model = DetectorModel(write_detector(tmp_path, COMMON + "size = [64, 32]", side="side"), threads=1)
    assert model.detect(RED)[0].box == pytest.approx((50, 25, 100, 50))


def test_all_layouts_encode_the_same_box() -> None:
    """In each layout, encode the box x1 8, y1 8, x2 40, y2 24 of class 1 in an input of 64 x 64."""
    expected = [8, 8, 40, 24]
    values = np.zeros((1, 84, 7))  # 8 x 8, 4 x 4 and 2 x 2 cells
    cell = 2 * 8 + 3  # of stride 8, at x 24, y 16
    values[0, cell] = [0, 0, np.log(32 / 8), np.log(16 / 8), 0.5, 0, 1]
    boxes, scores = yolox([values], (64, 64))
    np.testing.assert_allclose(boxes[cell], expected)
    assert scores[cell].tolist() == [0, 0.5]

    boxes, scores = yolov8([np.array([[24.0, 16, 32, 16, 0, 0.5]]).reshape(1, 6, 1)], (64, 64))
    np.testing.assert_allclose(boxes, [expected])
    assert scores.tolist() == [[0, 0.5]]

    boxes, scores = detr([np.array([[1]]), np.array([[expected]]), np.array([[0.5]])], (64, 64))
    np.testing.assert_allclose(boxes, [expected])
    assert scores.tolist() == [[0, 0.5]]

    cell = 1 * 8 + 2  # of stride 8, its center at x 20, y 12
    score, distance = np.zeros((1, 64, 2)), np.full((1, 64, 4 * 8), -50.0)
    score[0, cell, 1] = 0.5
    for side, reach in enumerate((1.5, 0.5, 2.5, 1.5)):  # cells to the left, top, right, bottom
        distance[0, cell, [side * 8 + int(reach), side * 8 + int(reach) + 1]] = 50
    boxes, scores = picodet([score, distance], (64, 64))
    np.testing.assert_allclose(boxes[cell], expected)
    assert scores[cell].tolist() == [0, 0.5]


def test_non_finite_boxes_are_discarded(tmp_path: Path) -> None:
    model = DetectorModel(write_detector(tmp_path, COMMON + "mean = [-1e38, 0, 0]"), threads=1)
    assert model.detect(RED)[0].score == 1.0
    with np.errstate(all="ignore"):
        boxes, scores = yolox([np.full((1, 84, 7), 1e300)], (64, 64))
    assert not model._detections(boxes, scores * np.nan)
    assert not model._detections(boxes * np.nan, scores)


def test_invalid_labels_are_rejected() -> None:
    empty = [np.zeros((1, 0)), np.zeros((1, 0, 4)), np.zeros((1, 0))]
    assert len(detr(empty, (64, 64))[0]) == 0
    for labels in ([-1.0, 2.0], [0.0, 1e9], [np.nan, 0.0]):
        with pytest.raises(ValueError, match="labels from"):
            detr([np.array([labels]), np.zeros((1, 2, 4)), np.zeros((1, 2))], (64, 64))


def test_duplicate_boxes_are_suppressed() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 4]], float)
    assert suppress(boxes, np.array([0.5, 0.9, 0.1, 0.2]), 0.5) == [1, 3, 2]
    assert suppress(boxes[:0], np.zeros(0), 0.5) == []
