"""The steps from a checkpoint to a bundle, in order."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edgetrack.bundle import Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ExportError, reason_of
from edgetrack.export.graphs import GROUNDING, TEMPLATE, TEXT_LENGTH, ExportGraph, build_graphs
from edgetrack.export.onnx_graph import write_graphs
from edgetrack.export.parity import check_parity
from edgetrack.export.staging import check_output
from edgetrack.export.weights import WeightFile, round_to_grid, round_weights
from edgetrack.manifest import FILE_NAME, SCHEMA, BundleFile, Manifest
from edgetrack.network import cost
from edgetrack.network.network import EdgetrackNet
from edgetrack.network.region import SearchRegion
from edgetrack.network.text import TOKENIZER, MiniLM, TextEncoder

LIMIT = 20_000_000  # maximum number of parameters of all networks together, for small boards
_WEIGHTS = {"text_weights": "text.weights", "tracker_weights": "tracker.weights"}
_GRAY = (127.5, 127.5, 127.5)


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """What to export, and where."""

    checkpoint: Path
    output: Path  # folder of the bundle; an older bundle there is replaced, anything else is not touched
    text: Path = Path("runs/text")  # written by ``python -m edgetrack.training.prune_text``
    name: str = "edgetrack-256"
    version: str = "0.1.0"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The bundle and the largest error of each of its outputs, by ``graph.output``."""

    bundle: Bundle
    errors: dict[str, float]


def export(config: ExportConfig) -> ExportReport:
    """Write a bundle and compare its outputs with the network's. If a step fails, nothing is left behind.

    Raises:
        ExportError: The checkpoint, the text encoder or the output folder cannot be used.
        ParityError: The exported graphs differ from the network.
    """
    check_output(config.output, force=True)
    network, thresholds, region = load_checkpoint(config.checkpoint)
    encoder = _load_text(config.text)
    parameters = cost.parameters(network, encoder).all
    if parameters >= LIMIT:
        raise ExportError(
            f"network and text encoder have {parameters:,} parameters; expected fewer than {LIMIT:,}"
        )
    round_weights(network)
    round_to_grid(encoder)  # half of the package's weights
    round_weights(encoder)
    graphs = build_graphs(network, encoder, region.side)
    config.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=config.output.parent) as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        files = write_graphs(folder, graphs, {role: WeightFile(name) for role, name in _WEIGHTS.items()})
        shutil.copyfile(config.text / TOKENIZER, folder / TOKENIZER)
        files["tokenizer"] = TOKENIZER
        manifest = _manifest(
            config, graphs, files, folder, region, parameters=parameters, thresholds=thresholds
        )
        (folder / FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")
        errors = check_parity(graphs, OrtEngine(Bundle.open(folder), threads=1))
        if config.output.exists():
            shutil.rmtree(config.output)
        folder.rename(config.output)
    return ExportReport(Bundle.open(config.output), errors)


def load_checkpoint(path: Path) -> tuple[EdgetrackNet, dict[str, float], SearchRegion]:
    """Load the network of a training checkpoint, its thresholds and its search region.

    Raises:
        ExportError: The file is not a checkpoint of this network.
    """
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
        network = EdgetrackNet(**state["config"])
        network.load_state_dict(state["model"])
        thresholds = {str(k): float(v) for k, v in state.get("thresholds", {}).items()}
        region = SearchRegion(**state.get("region", {}))
    except Exception as error:  # for damaged files, torch.load raises various exceptions
        raise ExportError(
            f"checkpoint {path} cannot be loaded ({reason_of(error)}); "
            "expected a file that 'edgetrack train' wrote with this version"
        ) from error
    return network.eval(), thresholds, region


def _load_text(folder: Path) -> MiniLM:
    try:
        return TextEncoder.load(folder).model
    except Exception as error:
        raise ExportError(
            f"the text encoder in {folder} cannot be loaded ({reason_of(error)}); "
            f"run: python -m edgetrack.training.prune_text {folder}"
        ) from error


def _manifest(
    config: ExportConfig,
    graphs: dict[str, ExportGraph],
    files: dict[str, str],
    folder: Path,
    region: SearchRegion,
    *,
    parameters: int,
    thresholds: dict[str, float],
) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        name=config.name,
        version=config.version,
        license="Apache-2.0",
        parameters=parameters,
        sizes={"template": TEMPLATE, "search": region.side, "grounding": GROUNDING},
        factors={"template": 2.0, "search": region.factor},
        mean=_GRAY,
        std=_GRAY,
        fill=_GRAY,
        text_length=TEXT_LENGTH,
        thresholds=thresholds,
        files={
            role: BundleFile(name, hashlib.sha256((folder / name).read_bytes()).hexdigest())
            for role, name in sorted(files.items())
        },
        tensors={role: graph.spec for role, graph in graphs.items()},
    )
