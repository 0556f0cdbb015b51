"""OpenCV's trackers give the same boxes in an evaluation as on their own."""

from __future__ import annotations

from pathlib import Path

import drawn
import numpy as np
import pytest

from edgetrack.errors import ConfigError, EngineUnavailable
from edgetrack.evaluation.execution.dataset import load_sequences, select
from edgetrack.evaluation.execution.tracking import finish, track
from edgetrack.evaluation.metrics.one_pass import overlap
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.trackers.opencv import OpenCvTracker
from edgetrack.evaluation.trackers.registry import TrackerEntry, open_entry
from edgetrack.types import Box

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")

GRAY = np.full((64, 64, 3), 120, np.uint8)


def opened(name: str, weights: Path | None) -> TrackerEntry:
    return open_entry(name, open_edgetrack=object, peer_weights=weights, threads=1)


def vit(path: Path, *, confidence: float) -> Path:
    """Make a network with the inputs and outputs of VitTrack that finds the target at the center of its search."""
    onnx = pytest.importorskip("onnx", reason="the export extra is not installed")
    helper = onnx.helper
    confidences = np.zeros((1, 1, 16, 16), np.float32)
    confidences[0, 0, 8, 8] = confidence
    found = {
        "output1": confidences,
        "output2": np.full((1, 2, 16, 16), 0.25, np.float32),
        "output3": np.zeros((1, 2, 16, 16), np.float32),
    }
    real, shape = onnx.TensorProto.FLOAT, {"template": [1, 3, 128, 128], "search": [1, 3, 256, 256]}
    nodes, weights = [], []
    for name, value in found.items():  # too small to matter, but keeps the inputs from being optimized away
        weights.append(onnx.numpy_helper.from_array(value, f"{name}_value"))
        nodes.append(helper.make_node("Add", [f"{name}_value", "nothing"], [name]))
    weights.append(onnx.numpy_helper.from_array(np.zeros(1, np.float32), "zero"))
    nodes = [
        helper.make_node("ReduceMean", ["template"], ["a"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("ReduceMean", ["search"], ["b"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Mul", ["c", "zero"], ["nothing"]),
        *nodes,
    ]
    graph = helper.make_graph(
        nodes,
        "vit",
        [helper.make_tensor_value_info(n, real, s) for n, s in shape.items()],
        [helper.make_tensor_value_info(n, real, v.shape) for n, v in found.items()],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.mark.nightly
def test_mil_needs_no_weights_and_restarts_cleanly(tmp_path: Path) -> None:
    clip = load_sequences("folder", drawn.write_dataset(tmp_path))[0]
    entry = opened("opencv-mil", None)
    assert entry.facts["model"] == "MIL"
    assert "sha256" not in entry.facts
    assert "without a seed" in entry.facts["note"]
    for _ in range(2):  # the second run must not depend on the first
        record = finish(track(clip, entry.tracker, mode="bbox", text="", perturbation=Perturbation()))
        assert overlap(record.box_array(), clip.boxes)[1] > 0.5  # later, randomness may mislead it
        assert set(record.scores) <= {0.0, 1.0}


@pytest.mark.parametrize(("confidence", "status"), [(0.9, "tracking"), (0.05, "lost")])
def test_vit_accepts_the_file_name_of_the_model_zoo(tmp_path: Path, confidence: float, status: str) -> None:
    vit(tmp_path / "object_tracking_vittrack_2023sep.onnx", confidence=confidence)
    entry = opened("opencv-vit", tmp_path)
    assert entry.facts["model"] == "VitTrack object_tracking_2023sep"
    assert len(entry.facts["sha256"]) == 12
    entry.tracker.start(GRAY, box=Box(20, 20, 16, 16))
    track = entry.tracker.update(GRAY)
    assert track.status == status
    assert track.score == pytest.approx(confidence, rel=0.2)  # a window lowers scores off the center
    if track.box is not None:
        assert track.box.iou(Box(20, 20, 16, 16)) > 0.4


def test_opencv_trackers_start_from_a_box_only(tmp_path: Path) -> None:
    tracker = opened("opencv-mil", None).tracker
    with pytest.raises(
        ConfigError, match="opencv-mil got no box, but starts from a box only: give --mode bbox"
    ):
        tracker.start(GRAY, text="red car")
    with pytest.raises(ConfigError, match="opencv-mil takes no text"):
        tracker.set_text("red car")


def test_missing_weights_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="opencv-vit needs weights; give --peer-weights DIR"):
        opened("opencv-vit", None)
    with pytest.raises(ConfigError, match=r"has no weights of TrackerVit; expected PREFIX_vittrack\.onnx"):
        opened("opencv-vit", tmp_path)
    (tmp_path / "a_vittrack.onnx").write_text("no network")
    with pytest.raises(EngineUnavailable, match=r"cannot load .*a_vittrack\.onnx .* VitTrack's ONNX file"):
        opened("opencv-vit", tmp_path)
    monkeypatch.delattr(cv2, "TrackerMIL_create")
    with pytest.raises(EngineUnavailable, match="has no TrackerMIL; run: pip install"):
        opened("opencv-mil", None)


def test_weights_that_opencv_cannot_run_are_an_error(shared_data: Path) -> None:
    tracker = opened("opencv-nano:v3", shared_data / "teachers/nanotrack").tracker
    tracker.start(GRAY, box=Box(20, 20, 16, 16))
    with pytest.raises(EngineUnavailable, match=r"cannot follow with .*v3_head\.onnx .* v1 or v2"):
        tracker.update(GRAY)


def test_nano_gives_the_boxes_of_opencv(shared_data: Path) -> None:
    weights = shared_data / "teachers/nanotrack"
    with pytest.raises(ConfigError, match=r"2 sets of weights; .* one of opencv-nano:v2, opencv-nano:v3"):
        opened("opencv-nano", weights)
    entry = opened("opencv-nano:v2", weights)
    assert isinstance(entry.tracker, OpenCvTracker)
    [clip] = select(load_sequences("folder", shared_data / "devset"), ["DAVIS_motocross-jump"])
    ours = finish(track(clip, entry.tracker, mode="bbox", text="", perturbation=Perturbation())).box_array()
    parameters = cv2.TrackerNano_Params()
    parameters.backbone, parameters.neckhead = (
        str(weights / "v2_backbone.onnx"),
        str(weights / "v2_head.onnx"),
    )
    reference, capture = (
        cv2.TrackerNano_create(parameters),
        cv2.VideoCapture(str(shared_data / f"devset/{clip.name}.mp4")),
    )
    reference.init(capture.read()[1], [round(v) for v in clip.boxes[0]])
    theirs = [reference.update(capture.read()[1])[1] for _ in range(1, len(clip.boxes))]
    assert np.array_equal(ours[1:], np.array(theirs, float))
