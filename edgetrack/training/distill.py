"""Distillation from a teacher: the similarity of tokens, the target's position, and the box of each cell.

Distillation is combined with contrastive learning of a tracker's tokens.

Miles et al., MobileVOS (CVPR 2023), equations 4 to 9: the student's Gram matrix is to agree with a mixture of the
teacher's and the labels'; only cells near the target's border and the teacher's look-alikes are compared. Gram
matrices are comparable for any token width, so no projector is needed. The teacher's weight is annealed, so that it
does not limit the student.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from edgetrack.training.losses import cell_grid, decode_boxes
from edgetrack.training.teachers import NanoTrack

OMEGA = 0.95  # the paper's weight of the teacher; here its initial value
_HARD = 32  # look-alikes per sample


class Taught(NamedTuple):
    """The outputs of a teacher for a batch of tracking samples."""

    search: Tensor  # unit tokens (B, 256, C) of the search crops
    template: Tensor  # unit tokens (B, 64, C) of the templates
    centers: Tensor | None = None  # (B, 256): probability that a cell has the target's center, sums to 1
    boxes: Tensor | None = None  # (B, 256, 4): cxcywh as fractions of the crop

    def to(self, device: torch.device) -> Taught:
        """Return a copy on a device."""
        return Taught(*(None if part is None else part.to(device) for part in self))  # type: ignore[arg-type]


class Teacher(Protocol):
    """A trained network."""

    def teach(self, arrays: dict[str, Any], by_text: Tensor) -> Taught:
        """Return the outputs for a tracking batch; ``by_text`` (B,) is 1 if the student uses the caption."""
        ...


class NanoTeacher:
    """NanoTrack; only its tokens are used, because its boxes are no better than the labels."""

    def __init__(self, teacher: NanoTrack) -> None:
        self._teacher = teacher

    def teach(self, arrays: dict[str, Any], by_text: Tensor) -> Taught:
        """Return the outputs for RGB crops ``search`` (B, 256, 256, 3) and ``template`` (B, 128, 128, 3)."""
        del by_text
        groups = (arrays["search"], arrays["template"])
        maps = [
            torch.from_numpy(np.stack([self._teacher.features(image[..., ::-1]) for image in group]))
            for group in groups
        ]
        return Taught(*(F.normalize(tokens.flatten(2).transpose(1, 2), dim=-1) for tokens in maps))


def annealed(step: int, until: int) -> float:
    """Return a weight that falls linearly from 1 at the start to 0 at step ``until``."""
    return max(0.0, 1.0 - step / until) if until > 0 else 0.0


def near_border(box: Tensor, side: int) -> Tensor:
    """Return a mask (B, N) of the cells within one cell of the border of ``box`` (B, 4), cxcywh in fractions."""
    x, y = cell_grid(side, box.device)
    cx, cy, w, h = ((box * side)[:, i, None, None] for i in range(4))
    beyond = torch.maximum((x - cx).abs() - w / 2, (y - cy).abs() - h / 2)
    return (beyond.abs() <= 1.0).float().flatten(1)


def compared(box: Tensor, inside: Tensor, likeness: Tensor) -> Tensor:
    """Return a mask (B, N) of the target, its border, and the cells that look most like the target to the teacher."""
    side = round(inside.shape[1] ** 0.5)
    rank = likeness - 10.0 * inside
    hard = torch.zeros_like(inside).scatter(1, rank.topk(_HARD, dim=1).indices, 1.0)
    return torch.maximum(torch.maximum(inside, hard), near_border(box, side))


def representation_loss(
    student: Tensor, teacher: Tensor, label: Tensor, chosen: Tensor, omega: float
) -> Tensor:
    """Return log2 ||C_ss||^2 - log2 ||C_ss o C_ty||^2, C_ty = omega C_tt + (1 - omega) Y (MobileVOS, eq. 5 to 8).

    ``student`` (B, M, D) and ``teacher`` (B, M, C) are unit tokens; ``label`` (B, M) is 1 on the target; ``chosen``
    (B, M) is 1 for compared cells. In Y, target tokens are similar to each other, and each background token only to
    itself, because background is not a single object.
    """
    pairs = chosen[:, :, None] * chosen[:, None, :]
    own = torch.eye(label.shape[1], device=label.device)
    same = torch.maximum(label[:, :, None] * label[:, None, :], own)
    wanted = omega * (teacher @ teacher.transpose(1, 2)) + (1.0 - omega) * same
    return agreement(student.float() @ student.float().transpose(1, 2), wanted, pairs)


def agreement(gram: Tensor, wanted: Tensor, pairs: Tensor) -> Tensor:
    """Return log2 ||C||^2 - log2 ||C o W||^2 of Gram matrices (B, M, M), over the ``pairs`` that are 1."""
    gram = gram * pairs
    whole = gram.square().sum((1, 2))
    agreed = (gram * wanted).square().sum((1, 2))
    return (torch.log2(whole + 1e-8) - torch.log2(agreed + 1e-8)).mean()


def distillation(
    out: dict[str, Tensor],
    taught: Taught,
    *,
    target: Tensor,
    inside: Tensor,
    box: Tensor,
    teaching: float,
) -> Tensor:
    """Return ``representation_loss`` over search and template tokens; ``teaching``, 1 to 0, is the annealed weight.

    ``target`` (B, 64) and ``inside`` (B, 256): fraction of each cell of template and search crop in the target's box.
    """
    seen, wanted = taught.search, taught.template
    held = (target > 0.5).float()
    prototype = F.normalize((wanted * held[..., None]).sum(1), dim=-1)
    likeness: Any = (seen @ prototype[..., None])[..., 0]
    chosen = torch.cat((compared(box, inside, likeness), torch.ones_like(held)), 1)
    return representation_loss(
        torch.cat((out["embedding"], out["anchor"]), 1),
        torch.cat((seen, wanted), 1),
        torch.cat((inside, held), 1),
        chosen,
        OMEGA * teaching,
    )


def imitation(out: dict[str, Tensor], taught: Taught, present: Tensor) -> dict[str, Tensor]:
    """Return the losses of the student's centers and boxes against the teacher's, if there is a target.

    The result is empty if the teacher has no boxes. ``taught_center``: the Kullback-Leibler divergence of the student's
    centers, a softmax over the cells, from the teacher's. ``taught_box``: mean distance of centers and sides in units
    of the teacher's box, weighted by the teacher's center probabilities.
    """
    if taught.centers is None or taught.boxes is None:
        return {}
    count = present.sum().clamp(min=1.0)
    shares = F.log_softmax(out["score"].float().flatten(1), dim=1)
    apart = F.kl_div(shares, taught.centers, reduction="none").sum(1)
    boxes = decode_boxes(out["offset"].float(), out["size"].float()).flatten(1, 2)
    scale = taught.boxes[..., 2:].prod(-1).sqrt().clamp(min=0.03)
    distance = (((boxes - taught.boxes).abs().mean(-1) / scale).clamp(max=2.0) * taught.centers).sum(1)
    return {
        "taught_center": (apart * present).sum() / count,
        "taught_box": (distance * present).sum() / count,
    }
