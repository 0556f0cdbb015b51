"""Run all teachers once over the training images: detectors for boxes, classifiers for the candidates.

The teachers are ONNX and TFLite files under Apache-2.0 (the folder's README says where they come from). Their results
are fused, with agreement as confidence, and stored next to the cache. They are not needed after training.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.picodet import MEAN, STD, STRIDES, PicoDet
from edgetrack.network.trunk import MobileNetV2
from edgetrack.training.command_line import arguments
from edgetrack.training.grounder.cache import Cache, read_annotations
from edgetrack.training.grounder.scene import iou
from edgetrack.training.resumable import appended

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Boxes = NDArray[np.float32]  # (N, 6): class, score, x1, y1, x2, y2 as fractions of the image
Detector = Callable[[Picture], Boxes]
SIDE = 416
AGREE = 0.55  # minimum IoU for two boxes of a class to be the same object
CROPS = 12  # candidates per image that are classified


def _session(model: str | bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.add_session_config_entry("session.set_denormal_as_zero", "1")  # some weights are denormal: slow
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _exported(net: Any, side: int) -> Any:
    """Return an ONNX Runtime session of a PyTorch network for (1, 3, side, side), several times as fast as PyTorch."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "net.onnx")
        torch.onnx.export(net.eval(), (torch.zeros(1, 3, side, side),), path, dynamo=False, opset_version=17)
        return _session(path)


class _LogitsAndBoxes(nn.Module):
    def __init__(self, net: PicoDet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        found = self.net(image)
        return found.logits, found.boxes


class _Classifier(nn.Module):
    """The trunk with the head and the classifier of its own training."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.trunk, self.head, self.classifier = MobileNetV2(), nn.Conv2d(320, 1280, 1), nn.Linear(1280, 1001)
        self.trunk.load_imagenet(weights)
        with np.load(weights) as arrays:
            for name, module in (("head", self.head), ("classifier", self.classifier)):
                for part in ("weight", "bias"):
                    own = getattr(module, part)
                    own.data.copy_(
                        torch.from_numpy(arrays[f"{name}.{part}"].astype(np.float32)).reshape(own.shape)
                    )

    def forward(self, image: Tensor) -> Tensor:
        seen = F.relu6(self.head(self.trunk(image)[2])).mean((2, 3))
        return self.classifier(seen)[:, 1:].softmax(-1)  # type: ignore[no-any-return]


def _thinned(boxes: Boxes, most: int = 100) -> Boxes:
    """Apply non-maximum suppression within each class; return the boxes by descending score."""
    boxes = boxes[np.argsort(-boxes[:, 1])][: 3 * most]
    same = (boxes[:, None, 0] == boxes[None, :, 0]) & (iou(boxes[:, 2:], boxes[:, 2:]) > 0.5)
    gone = np.zeros(len(boxes), bool)
    for i in range(len(boxes)):
        if not gone[i]:
            gone[i + 1 :] |= same[i, i + 1 :]
    return boxes[~gone][:most]


def _surest(scores: NDArray[Any], boxes: NDArray[Any], floor: float) -> Boxes:
    best = scores.argmax(1)
    score = scores[np.arange(len(best)), best]
    keep = score > floor
    rows = np.concatenate((best[keep, None], score[keep, None], boxes[keep].clip(0, 1)), 1)
    return _thinned(rows.astype(np.float32))


def yolox(path: Path, floor: float = 0.05) -> Detector:
    """Return a YOLOX detector (Ge et al., 2021): letterboxed BGR, values 0 to 255."""
    net = _session(str(path))
    grids = [
        np.stack(np.meshgrid(range(SIDE // s), range(SIDE // s)), -1).reshape(-1, 2) for s in STRIDES[:3]
    ]
    cells = np.concatenate(grids)
    stride = np.concatenate([np.full((len(g), 1), s) for g, s in zip(grids, STRIDES[:3], strict=True)])

    def detect(picture: Picture) -> Boxes:
        height, width = picture.shape[:2]
        scale = SIDE / max(height, width)
        canvas = np.full((SIDE, SIDE, 3), 114, np.uint8)
        small = cv2.resize(picture, (round(width * scale), round(height * scale)))
        canvas[: small.shape[0], : small.shape[1]] = small
        x = canvas[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        out = net.run(None, {net.get_inputs()[0].name: x})[0][0]
        center, size = (out[:, :2] + cells) * stride, np.exp(out[:, 2:4]) * stride
        boxes = np.concatenate((center - size / 2, center + size / 2), 1) / scale
        return _surest(out[:, 4:5] * out[:, 5:], boxes / (width, height, width, height), floor)

    return detect


def picodet(path: Path, floor: float = 0.05) -> Detector:
    """Return a PicoDet detector (Yu et al., 2021): stretched RGB, ImageNet's mean and standard deviation."""
    own = PicoDet()
    own.load_onnx(path)
    net = _exported(_LogitsAndBoxes(own), SIDE)

    def detect(picture: Picture) -> Boxes:
        x = (cv2.resize(picture, (SIDE, SIDE)).astype(np.float32) - np.array(MEAN, np.float32)) / np.array(
            STD, np.float32
        )
        logits, boxes = net.run(None, {net.get_inputs()[0].name: x.transpose(2, 0, 1)[None]})
        return _surest(1 / (1 + np.exp(-logits[0])), boxes[0] / SIDE, floor)

    return detect


def deim(path: Path, floor: float = 0.05) -> Detector:
    """Return a DEIMv2 detector (Huang et al., 2025): stretched RGB, values 0 to 1."""
    net = _session(str(path))

    def detect(picture: Picture) -> Boxes:
        x = cv2.resize(picture, (SIDE, SIDE)).astype(np.float32).transpose(2, 0, 1)[None] / 255
        label, box, score = net.run(None, {"images": x, "orig_target_sizes": np.array([[1, 1]])})
        rows = np.concatenate((label[0][:, None], score[0][:, None], box[0].clip(0, 1)), 1).astype(np.float32)
        return rows[rows[:, 1] > floor]

    return detect


def fused(detectors: list[Detector], picture: Picture) -> Boxes:
    """Combine detectors by weighted boxes fusion (Solovyev et al., 2021): scores add up where they agree."""
    rows = np.concatenate([detect(picture) for detect in detectors])
    rows = rows[(rows[:, 4:] > rows[:, 2:4]).all(1)]  # clipping to the image leaves nothing of some boxes
    rows = rows[np.argsort(-rows[:, 1])]
    left = np.ones(len(rows), bool)
    out = []
    for i in range(len(rows)):
        if not left[i]:
            continue
        same = left & (rows[:, 0] == rows[i, 0]) & (iou(rows[i : i + 1, 2:], rows[:, 2:])[0] > AGREE)
        group = rows[same]
        left &= ~same
        box = (group[:, 2:] * group[:, 1:2]).sum(0) / group[:, 1].sum()
        out.append((rows[i, 0], min(float(group[:, 1].sum()) / len(detectors), 1.0), *box))
    return np.array(sorted(out, key=lambda row: -row[1])[:100], np.float32).reshape(-1, 6)


class Labeler:
    """ML Kit's object labeler: independent probabilities of 631 everyday nouns for a crop."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.names = zipfile.ZipFile(path).read("probability-labels-en.txt").decode().strip("\n").split("\n")
        self.net = Interpreter(str(path), num_threads=1)
        self.net.allocate_tensors()
        self.input, self.output = (
            d()[0]["index"] for d in (self.net.get_input_details, self.net.get_output_details)
        )

    def __call__(self, crop: Picture) -> NDArray[np.float32]:
        self.net.set_tensor(self.input, cv2.resize(crop, (224, 224), interpolation=cv2.INTER_AREA)[None])
        self.net.invoke()
        return self.net.get_tensor(self.output)[0].astype(np.float32) / 256  # type: ignore[no-any-return]


class ImageNet:
    """MobileNetV2's classifier: 1,000 ImageNet classes for a crop."""

    def __init__(self, weights: Path, labels: Path) -> None:
        self.names = labels.read_text().strip("\n").split("\n")[-1000:]
        self.net = _exported(_Classifier(weights), 224)

    def __call__(self, crop: Picture) -> NDArray[np.float32]:
        x = cv2.resize(crop, (224, 224), interpolation=cv2.INTER_AREA).astype(np.float32) / 127.5 - 1
        return self.net.run(None, {self.net.get_inputs()[0].name: x.transpose(2, 0, 1)[None]})[0][0]  # type: ignore[no-any-return]


def _read(path: Path) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path} cannot be read as an image")
    return np.ascontiguousarray(picture[..., ::-1], dtype=np.uint8)


