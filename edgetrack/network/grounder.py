"""The grounding network: which of an image's candidates a phrase means, and whether it means any.

Candidates are the detector's boxes (`picodet`). Each has a region embedding in the same space as embeddings of nouns,
so that any noun can be searched for. A listener then reads the whole phrase, examines each candidate, and compares the
candidates with each other by color, clothing, action, position, size, and relations such as "beside".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.network.picodet import CLASSES, STRIDES, WIDTH

TEXT = 384  # width of the frozen text encoder
SPACE = 128  # width of the space of nouns and regions
PLACES = 10  # numbers that describe a candidate's position and size


class NounSpace(nn.Module):
    """A joint space of nouns and regions; their inner product is the logit that the region shows the noun.

    It is initialized as the detector's classifier: for the class names it yields exactly the detector's logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.noun = nn.Linear(TEXT, SPACE, bias=False)
        self.region = nn.ModuleList(nn.Linear(WIDTH, SPACE) for _ in STRIDES)

    def regions(self, features: Tensor, level: Tensor) -> Tensor:
        """Embed the head's features (..., 96) of cells at pyramid levels (...); return (..., SPACE)."""
        every = torch.stack([linear(features) for linear in self.region], -2)
        index = level[..., None, None].expand(*level.shape, 1, SPACE)
        return every.gather(-2, index)[..., 0, :]

    @torch.no_grad()
    def graft(self, names: Tensor, heads: list[nn.Conv2d]) -> None:
        """Initialize from the classifiers of the four pyramid levels.

        ``names`` (80, TEXT) are the embeddings of the class names. Their projection to SPACE keeps their principal
        axes, so that the least squares solution P of names · noun · P = W reproduces the weights W of a level.
        """
        _, _, axes = torch.linalg.svd(names.double(), full_matrices=True)
        self.noun.weight.copy_(axes[:SPACE])  # axes beyond those of the names are free to learn more nouns
        inverse = torch.linalg.pinv(names.double() @ axes[:SPACE].T, rtol=1e-4)
        for linear, head in zip(self.region, heads, strict=True):
            assert isinstance(linear, nn.Linear)
            assert head.bias is not None
            linear.weight.copy_((inverse @ head.weight[:CLASSES].flatten(1).double()).float())
            linear.bias.copy_((inverse @ head.bias[:CLASSES].double()).float())


class _Attention(nn.Module):
    """Multi-head attention with a key mask, a norm in front, and a residual connection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor | None, mask: Tensor) -> Tensor:
        """``x`` (B, N, D), ``memory`` (B, M, D) or None for ``x`` itself, ``mask`` (B, M), 1 = use."""
        normed = self.norm(x)
        key, value = self.memory(normed if memory is None else memory).chunk(2, -1)
        query, key, value = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (self.query(normed), key, value)
        )
        logits = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + ((mask - 1) * 1e4)[:, None, None]
        mixed = (logits.softmax(-1) @ value).transpose(1, 2).flatten(2)
        return x + self.out(mixed)  # type: ignore[no-any-return]


class _Layer(nn.Module):
    """Cross-attention of candidates to the phrase, self-attention between candidates, then an MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.read = _Attention(width, heads)
        self.compare = _Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, valid: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        x = self.read(x, words, mask)
        x = self.compare(x, None, valid)
        return x + self.mlp(x)  # type: ignore[no-any-return]


class Listener(nn.Module):
    """Scores candidates by a phrase.

    Args:
        channels: Channels of the pooled map.
        grid: Cells of the pooled map per side.
        width: Width of the tokens.
        heads: Attention heads.
        layers: Number of layers.
    """

    def __init__(self, channels: int, grid: int, width: int = 160, heads: int = 5, layers: int = 2) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, 32, 1)
        self.look = nn.Linear(32 * grid * grid, width)
        self.region = nn.Linear(SPACE, width)
        self.place = nn.Linear(PLACES, width)
        self.noun = nn.Linear(2, width)
        self.words = nn.Sequential(nn.LayerNorm(TEXT), nn.Linear(TEXT, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)
        self.trust = nn.Parameter(torch.tensor(1.0))  # weight of the noun's own logit
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def see(self, pooled: Tensor, region: Tensor, places: Tensor) -> Tensor:
        """Encode the candidates' appearance, independent of the phrase: (B, K, width).

        ``pooled`` (B, K, C, G, G), ``region`` (B, K, SPACE), ``places`` (B, K, PLACES).
        """
        flat = F.relu(self.squeeze(pooled.flatten(0, 1))).flatten(1)
        return self.look(flat).unflatten(0, pooled.shape[:2]) + self.region(region) + self.place(places)  # type: ignore[no-any-return]

    def forward(self, seen: Tensor, valid: Tensor, nouns: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, K) that the phrase means each candidate.

        ``seen`` (B, K, width); ``valid`` (B, K); ``nouns`` (B, K, 2), logits of the head noun and of the whole phrase
        used as a noun; ``words`` (B, T, TEXT) and ``mask`` (B, T), the text encoder's tokens.
        """
        x = seen + self.noun(nouns.clamp(-12, 6) / 4)
        memory = self.words(words)
        for layer in self.layers:
            x = layer(x, valid, memory, mask)
        own = self.score(self.norm(x))[..., 0]
        return own + self.trust * nouns[..., 0].clamp(-12, 6)  # type: ignore[no-any-return]


def places(boxes: Tensor) -> Tensor:
    """Encode positions and sizes of candidates (..., 4), x1 y1 x2 y2 as image fractions: (..., PLACES)."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    w, h = (x2 - x1).clamp(min=1e-3), (y2 - y1).clamp(min=1e-3)
    center = ((x1 + x2) - 1, (y1 + y2) - 1)
    return torch.stack(
        (*center, x1, y1, x2, y2, w.log() / 2, h.log() / 2, (w * h).log() / 4, (w / h).log() / 2), -1
    )


class Grounder(nn.Module):
    """Noun space and listener over candidates; the detector in front is a separate module."""

    def __init__(self, channels: int, grid: int) -> None:
        super().__init__()
        self.space = NounSpace()
        self.listener = Listener(channels, grid)

    def forward(
        self,
        seen: Tensor,
        region: Tensor,
        valid: Tensor,
        noun: Tensor,
        phrase: Tensor,
        words: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return the listener's logits (B, K) and the head noun's logits (B, K).

        ``noun`` and ``phrase`` (B, TEXT) are the mean tokens of the head noun alone and of the whole phrase.
        """
        asked = torch.stack((self.space.noun(noun), self.space.noun(phrase)), -1)
        nouns = region @ asked
        return self.listener(seen, valid, nouns, words, mask), nouns[..., 0]
