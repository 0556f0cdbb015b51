"""SUTrack (Chen et al., AAAI 2025) in PyTorch; the names of layers are those in the published checkpoint.

Fast-iTPN encodes six channels, color and X, in three stages: two convolutional stages for template and search region
separately, and one with attention over both and the sentence's token, which is computed by CLIP's text encoder.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.peers.layers import CenterHead, attend
from edgetrack.peers.sutrack.config import Config
from edgetrack.peers.sutrack.text import TextEncoder

_PIXELS = 4  # side of the patch of one cell in the first stage


def layer_norm(width: int) -> nn.LayerNorm:
    """Return the norm that all layers of Fast-iTPN use."""
    return nn.LayerNorm(width, eps=1e-6)


class CellBlock(nn.Module):
    """A perceptron for each cell, as 1x1 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm2 = layer_norm(width)
        self.mlp = nn.ModuleDict(
            {
                "fc1": nn.Conv2d(width, 3 * width, 1),
                "ffn_ln": layer_norm(3 * width),
                "fc2": nn.Conv2d(3 * width, width, 1),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the cells (B, h, w, D) after the block."""
        hidden = self.mlp["ffn_ln"](F.gelu(self._each("fc1", self.norm2(x))))
        return x + self._each("fc2", hidden)

    def _each(self, name: str, x: Tensor) -> Tensor:
        layer = cast(nn.Conv2d, self.mlp[name])
        return F.linear(x, layer.weight.flatten(1), layer.bias)


class Merge(nn.Module):
    """Merges four cells into one of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = layer_norm(width)
        self.reduction = nn.Conv2d(width, 2 * width, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Merge cells (B, h, w, D) to (B, h / 2, w / 2, 2 * D)."""
        merged: Tensor = self.reduction(self.norm(x).permute(0, 3, 1, 2))
        return merged.permute(0, 2, 3, 1)


class Attention(nn.Module):
    """Multi-head attention with 64 channels per head; keys have no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj"):
            self.add_module(name, nn.Linear(width, width, bias=False))
        self.q_bias, self.v_bias = (nn.Parameter(torch.zeros(width)) for _ in range(2))
        self.proj = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.get_submodule(f"{name}_proj")(x) for name in ("q", "k", "v"))
        return cast(Tensor, self.proj(attend(q + self.q_bias, k, v + self.v_bias, self.heads, None)))


class GatedMlp(nn.Module):
    """A perceptron whose hidden layer is gated (SwiGLU) and normalized."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Linear(width, 3 * width), nn.Linear(width, 3 * width)
        self.ffn_ln, self.w3 = layer_norm(3 * width), nn.Linear(3 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.w3(self.ffn_ln(F.silu(self.w1(x)) * self.w2(x))))


class Block(nn.Module):
    """Attention and perceptron, each with layer scale and a residual connection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = layer_norm(width), layer_norm(width)
        self.attn, self.mlp = Attention(width, heads), GatedMlp(width)
        self.gamma_1, self.gamma_2 = (nn.Parameter(torch.full((width,), 0.1)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens (B, N, D) after the block."""
        x = x + self.gamma_1 * cast(Tensor, self.attn(self.norm1(x)))
        return x + self.gamma_2 * cast(Tensor, self.mlp(self.norm2(x)))


class Body(nn.Module):
    """Fast-iTPN with type embeddings for target, background and search region."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, self.config = config.width, config
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, config.search**2 + config.template**2, width))
        for name in ("template_background", "template_foreground", "search"):
            self.register_parameter(f"{name}_token", nn.Parameter(torch.zeros(width)))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(6, width // 4, _PIXELS, _PIXELS)})
        blocks: list[nn.Module] = []
        for step, count in enumerate(config.stem):
            blocks += [CellBlock(width // 4 << step) for _ in range(count)]
            blocks.append(Merge(width // 4 << step))
        self.stem = len(blocks)
        blocks += [Block(width, config.heads) for _ in range(config.depth)]
        self.blocks = nn.ModuleList(blocks)
        self.fc_norm = layer_norm(width)

    def template_tokens(self, pair: Tensor, inside: Tensor) -> Tensor:
        """Return the tokens (B, Z, D) of a template.

        Args:
            pair: normalized (B, 6, h, w): color, then X.
            inside: fraction of each cell inside the target's box, 0..1, (B, Z).
        """
        background, foreground = (
            self.get_parameter(f"template_{kind}_token") for kind in ("background", "foreground")
        )
        kind = torch.lerp(background, foreground, inside[..., None])
        return self._cells(pair) + self.pos_embed[:, self.config.search**2 :] + kind

    def forward(self, pair: Tensor, target: Tensor) -> Tensor:
        """Return the features (B, S, D) of the search region.

        Args:
            pair: normalized (B, 6, h, w): color, then X.
            target: tokens (B, N, D) of templates and sentence, in any order.
        """
        cells = self.config.search**2
        search = self._cells(pair) + self.pos_embed[:, :cells] + self.get_parameter("search_token")
        tokens = torch.cat([search, target, self.cls_token.expand(len(pair), -1, -1)], 1)
        for block in self.blocks[self.stem :]:
            tokens = block(tokens)
        return cast(Tensor, self.fc_norm(tokens[:, :cells]))

    def _cells(self, pair: Tensor) -> Tensor:
        x = cast(Tensor, self.patch_embed["proj"](pair)).permute(0, 2, 3, 1)
        for block in self.blocks[: self.stem]:
            x = block(x)
        return x.flatten(1, 2)


class SUTrack(nn.Module):
    """The parts of the network that tracking uses."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = nn.ModuleDict({"body": Body(config)})
        self.text_encoder = TextEncoder(config)
        self.decoder = CenterHead(config.width, config.head)

    @property
    def body(self) -> Body:
        """Return the image encoder."""
        return cast(Body, self.encoder["body"])

    def forward(self, pair: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the predictions for each cell of a search region; see ``Body`` and ``CenterHead``."""
        side = self.config.search
        features = cast(Tensor, self.body(pair, target)).transpose(1, 2)
        return self.decoder(features.reshape(len(pair), -1, side, side))  # type: ignore[no-any-return]
