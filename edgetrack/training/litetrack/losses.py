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
_INNER = 0.75  # fraction of the box, around its center, whose cells certainly show the target
_TEMPERATURE = 0.07  # temperature of similarities, UVLTrack's initial value
_HARD = 9  # hard negatives: the cells outside the box that look most like the target
_SHARP = 8.0  # initial sharpness of the selection's gate


def run(network: LiteTrack, batch: Batch) -> dict[str, Tensor]:
    """Run the network on both views of each sample; each view serves as the previous frame of the other.

    Returns:
        ``centers`` (2B, s, s) logits, ``compared`` (2B, S, 2) logits of target and others; ``boxes`` (2B, S, 4) center
        and size in units of the view, ``margins`` (2B, S) of the token selection.
    """
    features, chosen = network.backbone.features(
        batch.template, batch.views, batch.ids, batch.words, batch.flag
    )
    prompts = network.prompts(features, batch.flag, batch.target)
    half = len(prompts) // 2  # all first views come before all second ones
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
    """Return all terms of the loss, unweighted.

    Args:
        out: Outputs of `run`.
        box: (2B, 4) ground truth, center and size in units of the view.
        keep: Number of search tokens that the selection keeps.
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
    """Return the weighted sum."""
    return torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()


def best_iou(out: dict[str, Tensor], box: Tensor) -> Tensor:
    """Return the IoU (2B,) of the box of the most likely cell."""
    score = out["centers"].sigmoid().flatten(1) * out["compared"].softmax(-1)[..., 0]
    best = score.argmax(1)
    return iou(out["boxes"][torch.arange(len(best), device=best.device), best], box)


def _middle(box: Tensor, side: int) -> Tensor:
    """Return the index (2B,) of the cell that contains the box's center."""
    x, y = (box[:, :2] * side).floor().clamp(0, side - 1).long().unbind(1)
    return y * side + x


def _inside(box: Tensor, side: int, share: float) -> Tensor:
    """Return a bool mask (2B, S) of the cells with centers in the inner ``share`` of the box, and its center cell."""
    x, y = (axis.flatten() for axis in cell_grid(side, box.device))
    cx, cy, w, h = (box * side).T[..., None]
    inside: Tensor = ((x - cx).abs() < share * w / 2) & ((y - cy).abs() < share * h / 2)
    return inside.scatter(1, _middle(box, side)[:, None], True)


def _contrast(compared: Tensor, box: Tensor, side: int) -> Tensor:
    """Return the cross-entropy of "this cell shows the target"; cells at the rim of the box are ignored.

    The classes are weighted inversely to their area in the search region, 16 to 0.75^2.
    """
    target, box_cells = _inside(box, side, _INNER), _inside(box, side, 1.0)
    label = torch.where(target, 0, torch.where(box_cells, -1, 1))
    weight = torch.tensor([16.0, _INNER**2], device=box.device)
    return F.cross_entropy(
        compared.flatten(0, 1), label.flatten(), weight=weight / weight.sum(), ignore_index=-1
    )


def _likeness(margins: Tensor, box: Tensor, side: int) -> Tensor:
    """Return the cross-entropy of the center cell against the cells outside the box that look most like the target."""
    outside = (
        margins.masked_fill(_inside(box, side, 1.0), -1e4).topk(min(_HARD, margins.shape[1] - 1), 1).values
    )
    logits = torch.cat([margins.gather(1, _middle(box, side)[:, None]), outside], 1) / _TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(box), dtype=torch.long, device=box.device))


def _selection(margins: Tensor, box: Tensor, side: int, keep: int) -> Tensor:
    """Return the loss of the selection's threshold.

    It penalizes target cells below the threshold, and a fraction of cells above it that differs from the kept one.
    """
    inside = _inside(box, side, 1.0).float()
    recall = (F.softplus(-_SHARP * margins) * inside).sum() / inside.sum()
    share = torch.sigmoid(_SHARP * margins).mean(1)
    return recall + (share - keep / margins.shape[1]).square().mean()
