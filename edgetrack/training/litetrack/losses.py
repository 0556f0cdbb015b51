"""The losses of UVLTrack's published recipe, and those of the token selection."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from edgetrack.peers.litetrack.network import LiteTrack
from edgetrack.peers.uvltrack.network import GROUNDING
from edgetrack.training.litetrack.batches import Batch
from edgetrack.training.losses import cell_grid, center_focal, corners, gaussian_centers, giou, iou

WEIGHTS = {"iou": 2.0, "l1": 5.0, "center": 1.0, "contrast": 1.0, "likeness": 0.1, "select": 0.05}
_INNER = 0.75  # share of the box whose cells surely show the target
_TEMPERATURE = 0.07  # of similarities, where UVLTrack's starts
_HARD = 9  # cells outside of the box that look most like the target
_SHARP = 8.0  # of the gate of the selection, as it starts


def run(network: LiteTrack, batch: Batch) -> dict[str, Tensor]:
    """What the network says of both views of each sample, as of two frames of which each is the other's earlier one.

    Returns:
        ``centers`` (2B, s, s) logits, ``compared`` (2B, S, 2) logits of target and others, ``boxes`` (2B, S, 4) center
        and size in units of the view, ``margins`` (2B, S) of the token selection.
    """
    features, chosen = network.backbone.features(
        batch.template, batch.views, batch.ids, batch.words, batch.flag
    )
    prompts = network.prompts(features, batch.flag, batch.target)
    half = len(prompts) // 2  # the views are all first ones, then all second ones
    others = torch.cat([prompts[half:], prompts[:half]])
    head, image = network.box_head, network.box_head.map(features.search)
    grounding = (batch.flag == GROUNDING)[:, None, None]
    boxes = torch.where(grounding, head.boxes(features.search, grounding=True), head.boxes(features.search))
    return {
        "centers": head.conv_cls(image)[:, 0],
        "compared": head.compared(features.search, others, grounding=True),
        "boxes": boxes,
        "margins": chosen.margins,
    }


def losses(out: dict[str, Tensor], box: Tensor, *, keep: int) -> dict[str, Tensor]:
    """All terms, unweighted.

    Args:
        out: What `run` returns.
        box: (2B, 4), the truth, center and size in units of the view.
        keep: Search tokens that the selection keeps.
    """
    side = out["centers"].shape[-1]
    heat = gaussian_centers(box, torch.ones(len(box), device=box.device), side)
    middle = _middle(box, side)
    found = out["boxes"].gather(1, middle[:, None, None].expand(-1, 1, 4))[:, 0]
    return {
        "iou": (1 - giou(found, box)).mean(),
        "l1": (torch.cat(corners(found), -1) - torch.cat(corners(box), -1)).abs().mean(),
        "center": center_focal(out["centers"], heat),
        "contrast": _contrast(out["compared"], box, side),
        "likeness": _likeness(out["margins"], box, side),
        "select": _selection(out["margins"], box, side, keep),
    }


def total(terms: dict[str, Tensor]) -> Tensor:
    """The weighted sum."""
    return torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()


def best_iou(out: dict[str, Tensor], box: Tensor) -> Tensor:
    """IoU (2B,) of the box of the likeliest cell."""
    score = out["centers"].sigmoid().flatten(1) * out["compared"].softmax(-1)[..., 0]
    best = score.argmax(1)
    return iou(out["boxes"][torch.arange(len(best), device=best.device), best], box)


def _middle(box: Tensor, side: int) -> Tensor:
    """The cell (2B,) that has the box's center."""
    x, y = (box[:, :2] * side).floor().clamp(0, side - 1).long().unbind(1)
    return y * side + x


def _inside(box: Tensor, side: int, share: float) -> Tensor:
    """Bool (2B, S): centers of cells in the middle ``share`` of the box, and the cell that has its center."""
    x, y = (axis.flatten() for axis in cell_grid(side, box.device))
    cx, cy, w, h = (box * side).T[..., None]
    inside: Tensor = ((x - cx).abs() < share * w / 2) & ((y - cy).abs() < share * h / 2)
    return inside.scatter(1, _middle(box, side)[:, None], True)


def _contrast(compared: Tensor, box: Tensor, side: int) -> Tensor:
    """Cross-entropy of "this cell shows the target"; the rim of the box counts as neither.

    A class weighs as much less as the search region has more of it: 16 to 0.75^2.
    """
    target, box_cells = _inside(box, side, _INNER), _inside(box, side, 1.0)
    label = torch.where(target, 0, torch.where(box_cells, -1, 1))
    weight = torch.tensor([16.0, _INNER**2], device=box.device)
    return F.cross_entropy(
        compared.flatten(0, 1), label.flatten(), weight=weight / weight.sum(), ignore_index=-1
    )


def _likeness(margins: Tensor, box: Tensor, side: int) -> Tensor:
    """Cross-entropy of the cell at the center against those outside of the box that look most like the target."""
    outside = (
        margins.masked_fill(_inside(box, side, 1.0), -1e4).topk(min(_HARD, margins.shape[1] - 1), 1).values
    )
    logits = torch.cat([margins.gather(1, _middle(box, side)[:, None]), outside], 1) / _TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(box), dtype=torch.long, device=box.device))


def _selection(margins: Tensor, box: Tensor, side: int, keep: int) -> Tensor:
    """The threshold: below it what shows the target costs, and so does a share above it that is not the kept one."""
    inside = _inside(box, side, 1.0).float()
    recall = (F.softplus(-_SHARP * margins) * inside).sum() / inside.sum()
    share = torch.sigmoid(_SHARP * margins).mean(1)
    return recall + (share - keep / margins.shape[1]).square().mean()
