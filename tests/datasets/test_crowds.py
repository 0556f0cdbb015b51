"""Sequences with many objects: which objects a phrase names in each frame, and errors in the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

import crowd_trees
from crowd_trees import OTHER
from trees import COUNT, box_at

from edgetrack.datasets import open_dataset
from edgetrack.datasets.check import check
from edgetrack.datasets.crowds import Crowd, CrowdSet
from edgetrack.errors import DatasetError

TREES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "mot17": (crowd_trees.mot17, "train"),
    "refer-kitti": (crowd_trees.refer_kitti, "all"),
    "tao": (crowd_trees.tao, "validation"),
}


def crowds(name: str, root: Path, split: str | None = None) -> list[Crowd]:
    make, usual = TREES[name]
    found = open_dataset(name, make(root), split or usual)
    assert isinstance(found, CrowdSet)
    return list(found)


def test_mot17_yields_the_evaluated_pedestrians(tmp_path: Path) -> None:
    found = crowds("mot17", tmp_path)
    assert [(c.name, c.text, c.fps) for c in found] == [
        ("MOT17-02", "person", 25.0),
        ("MOT17-04", "person", 25.0),
    ]
    assert found[0].objects[0] == {1: box_at(0), 2: OTHER}
    assert found[0].objects[COUNT - 1] == {1: box_at(COUNT - 1)}
    x, y, w, h = box_at(3)
    assert found[0].frames[3][y + h // 2, x + w // 2, 2] > 180


def test_refer_kitti_sentences_name_some_objects_in_some_frames(tmp_path: Path) -> None:
    (one,) = crowds("refer-kitti", tmp_path, "train")
    assert (one.name, one.text) == ("0001/squares-on-the-left", "squares on the left")
    assert [sorted(objects or ()) for objects in one.objects] == [[1, 2], [1], [], [], [], []]
    assert one.objects[0] is not None
    assert one.objects[0][2] == pytest.approx(OTHER)
    assert [c.name for c in crowds("refer-kitti", tmp_path, "test")] == ["0005/red-squares"]


def test_tao_yields_the_exhaustively_labeled_classes(tmp_path: Path) -> None:
    (one,) = crowds("tao", tmp_path)
    assert (one.name, one.text) == ("val/YFCC100M/v_1/baby_buggy_(vehicle)", "baby buggy")
    assert [None if objects is None else sorted(objects) for objects in one.objects] == [
        [1, 2],
        None,
        [1],
        None,
        [1],
        None,
    ]
    assert one.objects[2] == {1: box_at(2)}


@pytest.mark.parametrize("name", TREES)
def test_tree_is_checked(tmp_path: Path, name: str) -> None:
    make, split = TREES[name]
    said, faults = check(name, make(tmp_path), split)
    assert "sequences with" in said
    assert faults == []


@pytest.mark.parametrize(
    ("name", "path", "old", "new", "expected"),
    [
        (
            "mot17",
            "train/MOT17-02-DPM/gt/gt.txt",
            "1,1,31,41",
            "9,1,31,41",
            "gt.txt:1: frame 9; expected 1 to 6",
        ),
        ("mot17", "train/MOT17-02-DPM/gt/gt.txt", "1,1,31,41", "x,1,31,41", "gt.txt:1: 'x' is not a number"),
        ("mot17", "train/MOT17-02-DPM/gt/gt.txt", ",30,24,1,1,1.0", "", "gt.txt:1: 4 values"),
        ("mot17", "train/MOT17-02-DPM/gt/gt.txt", ",30,24,", ",0,24,", "gt.txt:1: box"),
        (
            "mot17",
            "train/MOT17-02-DPM/seqinfo.ini",
            "seqLength",
            "length",
            "expected \\[Sequence\\] with seqLength",
        ),
        ("mot17", "train/MOT17-02-DPM/seqinfo.ini", "frameRate=25", "frameRate=0", "must be positive"),
        (
            "refer-kitti",
            "expression/0001/squares-on-the-left.json",
            '"label"',
            '"labels"',
            "expected an object with label",
        ),
        (
            "refer-kitti",
            "expression/0001/squares-on-the-left.json",
            "[1, 2]",
            "[1, 9]",
            "object 9 has no box",
        ),
        (
            "refer-kitti",
            "KITTI/labels_with_ids/image_02/0001/000000.txt",
            "0 1 ",
            "0 ",
            "000000.txt:1: 5 values",
        ),
        ("tao", "annotations/validation.json", '"videos"', '"films"', "expected the videos"),
        (
            "tao",
            "annotations/validation.json",
            "val/YFCC100M/v_1/frame0001.jpg",
            "../../x.jpg",
            "file_name: '../../x.jpg' is outside of",
        ),
        (
            "tao",
            "annotations/validation.json",
            "v_1/frame0003.jpg",
            "v_1/frame0099.jpg",
            "frame0099.jpg does not exist",
        ),
        ("tao", "annotations/validation.json", '"bbox": [30', '"bbox": ["a"', "annotation 0: box"),
    ],
)
def test_error_is_reported(tmp_path: Path, name: str, path: str, old: str, new: str, expected: str) -> None:
    make, split = TREES[name]
    file = make(tmp_path) / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    opened = open_dataset(name, tmp_path, split)
    assert isinstance(opened, CrowdSet)
    with pytest.raises(DatasetError, match=expected):
        list(opened)
    assert len(check(name, tmp_path, split)[1]) == 1


@pytest.mark.parametrize("name", TREES)
def test_empty_folder_is_reported(tmp_path: Path, name: str) -> None:
    opened = open_dataset(name, tmp_path, TREES[name][1])
    with pytest.raises(DatasetError, match=str(tmp_path)):
        list(opened)
