"""The losses of MobileVOS (Miles et al., CVPR 2023) for masks.

Poly-1 cross-entropy everywhere, and again near the contour, where most errors are; also near the contour a
contrastive loss on pixel embeddings and, with a teacher, distillation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from edgetrack.training.distill import agreement

OMEGA = 0.95  # weight of the teacher in the target of the embeddings, if there is a teacher
_TEMPERATURE = 0.1  # temperature of the distilled probabilities, as in the paper
_NEAR = 3  # distance from the contour, in cells
_SAMPLES = 128  # pixels on each side of the contour whose embeddings are compared
_SURE = 1e-5  # distance of distilled probabilities from 0 and 1


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of each term."""

    outline: float = 0.5
    contrast: float = 0.05
    distill: float = 0.5


def poly1(logits: Tensor, target: Tensor, epsilon: float = 1.0) -> Tensor:
    """Compute the poly-1 cross-entropy of each pixel (Leng et al., ICLR 2022): CE + epsilon (1 - p of the truth).

    The gradient flows through p. ``target`` is a fraction 0..1.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = torch.sigmoid(logits)
    return entropy + epsilon * (1.0 - (target * probability + (1.0 - target) * (1.0 - probability)))


def near_outline(mask: Tensor, reach: int = _NEAR) -> Tensor:
    """Return 1 for the pixels of masks (B, 1, H, W) within ``reach`` of the contour, else 0.

    The contour is where a Sobel filter responds: where the largest and the smallest neighbor differ.
    """
    hard = (mask > 0.5).float()
    wide = F.max_pool2d(hard, 2 * reach + 1, 1, reach)
    narrow = -F.max_pool2d(-hard, 2 * reach + 1, 1, reach)
    return (wide - narrow > 0).float()


def sampled(mask: Tensor, near: Tensor, count: int = _SAMPLES) -> tuple[Tensor, Tensor]:
    """Draw ``count`` pixels inside and ``count`` outside of each mask, preferring those near the contour.

    Returns:
        Their indices (B, 2 count), and whether they are on the right side (there may be too few on one side).
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
    """Compare embeddings (B, D, H, W) with the labels and, by ``omega``, with the teacher (equations 5 to 8)."""
    indices, right = sampled(mask, near)
    label = (mask > 0.5).float().flatten(1).gather(1, indices)
    same = label[:, :, None] * label[:, None, :] + (1 - label)[:, :, None] * (1 - label)[:, None, :]
    wanted = same if taught is None else omega * _gram(taught, indices) + (1.0 - omega) * same
    return agreement(_gram(embedding, indices), wanted, right[:, :, None] * right[:, None, :])


def _gram(embedding: Tensor, indices: Tensor) -> Tensor:
    """Return the cosines (B, N, N) of the embeddings (B, D, H, W) at pixels (B, N)."""
    flat = embedding.flatten(2)
    picked = flat.gather(2, indices[:, None].expand(-1, flat.shape[1], -1))
    unit = F.normalize(picked.float(), dim=1)
    return unit.transpose(1, 2) @ unit


def distillation(logits: Tensor, taught: Tensor, near: Tensor) -> Tensor:
    """Compute the KL divergence of the sharpened probabilities from the teacher's, near the contour."""
    mine = torch.sigmoid(logits / _TEMPERATURE).clamp(_SURE, 1 - _SURE)
    theirs = torch.sigmoid(taught / _TEMPERATURE).clamp(_SURE, 1 - _SURE)
    each = theirs * (theirs / mine).log() + (1 - theirs) * ((1 - theirs) / (1 - mine)).log()
    return (each * near).sum() / near.sum().clamp(min=1.0)


def losses(
    out: dict[str, Tensor], mask: Tensor, taught: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Compute all terms, unweighted.

    Args:
        out: The outputs of `MaskNet`.
        mask: (B, 1, H, W), the fraction of each pixel that belongs to the object.
        taught: The outputs of the teacher, if there is one.
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
    """Return the weighted sum."""
    return torch.stack([getattr(weights, name, 1.0) * value for name, value in terms.items()]).sum()
