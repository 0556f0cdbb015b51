"""Contrastive prompts in training: how they are refreshed, and the loss that makes them discriminative.

Ma et al., Unifying Visual and Vision-Language Tracking via Contrastive Learning (UVLTrack, AAAI 2024), sections 3.4
and 3.5: target, distractor and background prompts, refreshed from confident frames.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from edgetrack.network.network import contrasts
from edgetrack.training.losses import on_target

_REFRESHED, _WITH_DISTRACTOR = 0.5, 0.6  # fractions of the samples


def cells(box: Tensor, present: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return masks (B, N) of the cells well inside and well outside the box; the rim is in neither."""
    side = round(count**0.5)
    inside = on_target(box, present, side).flatten(1)
    wide = torch.cat((box[:, :2], box[:, 2:] * 1.9), 1)  # on_target takes the inner 60 %
    return inside, 1.0 - on_target(wide, present, side).flatten(1)


def refreshed(embedding: Tensor, prompts: Tensor, box: Tensor, present: Tensor) -> Tensor:
    """Return the prompts (B, 3, 64) as in a tracker that has followed the target for a while.

    Half of the samples keep the template's prompts. The others are mixed with current tokens on the target and around
    it; some get a distractor, the token elsewhere that looks most like the target. No gradient flows into the mixture.
    """
    tokens = embedding.detach()
    inside, outside = cells(box, present, tokens.shape[1])
    here = F.normalize((tokens * inside[..., None]).sum(1), dim=-1)
    around = F.normalize((tokens * outside[..., None]).sum(1), dim=-1)
    likeness = (tokens @ prompts[:, :1].detach().transpose(1, 2))[..., 0] - 4.0 * (1.0 - outside)
    distractor = tokens[torch.arange(len(tokens)), likeness.argmax(1)]
    dice = torch.rand(3, len(tokens), device=tokens.device)
    chosen = (dice[0] < _REFRESHED).float() * present
    share = (dice[1] * 0.6 * chosen)[:, None]
    target = F.normalize(prompts[:, 0] * (1 - share) + here * share, dim=-1)
    background = F.normalize(prompts[:, 1] * (1 - share) + around * share, dim=-1)
    shown = (chosen * (dice[2] < _WITH_DISTRACTOR).float())[:, None]
    blurred = F.normalize(distractor + 0.3 * around, dim=-1)  # never the token itself
    return torch.stack((target, background, blurred * shown), 1).to(prompts.dtype)


def contrast_loss(embedding: Tensor, prompts: Tensor, box: Tensor, present: Tensor) -> Tensor:
    """Return the cross-entropy of each cell's target probability; inside and outside have the same weight."""
    share = contrasts(embedding.float(), prompts.float())[..., 3].clamp(1e-5, 1 - 1e-5)
    inside, outside = cells(box, present, share.shape[1])
    pull = -(torch.log(share) * inside).sum() / inside.sum().clamp(min=1.0)
    hard = outside * (1.0 + 15.0 * share.detach())  # look-alikes have the largest weights
    push = -(torch.log(1 - share) * hard).sum() / hard.sum().clamp(min=1.0)
    return pull + push
