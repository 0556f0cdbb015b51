"""Computes the prompts of UVLTrack, which represent the target and its distractors."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.peers.layers import Mlp

_BACKGROUND = 0.25  # total probability of the certain background


class Prompter(nn.Module):
    """Computes three prompts: for the target, its distractors and the background."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.query_embed = nn.Embedding(3, width)
        self.mlp = Mlp(width, 4 * width)

    def queries(self, token: Tensor) -> Tensor:
        """Return the initial prompts (B, 3, D) from only a token (B, 1, D)."""
        rows = self.query_embed.weight[None]
        return torch.cat([rows[:, :1] + token, rows[:, 1:].expand(len(token), -1, -1)], 1)

    def forward(self, token: Tensor, known: Tensor, target: Tensor) -> Tensor:
        """Return the prompts (B, 3, D): target, distractor, background.

        Args:
            token: (B, 1, D).
            known: features (B, N, D) of template and of the search region of an earlier frame.
            target: bool (B, N), whether they show the target.
        """
        logits = self.logit_scale.exp() * cosine(token, known)
        target = target[:, None]
        rest = logits.masked_fill(target, -1e20)
        distracting = _distracting(rest.softmax(-1))
        chosen = [
            logits.masked_fill(~target, -1e20),
            rest.masked_fill(~distracting, -1e20),
            rest.masked_fill(distracting, -1e20),
        ]
        prompts = torch.cat(chosen, 1).softmax(-1) @ known + self.queries(token)
        return prompts + cast(Tensor, self.mlp(prompts))


def _distracting(scores: Tensor) -> Tensor:
    """Return which of ``scores`` (B, 1, N), a distribution, are not among the lowest that sum to under a quarter."""
    values = scores.sort(-1).values
    least = values.masked_fill(values.cumsum(-1) < _BACKGROUND, 1.0).amin(-1, keepdim=True)
    return scores >= least


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine similarity (B, N, M) of rows (B, N, D) and (B, M, D)."""
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).transpose(1, 2)
