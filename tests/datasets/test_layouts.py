"""Every official layout is read as its data set defines it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

import rgbx_trees
import trees
import vos_trees
from trees import COUNT, box_at

from edgetrack.datasets import LAYOUTS, RegionSet, Sequence, SequenceSet, open_dataset

MAKERS = trees.MAKERS | vos_trees.MAKERS | rgbx_trees.MAKERS


def opened(name: str, path: Path, split: str) -> SequenceSet:
    made = open_dataset(name, path, split)
    assert isinstance(made, SequenceSet)
    return made


def absent(sequence: Sequence) -> list[int]:
    return np.flatnonzero(~sequence.visible).tolist()


@pytest.mark.parametrize(("name", "split"), MAKERS)
def test_boxes_lie_on_the_target_in_every_layout(tmp_path: Path, name: str, split: str) -> None:
    """The target is the only bright red object, so its pixels tell whether frames and boxes match."""
    found = opened(name, MAKERS[name, split](tmp_path), split)
    assert len(found) == len(found.names) >= 1
    sequence = found[0]
    assert sequence.boxes.dtype == np.float64
    assert sequence.boxes.shape == (len(sequence.frames), 4)
    assert bool(sequence.text) == found.text
    for i in np.flatnonzero(sequence.visible)[: 1 if name == "vot" else None]:
        pixels = sequence.frames[int(i)]
        assert (pixels.shape, pixels.dtype) == ((120, 160, 3), np.uint8)
        x, y, w, h = sequence.boxes[i].astype(int)
        assert np.abs(pixels[y + 3 : y + h - 3, x + 3 : x + w - 3].mean((0, 1)) - (40, 40, 220)).max() < 12
        assert pixels[y + h + 4, x + w // 2, 2] < 130


def test_otb_names_targets_and_starts_where_the_benchmark_does(tmp_path: Path) -> None:
    found = opened("otb100", trees.otb100(tmp_path), "all")
    assert found.names == ["Basketball", "David", "Jogging-1", "Jogging-2"]
    david = found["David"]
    assert len(david) == 3
    assert david.frames.path(0).name == "0300.jpg"  # type: ignore[attr-defined]
    np.testing.assert_array_equal(found["Jogging-2"].boxes, [box_at(i) for i in range(COUNT)])


@pytest.mark.parametrize(
    ("name", "first", "away"),
    [("lasher", "v000001.jpg", [3]), ("depthtrack", "00000001.jpg", [2]), ("visevent", "frame0001.bmp", [2])],
)
def test_data_sets_of_two_sensors_yield_color_images(
    tmp_path: Path, name: str, first: str, away: list[int]
) -> None:
    found = opened(name, trees.MAKERS[name, "train"](tmp_path), "train")
    assert found[0].frames.path(0).name == first  # type: ignore[attr-defined]
    assert absent(found[0]) == away
    names = found.names
    for listed in ("trainingsetList.txt", "train_subset/trainlist.txt"):
        (tmp_path / listed).unlink(missing_ok=True)
    assert opened(name, tmp_path, "train").names == names


def test_otb99_splits_by_its_sentences(tmp_path: Path) -> None:
    trees.otb99(tmp_path)
    assert opened("otb99-lang", tmp_path, "train")[0].text == "the player in green"
    test = opened("otb99-lang", tmp_path, "test")
    assert test.names == ["Jogging-2"]
    assert test[0].text == "the woman on the right"


def test_lasot_splits_and_flags(tmp_path: Path) -> None:
    trees.lasot(tmp_path, absent=4)
    train = opened("lasot", tmp_path, "train")
    assert train.names == ["car-1", "dog-1"]
    assert opened("lasot", tmp_path, "test").names == ["car-2"]
    assert absent(train["dog-1"]) == [4]
    assert train["dog-1"].attributes == {"category": "dog"}
    assert train["dog-1"].text == "red dog that moves over the ground"
    assert opened("lasot-ext", tmp_path, "all").names == ["car-1", "car-2", "dog-1"]


def test_tnl2k_zero_boxes_odd_files_and_windows_quotes(tmp_path: Path) -> None:
    train = opened("tnl2k", trees.tnl2k(tmp_path), "train")
    assert (train[0].name, absent(train[0]), train[0].text) == ("CM_man", [2], "the man\u2019s red bag")


def test_got10k_flags_and_hidden_truth(tmp_path: Path) -> None:
    trees.got10k(tmp_path)
    train = opened("got10k", tmp_path, "train")[0]
    assert absent(train) == [2, 3]  # by the absence flag and by a cover of 0
    assert train.attributes == {"category": "dog", "motion": "running"}
    assert not train.hidden
    test = opened("got10k", tmp_path, "test")[0]
    assert test.hidden
    assert len(test) == COUNT
    assert absent(test) == [1, 2, 3, 4, 5]


def test_trackingnet_parts_are_in_numeric_order(tmp_path: Path) -> None:
    train = opened("trackingnet", trees.trackingnet(tmp_path), "train")
    assert train.names == ["TRAIN_0/TRAIN_0_a", "TRAIN_3/TRAIN_3_a"]
    assert train[1].frames.path(11).name == "11.jpg"  # type: ignore[attr-defined]
    assert opened("trackingnet", tmp_path, "test")[0].hidden


def test_uav123_cuts_long_videos(tmp_path: Path) -> None:
    found = opened("uav123", trees.uav123(tmp_path), "all")
    assert absent(found["bike1"]) == [1]
    assert found["truck4_2"].frames.path(0).name == "000577.jpg"  # type: ignore[attr-defined]


def test_nfs_reads_every_eighth_line_and_lost_means_absent(tmp_path: Path) -> None:
    sequence = opened("nfs", trees.nfs(tmp_path), "30")[0]
    assert absent(sequence) == [1]
    np.testing.assert_array_equal(sequence.boxes[2], box_at(2))


def test_vot_regions_become_enclosing_boxes(tmp_path: Path) -> None:
    boxes = opened("vot", trees.vot(tmp_path), "all")[0].boxes
    np.testing.assert_array_equal(boxes[1], [10.5, 15, 24.5, 29])
    np.testing.assert_array_equal(boxes[2], [4, 5, 3, 1])
    assert np.isnan(boxes[3:]).all()


def test_vot_masks_equal_a_rendered_mask(tmp_path: Path) -> None:
    from edgetrack.datasets.vot import mask_box

    rng = np.random.default_rng(0)
    for _ in range(50):
        mask = rng.random((rng.integers(1, 9), rng.integers(1, 9))) < 0.2
        runs, value = [], False
        flat = mask.ravel().tolist()
        while flat:
            length = next((i for i, v in enumerate(flat) if v != value), len(flat))
            runs.append(length)
            flat, value = flat[length:], not value
        line = "m" + ",".join(map(str, [7, 3, mask.shape[1], mask.shape[0], *runs]))
        box = mask_box(line, tmp_path, 1)
        if not mask.any():
            assert np.isnan(box).all()
            continue
        ys, xs = np.nonzero(mask)
        assert box == [7 + xs.min(), 3 + ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]


def test_davis_objects_exclude_the_void_color(tmp_path: Path) -> None:
    found = opened("davis", trees.davis(tmp_path), "train")
    assert found.names == ["bear_1", "bear_2"]
    np.testing.assert_array_equal(found["bear_1"].boxes[3], box_at(3))
    np.testing.assert_array_equal(found["bear_2"].boxes[0], [5, 100, 20, 10])
    assert absent(found["bear_2"]) == [COUNT - 1]


def test_video_object_data_sets_have_masks(tmp_path: Path) -> None:
    for name in ("davis", "davis2016", "youtube-vos", "mose"):
        root = MAKERS[name, "train"](tmp_path / name)
        sequence = opened(name, root, "train")[0]
        assert sequence.masks is not None
        x, y, w, h = sequence.boxes[1].astype(int)
        mask = sequence.masks(1)
        assert mask.sum() == w * h
        assert mask[y : y + h, x : x + w].all()


def test_youtube_vos_object_starts_where_it_appears(tmp_path: Path) -> None:
    found = opened("youtube-vos", vos_trees.youtube_vos(tmp_path), "train")
    assert found.names == ["0a1b_1", "0a1b_2"]
    assert len(found["0a1b_1"]) == len(found["0a1b_2"]) + 1
    assert found["0a1b_2"].visible.all()
    np.testing.assert_array_equal(found["0a1b_1"].boxes[1], box_at(2))


def test_frames_of_a_video_can_be_read_in_any_order(tmp_path: Path) -> None:
    sequence = opened("folder", trees.folder(tmp_path), "all")[0]
    assert (sequence.text, sequence.attributes) == ("the red square", {"category": "square"})
    frames = sequence.frames
    forward = list(frames)
    assert len(forward) == COUNT
    for i in (5, 0, 3, -1):
        np.testing.assert_array_equal(frames[i], forward[i])
    with pytest.raises(IndexError):
        frames[COUNT]


def regions(name: str, path: Path, split: str) -> RegionSet:
    made = open_dataset(name, path, split)
    assert isinstance(made, RegionSet)
    return made


def test_coco_names_only_single_objects_of_a_class(tmp_path: Path) -> None:
    found = {region.id: region for region in regions("coco", trees.coco(tmp_path), "train2014")}
    assert sorted(found) == [11, 12, 13, 21]  # 22 is a crowd
    assert found[11].texts == ()  # there are two cars
    assert found[13].texts == ("dog",)
    assert found[21].seen == {"dog", "person"}
    assert found[21].read().shape == (120, 160, 3)
    assert found[21].box == box_at(1)


@pytest.mark.parametrize("as_json", [False, True])
def test_refcoco_sentences_by_split(tmp_path: Path, as_json: bool) -> None:
    trees.refcoco(tmp_path)
    if as_json:
        (tmp_path / "refcoco" / "refs(unc).p").unlink()
        trees.write(tmp_path / "refcoco" / "refs(unc).json", json.dumps(trees.references()))
    train = regions("refcoco", tmp_path, "train")
    assert {r.id: r.texts for r in train} == {11: ("red car on the left", "left car"), 21: ("the dog",)}
    assert train[0].category == "car"
    assert train[0].seen == {"car", "dog"}
    assert [r.id for r in regions("refcoco", tmp_path, "testA")] == [13]


def test_references_to_groups_are_left_out(tmp_path: Path) -> None:
    trees.refcoco(tmp_path)
    crowd = {"ann_id": 22, "split": "train", "sentences": [{"sent": "all the people"}]}
    trees.write(tmp_path / "refcoco" / "refs(unc).json", json.dumps([*trees.references(), crowd]))
    assert {region.id for region in regions("refcoco", tmp_path, "train")} == {11, 21}


def test_every_layout_has_its_own_splits_and_name() -> None:
    assert len(LAYOUTS) == 33
    assert all(layout.splits and layout.name == name for name, layout in LAYOUTS.items())


def test_sequences_used_for_measurements_are_complete(shared_data: Path) -> None:
    found = opened("folder", shared_data / "devset", "all")
    assert len(found) == 23
    for sequence in found:
        assert sequence.visible[0]
        height, width = sequence.frames[0].shape[:2]
        x, y, w, h = sequence.boxes[0]
        assert -1 <= x < x + w <= width + 1
        assert -1 <= y < y + h <= height + 1
