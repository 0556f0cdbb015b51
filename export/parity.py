"""Check that the exported graphs compute the same outputs as the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgetrack.bundle import BATCHED
from edgetrack.engines.base import Engine
from edgetrack.errors import ParityError
from edgetrack.export.graphs import ExportGraph
from edgetrack.network.network import TEMPLATE_TOKENS
from edgetrack.prompt import Tokenizer

TOLERANCE = 1e-4
_SENTENCES = ("red car", "the man in the blue jacket on the left", "small white drone")
Arrays = dict[str, NDArray[Any]]


def check_parity(graphs: Mapping[str, ExportGraph], engine: Engine, *, seed: int = 0) -> dict[str, float]:
    """Return the largest absolute error of every output, by ``role.output``, over drawn and random targets.

    The inputs of later graphs are outputs of the network itself, so that they are realistic.

    Raises:
        ParityError: An output differs from the network's by more than ``TOLERANCE``.
    """
    tokenizer = Tokenizer(engine.bundle)
    random = np.random.default_rng(seed)
    errors: dict[str, float] = {}
    looks: list[Arrays] = []  # inputs of "search"
    for sentence in _SENTENCES:
        ids, mask = tokenizer.encode(sentence)
        tokens = compare(graphs["text"], engine, {"ids": ids, "mask": mask}, errors)["tokens"]
        prompt = compare(graphs["prompt"], engine, {"tokens": tokens, "mask": mask}, errors)
        pictures = (_drawn if sentence == _SENTENCES[0] else _noise)(random, _sides(graphs))
        target = np.zeros(graphs["template"].spec.inputs["target"].shape, np.float32)
        target[:, :, 2:6, 3:5] = 1.0
        template = compare(
            graphs["template"], engine, {"image": pictures["template"], "target": target}, errors
        )
        for known in _modes(template, prompt, mask):
            for role in ("search", "ground"):
                compare(graphs[role], engine, {"image": pictures[role], **known}, errors)
            looks.append({"image": pictures["search"], **known})
    for role, number in BATCHED.items():
        for first in range(0, len(looks) - number + 1, number):
            compare(graphs[role], engine, _side_by_side(looks[first : first + number]), errors)
    return errors


def _side_by_side(looks: Sequence[Arrays]) -> Arrays:
    """Combine several inputs of "search" into one batch."""
    return {name: np.concatenate([look[name] for look in looks]) for name in looks[0]}


def compare(graph: ExportGraph, engine: Engine, feeds: Arrays, errors: dict[str, float]) -> Arrays:
    """Return the network's outputs for ``feeds``; write the errors of the engine's outputs to ``errors``."""
    with torch.no_grad():
        results = graph.module(*(torch.from_numpy(feeds[name]) for name in graph.spec.inputs))
    expected: Arrays = {name: t.numpy() for name, t in zip(graph.spec.outputs, results, strict=True)}
    # ``kept`` counts cells above a threshold: one cell may be so close to it that rounding decides
    limits = {"kept": 1.5 / expected["score"][0].size} if "score" in expected else {}
    for name, array in engine.graph(graph.role).run(feeds).items():
        key = f"{graph.role}.{name}"
        error = float(np.abs(array - expected[name]).max())
        if not error <= limits.get(name, TOLERANCE):  # also true for NaN
            raise ParityError(
                f"output {name!r} of graph {graph.role!r} differs by {error:.3g} between PyTorch and "
                f"{engine.info}; expected at most {limits.get(name, TOLERANCE):g}: try other "
                "versions of torch and onnxruntime, or report it with the checkpoint"
            )
        errors[key] = max(errors.get(key, 0.0), error)
    return expected


def _modes(template: Arrays, prompt: Arrays, mask: NDArray[Any]) -> Iterator[Arrays]:
    """Yield the target inputs of the search graphs: given by box and text, by box, by text."""
    for box, text in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0)):
        boxes = np.full((1, TEMPLATE_TOKENS), box, np.float32)
        words = text * mask
        known = {
            "memory": np.concatenate((box * template["memory"], text * prompt["memory"]), axis=2),
            "memory_mask": np.concatenate((boxes, words), axis=1),
            "film": text * prompt["film"],
            "anchor": box * template["anchor"],
            "prompts": box * template["prompts"],
            "prototypes": np.stack((box * template["prototype"], text * prompt["prototype"]), axis=1),
        }
        yield {name: array.astype(np.float32) for name, array in known.items()}


def _noise(random: np.random.Generator, sides: Mapping[str, int]) -> Arrays:
    return {
        role: random.uniform(-1, 1, (1, 3, side, side)).astype(np.float32) for role, side in sides.items()
    }


def _drawn(random: np.random.Generator, sides: Mapping[str, int]) -> Arrays:
    """Return a bright rectangle on a shaded background: edges and flat areas, as in photographs."""
    pictures: Arrays = {}
    for role, side in sides.items():
        shade = np.linspace(-0.6, 0.4, side, dtype=np.float32)
        image = np.broadcast_to(shade[:, None] * 0.5 + shade[None] * 0.5, (1, 3, side, side)).copy()
        third = side // 3
        image[0, 0, third : 2 * third, third : 2 * third - 8] = 0.9
        image[0, 1:, third : 2 * third, third : 2 * third - 8] = -0.7
        pictures[role] = image + random.normal(0, 0.02, image.shape).astype(np.float32)
    return pictures


def _sides(graphs: Mapping[str, ExportGraph]) -> dict[str, int]:
    """Return the side in pixels of the image that each graph takes."""
    return {
        role: graph.spec.inputs["image"].shape[-1]
        for role, graph in graphs.items()
        if "image" in graph.spec.inputs
    }
