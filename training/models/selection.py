"""LiteTrack's token selection: keep the search tokens that look like the template or the text.

The published code compares with a constant and drops nothing; this is the method as its README describes it: cosine
similarity against a learnable, image-dependent threshold. Training and inference run the same graph: the best ``keep``
tokens go on, and a sigmoid gate at the threshold, through which the threshold learns, blends their update in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TokenSelect(nn.Module):
    """Scores, threshold and hard selection of tokens (B, N, D) against prototypes (B, P, D).

    A prototype of zeros is absent. Selected tokens keep their original order.
    """

    def __init__(self, width: int, keep: int) -> None:
        super().__init__()
        self.keep = keep
        self.project = nn.Linear(width, width, bias=False)
        self.threshold = nn.Linear(width, 1)  # dynamic: read off the mean token
        self.sharpness = nn.Parameter(torch.tensor(8.0))
        nn.init.zeros_(self.threshold.weight)
        nn.init.zeros_(self.threshold.bias)

    def forward(self, tokens: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns indices int64 (B, K) ascending, gates (B, K) in 0..1, and margins (B, N): similarity - threshold."""
        cosine = F.normalize(self.project(tokens), dim=-1) @ prototypes.transpose(1, 2)
        missing = 1.0 - (prototypes * prototypes).sum(-1).clamp(
            0.0, 1.0
        )  # prototypes have unit or zero length
        similarity = (cosine - 4.0 * missing[:, None, :]).amax(-1)
        margin = similarity - self.threshold(tokens.mean(1))
        indices = torch.topk(similarity, min(self.keep, tokens.shape[1]), dim=1).indices.sort(dim=1).values
        gate = torch.sigmoid(self.sharpness * margin.gather(1, indices))
        return indices, gate, margin


def gather_tokens(tokens: Tensor, indices: Tensor) -> Tensor:
    """The tokens (B, K, D) at ``indices`` (B, K) of tokens (B, N, D)."""
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))


def restore_tokens(tokens: Tensor, selected: Tensor, indices: Tensor) -> Tensor:
    """``tokens`` (B, N, D) with ``selected`` (B, K, D) written at ``indices``: the inverse of the selection."""
    return tokens.scatter(1, indices[..., None].expand(-1, -1, tokens.shape[-1]), selected.to(tokens.dtype))
