"""Small trees of unusual events in the official layouts: a square moves, and in the test clips a patch is marked."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

COUNT = 8
MARKED = range(3, 6)  # frames, counted from 0
PATCH = (20, 10, 12, 8)  # x, y, w, h in pixels


def picture(index: int) -> np.ndarray:
    pixels = np.full((48, 64, 3), 90, np.uint8)
    pixels[30:38, 4 * index : 4 * index + 8] = (20, 30, 200)
    return pixels


def mask(index: int) -> np.ndarray:
    pixels = np.zeros((48, 64), np.uint8)
    if index in MARKED:
        x, y, w, h = PATCH
        pixels[y : y + h, x : x + w] = 1
    return pixels


def pictures(folder: Path, pattern: str) -> None:
    folder.mkdir(parents=True)
    for index in range(COUNT):
        cv2.imwrite(str(folder / pattern.format(index + 1)), picture(index))


def video(path: Path, *, count: int = COUNT, fps: float = 25) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for index in range(count):
        writer.write(picture(index % COUNT))
    writer.release()


def ucsd(root: Path) -> Path:
    for split in ("Train", "Test"):
        pictures(root / split / f"{split}001", "{:03d}.tif")
    masks = root / "Test" / "Test001_gt"
    masks.mkdir()
    for index in range(COUNT):
        cv2.imwrite(str(masks / f"{index + 1:03d}.bmp"), 255 * mask(index))
    (root / "Test" / "UCSDped2.m").write_text("TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [4:6];\n")
    return root


def avenue(root: Path) -> Path:
    from scipy.io import savemat

    for split in ("training", "testing"):
        video(root / f"{split}_videos" / "01.avi")
    labels = np.empty((1, COUNT), object)
    for index in range(COUNT):
        labels[0, index] = mask(index)
    (root / "testing_label_mask").mkdir()
    savemat(root / "testing_label_mask" / "1_label.mat", {"volLabel": labels})
    return root


def shanghaitech(root: Path) -> Path:
    video(root / "training" / "videos" / "01_001.avi")
    pictures(root / "testing" / "frames" / "01_0014", "{:03d}.jpg")
    masks = np.stack([mask(index) for index in range(COUNT)])
    for folder, array in (("test_frame_mask", masks.any((1, 2)).astype(np.int8)), ("test_pixel_mask", masks)):
        (root / "testing" / folder).mkdir()
        np.save(root / "testing" / folder / "01_0014.npy", array)
    return root


def ucf_crime(root: Path) -> Path:
    video(root / "Videos" / "Abuse" / "Abuse028_x264.avi")
    (root / "Videos" / "Abuse" / "Abuse028_x264.avi").rename(root / "Videos" / "Abuse" / "Abuse028_x264.mp4")
    (root / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").write_text(
        "Abuse028_x264.mp4  Abuse  4  6  -1  -1\n"
    )
    return root


def own(root: Path, *, minutes: float = 0.1) -> Path:
    video(root / "gate.avi", fps=10)
    x, y, w, h = PATCH
    event = {"start_s": 0.3, "end_s": 0.5, "box": [x, y, w, h]}
    clips = [
        {"video": "gate.avi", "scene": "gate", "split": "train", "events": []},
        {"video": "gate.avi", "scene": "gate", "split": "test", "events": [event]},
    ]
    days = [{"seed": n, "minutes": minutes, "split": split} for n, split in enumerate(("train", "test"))]
    (root / "anomaly.json").write_text(json.dumps({"clips": clips, "days": days}))
    return root


MAKERS = {"ucsd": ucsd, "avenue": avenue, "shanghaitech": shanghaitech, "ucf_crime": ucf_crime, "own": own}
