"""Export of the mask head as the graph "mask" of a bundle: from a checkpoint, or copied from another bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.bundle import MASK, Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ExportError, reason_of
from edgetrack.export.graphs import ExportGraph, graph_of
from edgetrack.export.onnx_graph import write_graphs
from edgetrack.export.parity import compare
from edgetrack.export.staging import copy_files, write_manifest
from edgetrack.export.weights import WeightFile, round_weights
from edgetrack.manifest import GraphSpec, Manifest
from edgetrack.network import cost
from edgetrack.network.mask import CELL, FACTOR, KEY, POINT, SIDE, SLOTS, VALUE, MaskNet
from edgetrack.network.stored import array_of

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
    write_manifest(folder, _with_head(manifest, graph.spec, network.head), files=files)
    return _parity(graph, OrtEngine(Bundle.open(folder), threads=1))


def copy_masks(folder: Path, source: Bundle) -> None:
    """Copy the mask head of another bundle into the bundle in ``folder``, replacing an existing one.

    The head reads the features of the tracker's trunk, so both bundles must have the same trunk.

    Raises:
        ExportError: ``source`` has no mask head, or another trunk.
    """
    bundle, theirs = Bundle.open(folder), source.manifest
    mine = bundle.manifest
    if MASK not in theirs.tensors:
        raise ExportError(
            f"model {theirs.name} of --masks has no mask head; expected one that has, such as edgetrack-256"
        )
    if not _same_trunk(bundle, source):
        raise ExportError(
            f"the trunk of {theirs.name} differs from that of {mine.name}, so its mask head would misread every "
            "feature; expected the same trunk: train a head on this model with python -m edgetrack.training.masks.train"
        )
    files = copy_files(source, folder, (MASK, WEIGHTS))
    write_manifest(folder, _with_head(mine, theirs.tensors[MASK], MaskNet().head), files=files)


def _same_trunk(one: Bundle, other: Bundle) -> bool:
    """Return whether the trunks of two bundles have the same weights, as they are stored."""
    mine, theirs = (_trunk_of(bundle.path("search")) for bundle in (one, other))
    return mine.keys() == theirs.keys() and all(
        np.array_equal(value, theirs[name]) for name, value in mine.items()
    )


def _trunk_of(path: Path) -> dict[str, NDArray[Any]]:
    graph = onnx.load(path, load_external_data=False).graph
    return {
        tensor.name: array_of(tensor, path.parent)
        for tensor in graph.initializer
        if tensor.name.startswith("network.trunk.")
    }


def _with_head(manifest: Manifest, spec: GraphSpec, head: nn.Module) -> Manifest:
    """Return the manifest with a mask head in place of an older one."""
    count = cost.parameters(head).all  # without the trunk, which is the tracker's
    before = manifest.parameters - (count if MASK in manifest.tensors else 0)
    return replace(
        manifest,
        parameters=before + count,
        factors={**manifest.factors, MASK: FACTOR},
        tensors={**manifest.tensors, MASK: spec},
    )


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
