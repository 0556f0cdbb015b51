"""Losses of the tracker: center, box, presence and token selection."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = {
    "center": 1.0, "iou": 2.0, "l1": 4.0, "presence": 0.5, "select": 0.1, "quality": 0.5, "contrast": 0.2,
    "distill": 0.3, "taught_center": 0.3, "taught_box": 1.0,
}  # fmt: skip
_PICKED = 8  # cells per sample


def cell_grid(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the centers of the cells in units of cells: x and y, each (side, side)."""
    axis = torch.arange(side, device=device, dtype=torch.float32) + 0.5
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


def gaussian_centers(box: Tensor, present: Tensor, side: int) -> Tensor:
    """Return the target heat map (B, side, side): a Gaussian of peak 1 at the center's cell, scaled with the box.

    ``box`` (B, 4) is cxcywh as fractions of the crop. See Zhou et al., Objects as Points (2019), section 3; sigma is a
    sixth of the box, and at least half a cell.
    """
    x, y = cell_grid(side, box.device)
    center, extent = box[:, :2] * side, box[:, 2:] * side
    cell = center.floor().clamp(0, side - 1) + 0.5
    sigma = (extent / 6.0).clamp(min=0.5)
    dx = (x - cell[:, 0, None, None]) / sigma[:, 0, None, None]
    dy = (y - cell[:, 1, None, None]) / sigma[:, 1, None, None]
    return torch.exp(-0.5 * (dx * dx + dy * dy)) * present[:, None, None]


def center_focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Return the penalty-reduced focal loss per sample, alpha 2 and beta 4 (CornerNet, Law and Deng, 2018, eq. 1)."""
    probability = torch.sigmoid(logits).clamp(1e-4, 1 - 1e-4)
    positive = (heat > 0.999).float()
    pull = positive * (1 - probability) ** 2 * torch.log(probability)
    push = (1 - positive) * (1 - heat) ** 4 * probability**2 * torch.log(1 - probability)
    return -(pull + push).flatten(1).sum(1).mean()


def corners(box: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lower and upper corners (..., 2) of cxcywh boxes (..., 4)."""
    return box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2


def _shared(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the areas (...) of intersection and union."""
    (a_low, a_high), (b_low, b_high) = corners(a), corners(b)
    inter = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp(min=0).prod(-1)
    return inter, a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - inter


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalized IoU (Rezatofighi et al., CVPR 2019) of cxcywh boxes (..., 4)."""
    inter, union = _shared(a, b)
    (a_low, a_high), (b_low, b_high) = corners(a), corners(b)
    hull = (torch.maximum(a_high, b_high) - torch.minimum(a_low, b_low)).prod(-1)
    return inter / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the IoU of cxcywh boxes (..., 4)."""
    inter, union = _shared(a, b)
    return inter / union.clamp(min=1e-9)


def decode_boxes(offset: Tensor, size: Tensor) -> Tensor:
    """Return one box per cell, (B, side, side, 4) cxcywh as fractions of the crop."""
    side = offset.shape[-1]
    x, y = cell_grid(side, offset.device)
    return torch.stack(((x + offset[:, 0]) / side, (y + offset[:, 1]) / side, size[:, 0], size[:, 1]), dim=-1)


def on_target(box: Tensor, present: Tensor, side: int) -> Tensor:
    """Return a mask (B, side, side) of the cells that predict the box: those in its inner 60 %, and the center cell."""
    x, y = cell_grid(side, box.device)
    cx, cy, w, h = (box * side).unbind(1)
    reach_x, reach_y = (0.3 * w).clamp(min=0.71)[:, None, None], (0.3 * h).clamp(min=0.71)[:, None, None]
    inside = ((x - cx[:, None, None]).abs() < reach_x) & ((y - cy[:, None, None]).abs() < reach_y)
    return inside.float() * present[:, None, None]


def quality_loss(out: dict[str, Tensor], boxes: Tensor, box: Tensor, present: Tensor) -> Tensor:
    """Return the cross-entropy of ``quality`` for "this cell's box has an IoU of at least 0.5 with the target".

    It is computed for the cells that a tracker might pick, those with the best scores, whether or not the target is
    present. ``boxes`` is (B, S, S, 4).
    """
    picked = out["score"].detach().flatten(1).topk(_PICKED, dim=1).indices
    chosen = boxes.detach().flatten(1, 2).gather(1, picked[..., None].expand(-1, -1, 4))
    right = (iou(chosen, box[:, None]) >= 0.5).float() * present[:, None]
    logits = out["quality"].flatten(1).gather(1, picked)
    weight = torch.softmax(
        4.0 * out["score"].detach().flatten(1).gather(1, picked), dim=1
    )  # the first one has the largest weight
    each = F.binary_cross_entropy_with_logits(logits, right, reduction="none")
    return (each * weight).sum(1).mean()


def tracking_losses(out: dict[str, Tensor], box: Tensor, present: Tensor) -> dict[str, Tensor]:
    """Return all terms, unweighted; ``box`` (B, 4) is cxcywh as fractions of the crop, ``present`` (B,) 0 or 1."""
    out = {name: value.float() for name, value in out.items()}
    side = out["score"].shape[-1]
    mask = on_target(box, present, side)
    weight = mask / mask.sum((1, 2), keepdim=True).clamp(
        min=1.0
    )  # every sample has the same weight, large or small
    samples = present.sum().clamp(min=1.0)
    predicted, wanted = (
        decode_boxes(out["offset"], out["size"]),
        box[:, None, None, :].expand(-1, side, side, -1),
    )
    scale = (
        box[:, None, None, 2:].prod(-1, keepdim=True).sqrt().clamp(min=0.03)
    )  # errors relative to the target
    l1 = ((predicted - wanted).abs() / scale).mean(-1)
    margin = out["margin"]
    recall = F.softplus(-8.0 * margin) * mask.flatten(1)
    budget = (torch.sigmoid(8.0 * margin).mean(1) - 0.35).square().mean()
    return {
        "center": center_focal(out["score"][:, 0], gaussian_centers(box, present, side)),
        "iou": ((1 - giou(predicted, wanted)) * weight).sum() / samples,
        "l1": (l1.clamp(max=2.0) * weight).sum() / samples,
        "quality": quality_loss(out, predicted, box, present),
        "presence": F.binary_cross_entropy_with_logits(out["presence"][:, 0], present),
        "select": recall.sum() / mask.sum().clamp(min=1.0) + budget,
    }


def total(losses: dict[str, Tensor]) -> Tensor:
    """Return the weighted sum."""
    return torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()
