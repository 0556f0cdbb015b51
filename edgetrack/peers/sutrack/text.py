"""SUTrack's text encoder in PyTorch: CLIP's text encoder and one linear layer."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.peers.layers import attend
from edgetrack.peers.sutrack.config import Config


class TextAttention(nn.Module):
    """Causal attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        return cast(Tensor, self.out_proj(attend(q, k, v, self.heads, bias)))


class TextBlock(nn.Module):
    """A pre-norm block: attention and perceptron with residual connections."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = TextAttention(width, heads)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return the tokens (B, T, D) after the block; ``bias`` (T, T) is added to the attention logits."""
        x = x + cast(Tensor, self.attn(self.ln_1(x), bias))
        hidden = self.mlp["c_fc"](self.ln_2(x))
        gated = hidden * torch.sigmoid(1.702 * hidden)  # CLIP's approximation of GELU
        return x + cast(Tensor, self.mlp["c_proj"](gated))


class Clip(nn.Module):
    """The text encoder of CLIP (Radford et al., 2021)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.text_width
        self.token_embedding = nn.Embedding(config.vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.zeros(config.text_length, width))
        blocks = [TextBlock(width, config.text_heads) for _ in range(config.text_depth)]
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(blocks)})
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.zeros(width, config.text_output))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the features of sentences, (B, E), taken from the last token of ``ids``, int64 (B, T)."""
        x = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        places = torch.arange(ids.shape[1], device=ids.device)
        later = (places[None, :] > places[:, None]).to(x.dtype) * -1e10
        for block in cast(nn.ModuleList, self.transformer["resblocks"]):
            x = block(x, later)
        return cast(Tensor, self.ln_final(x[:, -1])) @ self.text_projection


class TextEncoder(nn.Module):
    """Encodes the ids of a sentence to its token for the image encoder."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.clip, self.text_proj = Clip(config), nn.Linear(config.text_output, config.width)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the token (B, 1, D) of ids (B, T); a target without a sentence has a single id 0."""
        return cast(Tensor, self.text_proj(self.clip(ids)))[:, None]
