"""The whole network: one set of weights for tracking (search region) and grounding (letter-boxed frame)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.fusion import ChannelSelfAttention, CrossLayer, MemoryWriter, SelectedLayer
from edgetrack.network.heads import Heads
from edgetrack.network.neck import Neck
from edgetrack.network.selection import TokenSelect, token_restore
from edgetrack.network.trunk import MobileNetV2

TEXT_WIDTH = 384  # of the MiniLM tokens
TEMPLATE_TOKENS = 64
PROMPTS = 3  # target, background, distractor
_SHARP = 14.0  # inverse temperature of the prompts' softmax (Ma et al., UVLTrack, AAAI 2024, section 3.4)


class EdgetrackNet(nn.Module):
    """Template and text are encoded once per target; ``search`` runs on every frame.

    Images are (B, 3, S, S) RGB in -1..1: template 128, search 256, grounding 320 pixels. What ``template`` and
    ``prompt`` return is cached by the caller: ``memory`` (B, 4, T, D) holds keys and values of both layers.
    """

    def __init__(self, *, width: int = 192, keep: int = 128, frozen_blocks: int = 10) -> None:
        super().__init__()
        self.trunk = MobileNetV2()
        self.neck = Neck(width)
        self.in_target = nn.Parameter(torch.randn(width) * 0.2)
        self.template_memory = MemoryWriter(width)
        self.correlate = nn.Linear(width, 64, bias=False)
        self.correlation = nn.Linear(TEMPLATE_TOKENS, width)
        self.contrast = nn.Linear(PROMPTS + 1, width, bias=False)
        self.template_prototype = nn.Linear(width, width, bias=False)
        self.text_adapter = nn.Linear(TEXT_WIDTH, width)
        self.text_memory = MemoryWriter(width)
        self.text_film = nn.Linear(TEXT_WIDTH, 2 * width)
        self.text_prototype = nn.Linear(TEXT_WIDTH, width, bias=False)
        self.cross = CrossLayer(width)
        self.select = TokenSelect(width, keep)
        self.selected = SelectedLayer(width)
        self.channels = ChannelSelfAttention(width)
        self.heads = Heads(width)
        nn.init.zeros_(self.contrast.weight)
        nn.init.zeros_(self.text_film.weight)
        nn.init.zeros_(self.text_film.bias)
        # queries and template keys start equal, so that attention starts as a search for what looks alike
        self.template_memory.project.weight.data[:width] = self.cross.query.weight.data
        self.freeze(frozen_blocks)

    def freeze(self, blocks: int) -> None:
        """Leaves the stem and the first ``blocks`` (6..12) blocks of the trunk as they are; the others learn."""
        self.frozen_blocks = blocks
        self.trunk.stem.requires_grad_(False)
        for i, block in enumerate(self.trunk.blocks):
            block.requires_grad_(i >= blocks)

    def features(self, image: Tensor) -> Tensor:
        """(B, D, S/16, S/16)."""
        return self.neck(image, *self.trunk(image))  # type: ignore[no-any-return]

    def template(self, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Encodes the target's picture.

        ``target`` (B, 1, 8, 8): share of each cell that the target's box covers. Returns ``memory`` (B, 4, 64, D),
        ``anchor`` (B, 64, 64): unit tokens for the pixel-wise correlation, ``prototype`` (B, D): unit length, and
        ``prompts`` (B, 3, 64): unit means of the anchor in the target and around it, and zeros: no distractor yet.
        """
        return self.remember(self.features(image), target)

    def remember(self, grid: Tensor, target: Tensor) -> dict[str, Tensor]:
        """``template`` from the features (B, D, 8, 8) on."""
        tokens = grid.flatten(2).transpose(1, 2)
        share = target.flatten(1)[..., None]
        mean = (tokens * share).sum(1) / share.sum(1).clamp(min=1e-3)
        anchor = F.normalize(self.correlate(tokens), dim=-1)
        prompts = torch.stack(((anchor * share).sum(1), (anchor * (1 - share)).sum(1)), 1)
        return {
            "memory": self.template_memory(tokens + share * self.in_target),
            "anchor": anchor,
            "prompts": F.pad(F.normalize(prompts, dim=-1), (0, 0, 0, 1)),
            "prototype": F.normalize(self.template_prototype(mean), dim=-1),
        }

    def prompt(self, tokens: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Encodes the sentence from MiniLM tokens (B, T, 384) and mask (B, T), 1 = word piece.

        Returns ``memory`` (B, 4, T, D), ``film`` (B, 2, D): scale - 1 and shift, ``prototype`` (B, D): unit length.
        """
        tokens = tokens * mask[..., None]
        sentence = tokens.sum(1) / mask.sum(1, keepdim=True).clamp(min=1.0)
        return {
            "memory": self.text_memory(self.text_adapter(tokens)),
            "film": self.text_film(sentence).unflatten(-1, (2, -1)),
            "prototype": F.normalize(self.text_prototype(sentence), dim=-1),
        }

    def embed(self, grid: Tensor) -> Tensor:
        """Unit tokens (B, N, 64) of features (B, D, S, S): the space of ``anchor`` and ``prompts``."""
        return F.normalize(self.correlate(grid.flatten(2).transpose(1, 2)), dim=-1)

    def search(
        self,
        image: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        film: Tensor,
        anchor: Tensor,
        prompts: Tensor,
        prototypes: Tensor,
    ) -> dict[str, Tensor]:
        """Looks for the target in a search region or a whole frame.

        ``memory`` (B, 4, 64 + T, D), template first; ``memory_mask`` (B, 64 + T); ``film`` (B, 2, D), zeros without
        text; ``anchor`` (B, 64, 64) and ``prompts`` (B, 3, 64), zeros without template; ``prototypes`` (B, 2, D),
        zeros where absent. Returns what ``Heads`` returns, ``margin`` (B, N) and ``count`` (B) of the token selection,
        and ``embedding`` (B, N, 64), from which a tracker refreshes its prompts.
        """
        grid = self.features(image)
        return self.find(grid, self.embed(grid), memory, memory_mask, film, anchor, prompts, prototypes)

    def find(
        self,
        grid: Tensor,
        embedding: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        film: Tensor,
        anchor: Tensor,
        prompts: Tensor,
        prototypes: Tensor,
    ) -> dict[str, Tensor]:
        """``search`` from the features and their embedding on."""
        side = grid.shape[-1]
        tokens = grid.flatten(2).transpose(1, 2)
        correlation = self.correlation(embedding @ anchor.transpose(1, 2))
        contrast = self.contrast(contrasts(embedding, prompts))
        tokens = tokens * (1.0 + film[:, :1]) + film[:, 1:] + correlation + contrast
        tokens = self.cross(tokens, memory, memory_mask, side)
        tokens, margin, count = self.refine(tokens, memory, memory_mask, prototypes)
        tokens = self.channels(tokens)
        heads = self.heads(tokens.transpose(1, 2).unflatten(-1, (side, side)))
        return {**heads, "margin": margin, "count": count, "embedding": embedding}

    def refine(
        self, tokens: Tensor, memory: Tensor, memory_mask: Tensor, prototypes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The second layer for the tokens (B, N, D) that are worth it; also margins (B, N) and count (B) of these."""
        kept = self.select(tokens, prototypes)
        update = self.selected(kept.tokens, memory, memory_mask) - kept.tokens
        refined = token_restore(tokens, kept.tokens + kept.gates[..., None] * update, kept.indices)
        return refined, kept.margins, kept.above


def contrasts(embedding: Tensor, prompts: Tensor) -> Tensor:
    """What tokens (B, N, 64) have of prompts (B, 3, 64): three cosines and the softmax share of the target.

    A prompt of zeros is absent: it takes no share. Without any the result is zero.
    """
    cosine = embedding @ prompts.transpose(1, 2)
    known = (prompts * prompts).sum(-1).clamp(0.0, 1.0)  # prompts have unit or zero length
    share = torch.softmax(_SHARP * (cosine - 4.0 * (1.0 - known[:, None, :])), dim=-1)[..., :1]
    return torch.cat((cosine, share * known[:, None, :1]), dim=-1)
