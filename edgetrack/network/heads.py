"""Output heads: where the target is, how large it is, and whether it is in view at all."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.neck import ChannelNorm

_UNIT = 16  # unit of the size head in cells, so that sizes agree between search region and whole frame


class Heads(nn.Module):
    """Center, offset and size maps, and one presence logit, from a map (B, D, S, S).

    Output: ``score`` logits (B, 1, S, S); ``offset`` (B, 2, S, S), x and y from the cell's center in cells; ``size``
    (B, 2, S, S), width and height as fractions of the crop's side; ``presence`` logit (B, 1); ``quality`` logits
    (B, 1, S, S): whether the box predicted by the cell is correct. Every cell on the target may predict the box, not
    only the one at its center.
    """

    def __init__(self, width: int, hidden: int = 96) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)
        self.shared = nn.Conv2d(width, hidden, 3, padding=1)
        self.centre = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.extent = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.score = nn.Conv2d(hidden, 1, 1)
        self.offset = nn.Conv2d(hidden, 2, 1)
        self.size = nn.Conv2d(hidden, 2, 1)
        self.quality = nn.Conv2d(2 * hidden, 1, 1)
        self.presence = nn.Sequential(nn.Linear(2 * hidden + 1, 64), nn.ReLU(), nn.Linear(64, 1))
        nn.init.constant_(self.score.bias, -math.log(99.0))  # type: ignore[arg-type]  # few cells are centers
        nn.init.constant_(self.size.bias, math.log(0.25))  # type: ignore[arg-type]  # factor 4: a quarter of the crop
        for conv in (self.score, self.offset, self.size):
            nn.init.normal_(conv.weight, std=0.01)

    def forward(self, grid: Tensor) -> dict[str, Tensor]:
        shared = F.relu(self.shared(self.norm(grid)))
        center, extent = F.relu(self.centre(shared)), F.relu(self.extent(shared))
        score = self.score(center)
        weights = torch.softmax(score.flatten(2), dim=-1)  # (B, 1, N): attend to where the target would be
        there = (center.flatten(2) * weights).sum(-1)
        pooled = torch.cat((there, center.flatten(2).mean(-1), score.flatten(2).amax(-1)), dim=1)
        return {
            "score": score,
            "offset": self.offset(extent),
            "size": torch.exp(self.size(extent).clamp(-6.0, 1.0)) * (_UNIT / grid.shape[-1]),
            "presence": self.presence(pooled),
            "quality": self.quality(torch.cat((center, extent), dim=1)),
        }
