"""Class maps of all images by the DeepLab teacher, computed once and cached.

``python -m edgetrack.training.data.sources.class_maps`` writes ``$EDGETRACK_CACHE/training/class_maps.npz``: for each
image of `MAPPED` a uint8 map of the 21 VOC classes at the image's size, and for every image the fraction of pixels
that each class covers (so that the class of an absent caption is really absent). With ``--sources``, only these folders
are read, and all of their maps are kept, which `edgetrack.training.masks` uses as object masks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.paths import cache_folder, data_root
from edgetrack.training.resumable import replacing

VOC_CLASSES = (
    "background", "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "table", "dog", "horse", "motorcycle", "person", "plant", "sheep", "sofa", "train", "tv",
)  # fmt: skip
SOURCES = ("voc", "caltech101", "camvid", "ccp", "coco", "people")
MAPPED = ("voc", "caltech101", "camvid")  # the others have their own masks
CACHE_NAME = "class_maps.npz"
_SIDE = 513


def records(root: Path, source: str) -> list[dict[str, Any]]:
    """Return the annotation records of one folder of images, in file order."""
    text = (root / "train" / source / "annotations.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


class Teacher:
    """DeepLab v3 on MobileNetV2, 8-bit: maps a BGR image to VOC classes."""

    def __init__(self, model: Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._net = Interpreter(str(model), num_threads=threads)
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._output = self._net.get_output_details()[0]["index"]

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the class of each pixel, uint8 (H, W), for ``pixels`` uint8 (H, W, 3) BGR."""
        height, width = pixels.shape[:2]
        scale = _SIDE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = np.full((_SIDE, _SIDE, 3), 128, np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        self._net.set_tensor(self._input, np.ascontiguousarray(canvas[None, :, :, ::-1]))
        self._net.invoke()
        classes = self._net.get_tensor(self._output)[0, : size[1], : size[0]].astype(np.uint8)
        return np.asarray(cv2.resize(classes, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def build(
    root: Path,
    cache: Path,
    sources: Sequence[str] = SOURCES,
    mapped: Sequence[str] = MAPPED,
    threads: int = 1,
) -> Path:
    """Run the teacher on the images of ``sources`` and write the cache; return its path.

    Maps are kept for the sources in ``mapped``; for the others, only the fractions of the classes.
    """
    teacher = Teacher(root / "teachers" / "deeplabv3_mnv2_pascal_quant.tflite", threads)
    arrays: dict[str, NDArray[Any]] = {}
    names: list[str] = []
    shares: list[NDArray[np.float32]] = []
    for source in sources:
        for record in records(root, source):
            pixels = cv2.imread(str(root / "train" / source / record["image"]))
            classes = teacher(np.asarray(pixels, np.uint8))
            names.append(f"{source}/{record['image']}")
            counts = np.bincount(classes.ravel(), minlength=len(VOC_CLASSES))
            shares.append((counts / classes.size).astype(np.float32))
            if source in mapped:
                arrays[names[-1]] = classes
    path = cache / CACHE_NAME
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, names=np.array(names), shares=np.stack(shares), **arrays)  # type: ignore[arg-type]
    return path


def main() -> None:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="data folder (default: EDGETRACK_DATA)")
    parser.add_argument(
        "--cache", type=Path, default=None, help="cache folder (default: training in the cache folder)"
    )
    parser.add_argument("--sources", nargs="+", default=None, help="folders to read, keeping all maps")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the teacher")
    options = parser.parse_args()
    chosen = {} if options.sources is None else {"sources": options.sources, "mapped": options.sources}
    path = build(data_root(options.data), options.cache or cache_folder(), **chosen, threads=options.threads)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