def _crop(picture: Picture, box: NDArray[Any], margin: float = 0.06) -> Picture | None:
    height, width = picture.shape[:2]
    pad = margin * (box[2:] - box[:2])
    x1, y1 = ((box[:2] - pad).clip(0, 1) * (width, height)).astype(int)
    x2, y2 = ((box[2:] + pad).clip(0, 1) * (width, height)).astype(int)
    return picture[y1:y2, x1:x2] if min(x2 - x1, y2 - y1) >= 12 else None


def main() -> None:
    """Write CACHE/SOURCE.labels.jsonl for each folder, one line per image."""
    given = arguments(__doc__, teachers=Path, cache=Path, folder=[Path])
    teachers, cache, folders = given.teachers, given.cache, given.folder
    new = teachers / "2026"
    cv2.setNumThreads(1)
    detectors = [
        picodet(new / "picodet_s_416_coco.onnx"),
        yolox(new / "yolox_nano.onnx"),
        deim(new / "deimv2_femto_coco.onnx"),
    ]
    labeler = Labeler(new / "mlkit_object_labeler.tflite")
    imagenet = ImageNet(teachers / "mobilenetv2_imagenet.npz", teachers / "mobilenetv2_imagenet_labels.txt")
    for folder in folders:
        lines = read_annotations(folder)
        store = Cache(cache, folder.name, 0, len(lines))
        with appended(cache / f"{folder.name}.labels.jsonl") as (done, out):
            for i in range(done, len(lines)):
                picture = _read(folder / lines[i]["image"])
                crops: list[Any] = [None] * CROPS
                for k in range(CROPS if store.arrays["done"][i] else 0):
                    crop = (
                        _crop(picture, store.arrays["boxes"][i, k]) if store.arrays["valid"][i, k] else None
                    )
                    if crop is not None:
                        crops[k] = [
                            [[int(c), round(float(p[c]), 3)] for c in np.argsort(-p)[:8] if p[c] > 0.04]
                            for p in (
                                labeler(np.ascontiguousarray(crop)),
                                imagenet(np.ascontiguousarray(crop)),
                            )
                        ]
                known = "captions" in lines[i] or folder.name == "coco"  # its boxes are complete already
                found = [
                    [int(r[0]), *(round(float(v), 4) for v in r[1:])]
                    for r in (() if known else fused(detectors, picture))
                ]
                out.write(json.dumps({"found": found, "crops": crops}) + "\n")
                if i % 50 == 0:
                    print(f"{folder.name}: {i} of {len(lines)}", flush=True)


if __name__ == "__main__":
    main()
