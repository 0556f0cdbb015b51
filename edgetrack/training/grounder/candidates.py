"""Candidates of an image: the boxes that the detector finds, of any class, with their features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from edgetrack.network.candidates import GRID, looked_at
from edgetrack.network.picodet import CLASSES, MEAN, STD, WIDTH, PicoDet

COUNT = 48  # candidates kept per image
OVERLAP = 0.6  # IoU above which the box with the lower score is suppressed
CHANNELS = 24 + WIDTH + 3  # channels of the pooled map: trunk at stride 4, neck at stride 8, and RGB


@dataclass(frozen=True, eq=False, slots=True)
class Candidates:
    """At most `COUNT` candidates of each of B images, highest score first; unused rows are zeros."""

    boxes: Tensor  # (B, K, 4): x1, y1, x2, y2 as fractions of the image
    logits: Tensor  # (B, K, 80): logits of the detector's classes
    features: Tensor  # (B, K, 96): features of the detector's head in the cell
    level: Tensor  # (B, K) int64: pyramid level of that cell, an index into `picodet.STRIDES`
    pooled: Tensor  # (B, K, CHANNELS, GRID, GRID): feature maps pooled from the box
    valid: Tensor  # (B, K) bool


def normalized(pictures: NDArray[np.uint8]) -> Tensor:
    """Return the detector's input (B, 3, H, W) for RGB images (B, H, W, 3)."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def suppressed(boxes: Tensor, scores: Tensor, count: int = COUNT, overlap: float = OVERLAP) -> Tensor:
    """Return the indices of the ``count`` boxes (N, 4) with the best ``scores`` (N,) after non-maximum suppression."""
    order = scores.argsort(descending=True)[: 16 * count]
    left = boxes[order]
    area = (left[:, 2:] - left[:, :2]).clamp(min=0).prod(1)
    inner = torch.minimum(left[:, None, 2:], left[None, :, 2:]) - torch.maximum(
        left[:, None, :2], left[None, :, :2]
    )
    joint = inner.clamp(min=0).prod(-1)
    close = (joint > overlap * (area[:, None] + area[None] - joint)).numpy()
    kept: list[int] = []
    gone = np.zeros(len(order), bool)
    for i in range(len(order)):
        if not gone[i]:
            kept.append(i)
            if len(kept) == count:
                break
            gone |= close[i]
    return order[torch.tensor(kept, dtype=torch.long)]


def pooled(maps: Tensor, boxes: Tensor) -> Tensor:
    """Return (K, C, GRID, GRID) of a map (C, H, W), by RoIAlign (He et al., 2017) with 2 x 2 samples per bin.

    ``boxes`` (K, 4) are in fractions of the image.
    """
    steps = (torch.arange(2 * GRID) + 0.5) / (2 * GRID)
    x = boxes[:, None, 0] + steps * (boxes[:, 2] - boxes[:, 0])[:, None]
    y = boxes[:, None, 1] + steps * (boxes[:, 3] - boxes[:, 1])[:, None]
    grid = torch.stack((x[:, None, :].expand(-1, 2 * GRID, -1), y[:, :, None].expand(-1, -1, 2 * GRID)), -1)
    flat = grid.reshape(1, -1, 2 * GRID, 2) * 2 - 1
    samples = F.grid_sample(maps[None], flat, align_corners=False, padding_mode="border")[0]
    return F.avg_pool2d(samples.reshape(len(maps), len(boxes), 2 * GRID, 2 * GRID).transpose(0, 1), 2)


@torch.no_grad()
def candidates(net: PicoDet, image: Tensor) -> Candidates:
    """Find the candidates in normalized images (B, 3, H, W)."""
    batch, _, height, width = image.shape
    found = net(image)
    maps = looked_at(image, found)
    out = Candidates(
        torch.zeros(batch, COUNT, 4),
        torch.zeros(batch, COUNT, CLASSES),
        torch.zeros(batch, COUNT, WIDTH),
        torch.zeros(batch, COUNT, dtype=torch.long),
        torch.zeros(batch, COUNT, CHANNELS, GRID, GRID),
        torch.zeros(batch, COUNT, dtype=torch.bool),
    )
    size = torch.tensor([width, height, width, height])
    for i in range(batch):
        boxes = (found.boxes[i] / size).clamp(0, 1)
        scores = found.logits[i].amax(-1).masked_fill(((boxes[:, 2:] - boxes[:, :2]) < 0.004).any(1), -1e9)
        kept = suppressed(boxes, scores)
        n = len(kept)
        out.boxes[i, :n] = boxes[kept]
        out.logits[i, :n] = found.logits[i, kept]
        out.features[i, :n] = found.features[i, kept]
        out.level[i, :n] = found.level[kept]
        out.pooled[i, :n] = pooled(maps[i], boxes[kept])
        out.valid[i, :n] = True
    return out
