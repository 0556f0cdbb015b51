"""Checkpoints: written atomically, resumed by the same recipe, exported at any time."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgetrack.bundle import Bundle
from edgetrack.errors import ConfigError, reason_of
from edgetrack.network.network import EdgetrackNet
from edgetrack.training.parameters import parts_of
from edgetrack.training.recipe import Recipe
from edgetrack.training.resumable import replacing

CONFIG_KEYS = {"keep": "keep_tokens", "frozen_blocks": "frozen_blocks"}

_SUFFIXES = (".pt", ".pth")  # of a checkpoint, whether it exists or not
_GRAPHS = ("template", "prompt", "search")  # together they have every weight of the network
_NAMELESS = (  # layers without a bias whose matrices have no name in ``search``, in its order
    "network.correlate.weight",
    "network.contrast.weight",
    "network.select.project.weight",
    "network.channels.project.weight",
)


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
            f"checkpoint {path} cannot be read ({reason_of(error)}); expected a file written by 'edgetrack train': "
            "restore it from a copy, or delete it to start again"
        ) from error
    if not isinstance(values, dict) or not set(keys) <= set(values):
        expected = " and ".join(map(repr, keys))
        raise ConfigError(f"{path} is not an edgetrack checkpoint; expected the keys {expected}")
    return values


def build(recipe: Recipe) -> tuple[EdgetrackNet, dict[str, Any]]:
    """Build the network of a recipe: from ``initial`` if given, else from the ImageNet trunk."""
    config = {name: getattr(recipe, key) for name, key in CONFIG_KEYS.items()}
    net = EdgetrackNet(**config)
    if recipe.initial:
        start_from(net, recipe.initial)
    else:
        net.trunk.load_imagenet(Path(recipe.teachers) / "mobilenetv2_imagenet.npz")
    return net, config


def start_from(net: EdgetrackNet, initial: str) -> None:
    """Load the weights of a checkpoint or bundle; parts that it does not have keep theirs, which start at zero.

    Args:
        net: The network, changed in place.
        initial: The path of a checkpoint, or the name or folder of a bundle such as ``edgetrack-256``.

    Raises:
        ConfigError: The weights are those of a different network, or the checkpoint cannot be read.
        BundleError: The bundle is missing or damaged.
    """
    path = Path(initial)
    file = path.is_file() or path.suffix in _SUFFIXES
    given = load(path)["model"] if file else weights_of(Bundle.open(initial))
    mine = net.state_dict()
    unknown = sorted(name for name in given if name not in mine or given[name].shape != mine[name].shape)
    if unknown or not given:
        odd = f"such as {unknown[0]!r}" if unknown else "and none of this one"
        raise ConfigError(
            f"'initial' = {initial!r} has weights that this network does not have, {odd}; expected a checkpoint of "
            "edgetrack train, or a bundle exported from one: correct it, or start without 'initial'"
        )
    net.load_state_dict({**mine, **given})


def weights_of(bundle: Bundle) -> dict[str, Tensor]:
    """Read the weights of the tracking network from a bundle, by their names in `EdgetrackNet`.

    They are the averaged weights of the checkpoint that was exported, rounded to float16.
    """
    (weights,) = parts_of(bundle, _GRAPHS, ("network",), "a checkpoint", {"search": _NAMELESS})
    return weights
