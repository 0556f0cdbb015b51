"""Layers that published trackers share, with the names that their checkpoints have for them."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 16  # pixels, a side


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int, bias: Tensor | None) -> Tensor:
    """Attention of several heads, (B, N, D); ``bias`` is added to the logits (B, heads, N, M) and may be broadcast."""
    size = q.shape[-1] // heads
    q, k, v = (x.reshape(len(x), -1, heads, size).transpose(1, 2) for x in (q, k, v))
    logits = (q @ k.transpose(2, 3)) * size**-0.5
    if bias is not None:
        logits = logits + bias
    mixed: Tensor = (logits.softmax(-1) @ v).transpose(1, 2).flatten(2)
    return mixed


class Mlp(nn.Module):
    """A perceptron with one hidden layer."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc2(F.gelu(self.fc1(x))))


class Block(nn.Module):
    """A block of a vision transformer: attention and perceptron, each after its norm and beside its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = Mlp(width, 4 * width)
        self.heads = heads

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The tokens (B, N, D) after it; those of ``mask``, bool (B, N), are ignored by the others."""
        q, k, v = self.attn["qkv"](self.norm1(x)).chunk(3, -1)
        bias = None if mask is None else mask[:, None, None].to(x.dtype) * -1e10
        x = x + cast(Tensor, self.attn["proj"](attend(q, k, v, self.heads, bias)))
        return x + cast(Tensor, self.mlp(self.norm2(x)))


def convolution(width: int, out: int) -> nn.Sequential:
    """3x3, normalized, without what is negative."""
    return nn.Sequential(nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())
