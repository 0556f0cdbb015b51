"""Tiny trees in the official layouts of data sets: a bright square that moves over a dark, structured ground."""

from __future__ import annotations

import json
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

SIZE = (160, 120)  # width, height
COUNT = 6


def box_at(index: int) -> tuple[int, int, int, int]:
    return 30 + 6 * index, 40 + 2 * index, 30, 24


def picture(index: int, color: tuple[int, int, int] = (40, 40, 220)) -> np.ndarray:
    ground = np.indices(SIZE[::-1]).sum(0)[..., None] % 64 + np.array([20, 30, 40])
    pixels = ground.astype(np.uint8)
    x, y, w, h = box_at(index)
    pixels[y : y + h, x : x + w] = color
    return pixels


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def frames(folder: Path, count: int = COUNT, *, pattern: str = "{:04d}.jpg", first: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        assert cv2.imwrite(str(folder / pattern.format(first + i)), picture(i))


def rows(count: int = COUNT, separator: str = ",", end: str = "\n", absent: int | None = None) -> str:
    lines = [separator.join(map(str, (0, 0, 0, 0) if i == absent else box_at(i))) for i in range(count)]
    return end.join(lines) + end


def lasot(root: Path, names: tuple[str, ...] = ("car-1", "car-2", "dog-1"), absent: int = 4) -> Path:
    """Frame ``absent`` is fully occluded; ``car-2`` is the test set."""
    for name in names:
        folder = root / name.split("-")[0] / name
        frames(folder / "img", pattern="{:08d}.jpg")
        write(folder / "groundtruth.txt", rows())
        flags = ",".join(str(int(i == absent)) for i in range(COUNT))
        write(folder / "full_occlusion.txt", flags)
        write(folder / "out_of_view.txt", ",".join("0" * COUNT))
        write(folder / "nlp.txt", f"red {name.split('-')[0]} that moves over the ground\n")
    write(root / "testing_set.txt", "car-2\n")
    return root


def otb100(root: Path) -> Path:
    frames(root / "Basketball" / "img")
    write(root / "Basketball" / "groundtruth_rect.txt", rows(separator="\t", end="\r\n"))
    frames(root / "David" / "img", first=298)  # labeled from frame 300 on
    write(root / "David" / "groundtruth_rect.txt", rows(3))
    frames(root / "Jogging" / "img")
    for target in "12":
        write(root / "Jogging" / f"groundtruth_rect.{target}.txt", rows(separator=" "))
    return root


def otb99(root: Path) -> Path:
    otb100(root / "OTB_videos")
    write(root / "OTB_query_train" / "Basketball.txt", "the player in green\r\n")
    write(root / "OTB_query_test" / "Jogging-2.txt", "the  woman on the right")
    return root


def tnl2k(root: Path) -> Path:
    for part, name in (("train", "CM_man"), ("test", "test_015")):
        folder = root / f"TNL2K_{part}_subset" / name
        frames(folder / "imgs", pattern="{:05d}i.png")
        write(folder / "imgs" / "00003.pn_error", "")
        write(folder / "groundtruth.txt", rows(absent=2))
        (folder / "language.txt").write_bytes(b"the man\x92s red bag")
    return root


def got10k(root: Path) -> Path:
    for split in ("train", "test"):
        folder = root / split / f"GOT-10k_{split.title()}_000001"
        frames(folder, pattern="{:08d}.jpg")
        write(root / split / "list.txt", folder.name + "\n")
        write(folder / "groundtruth.txt", rows(1 if split == "test" else COUNT).replace(",", ".0000,"))
    folder = root / "train" / "GOT-10k_Train_000001"
    write(folder / "absence.label", "0\n0\n1\n0\n0\n0\n")
    write(folder / "cover.label", "8\n8\n8\n0\n7\n8\n")
    write(
        folder / "meta_info.ini", "[METAINFO]\nurl: https://x/%20\nobject_class: dog\nmotion_class: running\n"
    )
    return root


def trackingnet(root: Path) -> Path:
    for part in ("TRAIN_0", "TRAIN_3", "TEST"):
        frames(root / part / "frames" / f"{part}_a", 12, pattern="{}.jpg", first=0)
        write(root / part / "anno" / f"{part}_a.txt", rows(1 if part == "TEST" else 12))
    return root


def uav123(root: Path) -> Path:
    frames(root / "data_seq" / "UAV123" / "bike1", pattern="{:06d}.jpg")
    write(root / "anno" / "UAV123" / "bike1.txt", rows().replace("36,42,30,24", "NaN,NaN,NaN,NaN"))
    frames(root / "data_seq" / "UAV123" / "truck4", pattern="{:06d}.jpg", first=575)
    write(root / "anno" / "UAV123" / "truck4_2.txt", rows(4))
    return root


def nfs(root: Path) -> Path:
    folder = root / "airplane" / "30"
    frames(folder / "airplane", pattern="{:05d}.jpg")
    lines = []
    for i in range(8 * COUNT):
        x, y, w, h = box_at(i // 8)
        lines.append(f'0 {x} {y} {x + w} {y + h} {i + 1} {int(i == 8)} 0 1 "airplane"')
    write(folder / "airplane.txt", "\n".join(lines))
    return root


def vot(root: Path) -> Path:
    frames(root / "ball1" / "color", 5, pattern="{:08d}.jpg")
    lines = [
        ",".join(map(str, box_at(0))),
        "10.5,20,30,15,35,40.25,12,44",
        "m3,4,6,3,7,3,8",  # row 1, columns 1 to 3 of 6
        "nan,nan,nan,nan",
        "2",
    ]
    write(root / "ball1" / "groundtruth.txt", "\n".join(lines))
    write(root / "list.txt", "ball1\n")
    return root


def palette_png(path: Path, indices: np.ndarray) -> None:
    """An 8-bit PNG with the palette of DAVIS, which OpenCV cannot write."""
    colors = bytearray()
    for number in range(256):
        color = [0, 0, 0]
        rest = number
        for bit in range(7, -1, -1):
            for channel in range(3):
                color[channel] |= (rest >> channel & 1) << bit
            rest >>= 3
        colors += bytes(color)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    body = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in indices)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"PLTE", bytes(colors)) + chunk(b"IDAT", zlib.compress(body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IEND", b""))


def davis(root: Path) -> Path:
    """Object 1 is the square, object 2 a strip that is gone in the last frame."""
    frames(root / "JPEGImages" / "480p" / "bear", pattern="{:05d}.jpg", first=0)
    for i in range(COUNT):
        mask = np.zeros(SIZE[::-1], np.uint8)
        x, y, w, h = box_at(i)
        mask[y : y + h, x : x + w] = 1
        mask[100:110, 5:25] = 2 if i < COUNT - 1 else 0
        mask[0, :] = 255  # "do not care"
        palette_png(root / "Annotations" / "480p" / "bear" / f"{i:05d}.png", mask)
    write(root / "ImageSets" / "2017" / "train.txt", "bear\n")
    return root


def lasher(root: Path) -> Path:
    folder = root / "trainingset" / "boy"
    frames(folder / "visible", pattern="v{:06d}.jpg")
    frames(folder / "infrared", pattern="i{:06d}.jpg")
    write(folder / "visible.txt", rows(absent=3, end="\r\n"))
    write(folder / "infrared.txt", rows())
    write(root / "trainingsetList.txt", "boy\n")
    return root


def depthtrack(root: Path) -> Path:
    folder = root / "train" / "bag01_indoor"
    frames(folder / "color", pattern="{:08d}.jpg")
    frames(folder / "depth", pattern="{:08d}.png")
    write(folder / "groundtruth.txt", rows().replace("42,44,30,24", "nan,nan,nan,nan"))
    return root


def visevent(root: Path) -> Path:
    """The target comes in the second frame and is away in the fourth."""
    folder = root / "train_subset" / "00142_tank_outdoor2"
    frames(folder / "vis_imgs", pattern="frame{:04d}.bmp", first=0)
    frames(folder / "event_imgs", pattern="frame{:04d}.bmp", first=0)
    lines = rows(absent=3).splitlines()
    write(folder / "groundtruth.txt", "\n".join(["0,0,0,0", *lines[1:]]))
    write(folder / "absent_label.txt", "0\n1\n1\n0\n1\n1\n")
    write(root / "train_subset" / "trainlist.txt", folder.name)
    return root


def folder(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoWriter(str(root / "a.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, SIZE)
    for i in range(COUNT):
        video.write(picture(i))
    video.release()
    write(root / "a.txt", rows().replace("42,44,30,24", "nan,nan,nan,nan"))
    write(root / "sequences.json", '[{"name": "a", "text": "the red square", "category": "square"}]')
    return root


def _instances(path: Path, images: Path) -> None:
    """Two pictures; the first has two cars and a dog, the second one dog and a crowd of people."""
    files = ["COCO_train2014_000000000001.jpg", "COCO_train2014_000000000002.jpg"]
    boxes = {11: (1, 3, box_at(0)), 12: (1, 3, (100, 10, 40, 30)), 13: (1, 18, (5, 80, 30, 30))}
    boxes |= {21: (2, 18, box_at(1)), 22: (2, 1, (0, 0, 160, 30))}
    for i, file in enumerate(files):
        images.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(images / file), picture(i))
    values = {
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}, {"id": 18, "name": "dog"}],
        "images": [
            {"id": i + 1, "file_name": file, "width": 160, "height": 120} for i, file in enumerate(files)
        ],
        "annotations": [
            {"id": k, "image_id": i, "category_id": c, "bbox": list(map(float, b)), "iscrowd": int(k == 22)}
            for k, (i, c, b) in boxes.items()
        ],
    }
    write(path, json.dumps(values))


def coco(root: Path) -> Path:
    _instances(root / "annotations" / "instances_train2014.json", root / "train2014")
    return root


def references() -> list[dict[str, object]]:
    said = {11: ["red car on the left", "left car"], 21: ["the dog"], 13: ["dog at the bottom"]}
    return [
        {
            "ref_id": i,
            "ann_id": key,
            "split": "testA" if key == 13 else "train",
            "sentences": [{"sent": text, "raw": text, "tokens": text.split()} for text in texts],
        }
        for i, (key, texts) in enumerate(said.items())
    ]


def refcoco(root: Path) -> Path:
    _instances(root / "refcoco" / "instances.json", root / "images" / "mscoco" / "images" / "train2014")
    (root / "refcoco" / "refs(unc).p").write_bytes(pickle.dumps(references(), protocol=0))
    return root


MAKERS: dict[tuple[str, str], Callable[[Path], Path]] = {
    ("otb100", "all"): otb100,
    ("otb99-lang", "train"): otb99,
    ("lasot", "train"): lasot,
    ("tnl2k", "train"): tnl2k,
    ("got10k", "train"): got10k,
    ("trackingnet", "train"): trackingnet,
    ("uav123", "all"): uav123,
    ("nfs", "30"): nfs,
    ("vot", "all"): vot,
    ("davis", "train"): davis,
    ("lasher", "train"): lasher,
    ("depthtrack", "train"): depthtrack,
    ("visevent", "train"): visevent,
    ("folder", "all"): folder,
}
