"""Decodes the outputs of common detectors into boxes.

Every function takes the outputs (float arrays in the graph's order) and the size (width, height) of the input in
pixels, and returns boxes (N, 4) x1, y1, x2, y2 in pixels of the input and scores (N, C) of the classes, 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from edgetrack.evaluation.types import Floats

MAX_CLASSES = 10_000  # an output with larger values does not contain labels

Decoded = tuple[Floats, Floats]
Decode = Callable[[Sequence[Floats], tuple[int, int]], Decoded]


def _centers(size: tuple[int, int], strides: Sequence[int], offset: float) -> Iterator[tuple[Floats, int]]:
    """Yield the grid points (N, 2) x, y in pixels of each stride, row by row."""
    for stride in strides:
        rows, columns = np.mgrid[: -(-size[1] // stride), : -(-size[0] // stride)]
        yield (np.stack([columns, rows], -1).reshape(-1, 2) + offset) * stride, stride


def picodet(outputs: Sequence[Floats], size: tuple[int, int]) -> Decoded:
    """Decode PicoDet: scores of all levels, then their distances (generalized focal loss, Li et al., NeurIPS 2020)."""
    levels = len(outputs) // 2
    boxes, scores = [], []
    strides = [8 * 2**level for level in range(levels)]
    grids = _centers(size, strides, 0.5)
    for score, distance, (centers, stride) in zip(outputs[:levels], outputs[levels:], grids, strict=True):
        bins = distance.reshape(len(centers), 4, -1)
        weights = np.exp(bins - bins.max(-1, keepdims=True))
        reach = (weights @ np.arange(bins.shape[-1])) / weights.sum(-1) * stride
        boxes.append(np.concatenate([centers - reach[:, :2], centers + reach[:, 2:]], 1))
        scores.append(score.reshape(len(centers), -1))
    return np.concatenate(boxes), np.concatenate(scores)


def yolox(outputs: Sequence[Floats], size: tuple[int, int]) -> Decoded:
    """Decode YOLOX (Ge et al., 2021): (1, N, 5 + C) center offset, logarithm of the size, objectness, classes."""
    values = outputs[0].reshape(-1, outputs[0].shape[-1])
    grids = list(_centers(size, (8, 16, 32), 0.0))
    corners = np.concatenate([points for points, _ in grids])
    stride = np.concatenate([np.full((len(points), 1), step) for points, step in grids])
    centers, sides = corners + values[:, :2] * stride, np.exp(values[:, 2:4]) * stride
    return np.concatenate([centers - sides / 2, centers + sides / 2], 1), values[:, 4:5] * values[:, 5:]


def yolov8(outputs: Sequence[Floats], size: tuple[int, int]) -> Decoded:
    """Decode the layout of YOLOv8: (1, 4 + C, N) center and size in pixels, then classes."""
    values = outputs[0].reshape(outputs[0].shape[-2:]).T
    centers, sides = values[:, :2], values[:, 2:4]
    return np.concatenate([centers - sides / 2, centers + sides / 2], 1), values[:, 4:]


def detr(outputs: Sequence[Floats], size: tuple[int, int]) -> Decoded:
    """Decode RT-DETR, D-FINE, DEIM with postprocessing: labels (1, N), boxes (1, N, 4) in pixels, scores (1, N)."""
    labels, boxes, scores = outputs[0].reshape(-1), outputs[1].reshape(-1, 4), outputs[2].reshape(-1)
    if not ((labels >= 0) & (labels < MAX_CLASSES)).all():
        raise ValueError(f"labels from {labels.min():g} to {labels.max():g}")
    table = np.zeros((len(labels), int(labels.max(initial=0)) + 1))
    table[np.arange(len(labels)), labels.astype(int)] = scores
    return boxes, table


LAYOUTS: dict[str, Decode] = {"picodet": picodet, "yolox": yolox, "yolov8": yolov8, "detr": detr}


def suppress(boxes: Floats, scores: Floats, iou: float) -> list[int]:
    """Return the indices of boxes (N, 4) x1, y1, x2, y2 that remain after non-maximum suppression."""
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(int(first))
        low, high = (
            np.maximum(boxes[first, :2], boxes[rest, :2]),
            np.minimum(boxes[first, 2:], boxes[rest, 2:]),
        )
        common = (high - low).clip(0).prod(1)
        order = rest[common <= iou * (areas[first] + areas[rest] - common)]
    return kept
