"""The grounding network's two graphs, "detect" and "rank", added to a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgetrack.bundle import EYE, Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ExportError, reason_of
from edgetrack.export.graphs import TEXT_LENGTH, ExportGraph, graph_of
from edgetrack.export.onnx_graph import write_graphs
from edgetrack.export.parity import compare
from edgetrack.export.staging import add_words, copy_files, write_manifest
from edgetrack.export.weights import WeightFile, round_weights
from edgetrack.manifest import GraphSpec, Manifest
from edgetrack.network import cost
from edgetrack.network.candidates import COUNT, GRID, SIDE, ClassCheck, Detect, Rank
from edgetrack.network.grounder import TEXT, Grounder
from edgetrack.network.picodet import PicoDet
from edgetrack.words import ROLE as WORDS

WEIGHTS = "grounder_weights"
_FILE = "grounder.weights"
_FREQUENT = 5000  # ids below this are frequent words, which every pruned vocabulary has
_ALIKE = 0.02  # relative difference of tokens; rounding the weights in another way gives 0.007


def add_grounder(folder: Path, checkpoint: Path) -> dict[str, float]:
    """Add the grounding network of a checkpoint to the bundle in ``folder``, replacing an existing one.

    Returns:
        The largest error of each output against PyTorch, by ``graph.output``.

    Raises:
        ExportError: The file is not a checkpoint of the grounding network.
        ParityError: The exported graphs differ from the network.
    """
    bundle = Bundle.open(folder)
    manifest = bundle.manifest
    detector, grounder, learned = load_grounder(checkpoint)
    for module in (detector, grounder):
        round_weights(module)
    graphs = _graphs(detector, grounder, learned, manifest)
    files = write_graphs(folder, graphs, {WEIGHTS: WeightFile(_FILE)})
    count = cost.parameters(detector, grounder).all
    tensors = {role: graph.spec for role, graph in graphs.items()}
    write_manifest(folder, _with_grounder(manifest, learned.thresholds, tensors, count), files=files)
    if learned.words:
        add_words(folder, learned.words)
    return _parity(graphs, OrtEngine(Bundle.open(folder), threads=1))


def copy_grounder(folder: Path, source: Bundle) -> None:
    """Copy the grounding network of another bundle into the bundle in ``folder``, replacing an existing one.

    Raises:
        ExportError: ``source`` has no grounding network, or one for another text encoder.
    """
    bundle = Bundle.open(folder)
    manifest, theirs = bundle.manifest, source.manifest
    if EYE[0] not in theirs.tensors:
        raise ExportError(
            f"model {theirs.name} of --grounder has no grounding network; expected one that has, such as edgetrack-256"
        )
    if not _read_alike(bundle, source):
        raise ExportError(
            f"the text encoder of {theirs.name} differs from that of {manifest.name}, so its grounding network "
            "would misread every word; expected the same encoder: write it with "
            "python -m edgetrack.training.prune_text, and name its folder with --text-encoder"
        )
    files = copy_files(source, folder, [role for role in (*EYE, WEIGHTS, WORDS) if role in theirs.files])
    channels = theirs.tensors["detect"].outputs["map"].shape[1]
    count = cost.parameters(PicoDet(), Grounder(channels, GRID)).all
    write_manifest(folder, _with_grounder(manifest, theirs.thresholds, theirs.tensors, count), files=files)


def _read_alike(one: Bundle, other: Bundle) -> bool:
    """Return whether two bundles encode the same words in the same way, up to the rounding of their weights."""
    hashes = [bundle.manifest.files["tokenizer"].sha256 for bundle in (one, other)]
    if len(set(hashes)) > 1:
        return False
    ids = np.random.default_rng(0).integers(0, _FREQUENT, (1, TEXT_LENGTH))
    feeds: dict[str, np.ndarray[Any, Any]] = {"ids": ids, "mask": np.ones((1, TEXT_LENGTH), np.float32)}
    mine, theirs = (
        OrtEngine(bundle, threads=1).graph("text").run(feeds)["tokens"] for bundle in (one, other)
    )
    return float(np.linalg.norm(mine - theirs)) < _ALIKE * float(np.linalg.norm(mine))


def _with_grounder(
    manifest: Manifest, thresholds: Mapping[str, float], tensors: Mapping[str, GraphSpec], count: int
) -> Manifest:
    """Return the manifest with a grounding network of ``count`` parameters in place of an older one."""
    before = manifest.parameters - (count if EYE[0] in manifest.tensors else 0)
    return replace(
        manifest,
        parameters=before + count,
        thresholds={**manifest.thresholds, **thresholds},
        tensors={**manifest.tensors, **{role: tensors[role] for role in EYE}},
    )


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training run has determined in addition to the weights.

    Attributes:
        scale: Scale of the logits.
        shift: Offset of the logits; with both, a score is a probability.
        check: The detector's check of nouns that are its classes.
        thresholds: Thresholds of the policy.
        words: Words that the network was trained on.
    """

    scale: float
    shift: float
    check: ClassCheck
    thresholds: dict[str, float]
    words: list[str]


