"""Export of the graphs "template_x" and "search_x" for color and a second sensor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgetrack.bundle import PAIRS, Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ExportError, reason_of
from edgetrack.export.graphs import STRIDE, ExportGraph, graph_of
from edgetrack.export.onnx_graph import write_graphs
from edgetrack.export.parity import TOLERANCE, compare
from edgetrack.export.staging import write_manifest
from edgetrack.export.weights import WeightFile, round_weights
from edgetrack.network import cost
from edgetrack.network.network import EdgetrackNet
from edgetrack.network.selection import kept_tokens
from edgetrack.network.sensor import SHARE, SensorNet

WEIGHTS = "sensor_weights"
_FILE = "sensor.weights"


class _Template(nn.Module):
    """See `SensorNet.template`."""

    outputs = ("memory", "anchor", "prompts", "prototype")

    def __init__(self, network: SensorNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, x: Tensor, present: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        out = self.network.template(image, x, present, target)
        return tuple(out[name] for name in self.outputs)


class _Search(nn.Module):
    """See `SensorNet.search`; all but offset and embedding are in 0..1."""

    outputs = ("score", "offset", "size", "presence", "quality", "embedding", "share")

    def __init__(self, network: SensorNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        image: Tensor,
        x: Tensor,
        present: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        film: Tensor,
        anchor: Tensor,
        prompts: Tensor,
        prototypes: Tensor,
    ) -> tuple[Tensor, ...]:
        out = self.network.search(
            image, x, present, memory=memory, memory_mask=memory_mask, film=film, anchor=anchor, prompts=prompts,
            prototypes=prototypes,
        )  # fmt: skip
        for name in ("score", "presence", "quality"):
            out[name] = torch.sigmoid(out[name])
        return tuple(out[name] for name in self.outputs)


def add_sensor(folder: Path, checkpoint: Path) -> dict[str, float]:
    """Add the second sensor's branch of a checkpoint to the bundle in ``folder``, replacing an existing one.

    Weights shared with the tracker stay in their files; new weights are written to a separate file.

    Returns:
        The largest error of each output against PyTorch, by ``graph.output``.

    Raises:
        ExportError: The file is not a checkpoint of a second sensor, or was trained for another network.
        ParityError: The exported graphs differ from the network.
    """
    bundle = Bundle.open(folder)
    manifest, search = bundle.manifest, bundle.manifest.tensors["search"].inputs
    network = load_sensor_net(checkpoint, kept_tokens(bundle.path("search")))
    round_weights(network)
    picture, region = manifest.sizes["template"], manifest.sizes["search"]
    cells = picture // STRIDE
    shapes = {
        "template_x": {
            **dict.fromkeys(("image", "x"), (1, 3, picture, picture)),
            "present": (1, 2),
            "target": (1, 1, cells, cells),
        },
        "search_x": {
            **dict.fromkeys(("image", "x"), (1, 3, region, region)),
            "present": (1, 2),
            **{name: spec.shape for name, spec in search.items() if name != "image"},
        },
    }
    modules = {"template_x": _Template(network), "search_x": _Search(network)}
    graphs = {role: graph_of(role, modules[role], shapes[role], WEIGHTS) for role in PAIRS}
    weights = WeightFile(_FILE)
    for role in ("search", "template"):
        weights.lend(bundle.path(role))
    files = write_graphs(folder, graphs, {WEIGHTS: weights})
    count = cost.parameters(network.path, network.fusion).all
    before = manifest.parameters - (count if PAIRS[0] in manifest.tensors else 0)
    write_manifest(
        folder,
        replace(
            manifest,
            parameters=before + count,
            tensors={**manifest.tensors, **{role: graph.spec for role, graph in graphs.items()}},
        ),
        files=files,
    )
    return _parity(graphs, OrtEngine(Bundle.open(folder), threads=1), checkpoint)


def pictures_of(side: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the color image with a side in pixels, and of the second sensor's image."""
    return {"image": (1, 3, side, side), "x": (1, 3, round(side * SHARE), round(side * SHARE))}


def load_sensor_net(path: Path, keep: int) -> SensorNet:
    """Read the network from a checkpoint of `edgetrack.training.sensors.train`.

    Args:
        path: The checkpoint.
        keep: Number of tokens that the token selection keeps.

    Raises:
        ExportError: The file is not a checkpoint of a second sensor.
    """
    try:
        network = SensorNet(EdgetrackNet(keep=keep))
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["model"])
    except Exception as error:  # for damaged files, torch.load raises various exceptions
        raise ExportError(
            f"checkpoint {path} cannot be loaded ({reason_of(error)}); expected a file that "
            "python -m edgetrack.training.sensors.train wrote with this version"
        ) from error
    return network.eval()


def _parity(graphs: dict[str, ExportGraph], engine: OrtEngine, checkpoint: Path) -> dict[str, float]:
    """Compare both graphs with the network, with each sensor missing, and color alone with the bundle's graphs."""
    random = np.random.default_rng(0)
    errors: dict[str, float] = {}

    def drawn(shape: tuple[int, ...]) -> NDArray[np.float32]:
        coarse = random.normal(0, 0.4, (*shape[:2], shape[2] // 16, shape[3] // 16))
        return np.clip(coarse.repeat(16, 2).repeat(16, 3), -1, 1).astype(np.float32)

    sides = {role: graph.spec.inputs for role, graph in graphs.items()}
    target = np.zeros(sides["template_x"]["target"].shape, np.float32)
    target[..., 2:6, 3:5] = 1.0
    pictures = {
        role: {name: drawn(inputs[name].shape) for name in ("image", "x")} for role, inputs in sides.items()
    }
    known = {
        name: np.zeros(sides["search_x"][name].shape, np.float32) for name in ("memory", "film", "prototypes")
    }
    known["memory_mask"] = np.zeros(sides["search_x"]["memory_mask"].shape, np.float32)
    for present in ((1, 1), (0, 1), (1, 0)):
        there = {"present": np.array([present], np.float32)}
        feeds = {**pictures["template_x"], **there, "target": target}
        template = compare(graphs["template_x"], engine, feeds, errors)
        tokens = template["memory"].shape[2]
        known["memory"][:, :, :tokens], known["memory_mask"][:, :tokens] = template["memory"], 1
        known["prototypes"][:, 0] = template["prototype"]
        rest = {**known, "anchor": template["anchor"], "prompts": template["prompts"]}
        found = compare(graphs["search_x"], engine, {**pictures["search_x"], **there, **rest}, errors)
    alone = engine.graph("search").run({"image": pictures["search_x"]["image"], **rest})
    apart = max(float(np.abs(alone[name] - found[name]).max()) for name in ("score", "offset"))
    if apart > TOLERANCE:
        raise ExportError(
            f"checkpoint {checkpoint} was trained for another network: with color only, it differs by {apart:.3g} from "
            f"the bundle's own graph; expected at most {TOLERANCE:g}; train it with network = this bundle"
        )
    return errors
