"""Layers that published trackers share, with the names in their checkpoints."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 16  # side in pixels
_LEAST = 1e-4  # minimum of scores and sizes


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int, bias: Tensor | None) -> Tensor:
    """Return multi-head attention (B, N, D); ``bias`` is added to the logits (B, heads, N, M) with broadcasting."""
    size = q.shape[-1] // heads
    q, k, v = (x.reshape(len(x), -1, heads, size).transpose(1, 2) for x in (q, k, v))
    logits = (q @ k.transpose(2, 3)) * size**-0.5
    if bias is not None:
        logits = logits + bias
    mixed: Tensor = (logits.softmax(-1) @ v).transpose(1, 2).flatten(2)
    return mixed


class Mlp(nn.Module):
    """A multilayer perceptron with one hidden layer."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc2(F.gelu(self.fc1(x))))


class Block(nn.Module):
    """A pre-norm block of a vision transformer: attention and perceptron, with residual connections."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = Mlp(width, 4 * width)
        self.heads = heads

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the tokens (B, N, D) after the block; tokens in ``mask``, bool (B, N), are ignored by the others."""
        q, k, v = self.attn["qkv"](self.norm1(x)).chunk(3, -1)
        bias = None if mask is None else mask[:, None, None].to(x.dtype) * -1e10
        x = x + cast(Tensor, self.attn["proj"](attend(q, k, v, self.heads, bias)))
        return x + cast(Tensor, self.mlp(self.norm2(x)))


def convolution(width: int, out: int) -> nn.Sequential:
    """Return a 3x3 convolution with batch normalization and ReLU."""
    return nn.Sequential(nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


class CenterHead(nn.Module):
    """OSTrack's head, which predicts score, size and offset of a target centered in each cell of the search region.

    Args:
        width: channels of the features.
        hidden: channels of the first of its five layers; each further layer has half as many.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        widths = [width, *(hidden >> step for step in range(4))]
        for kind, outputs in (("ctr", 1), ("offset", 2), ("size", 2)):
            for step in range(4):
                self.add_module(f"conv{step + 1}_{kind}", convolution(widths[step], widths[step + 1]))
            self.add_module(f"conv5_{kind}", nn.Conv2d(widths[4], outputs, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores (B, 1, s, s) and sizes (B, 2, s, s), 0..1, and offsets (B, 2, s, s) in cells."""
        scores, sizes = (
            self._tower(image, kind).sigmoid().clamp(_LEAST, 1 - _LEAST) for kind in ("ctr", "size")
        )
        return scores, sizes, self._tower(image, "offset")

    def _tower(self, x: Tensor, kind: str) -> Tensor:
        for step in range(1, 6):
            x = self.get_submodule(f"conv{step}_{kind}")(x)
        return x


class CellBoxes(nn.Module):
    """Converts outputs of ``CenterHead`` to scores (1, S) and boxes (1, S, 4): center and size in units of the image.

    Args:
        side: number of cells per side of the search region.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        cells = torch.arange(side)
        self.register_buffer("cells", torch.stack(torch.meshgrid(cells, cells, indexing="xy")).float())
        self.side = side

    def forward(self, scores: Tensor, sizes: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        boxes = torch.cat([(self.get_buffer("cells") + offsets) / self.side, sizes], 1)
        return scores.flatten(1), boxes.flatten(2).transpose(1, 2)
