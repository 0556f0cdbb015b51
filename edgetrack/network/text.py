"""The frozen text encoder: MiniLM (six BERT layers, 384 wide) with a pruned vocabulary, in plain PyTorch.

The weights are those of all-MiniLM-L6-v2 (Apache-2.0). ``edgetrack.training.prune_text`` cuts the
vocabulary and the positions; nothing else is changed, so that a sentence of known words gets the same tokens as
with the original model.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgetrack.errors import ConfigError, reason_of
from edgetrack.network.safetensors import read_safetensors
from edgetrack.prompt import TEXT_LENGTH, Tokenizer

WIDTH = 384
HEADS = 12
LAYERS = 6
HIDDEN = 1536
POSITIONS = 64
EPSILON = 1e-12
CHECKPOINT = "minilm_pruned.pt"
TOKENIZER = "tokenizer.json"


class Layer(nn.Module):
    """One BERT layer: self-attention, then an MLP with GELU, each followed by a residual connection and a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.up = nn.Linear(WIDTH, HIDDEN)
        self.down = nn.Linear(HIDDEN, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=EPSILON)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        b, t, _ = x.shape
        q, k, v = (
            m(x).view(b, t, HEADS, WIDTH // HEADS).transpose(1, 2) for m in (self.query, self.key, self.value)
        )
        attention = (q @ k.transpose(-1, -2)) * (WIDTH // HEADS) ** -0.5 + bias
        mixed = (attention.softmax(-1) @ v).transpose(1, 2).reshape(b, t, WIDTH)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + self.down(functional.gelu(self.up(x))))  # type: ignore[no-any-return]


class MiniLM(nn.Module):
    """Sentence tokens from word-piece ids.

    Args:
        rows: Size of the vocabulary.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.words = nn.Embedding(rows, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.segment = nn.Parameter(torch.zeros(WIDTH))  # row 0 of BERT's type embedding, the only one in use
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return tokens, float32 (B, T, 384), zero where ``mask``, float32 (B, T), is 0; ``ids`` is int64 (B, T)."""
        x: Tensor = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]] + self.segment)
        bias = (1.0 - mask)[:, None, None, :] * -1e4
        for layer in self.layers:
            x = layer(x, bias)
        return x * mask[..., None]


class TextEncoder:
    """The frozen encoder with its tokenizer, for training: it turns sentences into tokens."""

    def __init__(self, model: MiniLM, tokenizer: Tokenizer, *, cached: int = 8192) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self._cache: OrderedDict[str, Tensor] = OrderedDict()
        self._cached = cached

    @classmethod
    def load(cls, folder: str | Path) -> TextEncoder:
        """Load the encoder that ``python -m edgetrack.training.prune_text`` wrote to ``folder``.

        Raises:
            ConfigError: The weights are missing or damaged.
        """
        folder = Path(folder)
        try:
            state = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
            model = MiniLM(state["words.weight"].shape[0])
            model.load_state_dict(state)
        except Exception as error:  # for damaged files, torch raises various exceptions
            raise ConfigError(
                f"{folder / CHECKPOINT} cannot be read ({reason_of(error)}); expected the text encoder; "
                f"run: python -m edgetrack.training.prune_text {folder}"
            ) from error
        return cls(model, Tokenizer.from_file(folder / TOKENIZER))

    @torch.no_grad()
    def encode(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Return tokens, float32 (B, 24, 384), zero at padding, and mask, float32 (B, 24), of ``texts``, on the CPU.

        Longer sentences, such as captions in a dataset, are truncated. Results of recent sentences are cached.

        Raises:
            PromptError: A text is empty or has no known word.
        """
        fresh = [t for t in dict.fromkeys(texts) if t not in self._cache]
        kept = {t: self._cache[t] for t in texts if t in self._cache}
        kept.update(zip(fresh, self._run(fresh), strict=True))
        for text, row in kept.items():
            self._cache[text] = row
            self._cache.move_to_end(text)
        while len(self._cache) > self._cached:
            self._cache.popitem(last=False)
        tokens = torch.zeros(len(texts), TEXT_LENGTH, WIDTH)
        mask = torch.zeros(len(texts), TEXT_LENGTH)
        for i, text in enumerate(texts):
            n = kept[text].shape[0]
            tokens[i, :n], mask[i, :n] = kept[text], 1.0
        return tokens, mask

    def _run(self, texts: list[str]) -> list[Tensor]:
        """Return the tokens of each text without padding, (n, 384)."""
        if not texts:
            return []
        rows = [self._row(text) for text in texts]
        ids, mask = (torch.from_numpy(np.concatenate(column)) for column in zip(*rows, strict=True))
        length = int(mask.sum(1).max())  # skip columns that are padding in every row
        tokens = self.model(ids[:, :length], mask[:, :length])
        return [row[: int(m.sum())].clone() for row, m in zip(tokens, mask, strict=True)]

    def _row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        ids = self.tokenizer.tokens(text)
        if len(ids) > TEXT_LENGTH:
            ids = [*ids[: TEXT_LENGTH - 1], ids[-1]]
        return self.tokenizer.pad(ids)


_LAYER_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm2": "output.LayerNorm",
}


def load_minilm(path: Path, *, keep: list[int] | None = None) -> MiniLM:
    """Load the encoder from the original ``model.safetensors`` with the vocabulary rows ``keep``; None keeps all."""
    tensors = read_safetensors(path)
    words = tensors["embeddings.word_embeddings.weight"]
    state = {
        "words.weight": words if keep is None else words[keep],
        "positions.weight": tensors["embeddings.position_embeddings.weight"][:POSITIONS],
        "segment": tensors["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": tensors["embeddings.LayerNorm.weight"],
        "norm.bias": tensors["embeddings.LayerNorm.bias"],
    }
    for i in range(LAYERS):
        for ours, theirs in _LAYER_NAMES.items():
            for kind in ("weight", "bias"):
                state[f"layers.{i}.{ours}.{kind}"] = tensors[f"encoder.layer.{i}.{theirs}.{kind}"]
    model = MiniLM(state["words.weight"].shape[0])
    model.load_state_dict(state)
    return model
