"""LiteTrack-B in PyTorch, as its README describes it, on the layers of UVLTrack.

https://github.com/yll1214/LiteTrack at c371af53. What the published code does instead, and its checkpoints, are another
network: its token selection drops nothing, its channel attention ignores the masks, and its text layers are drawn anew
in every call. Here

- search tokens that look neither like the template nor like the sentence are dropped before the six layers in which
  picture and sentence meet, by cosine similarity and a learned threshold that depends on the frame;
- each of these six layers ends with attention between channels, over the tokens that its masks leave;
- the sentence goes through a small product of two linear layers after BERT, beside its input;
- `freeze` holds the lower layers, as many as the schedule of training says.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.selection import Selection, TokenSelect, token_restore
from edgetrack.peers.layers import Block
from edgetrack.peers.uvltrack.network import BOX, GROUNDING, Backbone, Config, Features, UVLTrack

KEEP = 128  # of the 256 search tokens
_NARROW = 16  # channels of a token over those that the small layers work on


class ChannelAttention(nn.Module):
    """Attention between a few channels, over the tokens that are not masked (cross-covariance, XCiT, section 3).

    It starts as the identity.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = width // _NARROW
        self.project = nn.Linear(width, 3 * narrow, bias=False)
        self.temperature = nn.Parameter(torch.ones(()))
        self.out = nn.Linear(narrow, width)
        _zero(self.out)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The tokens (B, N, D) after it; those of ``mask``, bool (B, N), say nothing to the others."""
        seen = self.project(x)
        if mask is not None:
            seen = seen.masked_fill(mask[..., None], 0.0)
        query, key, value = seen.transpose(1, 2).chunk(3, 1)  # each (B, D / 16, N)
        logits = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(1, 2)
        mixed = (logits * self.temperature).softmax(-1) @ value
        return x + cast(Tensor, self.out(mixed.transpose(1, 2)))


class TextEnhancement(nn.Module):
    """Tokens of a sentence and the product of two views of them. It starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = width // _NARROW
        self.one, self.two = nn.Linear(width, narrow), nn.Linear(width, narrow)
        self.out = nn.Linear(narrow, width)
        _zero(self.out)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.out(self.one(x) * self.two(x)))


class LiteBackbone(Backbone):
    """UVLTrack's backbone, which drops search tokens in the middle.

    Args:
        config: its sizes.
        keep: search tokens that go on.
    """

    def __init__(self, config: Config, keep: int) -> None:
        super().__init__(config)
        self.select = TokenSelect(config.width, keep, projected=False)
        self.enhance = TextEnhancement(config.width)
        self.channels = nn.ModuleList(
            ChannelAttention(config.width) for _ in range(config.depth - config.text_layers)
        )
        # In the checkpoint, so that an export keeps as many as the run did.
        self.register_buffer("keep", torch.tensor(keep))

    def text_tokens(self, ids: Tensor, bias: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.enhance(self.bert(ids, bias)))

    def encoded(self, search: Tensor, template: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.fused(search, template, text)[:3]

    def fused(
        self, search: Tensor, template: Tensor, text: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Selection]:
        """Search (B, S, D), template (B, 1 + Z or 0, D) and text (B, T or 0, D) after all layers, and the selection.

        Args:
            search: patches with their positions.
            template: the token of the picture and its patches with their positions.
            text: what ``text_tokens`` gives.
            mask: bool (B, 1 + Z + T), tokens of template and text that are ignored.
        """
        z, own = template.shape[1], len(cast(nn.ModuleList, self.bert.encoder["layer"]))
        blocks = [cast(Block, block) for block in self.vit.blocks]
        image = torch.cat([template, search], 1)
        alone = None if mask is None else _with_search(mask, z, search)[:, : image.shape[1]]
        for block in blocks[:own]:
            image = block(image, alone)
        template, search = image[:, :z], image[:, z:]
        chosen = self.select(search, _prototypes(template, text, mask))
        tokens, kept = torch.cat([template, chosen.tokens], 1), chosen.tokens.shape[1]
        both = None if mask is None else _with_search(mask, z, chosen.tokens)
        for block, channels in zip(blocks[own:], self.channels, strict=True):
            parts = [tokens + self.vit.modal_embed[0], text + self.vit.modal_embed[1]]
            joined = channels(block(torch.cat(parts, 1), both), both)
            tokens, text = joined[:, : z + kept], joined[:, z + kept :]
        updated = chosen.tokens + chosen.gates[..., None] * (tokens[:, z:] - chosen.tokens)
        return token_restore(search, updated, chosen.indices), tokens[:, :z], text, chosen

    def features(
        self, template: Tensor, search: Tensor, ids: Tensor, words: Tensor, flag: Tensor
    ) -> tuple[Features, Selection]:
        """Features of a batch of pairs, see `Backbone.forward`, and what was selected."""
        first = self.vit.template_tokens(template)
        ignored = (flag == GROUNDING)[:, None].expand(-1, first.shape[1])
        mask = torch.cat([ignored, (words == 0) | (flag == BOX)[:, None]], 1)
        text = self.text_tokens(ids, (1.0 - words.float())[:, None, None] * -10000.0)
        found, first, text, chosen = self.fused(self.vit.search_tokens(search), first, text, mask)
        return Features(found, first[:, 1:], first[:, :1], text), chosen

    def forward(self, template: Tensor, search: Tensor, ids: Tensor, words: Tensor, flag: Tensor) -> Features:
        return self.features(template, search, ids, words, flag)[0]


class LiteTrack(UVLTrack):
    """All of it; ``edgetrack.peers.litetrack.graphs`` cuts it into graphs that run at different times.

    Args:
        config: its sizes.
        keep: search tokens that go on, at most all of them.
    """

    backbone: LiteBackbone

    def __init__(self, config: Config, keep: int = KEEP) -> None:
        super().__init__(config, LiteBackbone(config, min(keep, config.search**2)))

    def freeze(self, blocks: int) -> None:
        """Hold the lowest ``blocks`` layers of the ViT but for their norms, and what is below them; all else learns.

        Always held are patches and positions, and of BERT its words and the first layer.
        """
        vit, bert = self.backbone.vit, self.backbone.bert
        self.requires_grad_(True)
        vit.pos_embed_x.requires_grad_(False)
        vit.pos_embed_z.requires_grad_(False)
        held = [vit.patch_embed, bert.embeddings, cast(nn.ModuleList, bert.encoder["layer"])[0]]
        for block in list(vit.blocks)[:blocks]:
            held += [block.get_submodule("attn"), block.get_submodule("mlp")]
        for part in held:
            part.requires_grad_(False)


def _with_search(mask: Tensor, z: int, search: Tensor) -> Tensor:
    """The mask (B, z + N + T) of template, search tokens (B, N, D), which are never ignored, and text."""
    return torch.cat([mask[:, :z], mask.new_zeros(search.shape[:2]), mask[:, z:]], 1)


def _prototypes(template: Tensor, text: Tensor, mask: Tensor | None) -> Tensor:
    """What search tokens are compared with: the tokens (B, 1, D) that stand for template and sentence.

    Of unit length; zeros where ``mask`` ignores them.
    """
    first = torch.cat([template[:, :1], text[:, :1]], 1)
    if mask is not None:
        ignored = torch.stack([mask[:, 0], mask[:, template.shape[1]]], 1)
        first = first.masked_fill(ignored[..., None], 0.0)
    return F.normalize(first, dim=-1)


def _zero(layer: nn.Linear) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
