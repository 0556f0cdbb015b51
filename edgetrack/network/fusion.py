"""Fusion of search tokens with the target: cross-attention to a cached memory, convolutions, and self-attention.

The memory holds keys and values of template and text tokens, computed once per target. In layer 0, every search token
attends to it; layer 1 runs on the selected tokens only, which also attend to each other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = 6
_MASKED = (
    -30.0
)  # added to logits of masked keys; finite, so that a row without any key stays finite, and fp16-safe


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Return multi-head attention of queries (B, N, D) over keys and values (B, M, D) with mask (B, M), 1 = use.

    If no key is in use, the result is zero instead of the mean of the masked values.
    """
    batch, count, width = query.shape
    value = value * mask[..., None]
    q, k, v = (t.reshape(batch, -1, HEADS, width // HEADS).transpose(1, 2) for t in (query, key, value))
    bias = (_MASKED * (1.0 - mask))[:, None, None, :]
    weights = torch.softmax(q @ k.transpose(2, 3) * (width // HEADS) ** -0.5 + bias, dim=-1)
    return (weights @ v).transpose(1, 2).reshape(batch, count, width)


class MemoryWriter(nn.Module):
    """Keys and values for both layers from template or text tokens (B, T, D) -> (B, 4, T, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, 4 * width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        return self.project(self.norm(tokens)).reshape(batch, count, 4, width).transpose(1, 2)  # type: ignore[no-any-return]


def _feed_forward(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


class CrossLayer(nn.Module):
    """Cross-attention of every search token to the memory, then a depthwise 5x5 convolution and an MLP on the map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.mix = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.mlp = _feed_forward(width, 2 * width)

    def forward(self, tokens: Tensor, memory: Tensor, mask: Tensor, side: int) -> Tensor:
        tokens = tokens + self.out(attend(self.query(self.norm(tokens)), memory[:, 0], memory[:, 1], mask))
        grid = tokens.transpose(1, 2).reshape(tokens.shape[0], -1, side, side)
        tokens = tokens + self.mix(grid).flatten(2).transpose(1, 2)
        return tokens + self.mlp(tokens)  # type: ignore[no-any-return]


class SelectedLayer(nn.Module):
    """The update of the selected tokens: attention among themselves and to the memory, then an MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = _feed_forward(width, 2 * width)

    def forward(self, tokens: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        query, key, value = self.project(self.norm(tokens)).chunk(3, dim=-1)
        keys, values = torch.cat((key, memory[:, 2]), 1), torch.cat((value, memory[:, 3]), 1)
        everyone = torch.cat((torch.ones_like(key[..., 0]), mask), 1)
        tokens = tokens + self.out(attend(query, keys, values, everyone))
        return tokens + self.mlp(tokens)  # type: ignore[no-any-return]


class ChannelSelfAttention(nn.Module):
    """Attention between channels instead of tokens (cross-covariance, El-Nouby et al., NeurIPS 2021, section 3).

    Its cost is linear in the number of tokens; queries and keys are L2-normalized over the map and a learned
    temperature scales their 48x48 products.
    """

    heads = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.temperature = nn.Parameter(torch.ones(self.heads, 1, 1))
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        # one flat transpose: three transposes over more axes take ONNX Runtime ten times as long
        split = self.project(self.norm(tokens)).transpose(1, 2).reshape(batch, 3, self.heads, -1, count)
        query, key, value = split.unbind(1)  # each (B, heads, D / heads, N)
        logits = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(2, 3) * self.temperature
        mixed = torch.softmax(logits, dim=-1) @ value
        return tokens + self.out(mixed.permute(0, 3, 1, 2).reshape(batch, count, width))  # type: ignore[no-any-return]
