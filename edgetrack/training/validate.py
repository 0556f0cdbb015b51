"""Validation during training, on samples of held-out images and videos."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edgetrack.network.network import EdgetrackNet
from edgetrack.training.batches import Batch, forward, mixed_precision
from edgetrack.training.losses import decode_boxes, iou


def auroc(score: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve, by ranks; nan if one class is missing."""
    order = score.argsort().argsort().double() + 1
    n, m = positive.sum().item(), (1 - positive).sum().item()
    if n == 0 or m == 0:
        return float("nan")
    return float(((order * positive).sum() - n * (n + 1) / 2) / (n * m))


@torch.no_grad()
def validate(net: EdgetrackNet, batches: dict[str, list[Batch]]) -> dict[str, float]:
    """Return mean IoU at the score's peak, fraction above 0.5, and AUROC of presence and quality, for each kind."""
    figures: dict[str, float] = {}
    for kind, group in batches.items():
        ious, presence, present, quality, right = [], [], [], [], []
        for batch in group:
            with mixed_precision(batch.image.device):
                out = {k: v.float() for k, v in forward(net, batch).items()}
            boxes = decode_boxes(out["offset"], out["size"]).flatten(1, 2)
            best = out["score"].flatten(1).argmax(1)
            there = batch.present > 0.5
            each = iou(boxes[torch.arange(len(best)), best], batch.box)
            ious.append(each[there])
            right.append(((each >= 0.5) & there).float())
            quality.append(out["quality"].flatten(1).gather(1, best[:, None])[:, 0])
            presence.append(out["presence"][:, 0])
            present.append(batch.present)
        found = torch.cat(ious)
        figures[f"{kind}_iou"] = float(found.mean())
        figures[f"{kind}_hit"] = float((found >= 0.5).float().mean())
        figures[f"{kind}_quality_auroc"] = auroc(torch.cat(quality), torch.cat(right))
        figures[f"{kind}_presence_auroc"] = auroc(torch.cat(presence), torch.cat(present))
    return {name: float(np.round(value, 4)) for name, value in figures.items()}
