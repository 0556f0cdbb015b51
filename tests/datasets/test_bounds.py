"""Data sets stay in their folders, and read videos and images as faithfully as sources do."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

import cv2
import trees
from media import ffmpeg, own_frames, street

from edgetrack.datasets import VideoFrames, open_dataset
from edgetrack.datasets.sequence import read_image
from edgetrack.errors import DatasetError

OUTSIDE = ["/etc/passwd", "../../secret.jpg", "a/../../secret.jpg", "", 7]


def renamed(path: Path, name: object) -> None:
    values = json.loads(path.read_text())
    values["images"][0]["file_name"] = name
    path.write_text(json.dumps(values))


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["coco", "refcoco"])
def test_images_outside_the_folder_are_rejected(tmp_path: Path, kind: str, name: object) -> None:
    root, split = {"coco": (trees.coco, "train2014"), "refcoco": (trees.refcoco, "train")}[kind]
    root(tmp_path)
    renamed(next(tmp_path.rglob("instances*.json")), name)
    with pytest.raises(DatasetError, match="is outside of the dataset; expected the name of a file in"):
        open_dataset(kind, tmp_path, split)


@pytest.mark.parametrize("name", OUTSIDE[:-1])
@pytest.mark.parametrize("key", ["video", "frame"])
def test_masks_of_a_video_outside_the_folder_are_rejected(tmp_path: Path, key: str, name: object) -> None:
    (tmp_path / "train").mkdir()
    video, frame = (str(name), "00000") if key == "video" else ("003234408d", name)
    values = {"videos": {video: {"objects": {"1": {"frames": [frame]}}}}}
    (tmp_path / "train" / "meta.json").write_text(json.dumps(values))
    with pytest.raises(DatasetError, match=r"^[^(]*meta\.json: .* is outside of the dataset"):
        open_dataset("youtube-vos", tmp_path, "train")


VARIABLE = ("-vf", "setpts='if(lt(N,12),N/25,0.4801+(N-12)/5)/TB'", "-fps_mode", "vfr", "-c:v", "libx264")
FIELDS = ("-c:v", "libx264", "-flags", "+ilme+ildct")


@pytest.mark.parametrize(
    ("name", "words"), [("v.mkv", VARIABLE), ("i.mp4", FIELDS), ("s.mp4", ("-vf", "setsar=2"))]
)
def test_video_has_the_frames_that_ffmpeg_finds(tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    path = street(tmp_path / name, *words)
    own, frames = own_frames(path), VideoFrames(path)
    assert len(frames) == len(own) == 24
    for index in (0, 7, 23, 3):
        assert np.abs(frames[index].astype(int) - own[index]).mean() < 1
    assert len(list(frames)) == 24
    assert len(pickle.loads(pickle.dumps(frames))) == 24


def test_trimmed_video_has_the_frames_that_are_shown(tmp_path: Path) -> None:
    ffmpeg("-ss", "0.3", "-i", street(tmp_path / "whole.mp4"), "-c", "copy", tmp_path / "v.mp4")
    shown = len(own_frames(tmp_path / "v.mp4"))
    assert shown < 24
    assert len(VideoFrames(tmp_path / "v.mp4", expected=shown)) == shown


def test_broken_frame_would_shift_the_boxes_and_is_rejected(tmp_path: Path) -> None:
    path = street(tmp_path / "v.avi", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")
    data = bytearray(path.read_bytes())
    places = [
        i for i in range(len(data) - 10) if data[i : i + 4] == b"00dc" and data[i + 8 : i + 10] == b"\xff\xd8"
    ]
    data[places[7] + 8 : places[7] + 1008] = bytes(1000)
    path.write_bytes(data)
    frames = VideoFrames(path, expected=24)
    assert frames[6].shape == (120, 160, 3)
    with pytest.raises(DatasetError, match=r"v\.avi: frame 7 cannot be decoded; copy the video again"):
        frames[7]


def test_truncated_and_16_bit_images_are_rejected(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-500])
    cv2.imwrite(str(tmp_path / "c.png"), np.full((8, 8), 4095, np.uint16))
    assert read_image(tmp_path / "a.jpg").shape == (64, 64, 3)
    with pytest.raises(DatasetError, match=r"b\.jpg is not a usable image: .* is it complete\?"):
        read_image(tmp_path / "b.jpg")
    with pytest.raises(DatasetError, match=r"c\.png has pixels of type uint16; expected 8 bits"):
        read_image(tmp_path / "c.png")
