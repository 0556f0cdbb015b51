"""Data sets with a second sensor's image for each color image."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("cv2")

import rgbx_trees
import trees
from trees import COUNT

from edgetrack.datasets import ImageFrames, SequenceSet, VideoFrames, open_dataset
from edgetrack.errors import DatasetError

MAKERS = trees.MAKERS | rgbx_trees.MAKERS


def opened(name: str, path: Path, split: str) -> SequenceSet:
    made = open_dataset(name, path, split)
    assert isinstance(made, SequenceSet)
    return made


@pytest.mark.parametrize(
    ("name", "split", "second"),
    [
        ("lasher", "train", "i000001.jpg"),
        ("rgbt234", "all", "00001i.jpg"),
        ("gtot", "all", "00001.png"),
        ("depthtrack", "train", "00000001.png"),
        ("vot-rgbd22", "all", "00000001.png"),
        ("visevent", "train", "frame0001.bmp"),
    ],
)
def test_images_of_both_sensors_belong_to_the_same_moments(
    tmp_path: Path, name: str, split: str, second: str
) -> None:
    sequence = opened(name, MAKERS[name, split](tmp_path), split)[0]
    assert sequence.x is not None
    assert sequence.x.path(0).name == second  # type: ignore[attr-defined]
    assert len(sequence.x) == len(sequence.frames)
    assert sequence.x[0].shape == sequence.frames[0].shape
    assert (sequence.x_boxes is not None) == (name in ("rgbt234", "gtot"))
    for folder in [
        path for path in tmp_path.rglob("*") if path.name in ("infrared", "i", "depth", "event_imgs")
    ]:
        shutil.rmtree(folder)
    assert opened(name, tmp_path, split)[0].x is None, "color alone was unpacked"


def test_depth_is_bright_where_near_and_black_where_unknown(tmp_path: Path) -> None:
    x = opened("vot-rgbd22", rgbx_trees.vot_rgbd22(tmp_path), "all")[0].x
    assert x is not None
    assert x[0][:2, 0].tolist() == [[0, 0, 0], [191, 191, 191]], "255 * (10 m - 2.5 m) / 10 m"


def test_folder_of_pairs_names_the_second_video(tmp_path: Path) -> None:
    trees.folder(tmp_path)
    frames = tmp_path / "near"
    trees.frames(frames, pattern="{:04d}.png")
    for x, kind in (("a.mp4", VideoFrames), ("near", ImageFrames)):
        trees.write(tmp_path / "sequences.json", json.dumps([{"name": "a", "text": "", "x": x}]))
        second = opened("folder", tmp_path, "all")[0].x
        assert isinstance(second, kind)
        assert len(second) == COUNT
    for wrong, said in (
        ("../a.mp4", "beside it"),
        (3, "beside it"),
        ("b.mp4", "does not exist|no video|b.mp4"),
    ):
        trees.write(tmp_path / "sequences.json", json.dumps([{"name": "a", "text": "", "x": wrong}]))
        with pytest.raises(DatasetError, match=said):
            opened("folder", tmp_path, "all")[0]
    (frames / "0006.png").unlink()
    trees.write(tmp_path / "sequences.json", json.dumps([{"name": "a", "text": "", "x": "near"}]))
    with pytest.raises(DatasetError, match="5 images of the second sensor but 6 frames"):
        opened("folder", tmp_path, "all")[0]
