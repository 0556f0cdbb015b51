"""Checkpoints: written atomically, resumed by the same recipe, exported at any time."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from edgetrack.errors import ConfigError, reason_of
from edgetrack.network.network import EdgetrackNet
from edgetrack.training.recipe import Recipe
from edgetrack.training.resumable import replacing

CONFIG_KEYS = {"keep": "keep_tokens", "frozen_blocks": "frozen_blocks"}


def save(path: Path, values: dict[str, Any]) -> None:
    """Write a checkpoint; if the run is killed meanwhile, the previous one stays."""
    with replacing(path) as part:
        torch.save(values, part)


def load(path: Path, keys: Collection[str] = ("model", "config")) -> dict[str, Any]:
    """Read a checkpoint that has ``keys``; only tensors and plain values are unpickled.

    Raises:
        ConfigError: The file is missing or damaged, or is not a checkpoint of edgetrack.
    """
    if not path.is_file():
        raise ConfigError(f"checkpoint {path} does not exist; train one with: edgetrack train RECIPE.toml")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises various errors for damaged files
        raise ConfigError(
            f"checkpoint {path} cannot be read ({reason_of(error)}); expected a file that 'edgetrack train' wrote: "
            "restore it from a copy, or delete it to begin anew"
        ) from error
    if not isinstance(values, dict) or not set(keys) <= set(values):
        expected = " and ".join(map(repr, keys))
        raise ConfigError(f"{path} is no edgetrack checkpoint; expected the keys {expected}")
    return values


def build(recipe: Recipe) -> tuple[EdgetrackNet, dict[str, Any]]:
    """Build the network of a recipe: from ``initial`` if given, else from the ImageNet trunk."""
    config = {name: getattr(recipe, key) for name, key in CONFIG_KEYS.items()}
    net = EdgetrackNet(**config)
    if recipe.initial:
        start_from(net, Path(recipe.initial))
    else:
        net.trunk.load_imagenet(Path(recipe.teachers) / "mobilenetv2_imagenet.npz")
    return net, config


def start_from(net: EdgetrackNet, path: Path) -> None:
    """Load the weights of a checkpoint; parts that it does not have keep theirs, which start at zero.

    Raises:
        ConfigError: The checkpoint has weights that the network does not have.
    """
    mine, given = net.state_dict(), load(path)["model"]
    unknown = sorted(name for name in given if name not in mine or given[name].shape != mine[name].shape)
    if unknown:
        raise ConfigError(
            f"checkpoint {path} has weights that this network does not have, such as {unknown[0]!r}; "
            "expected one of the same network: start without 'initial'"
        )
    net.load_state_dict({**mine, **given})
