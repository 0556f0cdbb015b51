"""The whole network: one set of weights for tracking (search region) and grounding (letter-boxed frame)."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.errors import ConfigError
from edgetrack.network.fusion import ChannelSelfAttention, CrossLayer, MemoryWriter, SelectedLayer
from edgetrack.network.heads import Heads
from edgetrack.network.neck import Neck
from edgetrack.network.selection import TokenSelect, token_restore
from edgetrack.network.trunk import MobileNetV2

TEXT_WIDTH = 384  # width of the MiniLM tokens
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
        # queries and template keys start equal, so that attention starts as a search for similar appearance
        self.template_memory.project.weight.data[:width] = self.cross.query.weight.data
        self.freeze(frozen_blocks)

    def freeze(self, blocks: int) -> None:
        """Freeze the stem and the first ``blocks`` (6..12) blocks of the trunk; the others are trained."""
        self.frozen_blocks = blocks
        self.trunk.stem.requires_grad_(False)
        for i, block in enumerate(self.trunk.blocks):
            block.requires_grad_(i >= blocks)

    def train_only(self, parts: Collection[str]) -> None:
        """Freeze all parameters but those of ``parts``: names of attributes, such as ``heads``.

        Raises:
            ConfigError: The network has no such part.
        """
        known = {name.partition(".")[0] for name, _ in self.named_parameters()}
        if unknown := sorted(set(parts) - known):
            raise ConfigError(
                f"the network has no part {unknown[0]!r} to train; its parts are {sorted(known)}"
            )
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.partition(".")[0] in parts)

    def features(self, image: Tensor) -> Tensor:
        """Return features (B, D, S/16, S/16)."""
        return self.neck(image, *self.trunk(image))  # type: ignore[no-any-return]

    def template(self, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Encode the image of the target.

        ``target`` (B, 1, 8, 8) is the fraction of each cell that the target's box covers. Return ``memory``
        (B, 4, 64, D); ``anchor`` (B, 64, 64), unit tokens for the pixel-wise correlation; ``prototype`` (B, D), of unit
        length; and ``prompts`` (B, 3, 64): normalized means of the anchor inside and around the target, and zeros for
        the distractor, which is not known yet.
        """
        return self.remember(self.features(image), target)

    def remember(self, grid: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Do the part of ``template`` after the features (B, D, 8, 8)."""
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
        """Encode the sentence from MiniLM tokens (B, T, 384) and mask (B, T), 1 = word piece.

        Return ``memory`` (B, 4, T, D); ``film`` (B, 2, D), scale - 1 and shift; ``prototype`` (B, D), of unit length.
        """
        tokens = tokens * mask[..., None]
        sentence = tokens.sum(1) / mask.sum(1, keepdim=True).clamp(min=1.0)
        return {
            "memory": self.text_memory(self.text_adapter(tokens)),
            "film": self.text_film(sentence).unflatten(-1, (2, -1)),
            "prototype": F.normalize(self.text_prototype(sentence), dim=-1),
        }

    def embed(self, grid: Tensor) -> Tensor:
        """Return unit tokens (B, N, 64) of features (B, D, S, S), in the space of ``anchor`` and ``prompts``."""
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
        """Search for the target in a search region or a whole frame.

        ``memory`` (B, 4, 64 + T, D), template first; ``memory_mask`` (B, 64 + T); ``film`` (B, 2, D), zeros without
        text; ``anchor`` (B, 64, 64) and ``prompts`` (B, 3, 64), zeros without template; ``prototypes`` (B, 2, D),
        zeros where absent. Return the outputs of ``Heads``, ``margin`` (B, N) and ``count`` (B) of the token selection,
        and ``embedding`` (B, N, 64), with which a tracker updates its prompts.
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
        """Do the part of ``search`` after the features and their embedding."""
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
        """Run the second layer on the selected ones of tokens (B, N, D); also return margins (B, N) and count (B)."""
        kept = self.select(tokens, prototypes)
        update = self.selected(kept.tokens, memory, memory_mask) - kept.tokens
        refined = token_restore(tokens, kept.tokens + kept.gates[..., None] * update, kept.indices)
        return refined, kept.margins, kept.above


def contrasts(embedding: Tensor, prompts: Tensor) -> Tensor:
    """Compare tokens (B, N, 64) with prompts (B, 3, 64): three cosines, and the target's softmax probability.

    A prompt of zeros is absent and has no part in the softmax. If all are absent, the result is zero.
    """
    cosine = embedding @ prompts.transpose(1, 2)
    known = (prompts * prompts).sum(-1).clamp(0.0, 1.0)  # prompts have unit or zero length
    share = torch.softmax(_SHARP * (cosine - 4.0 * (1.0 - known[:, None, :])), dim=-1)[..., :1]
    return torch.cat((cosine, share * known[:, None, :1]), dim=-1)
