"""SDSTrack (Hou et al., CVPR 2024) in PyTorch; the names of layers are those in the published checkpoint.

A ViT encodes color, and the same ViT with adapters encodes depth, thermal or event images (X). In four of its blocks,
the streams attend to each other, again through adapters. Search cells with the least attention from the target are
dropped in between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.peers.layers import PATCH, Block, CenterHead, attend

KEEP = {3: 0.7, 6: 0.7, 9: 0.7}  # fraction of the search region's tokens that a block keeps, in each stream
ACROSS = (3, 6, 9, 11)  # blocks after which the streams attend to each other
_HEADS = {768: 12, 64: 4}  # attention heads by width; 64 is the small variant for tests


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes of a variant."""

    width: int = 768
    depth: int = 12
    template: int = 8  # cells of 16 pixels per side
    search: int = 16
    head: int = 256  # channels of the first layer of the head

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Config:
        """Return the variant of a checkpoint, from the shapes of its tensors.

        Raises:
            KeyError, ValueError: it is not a checkpoint of SDSTrack.
        """
        width = shapes["backbone.cls_token"][-1]
        if width not in _HEADS:
            raise ValueError(f"its tokens have {width} channels; expected {', '.join(map(str, _HEADS))}")
        template, search = (math.isqrt(shapes[f"backbone.pos_embed_{part}"][1]) for part in ("z", "x"))
        blocks = {name.split(".")[2] for name in shapes if name.startswith("backbone.blocks.")}
        return cls(width, len(blocks), template, search, shapes["box_head.conv1_ctr.0.bias"][0])


class Stream(NamedTuple):
    """The tokens of one sensor."""

    tokens: Tensor  # (B, Z + K, D)
    places: Tensor  # int64 (B, K): indices of the remaining cells of the search region


