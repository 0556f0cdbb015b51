"""SDSTrack (Hou et al., CVPR 2024) in PyTorch: names of layers are those of the published checkpoint.

A ViT reads color; the same ViT with adapters reads depth, heat or events (X); in four of its blocks the two ask each
other, through adapters again. Cells of the search region that the target asks least about are dropped on the way.
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

KEEP = {3: 0.7, 6: 0.7, 9: 0.7}  # share of the search region's tokens that a block keeps, in each stream
ACROSS = (3, 6, 9, 11)  # blocks after which the streams ask each other
_HEADS = {768: 12, 64: 4}  # of attention, by width; 64 is the small variant of the tests


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes of a variant."""

    width: int = 768
    depth: int = 12
    template: int = 8  # cells of 16 pixels, a side
    search: int = 16
    head: int = 256  # channels of the first layer of the head

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Config:
        """The variant of a checkpoint, by the shapes of its tensors.

        Raises:
            KeyError, ValueError: it is none of SDSTrack's.
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
    places: Tensor  # int64 (B, K): which cells of the search region are left


class Adapter(nn.Module):
    """A perceptron that is narrow in the middle; "Space" ones are added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.D_fc1, self.D_fc2 = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.D_fc2(F.gelu(self.D_fc1(x))))


class PairBlock(Block):
    """A block of the vision transformer with the adapters of X, and those of the exchange."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        for name in ("MLP_X_DTE", "Space_X_DTE", "MLP_X_X_DTE", "Space_X_X_DTE"):
            self.add_module(f"{name}_Adapter", Adapter(width))

    def alone(self, stream: Stream, adapter: str, *, keep: float, template: int) -> Stream:
        """A stream after it.

        Args:
            stream: of a sensor.
            adapter: "X_DTE" for that of X, empty for color.
            keep: share of the search region's tokens that go on.
            template: cells of the template, a side; the one left above its middle says what is dropped.
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
        """The tokens of both streams after each has asked the other, and nothing of its own."""
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
        """How much a token (B, 1, D) asks each of the others, (B, N): the mean over the heads."""
        size = q.shape[-1] // self.heads
        q, k = (x.reshape(len(x), -1, self.heads, size).transpose(1, 2) for x in (q, k))
        shares: Tensor = (q @ k.transpose(2, 3) * size**-0.5).softmax(-1).mean(1)[:, 0]
        return shares


class Backbone(nn.Module):
    """Pictures of two sensors to one map of features."""

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
        """The tokens (B, Z, D) of both templates; ``pair`` is normalized (B, 6, h, w): color, then X."""
        return self._tokens(pair, self.pos_embed_z)

    def search_tokens(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens (B, S, D) of both search regions."""
        return self._tokens(pair, self.pos_embed_x)

    def forward(self, templates: tuple[Tensor, Tensor], searches: tuple[Tensor, Tensor]) -> Tensor:
        """Features (B, S, D) of the search region; what was dropped is zero in its stream."""
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
    """The search region's tokens (B, S, D) at their places; zero where they were dropped."""
    tokens = stream.tokens[:, z:]
    index = stream.places[..., None].expand(-1, -1, tokens.shape[-1])
    return tokens.new_zeros(len(tokens), s, tokens.shape[-1]).scatter(1, index, tokens)


class SDSTrack(nn.Module):
    """All of it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.backbone, self.box_head = Backbone(config), CenterHead(config.width, config.head)

    def forward(self, templates: tuple[Tensor, Tensor], search: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What each cell of a pair (B, 6, h, w) says: see ``CenterHead``."""
        features = self.backbone(templates, self.backbone.search_tokens(search))
        side = self.config.search
        return self.box_head(features.transpose(1, 2).reshape(len(search), -1, side, side))  # type: ignore[no-any-return]
