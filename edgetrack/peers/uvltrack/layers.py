"""The layers of UVLTrack: blocks of a vision transformer, BERT's layers, and the towers of the head."""

from __future__ import annotations

from typing import cast

import torch
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


class BertLayer(nn.Module):
    """A layer of BERT: after attention and perceptron, their input is added and the sum normalized."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()

        def output(inner: int) -> nn.ModuleDict:
            return nn.ModuleDict(
                {"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, eps=1e-12)}
            )

        projections = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.attention = nn.ModuleDict({"self": projections, "output": output(width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, hidden)})
        self.output = output(hidden)
        self.heads = heads

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """The tokens (B, T, D) after it; ``bias`` is added to the attention."""
        projections = cast(nn.ModuleDict, self.attention["self"])
        q, k, v = (projections[name](x) for name in ("query", "key", "value"))
        after = cast(nn.ModuleDict, self.attention["output"])
        x = after["LayerNorm"](x + after["dense"](attend(q, k, v, self.heads, bias)))
        hidden = F.gelu(self.intermediate["dense"](x))
        return cast(Tensor, self.output["LayerNorm"](x + self.output["dense"](hidden)))


class ViT(nn.Module):
    """The vision transformer; its last norm is in the checkpoint, and is not used."""

    def __init__(self, width: int, depth: int, heads: int, template: int, search: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed_z = nn.Parameter(torch.zeros(1, template**2, width))
        self.pos_embed_x = nn.Parameter(torch.zeros(1, search**2, width))
        self.modal_embed = nn.Parameter(torch.zeros(2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))

    def template_tokens(self, image: Tensor) -> Tensor:
        """The token that stands for the image, and those of the template's patches, (B, 1 + Z, D)."""
        return torch.cat(
            [self.cls_token.expand(len(image), -1, -1), self._patches(image) + self.pos_embed_z], 1
        )

    def search_tokens(self, image: Tensor) -> Tensor:
        """The tokens (B, S, D) of the search region's patches."""
        return self._patches(image) + self.pos_embed_x

    def _patches(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.patch_embed["proj"](image)).flatten(2).transpose(1, 2)


def tower(width: int, channels: int, outputs: int) -> nn.Sequential:
    """Four convolutions with half the channels each time, and one more for the outputs."""
    layers: list[nn.Module] = []
    for step in range(4):
        out = channels >> step
        layers.append(nn.Sequential(nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()))
        width = out
    return nn.Sequential(*layers, nn.Conv2d(width, outputs, 1))