class Adapter(nn.Module):
    """A bottleneck perceptron; the output of "Space" adapters is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.D_fc1, self.D_fc2 = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.D_fc2(F.gelu(self.D_fc1(x))))


class PairBlock(Block):
    """A block of the vision transformer with adapters for X and for the exchange between streams."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        for name in ("MLP_X_DTE", "Space_X_DTE", "MLP_X_X_DTE", "Space_X_X_DTE"):
            self.add_module(f"{name}_Adapter", Adapter(width))

    def alone(self, stream: Stream, adapter: str, *, keep: float, template: int) -> Stream:
        """Apply the block to one stream.

        Args:
            stream: tokens of one sensor.
            adapter: "X_DTE" for X, empty for color.
            keep: fraction of the search region's tokens to keep.
            template: cells per side of the template; the attention of its central cell (top left of the center)
                decides what is dropped.
        """
        x, places = stream
        q, k, v = self.attn["qkv"](self.norm1(x)).chunk(3, -1)
        mixed = cast(Tensor, self.attn["proj"](attend(q, k, v, self.heads, None)))
        x = x + self._space(mixed, adapter)
        left = math.ceil(keep * places.shape[1])
        if left < places.shape[1]:
            center, z = (template // 2 - 1) * (template + 1), template**2
            best = self._asked(q[:, center : center + 1], k)[:, z:].topk(left, -1).indices
            picked = x[:, z:].gather(1, best[..., None].expand(-1, -1, x.shape[-1]))
            x, places = torch.cat([x[:, :z], picked], 1), places.gather(1, best)
        return Stream(self._perceptron(x, adapter), places)

    def across(self, color: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of both streams after cross-attention to the other stream only."""
        adapter = "X_X_DTE"
        parts = [self.attn["qkv"](self.norm1(x)).chunk(3, -1) for x in (color, other)]
        after = []
        for x, own, asked in ((color, 0, 1), (other, 1, 0)):
            mixed = attend(parts[own][0], parts[asked][1], parts[asked][2], self.heads, None)
            x = x + self._space(cast(Tensor, self.attn["proj"](mixed)), adapter)
            after.append(self._perceptron(x, adapter))
        return after[0], after[1]

    def _space(self, x: Tensor, adapter: str) -> Tensor:
        return x + cast(Tensor, self.get_submodule(f"Space_{adapter}_Adapter")(x)) if adapter else x

    def _perceptron(self, x: Tensor, adapter: str) -> Tensor:
        normed = self.norm2(x)
        y = cast(Tensor, self.mlp(normed))
        return x + (y + 0.5 * self.get_submodule(f"MLP_{adapter}_Adapter")(normed) if adapter else y)

    def _asked(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the attention (B, N) of a token (B, 1, D) to the others, as the mean over the heads."""
        size = q.shape[-1] // self.heads
        q, k = (x.reshape(len(x), -1, self.heads, size).transpose(1, 2) for x in (q, k))
        shares: Tensor = (q @ k.transpose(2, 3) * size**-0.5).softmax(-1).mean(1)[:, 0]
        return shares


class Backbone(nn.Module):
    """Encodes images of two sensors to one feature map."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, self.config = config.width, config
        self.pos_embed_z = nn.Parameter(torch.zeros(1, config.template**2, width))
        self.pos_embed_x = nn.Parameter(torch.zeros(1, config.search**2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.patch_embed_multimodal = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.blocks = nn.ModuleList(PairBlock(width, _HEADS[width]) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def template_tokens(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens (B, Z, D) of both templates; ``pair`` is normalized (B, 6, h, w): color, then X."""
        return self._tokens(pair, self.pos_embed_z)

    def search_tokens(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens (B, S, D) of both search regions."""
        return self._tokens(pair, self.pos_embed_x)

    def forward(self, templates: tuple[Tensor, Tensor], searches: tuple[Tensor, Tensor]) -> Tensor:
        """Return the features (B, S, D) of the search region; dropped tokens are zero in their stream."""
        z, s = templates[0].shape[1], searches[0].shape[1]
        places = torch.arange(s, device=searches[0].device).expand(len(searches[0]), -1)
        color, other = (Stream(torch.cat(pair, 1), places) for pair in zip(templates, searches, strict=True))
        for index, module in enumerate(self.blocks):
            block, keep = cast(PairBlock, module), KEEP.get(index, 1.0)
            color = block.alone(color, "", keep=keep, template=self.config.template)
            other = block.alone(other, "X_DTE", keep=keep, template=self.config.template)
            if index in ACROSS:
                tokens = block.across(color.tokens, other.tokens)
                color, other = Stream(tokens[0], color.places), Stream(tokens[1], other.places)
        maps = [_restored(stream, z, s) for stream in (color, other)]
        return cast(Tensor, self.norm((maps[0] + maps[1]) / 2))

    def _tokens(self, pair: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        color = self.patch_embed["proj"](pair[:, :3]).flatten(2).transpose(1, 2) + positions
        other = self.patch_embed_multimodal["proj"](pair[:, 3:]).flatten(2).transpose(1, 2) + positions
        return color, other


def _restored(stream: Stream, z: int, s: int) -> Tensor:
    """Return the search region's tokens (B, S, D) at their original positions; dropped tokens are zero."""
    tokens = stream.tokens[:, z:]
    index = stream.places[..., None].expand(-1, -1, tokens.shape[-1])
    return tokens.new_zeros(len(tokens), s, tokens.shape[-1]).scatter(1, index, tokens)


class SDSTrack(nn.Module):
    """The whole network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.backbone, self.box_head = Backbone(config), CenterHead(config.width, config.head)

    def forward(self, templates: tuple[Tensor, Tensor], search: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the predictions for each cell of a pair (B, 6, h, w); see ``CenterHead``."""
        features = self.backbone(templates, self.backbone.search_tokens(search))
        side = self.config.search
        return self.box_head(features.transpose(1, 2).reshape(len(search), -1, side, side))  # type: ignore[no-any-return]
