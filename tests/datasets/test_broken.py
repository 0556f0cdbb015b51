"""Broken trees are rejected with an error that names the file, and the line if there is one."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cv2")

import trees

from edgetrack.datasets import SequenceSet, open_dataset
from edgetrack.datasets.refcoco import read_plain_pickle
from edgetrack.datasets.tables import read_boxes, read_flags
from edgetrack.datasets.vot import region_box
from edgetrack.errors import DatasetError


@pytest.mark.parametrize("separator", [",", "\t", " ", ", ", "  ", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_separator_is_accepted(tmp_path: Path, separator: str, end: str) -> None:
    path = trees.write(tmp_path / "a.txt", trees.rows(separator=separator, end=end) + end)
    np.testing.assert_array_equal(read_boxes(path), [trees.box_at(i) for i in range(trees.COUNT)])


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert read_boxes(trees.write(tmp_path / "a.txt", "\ufeff1,2,3,4")).tolist() == [[1, 2, 3, 4]]


@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2, *[st.floats(1e-3, 1e6)] * 2), min_size=1, max_size=20))
def test_boxes_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, boxes: list[Any]
) -> None:
    text = "\n".join(",".join(map(repr, box)) for box in boxes)
    path = trees.write(tmp_path_factory.mktemp("boxes") / "a.txt", text)
    np.testing.assert_array_equal(read_boxes(path), boxes)


LINES = [
    ("1,2,3,4\n5,6,7", r"a\.txt:2: 3 columns; expected 4"),
    ("1,2,3,4,5", r"a\.txt:1: 5 columns"),
    ("1,2,3,4\n1,2,three,4", r"a\.txt:2: 'three' is not a number"),
    ("1,,3,4", r"a\.txt:1: '' is not a number"),
    ("1,2,3,4\nnan,nan,nan,nan", r"a\.txt:2: nan; expected numbers"),
    ("1,2,inf,4", r"a\.txt:1: 'inf' is not finite"),
    ("1,2,3,4\n\n1,2,3,4", r"a\.txt:2: the line is empty"),
    ("", r"a\.txt is empty"),
    ("\0\0\0\0", r"a\.txt is not text"),
]


@pytest.mark.parametrize(("text", "message"), LINES)
def test_bad_lines_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_boxes(trees.write(tmp_path / "a.txt", text))


def test_partly_nan_line_is_rejected(tmp_path: Path) -> None:
    path = trees.write(tmp_path / "a.txt", "1,2,3,4\n1,nan,3,4")
    with pytest.raises(DatasetError, match=r"a\.txt:2: 1 of 4 values are nan"):
        read_boxes(path, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [("0,1", "2 flags; expected 3"), ("0,2,0", ":1: 2; expected whole"), ("0\n0.5\n0", ":2: 0.5")],
)
def test_bad_flags_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_flags(trees.write(tmp_path / "a.label", text), 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", "3 columns"),
        ("1,2,3,4,5,6,7", "7 columns"),
        ("m1,2,3", "not a mask"),
        ("m0,0,2,2,-1,3", "not a mask"),
        ("m0,0,nan,2,1,3", "not a mask"),
        ("m0,0,1e9,1e9,1,3", "a mask of 1000000000 x 1000000000"),
        ("m0,0,2,2,1e300,3", "the runs cover 1e"),
        ("m0,0,2,2,1,9", r"the runs cover 10 pixels; expected at most 2 x 2 = 4"),
        ("1,2,nan,4,5,6,7,8", "a corner is nan"),
        ("mask", "'ask' is not a number"),
    ],
)
def test_bad_regions_are_named(line: str, message: str) -> None:
    with pytest.raises(DatasetError, match=r"truth\.txt:9: .*" + message):
        region_box(line, Path("truth.txt"), 9)


def read(name: str, path: Path, split: str) -> None:
    for _ in open_dataset(name, path, split):
        pass


BREAKS = {
    "no truth": ("groundtruth.txt", None, r"car-1/groundtruth\.txt does not exist"),
    "no sentence": ("nlp.txt", None, r"nlp\.txt does not exist"),
    "empty sentence": ("nlp.txt", "  \n", r"nlp\.txt is empty"),
    "no word": ("nlp.txt", " ... \n", r"nlp\.txt:1: '\.\.\.' contains no word"),
    "a hole": (
        "img/00000003.jpg",
        None,
        r"frame 3 is missing \(00000002\.jpg is followed by 00000004\.jpg\)",
    ),
    "a short end": ("img/00000006.jpg", None, r"groundtruth\.txt: 6 boxes, but .* has 5 frames"),
    "a short truth": ("groundtruth.txt", "1,2,3,4\n" * 5, r"full_occlusion\.txt: 6 flags; expected 5"),
    "text": ("groundtruth.txt", "1,2,3,4\n" * 5 + "x,y,w,h", r"groundtruth\.txt:6: 'x' is not a number"),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_broken_sequences_are_named(tmp_path: Path, fault: str) -> None:
    file, text, message = BREAKS[fault]
    path = trees.lasot(tmp_path) / "car" / "car-1" / file
    path.unlink() if text is None else trees.write(path, text)
    with pytest.raises(DatasetError, match=message):
        read("lasot", tmp_path, "train")


def test_damaged_frames_are_named_when_they_are_read(tmp_path: Path) -> None:
    opened = open_dataset("lasot", trees.lasot(tmp_path), "train")
    assert isinstance(opened, SequenceSet)
    sequence = opened[0]
    trees.write(tmp_path / "car" / "car-1" / "img" / "00000002.jpg", "no picture")
    with pytest.raises(DatasetError, match=r"00000002\.jpg is not a usable image"):
        sequence.frames[1]


CASES = [
    ("otb100", "David/img/0301.jpg", None, r"frame 301 is missing; expected 300 to 302"),
    ("otb99-lang", "OTB_query_train/Basketball.txt", None, "contains no sentences"),
    ("got10k", "train/GOT-10k_Train_000001/absence.label", None, r"absence\.label does not exist"),
    ("got10k", "train/list.txt", "../../etc\n", r"list\.txt:1: .\.\./\.\./etc. is outside of"),
    ("got10k", "train/list.txt", "a\na\n", r"list\.txt:2: a is listed twice"),
    ("got10k", "train/GOT-10k_Train_000001/meta_info.ini", "a=1", "is not a valid INI file"),
    ("trackingnet", "TRAIN_0/anno/TRAIN_0_a.txt", "1 2 3 4\n", "1 boxes, but .* has 12 frames"),
    ("uav123", "data_seq/UAV123/truck4/000578.jpg", None, r"frame 578 is missing; expected 577 to 580"),
    ("nfs", "airplane/30/airplane.txt", "0 1 2 3 4 5\n", r"airplane\.txt:1: 6 columns"),
    ("nfs", "airplane/30/airplane.txt", "0 1 2 3 4 5 0 0 0 x\n", "1 boxes, but .* has 6 frames"),
    ("vot", "list.txt", None, r"list\.txt does not exist"),
    ("davis", "Annotations/480p/bear/00002.png", "x", r"00002\.png is not a mask"),
    ("davis", "JPEGImages/480p/bear/00005.jpg", None, "6 boxes, but .* has 5 frames"),
    ("folder", "sequences.json", "[{]", r"sequences\.json:1: not valid JSON"),
    ("folder", "sequences.json", '[{"name": "a"}]', "entry 0"),
    ("folder", "sequences.json", '[{"name": "../a", "text": "x"}]', r"entry 0 is named '\.\./a'"),
    (
        "folder",
        "sequences.json",
        '[{"name": "a", "text": "x"}, {"name": "a", "text": "y"}]',
        "entry 1 is named 'a'",
    ),
    ("folder", "a.mp4", None, r"a\.mp4 does not exist"),
    ("folder", "a.mp4", "no video", r"a\.mp4 is not a usable video"),
    ("folder", "a.txt", "1,2,3,4", "1 boxes, but .* has 6 frames"),
    ("tnl2k", "TNL2K_train_subset/CM_man/imgs/00004i.png", None, "6 boxes, but .* has 5 frames"),
    ("lasher", "trainingset/boy/visible/v000006.jpg", None, "6 boxes, but .* has 5 frames"),
    ("lasher", "trainingset/boy/visible.txt", "1,2,nan,4\n", r"visible\.txt:1: nan; expected numbers"),
    ("depthtrack", "train/bag01_indoor/color/00000003.jpg", None, "frame 3 is missing"),
    (
        "visevent",
        "train_subset/00142_tank_outdoor2/vis_imgs/frame0002.bmp",
        None,
        "6 boxes, but .* has 5 frames",
    ),
    ("visevent", "train_subset/00142_tank_outdoor2/groundtruth.txt", "0,0,0,0\n" * 6, "no line has a box"),
    ("visevent", "train_subset/trainlist.txt", "00142_tank\n", r"00142_tank/groundtruth\.txt does not exist"),
]


@pytest.mark.parametrize(("name", "file", "text", "message"), CASES)
def test_broken_trees_are_named(tmp_path: Path, name: str, file: str, text: str | None, message: str) -> None:
    split = next(s for n, s in trees.MAKERS if n == name)
    path = trees.MAKERS[name, split](tmp_path) / file
    path.unlink() if text is None else trees.write(path, text)
    with pytest.raises(DatasetError, match=message):
        read(name, tmp_path, split)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("lasott", "train", "'lasott' is unknown; expected one of: otb100"),
        ("lasot", "val", "lasot has no split 'val'; expected one of: train, test"),
        ("lasot", "train", "testing_set.txt does not exist"),
        ("tnl2k", "train", "contains no folders"),
        ("uav123", "all", "contains no NAME.txt"),
        ("coco", "train2017", "expected one of the folders"),
    ],
)
def test_missing_files_are_explained(tmp_path: Path, name: str, split: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        open_dataset(name, tmp_path, split)


def test_unknown_sequence_and_missing_folder_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no sequence 'bus-1'; it has 2, the first is car-1"):
        open_dataset("lasot", trees.lasot(tmp_path), "train")["bus-1"]  # type: ignore[index]
    found = open_dataset("lasot", tmp_path, "train")
    assert found.without(["car-1"]).names == ["dog-1"]
    assert found.names == ["car-1", "dog-1"]
    with pytest.raises(DatasetError, match="has no sequence 'bus-1', so it cannot be left out"):
        found.without(["bus-1"])
    with pytest.raises(DatasetError, match="all 2 sequences are left out"):
        found.without(["car-1", "dog-1"])
    with pytest.raises(DatasetError, match="is not a folder; expected lasot"):
        open_dataset("lasot", tmp_path / "none", "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace('"category_id": 3', '"category_id": 99'), r"annotations\[0\] has image_id 1"),
        (lambda t: t.replace('"bbox"', '"bocks"'), r"annotations\[0\] is .* expected the keys"),
        (lambda t: t.replace("[30.0, 40.0, 30.0, 24.0]", '"x"'), r"annotations\[0\]\.bbox is 'x'"),
        (lambda t: t.replace('"images"', '"pictures"'), "the list 'images' is missing"),
        (lambda t: t[:-5], "not valid JSON"),
    ],
)
def test_broken_instances_are_named(tmp_path: Path, change, message: str) -> None:
    path = trees.coco(tmp_path) / "annotations" / "instances_train2014.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(DatasetError, match=r"instances_train2014\.json:?.*" + message):
        open_dataset("coco", tmp_path, "train2014")


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_pickle_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "refs.p"
    path.write_bytes(pickle.dumps([Evil()]))
    with pytest.raises(DatasetError, match=r"not a plain pickle .*it wants to load \w+\.system"):
        read_plain_pickle(path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps([1, 2])[:-3], pickle.dumps({1, 2})[2:9]])
def test_damaged_pickles_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "refs.p"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="not a plain pickle"):
        read_plain_pickle(path)


def test_python_2_pickles_are_read(tmp_path: Path) -> None:
    path = tmp_path / "refs.p"
    path.write_bytes(b"(lp0\n(dp1\nS'sent'\np2\nS'caf\\xe9'\np3\nsS'ann_id'\np4\nL77L\nsa.")
    assert read_plain_pickle(path) == [{"sent": "caf\u00e9", "ann_id": 77}]


def test_inconsistent_references_are_named(tmp_path: Path) -> None:
    trees.refcoco(tmp_path)
    path = tmp_path / "refcoco" / "refs(unc).p"
    with pytest.raises(DatasetError, match=r"no reference has split 'val'; it has \['testA', 'train'\]"):
        open_dataset("refcoco", tmp_path, "val")
    path.write_bytes(pickle.dumps([{**ref, "ann_id": 77} for ref in trees.references()]))
    with pytest.raises(
        DatasetError,
        match=r"instances\.json: 1 annotations named by .* first 77",
    ):
        open_dataset("refcoco", tmp_path, "train")
    path.write_bytes(pickle.dumps([{"split": "train"}]))
    with pytest.raises(DatasetError, match=r"in reference 0, 'sentences' is missing or malformed"):
        open_dataset("refcoco", tmp_path, "train")


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-m", "edgetrack", "dataset", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_check_counts_and_names_faults(tmp_path: Path) -> None:
    done = check("lasot", trees.lasot(tmp_path), "train")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "lasot train: 2 sequences, 12 frames, 2 of them without the target, 0 faults\n"
    (tmp_path / "dog" / "dog-1" / "nlp.txt").unlink()
    done = check("lasot", tmp_path, "train")
    assert done.returncode == 1
    assert "dog-1/nlp.txt does not exist" in done.stdout
    assert "fault: dog-1: " in done.stdout
    assert check("lasot", tmp_path, "val").stderr.startswith("error: lasot has no split 'val'")
    regions = check("coco", trees.coco(tmp_path / "coco"), "train2014")
    assert regions.stdout == "coco train2014: 4 regions with 2 sentences in 2 images, 0 faults\n"
