"""The layers of UVLTrack: its vision transformer, BERT's layers, and the towers of the head."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.peers.layers import PATCH, Block, attend, convolution


class BertLayer(nn.Module):
    """A post-norm layer of BERT: attention and perceptron with residual connections."""

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
        """Return the tokens (B, T, D) after the layer; ``bias`` is added to the attention logits."""
        projections = cast(nn.ModuleDict, self.attention["self"])
        q, k, v = (projections[name](x) for name in ("query", "key", "value"))
        after = cast(nn.ModuleDict, self.attention["output"])
        x = after["LayerNorm"](x + after["dense"](attend(q, k, v, self.heads, bias)))
        hidden = F.gelu(self.intermediate["dense"](x))
        return cast(Tensor, self.output["LayerNorm"](x + self.output["dense"](hidden)))


class ViT(nn.Module):
    """The vision transformer; its last norm is in the checkpoint, but is not used."""

    def __init__(self, width: int, depth: int, heads: int, template: int, search: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed_z = nn.Parameter(torch.zeros(1, template**2, width))
        self.pos_embed_x = nn.Parameter(torch.zeros(1, search**2, width))
        self.modal_embed = nn.Parameter(torch.zeros(2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))

    def template_tokens(self, image: Tensor) -> Tensor:
        """Return the class token of the image, and the tokens of the template's patches, (B, 1 + Z, D)."""
        return torch.cat(
            [self.cls_token.expand(len(image), -1, -1), self._patches(image) + self.pos_embed_z], 1
        )

    def search_tokens(self, image: Tensor) -> Tensor:
        """Return the tokens (B, S, D) of the search region's patches."""
        return self._patches(image) + self.pos_embed_x

    def _patches(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.patch_embed["proj"](image)).flatten(2).transpose(1, 2)


def tower(width: int, channels: int, outputs: int) -> nn.Sequential:
    """Return four convolutions, each with half as many channels as the last, and one for the outputs."""
    widths = [width, *(channels >> step for step in range(4))]
    layers = [convolution(a, b) for a, b in pairwise(widths)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], outputs, 1))
