"""The graphs of a bundle as modules with fixed tensor names and shapes, each a part of the network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgetrack.bundle import BATCHED, GRAPHS
from edgetrack.manifest import GraphSpec, TensorSpec
from edgetrack.network.network import PROMPTS, TEMPLATE_TOKENS, EdgetrackNet
from edgetrack.network.text import WIDTH, MiniLM

TEMPLATE, GROUNDING = 128, 320  # sides of the images in pixels
TEXT_LENGTH = 24
STRIDE = 16


class Prompt(nn.Module):
    """tokens, mask -> memory, film, prototype."""

    outputs = ("memory", "film", "prototype")

    def __init__(self, network: EdgetrackNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        out = self.network.prompt(tokens, mask)
        return tuple(out[name] for name in self.outputs)


class Template(nn.Module):
    """image, target -> memory, anchor, prompts, prototype."""

    outputs = ("memory", "anchor", "prompts", "prototype")

    def __init__(self, network: EdgetrackNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        out = self.network.template(image, target)
        return tuple(out[name] for name in self.outputs)


class Search(nn.Module):
    """image and the target's features -> score, offset, size, presence, quality, kept, embedding.

    All except offset and embedding are in 0..1.
    """

    outputs = ("score", "offset", "size", "presence", "quality", "kept", "embedding")

    def __init__(self, network: EdgetrackNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        image: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        film: Tensor,
        anchor: Tensor,
        prompts: Tensor,
        prototypes: Tensor,
    ) -> tuple[Tensor, ...]:
        out = self.network.search(image, memory, memory_mask, film, anchor, prompts, prototypes)
        # the fraction of cells above the selection's threshold: for diagnosis only
        kept = out["count"].float()[:, None] / out["margin"].shape[1]
        score, presence = torch.sigmoid(out["score"]), torch.sigmoid(out["presence"])
        quality = torch.sigmoid(out["quality"])
        return score, out["offset"], out["size"], presence, quality, kept, out["embedding"]


class Text(nn.Module):
    """ids, mask -> tokens."""

    outputs = ("tokens",)

    def __init__(self, encoder: MiniLM) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        return (self.encoder(ids, mask),)


@dataclass(frozen=True)
class ExportGraph:
    """One graph to export."""

    role: str
    module: nn.Module  # takes the inputs and returns a tuple of the outputs, both in the order of ``spec``
    spec: GraphSpec
    weights: str  # role of its weight file

    def example(self) -> tuple[Tensor, ...]:
        """Return inputs of the right dtypes and shapes: zeros, and masks of ones."""
        return tuple(
            torch.full(spec.shape, float("mask" in name)).to(getattr(torch, spec.dtype))
            for name, spec in self.spec.inputs.items()
        )


def build_graphs(network: EdgetrackNet, encoder: MiniLM, search: int = 256) -> dict[str, ExportGraph]:
    """Return all graphs by role; ``search`` is the side of the search region's image in pixels.

    The shapes of the outputs are determined by running each graph once.
    """
    width = network.neck.norm.norm.normalized_shape[0]
    rows = TEMPLATE_TOKENS + TEXT_LENGTH
    anchor = network.correlate.out_features
    target = (1, 1, TEMPLATE // STRIDE, TEMPLATE // STRIDE)
    known = {
        "memory": (1, 4, rows, width),
        "memory_mask": (1, rows),
        "film": (1, 2, width),
        "anchor": (1, TEMPLATE_TOKENS, anchor),
        "prompts": (1, PROMPTS, anchor),
        "prototypes": (1, 2, width),
    }
    plans: dict[str, tuple[nn.Module, dict[str, tuple[int, ...]]]] = {
        "text": (Text(encoder), {"ids": (1, TEXT_LENGTH), "mask": (1, TEXT_LENGTH)}),
        "prompt": (Prompt(network), {"tokens": (1, TEXT_LENGTH, WIDTH), "mask": (1, TEXT_LENGTH)}),
        "template": (Template(network), {"image": (1, 3, TEMPLATE, TEMPLATE), "target": target}),
        "search": (Search(network), {"image": (1, 3, search, search), **known}),
        "ground": (Search(network), {"image": (1, 3, GROUNDING, GROUNDING), **known}),
    }
    for role, number in BATCHED.items():
        module, shapes = plans["search"]
        plans[role] = module, {name: (number, *shape[1:]) for name, shape in shapes.items()}
    weights = {"text": "text_weights"}
    return {
        role: graph_of(role, *plans[role], weights.get(role, "tracker_weights"))
        for role in (*GRAPHS, *BATCHED)
    }


def graph_of(role: str, module: nn.Module, shapes: dict[str, tuple[int, ...]], weights: str) -> ExportGraph:
    """Return a graph to export; run it once to determine the shapes of its outputs. ``shapes`` are those of inputs."""
    module.eval().requires_grad_(False)
    inputs = {
        name: TensorSpec("int64" if name == "ids" else "float32", shape) for name, shape in shapes.items()
    }
    probe = ExportGraph(role, module, GraphSpec(inputs, {}), weights)
    with torch.no_grad():
        results = module(*probe.example())
    names = module.outputs
    assert isinstance(names, tuple)
    outputs = {name: TensorSpec("float32", tuple(t.shape)) for name, t in zip(names, results, strict=True)}
    return ExportGraph(role, module, GraphSpec(inputs, outputs), weights)
