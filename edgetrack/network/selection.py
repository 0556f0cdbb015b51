"""LiteTrack's token selection: keep the search tokens that look like the template or the text.

The published code compares with a constant and drops no tokens; this is the method as its README describes it: cosine
similarity against a learnable, image-dependent threshold. Training and inference run the same graph: the best ``keep``
tokens are processed further, and a sigmoid gate at the threshold blends their update in, which makes the threshold
trainable.

``token_select`` and ``token_restore`` are the operators of kernels/README.md: differentiable PyTorch operations in
training, one node each in an exported graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgetrack.errors import ExportError

DOMAIN, VERSION = "edgetrack", 1  # domain and version of both operators


class Selection(NamedTuple):
    """The selected ones of tokens (B, N, D), and the scores behind the selection."""

    tokens: Tensor  # (B, K, D)
    indices: Tensor  # int32 (B, K), ascending
    gates: Tensor  # (B, K) in 0..1: weight of their update
    margins: Tensor  # (B, N): similarity - threshold
    above: Tensor  # int32 (B): number of margins above zero


class TokenSelect(nn.Module):
    """Scores, threshold and hard selection of tokens (B, N, D) against prototypes (B, P, D).

    A prototype of zeros is absent. Selected tokens keep their original order. Without ``projected``, the tokens
    themselves are compared, because they are in the space of the prototypes.
    """

    def __init__(self, width: int, keep: int, *, projected: bool = True) -> None:
        super().__init__()
        self.keep = keep
        self.project = nn.Linear(width, width, bias=False) if projected else nn.Identity()
        self.threshold = nn.Linear(width, 1)  # dynamic: computed from the mean token
        self.sharpness = nn.Parameter(torch.tensor(8.0))
        nn.init.zeros_(self.threshold.weight)
        nn.init.zeros_(self.threshold.bias)

    def forward(self, tokens: Tensor, prototypes: Tensor) -> Selection:
        """Keep the ``keep`` tokens that are most similar to any prototype, or all if there are fewer."""
        threshold = self.threshold(tokens.mean(1))
        keep = min(self.keep, tokens.shape[1])
        chosen, indices, count, scores = token_select(
            tokens, self.project(tokens), prototypes, threshold[:, 0], keep=keep
        )
        margins = scores - threshold
        gates = torch.sigmoid(self.sharpness * margins.gather(1, indices.long()))
        return Selection(chosen, indices, gates, margins, count)


def kept_tokens(graph: Path) -> int:
    """Return the number of tokens that the token selection of an exported graph keeps.

    Raises:
        ExportError: The graph has no token selection.
    """
    import onnx

    nodes = onnx.load(graph, load_external_data=False).graph.node
    for node in nodes:
        for attribute in node.attribute:
            if node.op_type == "TokenSelect" and attribute.name == "keep":
                return int(attribute.i)
    raise ExportError(f"{graph} has no token selection; expected a graph that edgetrack exported")


def token_select(
    tokens: Tensor, keys: Tensor, prototypes: Tensor, threshold: Tensor, *, keep: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``edgetrack::TokenSelect``: selected (B, K, D), indices (B, K) int32, count (B) int32, scores (B, N).

    Args:
        tokens: (B, N, D), from which the selection is gathered.
        keys: (B, N, E), the projected tokens, which are compared; they need not be normalized.
        prototypes: (B, P, E), of unit length, or zeros if absent.
        threshold: (B,); ``count`` is the number of scores above it.
        keep: K, at most N.
    """
    if torch.onnx.is_in_onnx_export():
        (batch, number, width), kinds = tokens.shape, (tokens.dtype, torch.int32, torch.int32, torch.float32)
        shapes = ((batch, keep, width), (batch, keep), (batch,), (batch, number))
        outputs = torch.onnx.ops.symbolic_multi_out(
            f"{DOMAIN}::TokenSelect",
            (tokens, keys, prototypes, threshold),
            attrs={"keep": keep},
            dtypes=kinds,
            shapes=shapes,
            version=VERSION,
        )
        selected, indices, count, scores = outputs
        return selected, indices, count, scores
    cosine = F.normalize(keys, dim=-1) @ prototypes.transpose(1, 2)
    missing = 1.0 - (prototypes * prototypes).sum(-1).clamp(0.0, 1.0)
    scores = (cosine - 4.0 * missing[:, None, :]).amax(-1)
    order = torch.topk(scores, keep, dim=1).indices.sort(dim=1).values
    selected = tokens.gather(1, order[..., None].expand(-1, -1, tokens.shape[-1]))
    return selected, order.int(), (scores > threshold[:, None]).sum(1).int(), scores


def token_restore(tokens: Tensor, selected: Tensor, indices: Tensor) -> Tensor:
    """``edgetrack::TokenRestore``: ``tokens`` (B, N, D) with ``selected`` (B, K, D) written at ``indices`` (B, K)."""
    if torch.onnx.is_in_onnx_export():
        (restored,) = torch.onnx.ops.symbolic_multi_out(
            f"{DOMAIN}::TokenRestore",
            (tokens, selected, indices),
            dtypes=(tokens.dtype,),
            shapes=(tokens.shape,),
            version=VERSION,
        )
        return restored
    places = indices.long()[..., None].expand(-1, -1, tokens.shape[-1])
    return tokens.scatter(1, places, selected.to(tokens.dtype))
