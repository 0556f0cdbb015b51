"""The parts of a graph that can be quantized: convolutions and matrix products with constant weights."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgetrack.network.stored import array_of

KINDS = ("Conv", "MatMul")
_ACTIVATIONS = ("Clip", "Relu")  # fused into an integer convolution in front


@dataclass(frozen=True, slots=True)
class Layer:
    """One node that can run in integers."""

    name: str  # name of the weight if it has one of its own, else of the node
    kind: str  # "Conv" or "MatMul"
    node: str
    input: str
    output: str  # output of the fused activation, if any
    weight: str


@dataclass(frozen=True)
class Source:
    """A float graph, its constants and its layers.

    Args:
        model: The model as stored; large constants stay in the weight file next to it.
        folder: Folder of the weight file.
    """

    model: onnx.ModelProto
    folder: Path
    layers: dict[str, Layer] = field(init=False)
    sums: dict[str, onnx.NodeProto] = field(init=False)  # additions of two activations, by output name

    def __post_init__(self) -> None:
        graph = self.model.graph
        tensors = {tensor.name for tensor in graph.initializer}
        casts = {n.output[0] for n in graph.node if n.op_type == "Cast" and n.input[0] in tensors}
        constants = tensors | casts
        consumers = consumers_of(graph)
        ends = {value.name for value in graph.output}
        layers = {}
        for node in graph.node:
            if node.op_type in KINDS and node.input[1] in constants and node.input[0] not in constants:
                layer = _layer(node, consumers, ends)
                if layer.name in layers:  # two nodes share a weight
                    layer = replace(layer, name=node.name)
                layers[layer.name] = layer
        sums = {n.output[0]: n for n in graph.node if n.op_type == "Add" and not constants & set(n.input)}
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "sums", sums)

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read the graph in a file of a bundle."""
        return cls(onnx.load(str(path), load_external_data=False), path.parent)

    def observed(self) -> list[str]:
        """Return the tensors whose ranges quantization needs."""
        names = {t for layer in self.layers.values() for t in (layer.input, layer.output)} | set(self.sums)
        made = {value.name for value in self.model.graph.input}
        made |= {output for node in self.model.graph.node for output in node.output}
        return sorted(names & made)

    def constant(self, name: str) -> NDArray[np.float32]:
        """Return the value of a constant, converted to float32."""
        graph = self.model.graph
        stored = {tensor.name: tensor for tensor in graph.initializer}
        if name not in stored:
            name = next(node.input[0] for node in graph.node if name in node.output)
        return array_of(stored[name], self.folder).astype(np.float32)


def consumers_of(graph: onnx.GraphProto) -> dict[str, list[onnx.NodeProto]]:
    """Return the nodes that read each tensor, by the tensor's name."""
    found: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            found[name].append(node)
    return found


def _layer(node: onnx.NodeProto, consumers: dict[str, list[onnx.NodeProto]], ends: set[str]) -> Layer:
    output = node.output[0]
    after = consumers[output]
    if node.op_type == "Conv" and output not in ends and len(after) == 1 and after[0].op_type in _ACTIVATIONS:
        output = after[0].output[0]
    weight = node.input[1]
    name = weight.removesuffix(".weight") if weight.endswith(".weight") else node.name
    return Layer(name.removeprefix("network."), node.op_type, node.name, node.input[0], output, weight)
