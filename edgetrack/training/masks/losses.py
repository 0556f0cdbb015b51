"""The losses of MobileVOS (Miles et al., CVPR 2023) for masks.

Poly-1 cross-entropy everywhere; near the outline, where masks go wrong, once more, and there a contrastive loss between
pixels' embeddings and, with a teacher, distillation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from edgetrack.training.distill import agreement

OMEGA = 0.95  # the teacher's share of what embeddings are to agree with, where there is a teacher
_TEMPERATURE = 0.1  # of the distilled probabilities, as in the paper
_NEAR = 3  # cells from the outline
_SAMPLES = 128  # pixels of each side of the outline whose embeddings are compared
_SURE = 1e-5  # distilled probabilities are kept this far from 0 and 1


@dataclass(frozen=True, slots=True)
class Weights:
    """What each term counts."""

    outline: float = 0.5
    contrast: float = 0.05
    distill: float = 0.5


def poly1(logits: Tensor, target: Tensor, epsilon: float = 1.0) -> Tensor:
    """Poly-1 cross-entropy of each pixel (Leng et al., ICLR 2022): CE + epsilon (1 - p of the truth).

    The gradient flows through p. ``target`` is a share 0..1.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = torch.sigmoid(logits)
    return entropy + epsilon * (1.0 - (target * probability + (1.0 - target) * (1.0 - probability)))


def near_outline(mask: Tensor, reach: int = _NEAR) -> Tensor:
    """1 for the pixels of masks (B, 1, H, W) within ``reach`` of the outline, else 0.

    The outline is where the Sobel filter answers: where the largest and the least of the neighbors differ.
    """
    hard = (mask > 0.5).float()
    wide = F.max_pool2d(hard, 2 * reach + 1, 1, reach)
    narrow = -F.max_pool2d(-hard, 2 * reach + 1, 1, reach)
    return (wide - narrow > 0).float()


def sampled(mask: Tensor, near: Tensor, count: int = _SAMPLES) -> tuple[Tensor, Tensor]:
    """Draw ``count`` pixels inside and ``count`` outside of each mask, those near the outline first.

    Returns:
        Their indices (B, 2 count) and whether they are of the right side (where there are too few of one side).
    """
    inside = (mask > 0.5).float().flatten(1)
    rank = torch.rand_like(inside) + near.flatten(1)
    picked, right = [], []
    for side in (inside, 1.0 - inside):
        indices = (rank + 10.0 * side).topk(count, dim=1).indices
        picked.append(indices)
        right.append(side.gather(1, indices))
    return torch.cat(picked, 1), torch.cat(right, 1)


def contrast(embedding: Tensor, mask: Tensor, near: Tensor, taught: Tensor | None, omega: float) -> Tensor:
    """Let embeddings (B, D, H, W) agree with the labels and, by ``omega``, with the teacher's (equations 5 to 8)."""
    indices, right = sampled(mask, near)
    label = (mask > 0.5).float().flatten(1).gather(1, indices)
    same = label[:, :, None] * label[:, None, :] + (1 - label)[:, :, None] * (1 - label)[:, None, :]
    wanted = same if taught is None else omega * _gram(taught, indices) + (1.0 - omega) * same
    return agreement(_gram(embedding, indices), wanted, right[:, :, None] * right[:, None, :])


def _gram(embedding: Tensor, indices: Tensor) -> Tensor:
    """Cosines (B, N, N) of the embeddings (B, D, H, W) at pixels (B, N)."""
    flat = embedding.flatten(2)
    picked = flat.gather(2, indices[:, None].expand(-1, flat.shape[1], -1))
    unit = F.normalize(picked.float(), dim=1)
    return unit.transpose(1, 2) @ unit


def distillation(logits: Tensor, taught: Tensor, near: Tensor) -> Tensor:
    """KL divergence of the sharpened probabilities from the teacher's, near the outline."""
    mine = torch.sigmoid(logits / _TEMPERATURE).clamp(_SURE, 1 - _SURE)
    theirs = torch.sigmoid(taught / _TEMPERATURE).clamp(_SURE, 1 - _SURE)
    each = theirs * (theirs / mine).log() + (1 - theirs) * ((1 - theirs) / (1 - mine)).log()
    return (each * near).sum() / near.sum().clamp(min=1.0)


def losses(
    out: dict[str, Tensor], mask: Tensor, taught: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """All terms, unweighted.

    Args:
        out: What `MaskNet` returns.
        mask: (B, 1, H, W), the share of each pixel that is the thing's.
        taught: What the teacher returns, if there is one.
    """
    near = near_outline(mask)
    each = poly1(out["logits"], mask)
    terms = {
        "mask": each.mean(),
        "outline": (each * near).sum() / near.sum().clamp(min=1.0),
        "contrast": contrast(
            out["embedding"], mask, near, None if taught is None else taught["embedding"], OMEGA
        ),
    }
    if taught is not None:
        terms["distill"] = distillation(out["logits"], taught["logits"], near)
    return terms


def total(terms: dict[str, Tensor], weights: Weights) -> Tensor:
    """The weighted sum."""
    return torch.stack([getattr(weights, name, 1.0) * value for name, value in terms.items()]).sum()
