"""The weights of the grounding network out of a bundle: where a run begins that has no checkpoint of its own.

A graph keeps the names of parameters, except for the matrices of linear layers, which are stored transposed and without
a name; the bias that is added to their product has one.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from edgetrack.bundle import EYE, Bundle
from edgetrack.errors import ConfigError

_HALF = "_f16"  # of weights that are stored in float16


def weights_of(bundle: Bundle) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Read the detector's and the grounding network's weights, by the names of their parameters.

    Raises:
        ConfigError: The bundle has no grounding network.
    """
    if "rank" not in bundle.graphs:
        raise ConfigError(
            f"model {bundle.manifest.name} has no grounding network; expected one that was exported with --grounder"
        )
    weights: dict[str, Tensor] = {}
    for role in EYE:
        weights |= _parameters(bundle.path(role))
    parts = {
        part: {name.removeprefix(f"{part}."): w for name, w in weights.items() if name.startswith(f"{part}.")}
        for part in ("detector", "grounder")
    }
    return parts["detector"], parts["grounder"]


def _parameters(path: Path) -> dict[str, Tensor]:
    model = onnx.load(str(path))
    stored = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()).float()
        for tensor in model.graph.initializer
    }
    named = {name.removesuffix(_HALF): value for name, value in stored.items()}
    products = {}  # what comes out of a product with a stored matrix
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in named:
            products[node.output[0]] = named[node.input[1]]
    for node in model.graph.node:
        if node.op_type == "Add":
            for bias, product in (node.input, reversed(node.input)):
                if bias.endswith(".bias") and product in products:
                    named[f"{bias.removesuffix('bias')}weight"] = products[product].T.contiguous()
    return {name: value for name, value in named.items() if "." in name}