def load_grounder(path: Path) -> tuple[PicoDet, Grounder, Learned]:
    """Read the detector, the grounder, and the other results of training.

    Raises:
        ExportError: The file is not a checkpoint of the grounding network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        detector = PicoDet()
        detector.load_state_dict(state["detector"])
        grounder = Grounder(state["model"]["listener.squeeze.weight"].shape[1], GRID)
        grounder.load_state_dict(state["model"])
        scale, shift = (float(v) for v in state["calibration"])
        check = ClassCheck(**state["check"])
        thresholds = {str(name): float(value) for name, value in state.get("thresholds", {}).items()}
        words = [str(word) for word in state.get("words", [])]
    except Exception as error:  # for damaged files, torch.load raises various exceptions
        raise ExportError(
            f"checkpoint {path} cannot be loaded ({reason_of(error)}); expected a file that "
            "python -m edgetrack.training.grounder.train wrote and python -m edgetrack.training.grounder.calibration "
            "completed, both of this version"
        ) from error
    return detector.eval(), grounder.eval(), Learned(scale, shift, check.eval(), thresholds, words)


def _graphs(
    detector: PicoDet, grounder: Grounder, learned: Learned, manifest: Manifest
) -> dict[str, ExportGraph]:
    (mean, *_), (std, *_) = manifest.mean, manifest.std
    detect = Detect(detector, grounder, mean, std)
    found = graph_of("detect", detect, {"image": (1, 3, SIDE, SIDE)}, WEIGHTS)
    outputs = found.spec.outputs
    inputs = {
        "map": outputs["map"].shape,
        "boxes": (1, COUNT, 4),
        "region": (1, COUNT, outputs["region"].shape[2]),
        "classes": (1, COUNT, outputs["classes"].shape[2]),
        "valid": (1, COUNT),
        "tokens": (1, TEXT_LENGTH, TEXT),
        "mask": (1, TEXT_LENGTH),
        "noun": (1, TEXT_LENGTH, TEXT),
        "noun_mask": (1, TEXT_LENGTH),
    }
    rank = Rank(grounder, learned.check, learned.scale, learned.shift)
    return {"detect": found, "rank": graph_of("rank", rank, inputs, WEIGHTS)}


def _parity(graphs: dict[str, ExportGraph], engine: OrtEngine) -> dict[str, float]:
    """Compare both graphs with the network on a drawn image and random words."""
    random = np.random.default_rng(0)
    errors: dict[str, float] = {}
    ramp = np.linspace(-1, 1, SIDE, dtype=np.float32)
    image = np.broadcast_to(ramp, (1, 3, SIDE, SIDE)) * np.float32(0.5)
    image = image + random.normal(0, 0.3, (1, 3, 13, 13)).repeat(32, 2).repeat(32, 3)
    found = compare(graphs["detect"], engine, {"image": image.astype(np.float32)}, errors)
    rows = random.choice(found["boxes"].shape[1], COUNT, replace=False)
    mask = (np.arange(TEXT_LENGTH) < 6)[None].astype(np.float32)
    feeds = {
        "map": found["map"],
        "boxes": found["boxes"][:, rows],
        "region": found["region"][:, rows],
        "classes": found["classes"][:, rows],
        "valid": (np.arange(COUNT) < COUNT - 3)[None].astype(np.float32),
        "tokens": random.normal(0, 0.4, (1, TEXT_LENGTH, TEXT)).astype(np.float32) * mask[..., None],
        "mask": mask,
        "noun": random.normal(0, 0.4, (1, TEXT_LENGTH, TEXT)).astype(np.float32) * mask[..., None],
        "noun_mask": mask,
    }
    compare(graphs["rank"], engine, feeds, errors)
    return errors
