"""Initial weights of LiteTrack: from UVLTrack or LiteTrack, from MAE's vision transformer and BERT, or random."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from edgetrack.network.weights_file import fitting, read_weights
from edgetrack.peers.litetrack.network import LiteTrack
from edgetrack.training.litetrack.recipe import Recipe

# Tensors of UVLTrack's files that LiteTrack does not use.
_UNUSED = ("backbone.logit_scale", "backbone.vit.norm.", "backbone.bert.pooler.", "box_head.")
_NEW = ("backbone.select.", "backbone.enhance.", "backbone.channels.", "backbone.keep")
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}  # names in BERT's original files


@torch.no_grad()
def begin(network: LiteTrack, recipe: Recipe) -> None:
    """Load the weights that the recipe names into a new network.

    Raises:
        ExportError: A file is missing or damaged, would run code, or belongs to another network.
    """
    vit = network.backbone.vit
    for positions in (vit.pos_embed_z, vit.pos_embed_x):
        positions.copy_(sine_positions(positions.shape[2], math.isqrt(positions.shape[1])))
    for token in (vit.cls_token, vit.modal_embed):
        nn.init.normal_(token, std=0.02)
    if recipe.initial:
        path = Path(recipe.initial)
        given = read_weights(path)
        whole = "backbone.keep" in given
        _take(
            network,
            path,
            given,
            "",
            skip=("backbone.keep",) if whole else _NEW,
            unused=(*_UNUSED, "backbone.keep"),
        )
        return
    if recipe.vision:
        path = Path(recipe.vision)
        names = ("pos_embed_", "modal_embed")
        _take(
            vit,
            path,
            read_weights(path),
            "MAE's vision transformer",
            skip=names,
            unused=("pos_embed", "norm."),
        )
    if recipe.language:
        path = Path(recipe.language)
        given = {_modern(name): value for name, value in read_weights(path).items()}
        unused = ("embeddings.position_ids", "encoder.layer.", "pooler.", "cls.")
        _take(network.backbone.bert, path, given, "bert-base-uncased", skip=(), unused=unused)


def sine_positions(width: int, side: int) -> Tensor:
    """Return MAE's fixed position embeddings (1, side^2, width), row by row: half of the channels for x, half for y."""
    rates = 10_000.0 ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    y, x = torch.meshgrid(*[torch.arange(side, dtype=torch.float64)] * 2, indexing="ij")
    angles = [axis.flatten()[:, None] * rates for axis in (x, y)]
    return torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)], 1)[None].float()


def _take(
    part: nn.Module,
    path: Path,
    given: dict[str, Tensor],
    kind: str,
    *,
    skip: tuple[str, ...],
    unused: Iterable[str],
) -> None:
    """Load all tensors of ``part``, except for those whose names begin with ``skip``."""
    own = part.state_dict()
    wanted = {name: value for name, value in own.items() if not skip or not name.startswith(skip)}
    part.load_state_dict(
        {**own, **fitting(path, given, wanted, unused=unused, kind=kind or "UVLTrack or LiteTrack")}
    )


def _modern(name: str) -> str:
    """Return a tensor name of BERT's files in its current form, without the prefix."""
    head, _, last = name.removeprefix("bert.").rpartition(".")
    return f"{head}.{_OLD_NAMES.get(last, last)}" if head else last
