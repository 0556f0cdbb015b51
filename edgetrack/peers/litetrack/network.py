"""LiteTrack-B in PyTorch, as described in its README, with the layers of UVLTrack.

https://github.com/yll1214/LiteTrack at c371af53. The published code and its checkpoints are a different network: its
token selection drops nothing, its channel attention ignores the masks, and its text layers are initialized randomly in
every call. Here

- search tokens that look neither like the template nor like the sentence are dropped before the six layers in which
  image and sentence are fused, by cosine similarity and a learned threshold that depends on the frame;
- each of these six layers ends with attention between channels, over the tokens that its masks leave;
- after BERT, the product of two small linear layers is added to the sentence's tokens;
- `freeze` freezes the lower layers, as many as the training schedule says.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.selection import Selection, TokenSelect, token_restore
from edgetrack.peers.layers import Block
from edgetrack.peers.uvltrack.network import BOX, GROUNDING, Backbone, Config, Features, UVLTrack

KEEP = 128  # number of the 256 search tokens that are kept
_NARROW = 16  # ratio of the channels of a token to those of the small layers


class ChannelAttention(nn.Module):
    """Attention between a few channels, over the unmasked tokens (cross-covariance, XCiT, section 3).

    It is initialized as the identity.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = width // _NARROW
        self.project = nn.Linear(width, 3 * narrow, bias=False)
        self.temperature = nn.Parameter(torch.ones(()))
        self.out = nn.Linear(narrow, width)
        _zero(self.out)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the tokens (B, N, D); those in ``mask``, bool (B, N), do not affect the others."""
        seen = self.project(x)
        if mask is not None:
            seen = seen.masked_fill(mask[..., None], 0.0)
        query, key, value = seen.transpose(1, 2).chunk(3, 1)  # each (B, D / 16, N)
        logits = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(1, 2)
        mixed = (logits * self.temperature).softmax(-1) @ value
        return x + cast(Tensor, self.out(mixed.transpose(1, 2)))


class TextEnhancement(nn.Module):
    """Adds the product of two linear layers to the tokens of a sentence. It is initialized as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = width // _NARROW
        self.one, self.two = nn.Linear(width, narrow), nn.Linear(width, narrow)
        self.out = nn.Linear(narrow, width)
        _zero(self.out)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.out(self.one(x) * self.two(x)))


class LiteBackbone(Backbone):
    """UVLTrack's backbone, which drops search tokens halfway.

    Args:
        config: sizes of the network.
        keep: number of search tokens to keep.
    """

    def __init__(self, config: Config, keep: int) -> None:
        super().__init__(config)
        self.select = TokenSelect(config.width, keep, projected=False)
        self.enhance = TextEnhancement(config.width)
        self.channels = nn.ModuleList(
            ChannelAttention(config.width) for _ in range(config.depth - config.text_layers)
        )
        # Stored in the checkpoint, so that an export keeps as many as the training did.
        self.register_buffer("keep", torch.tensor(keep))

    def text_tokens(self, ids: Tensor, bias: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.enhance(self.bert(ids, bias)))

    def encoded(self, search: Tensor, template: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.fused(search, template, text)[:3]

    def fused(
        self, search: Tensor, template: Tensor, text: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Selection]:
        """Return search (B, S, D), template (B, 1 + Z or 0, D), text (B, T or 0, D) after all layers, and selection.

        Args:
            search: patches with position embeddings.
            template: the class token of the image, and its patches with position embeddings.
            text: output of ``text_tokens``.
            mask: bool (B, 1 + Z + T), tokens of template and text to ignore.
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
        """Return the features of a batch of pairs, see `Backbone.forward`, and the selection."""
        first = self.vit.template_tokens(template)
        ignored = (flag == GROUNDING)[:, None].expand(-1, first.shape[1])
        mask = torch.cat([ignored, (words == 0) | (flag == BOX)[:, None]], 1)
        text = self.text_tokens(ids, (1.0 - words.float())[:, None, None] * -10000.0)
        found, first, text, chosen = self.fused(self.vit.search_tokens(search), first, text, mask)
        return Features(found, first[:, 1:], first[:, :1], text), chosen

    def forward(self, template: Tensor, search: Tensor, ids: Tensor, words: Tensor, flag: Tensor) -> Features:
        return self.features(template, search, ids, words, flag)[0]


class LiteTrack(UVLTrack):
    """The whole network; ``edgetrack.peers.litetrack.graphs`` splits it into graphs that run at different times.

    Args:
        config: sizes of the network.
        keep: number of search tokens to keep, at most all.
    """

    backbone: LiteBackbone

    def __init__(self, config: Config, keep: int = KEEP) -> None:
        super().__init__(config, LiteBackbone(config, min(keep, config.search**2)))

    def freeze(self, blocks: int) -> None:
        """Freeze the lowest ``blocks`` layers of the ViT, except for their norms, and everything below them.

        Patch and position embeddings, and BERT's word embeddings and first layer, are always frozen.
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
    """Return the mask (B, z + N + T) of template, search and text; search tokens (B, N, D) are never ignored."""
    return torch.cat([mask[:, :z], mask.new_zeros(search.shape[:2]), mask[:, z:]], 1)


def _prototypes(template: Tensor, text: Tensor, mask: Tensor | None) -> Tensor:
    """Return the prototypes that search tokens are compared with: one token (B, 1, D) each for template and sentence.

    They have unit length, and are zero if ``mask`` ignores them.
    """
    first = torch.cat([template[:, :1], text[:, :1]], 1)
    if mask is not None:
        ignored = torch.stack([mask[:, 0], mask[:, template.shape[1]]], 1)
        first = first.masked_fill(ignored[..., None], 0.0)
    return F.normalize(first, dim=-1)


def _zero(layer: nn.Linear) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
