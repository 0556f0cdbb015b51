"""Export of the mask head as the graph "mask" of a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgetrack.bundle import MASK, Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ExportError, reason_of
from edgetrack.export.graphs import ExportGraph, graph_of
from edgetrack.export.onnx_graph import write_graphs
from edgetrack.export.parity import compare
from edgetrack.export.staging import write_manifest
from edgetrack.export.weights import WeightFile, round_weights
from edgetrack.network import cost
from edgetrack.network.mask import CELL, FACTOR, KEY, POINT, SIDE, SLOTS, VALUE, MaskNet

WEIGHTS = "mask_weights"
_FILE = "mask.weights"
_CELLS = (SIDE // 16) ** 2  # cells in one slot of the memory
_SHAPES = {
    "image": (1, 3, SIDE, SIDE),
    "target": (1, 1, SIDE // CELL, SIDE // CELL),
    "keys": (1, SLOTS, KEY, _CELLS),
    "values": (1, SLOTS, VALUE, _CELLS),
    "known": (1, SLOTS),
    "given": (1, 1, SIDE // POINT, SIDE // POINT),
    "trust": (1, 1),
}


class _Outline(nn.Module):
    """See `MaskNet.forward`."""

    outputs = ("logits", "key", "value")

    def __init__(self, network: MaskNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        image: Tensor,
        target: Tensor,
        keys: Tensor,
        values: Tensor,
        known: Tensor,
        given: Tensor,
        trust: Tensor,
    ) -> tuple[Tensor, ...]:
        out = self.network(image, target, keys, values, known, given, trust)
        return tuple(out[name] for name in self.outputs)


def add_masks(folder: Path, checkpoint: Path) -> dict[str, float]:
    """Add the mask head of a checkpoint, with its trunk, to the bundle in ``folder``, replacing an existing one.

    Returns:
        The largest error of each output against PyTorch, by ``graph.output``.

    Raises:
        ExportError: The file is not a checkpoint of the mask head.
        ParityError: The exported graph differs from the network.
    """
    manifest = Bundle.open(folder).manifest
    network = load_mask_net(checkpoint)
    round_weights(network)
    graph = graph_of(MASK, _Outline(network), _SHAPES, WEIGHTS)
    files = write_graphs(folder, {MASK: graph}, {WEIGHTS: WeightFile(_FILE)})
    count = cost.parameters(network.head).all  # without the trunk, which is the tracker's
    before = manifest.parameters - (count if MASK in manifest.tensors else 0)
    write_manifest(
        folder,
        replace(
            manifest,
            parameters=before + count,
            factors={**manifest.factors, MASK: FACTOR},
            tensors={**manifest.tensors, MASK: graph.spec},
        ),
        files=files,
    )
    return _parity(graph, OrtEngine(Bundle.open(folder), threads=1))


def load_mask_net(path: Path) -> MaskNet:
    """Read the network from a checkpoint of `edgetrack.training.masks.train`.

    Raises:
        ExportError: The file is not a checkpoint of the mask head.
    """
    try:
        network = MaskNet()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["model"])
    except Exception as error:  # for damaged files, torch.load raises various exceptions
        raise ExportError(
            f"checkpoint {path} cannot be loaded ({reason_of(error)}); expected a file that "
            "python -m edgetrack.training.masks.train wrote with this version"
        ) from error
    return network.eval()


def _parity(graph: ExportGraph, engine: OrtEngine) -> dict[str, float]:
    """Compare the graph with the network on a random image, with an empty and with a full memory."""
    random = np.random.default_rng(0)
    errors: dict[str, float] = {}
    feeds = {name: np.zeros(shape, np.float32) for name, shape in _SHAPES.items()}
    ramp = np.linspace(-0.8, 0.8, SIDE, dtype=np.float32)
    feeds["image"] = np.broadcast_to(ramp, _SHAPES["image"]).copy()
    feeds["image"][..., SIDE // 3 : 2 * SIDE // 3, SIDE // 4 : SIDE // 2] += 0.5
    quarter = SIDE // CELL // 4
    feeds["target"][..., quarter:-quarter, quarter:-quarter] = 1.0
    found = compare(graph, engine, feeds, errors)
    feeds["keys"][:, :] = found["key"]
    feeds["values"][:, :] = found["value"]
    feeds["known"][:] = 1.0
    feeds["given"][:] = random.uniform(0, 1, _SHAPES["given"]).astype(np.float32)
    feeds["trust"][:] = 1.0
    compare(graph, engine, feeds, errors)
    return errors
