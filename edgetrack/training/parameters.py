"""Reads the parameters of a network from an exported graph, by their names in the network.

A graph keeps the names of parameters, except for the matrices of linear layers, which are stored transposed and without
a name. They are identified by the bias that is added to their product, which has a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor

from edgetrack.bundle import Bundle
from edgetrack.errors import ConfigError
from edgetrack.network.stored import array_of

_HALF = "_f16"  # suffix of weights that are stored in float16


def parameters_of(path: Path, nameless: Sequence[str] = ()) -> dict[str, Tensor]:
    """Read all parameters of an ONNX file, as float32.

    Args:
        path: The file.
        nameless: Names for the matrices of linear layers without a bias, in the order in which the graph uses them.

    Raises:
        ConfigError: The graph has a different number of these.
    """
    model = onnx.load(str(path), load_external_data=False)
    stored = {
        tensor.name: torch.from_numpy(array_of(tensor, path.parent).copy()).float()
        for tensor in model.graph.initializer
    }
    named = {name.removesuffix(_HALF): value for name, value in stored.items()}
    products = {}  # outputs of products with a stored matrix
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in named:
            products[node.output[0]] = named[node.input[1]]
    for node in model.graph.node:
        if node.op_type == "Add":
            for bias, product in (node.input, reversed(node.input)):
                if bias.endswith(".bias") and product in products:
                    named[f"{bias.removesuffix('bias')}weight"] = products.pop(product).T.contiguous()
    if nameless and len(nameless) != len(products):
        raise ConfigError(
            f"{path} has {len(products)} linear layers without a bias; expected {len(nameless)}: {', '.join(nameless)}"
        )
    named |= {name: value.T.contiguous() for name, value in zip(nameless, products.values(), strict=False)}
    return {name: value for name, value in named.items() if "." in name}


def parts_of(
    bundle: Bundle,
    roles: Sequence[str],
    parts: Sequence[str],
    option: str,
    nameless: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Tensor]]:
    """Read the parameters of a network's parts from a bundle, to start a run without a checkpoint.

    Args:
        bundle: The bundle.
        roles: The graphs that hold the parts.
        parts: Prefix of the names of each part's parameters, such as ``network.head``.
        option: The option of ``edgetrack export`` that adds these graphs.
        nameless: Names for the matrices of linear layers without a bias, by role, as for `parameters_of`.

    Returns:
        The parameters of each part, by their names in it.

    Raises:
        ConfigError: The bundle does not have one of the graphs.
    """
    missing = [role for role in roles if role not in bundle.graphs]
    if missing:
        raise ConfigError(
            f"model {bundle.manifest.name} has no graph {missing[0]!r} to start from ('initial' of the recipe); "
            f"expected a bundle exported with {option}"
        )
    weights: dict[str, Tensor] = {}
    for role in roles:
        weights |= parameters_of(bundle.path(role), (nameless or {}).get(role, ()))
    return [
        {name.removeprefix(f"{part}."): w for name, w in weights.items() if name.startswith(f"{part}.")}
        for part in parts
    ]
