"""The whole network: one set of weights for tracking (search region) and grounding (letter-boxed frame)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.training.models.fusion import ChannelSelfAttention, CrossLayer, MemoryWriter, SelectedLayer
from edgetrack.training.models.heads import Heads
from edgetrack.training.models.neck import Neck
from edgetrack.training.models.selection import TokenSelect, gather_tokens, restore_tokens
from edgetrack.training.models.trunk import MobileNetV2

TEXT_WIDTH = 384  # of the MiniLM tokens
TEMPLATE_TOKENS = 64


class EdgetrackNet(nn.Module):
    """Template and text are encoded once per target; ``search`` runs on every frame.

    Images are (B, 3, S, S) RGB in -1..1: template 128, search 256, grounding 320 pixels. What ``template`` and
    ``prompt`` return is cached by the caller: ``memory`` (B, 4, T, D) holds keys and values of both layers.
    """

    def __init__(self, *, width: int = 192, keep: int = 128, frozen_blocks: int = 10) -> None:
        super().__init__()
        self.frozen_blocks = frozen_blocks
        self.trunk = MobileNetV2()
        self.neck = Neck(width)
        self.in_target = nn.Parameter(torch.randn(width) * 0.2)
        self.template_memory = MemoryWriter(width)
        self.correlate = nn.Linear(width, 64, bias=False)
        self.correlation = nn.Linear(TEMPLATE_TOKENS, width)
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
        nn.init.zeros_(self.text_film.weight)
        nn.init.zeros_(self.text_film.bias)
        # queries and template keys start equal, so that attention starts as a search for what looks alike
        self.template_memory.project.weight.data[:width] = self.cross.query.weight.data

    def features(self, image: Tensor) -> Tensor:
        """(B, D, S/16, S/16). The first ``frozen_blocks`` blocks of the trunk get no gradient."""
        with torch.no_grad():
            stride8, middle = self.trunk.lower(image, self.frozen_blocks)
        return self.neck(image, stride8, *self.trunk.upper(middle, self.frozen_blocks))  # type: ignore[no-any-return]

    def template(self, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Encodes the target's picture.

        ``target`` (B, 1, 8, 8): share of each cell that the target's box covers. Returns ``memory`` (B, 4, 64, D),
        ``anchor`` (B, 64, 64): unit tokens for the pixel-wise correlation, ``prototype`` (B, D): unit length.
        """
        tokens = self.features(image).flatten(2).transpose(1, 2)
        share = target.flatten(1)[..., None]
        mean = (tokens * share).sum(1) / share.sum(1).clamp(min=1e-3)
        return {
            "memory": self.template_memory(tokens + share * self.in_target),
            "anchor": F.normalize(self.correlate(tokens), dim=-1),
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

    def search(
        self,
        image: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        film: Tensor,
        anchor: Tensor,
        prototypes: Tensor,
    ) -> dict[str, Tensor]:
        """Looks for the target in a search region or a whole frame.

        ``memory`` (B, 4, 64 + T, D), template first; ``memory_mask`` (B, 64 + T); ``film`` (B, 2, D), zeros without
        text; ``anchor`` (B, 64, 64), zeros without template; ``prototypes`` (B, 2, D), zeros where absent.
        Returns what ``Heads`` returns and ``margin`` (B, N) of the token selection.
        """
        grid = self.features(image)
        side = grid.shape[-1]
        tokens = grid.flatten(2).transpose(1, 2)
        correlation = F.normalize(self.correlate(tokens), dim=-1) @ anchor.transpose(1, 2)
        tokens = tokens * (1.0 + film[:, :1]) + film[:, 1:] + self.correlation(correlation)
        tokens = self.cross(tokens, memory, memory_mask, side)
        indices, gate, margin = self.select(tokens, prototypes)
        chosen = gather_tokens(tokens, indices)
        update = self.selected(chosen, memory, memory_mask) - chosen
        tokens = restore_tokens(tokens, chosen + gate[..., None] * update, indices)
        tokens = self.channels(tokens)
        return {**self.heads(tokens.transpose(1, 2).unflatten(-1, (side, side))), "margin": margin}
