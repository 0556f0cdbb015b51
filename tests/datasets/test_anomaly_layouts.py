"""Layouts of data sets of unusual events: the labels of frames and regions, and errors in a tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("scipy")

import anomaly_trees
from anomaly_trees import COUNT, MARKED, PATCH
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.datasets import open_dataset
from edgetrack.datasets.anomaly import AnomalyClip, AnomalySet, truth_of_masks
from edgetrack.errors import DatasetError
from edgetrack.types import Box


def clips(root: Path, split: str) -> list[AnomalyClip]:
    opened = open_dataset("anomaly", root, split)
    assert isinstance(opened, AnomalySet)
    return list(opened)


@pytest.mark.parametrize("name", anomaly_trees.MAKERS)
def test_labeled_frames_and_regions_are_read(tmp_path: Path, name: str) -> None:
    root = anomaly_trees.MAKERS[name](tmp_path)
    test = clips(root, "test")[0]
    assert len(test.frames) == COUNT
    assert test.frames[0].shape == (48, 64, 3)
    assert np.flatnonzero(test.abnormal).tolist() == list(MARKED)
    if name == "ucf_crime":
        assert test.truth is None
        assert clips(root, "train") == []
        return
    assert test.truth is not None
    assert [dict(boxes) for boxes in test.truth] == [
        {0: Box(*PATCH)} if index in MARKED else {} for index in range(COUNT)
    ]
    train = clips(root, "train")[0]
    assert not train.abnormal.any()
    assert train.scene == test.scene


def test_rendered_days_have_events_in_the_test_split_only(tmp_path: Path) -> None:
    root = anomaly_trees.own(tmp_path, minutes=9)
    train, test = clips(root, "train")[1], clips(root, "test")[1]
    assert not train.abnormal.any()
    assert test.abnormal.any()
    assert [bool(boxes) for boxes in test.truth] == test.abnormal.tolist()
    assert train.scene == test.scene == "drawn street"
    assert (test.frames[7] == test.frames[7]).all()
    assert (test.frames[7] != test.frames[8]).any()


def test_overlapping_patches_are_one_track() -> None:
    masks = np.zeros((3, 20, 20), np.uint8)
    for index in range(3):
        masks[index, 5:9, 2 + index : 6 + index] = 1
        masks[index, 15:18, 4 * index : 4 * index + 3] = 1
    truth = truth_of_masks(iter(masks))
    near = [number for boxes in truth for number, box in boxes.items() if box.y == 5]
    far = [number for boxes in truth for number, box in boxes.items() if box.y == 15]
    assert len(set(near)) == 1
    assert len(set(far)) == 3


def broken_mat(root: Path) -> None:
    (root / "testing_label_mask" / "1_label.mat").write_bytes(b"nothing")


def fewer_labels(root: Path) -> None:
    np.save(root / "testing" / "test_frame_mask" / "01_0014.npy", np.zeros(3))


def pickled_labels(root: Path) -> None:
    np.save(root / "testing" / "test_frame_mask" / "01_0014.npy", np.array([{}], object))


def strange_line(root: Path) -> None:
    (root / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").write_text("a.mp4 Abuse four 6 -1 -1\n")


def missing_video(root: Path) -> None:
    (root / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").write_text("b.mp4 Abuse 4 6 -1 -1\n")


def too_many_ranges(root: Path) -> None:
    (root / "Test" / "UCSDped2.m").write_text("gt_frame = [1:2];\ngt_frame = [1:2];\n")


@pytest.mark.parametrize(
    ("name", "spoil", "says"),
    [
        ("avenue", broken_mat, "cannot be read"),
        ("shanghaitech", fewer_labels, "8 frames but flags for 3"),
        ("shanghaitech", pickled_labels, "cannot be read"),
        ("ucf_crime", strange_line, "expected a video, its class and four frame numbers"),
        ("ucf_crime", missing_video, "does not contain b.mp4"),
        ("ucsd", too_many_ranges, "has 2 clips; expected 1"),
    ],
)
def test_error_in_a_tree_is_named(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], says: str
) -> None:
    root = anomaly_trees.MAKERS[name](tmp_path)
    spoil(root)
    with pytest.raises(DatasetError, match=says):
        clips(root, "test")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "expected {"),
        ({"clips": [{"video": "gate.avi"}]}, "expected video, scene, split, events"),
        ({"days": [{"seed": 1, "minutes": 1, "split": "all"}]}, "expected one of train, test"),
        ({"days": [{"seed": 1, "minutes": 0, "split": "test"}]}, "synthetic day of 0"),
        ({"days": [{"seed": -1, "minutes": 1, "split": "test"}]}, "day 1: "),
        ({"clips": [{"video": "../a.avi", "scene": "a", "split": "test", "events": []}]}, "is outside of"),
        (
            {"clips": [{"video": "gate.avi", "scene": "a", "split": "test", "events": [{"start_s": 1}]}]},
            "end_s",
        ),
        (
            {
                "clips": [
                    {
                        "video": "gate.avi",
                        "scene": "a",
                        "split": "test",
                        "events": [{"start_s": 1, "end_s": 2, "box": [1, 2, 0, 4]}],
                    }
                ]
            },
            "is empty",
        ),
    ],
)
def test_custom_list_is_checked(tmp_path: Path, content: Any, says: str) -> None:
    anomaly_trees.video(tmp_path / "gate.avi")
    (tmp_path / "anomaly.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=says):
        clips(tmp_path, "test")


def test_unrelated_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected the folder of UCSD, Avenue, ShanghaiTech or UCF-Crime"):
        clips(tmp_path, "test")


def test_dataset_check_counts_abnormal_frames(tmp_path: Path) -> None:
    anomaly_trees.ucsd(tmp_path)
    result = CliRunner().invoke(app, ["dataset", "check", "anomaly", str(tmp_path), "test"])
    assert result.exit_code == 0, result.output
    assert "1 clips, 8 frames, 3 of them abnormal, 0 faults" in result.stdout
    anomaly_trees.picture(0).tofile(tmp_path / "Test" / "Test001" / "001.tif")
    assert CliRunner().invoke(app, ["dataset", "check", "anomaly", str(tmp_path), "test"]).exit_code == 1
