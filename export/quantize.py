"""Make integer graphs from a float graph: pairs of QuantizeLinear and DequantizeLinear around the chosen layers.

The float graph and the ranges are the source of truth; each flavor is generated from them:

- ``portable``: symmetric int8, per-channel weights, float biases. TensorRT and OpenVINO read this flavor.
- ``ort``: uint8 activations with a zero point, int32 biases, and quantized outputs of convolutions and of the sums
  between them, so that ONNX Runtime's CPU kernels have integer inputs and outputs. For processors that add two
  products in 16 bits (``saturates``), weights have 7 bits, which cannot overflow on any processor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgetrack.engines.ort import saturates
from edgetrack.export.layers import Layer, Source, consumers_of
from edgetrack.export.ranges import Range

Flavor = Literal["portable", "ort"]
NARROW = 64  # largest weight for which two products with uint8 fit in 16 bits: 2 * 255 * 64 < 2 ** 15
_TINY = 1e-12


def quantize(
    source: Source, ranges: Mapping[str, Range], layers: Collection[str], *, flavor: Flavor
) -> onnx.ModelProto:
    """Return the graph with ``layers`` in integers; other constants still refer to the weight file of ``source``."""
    return _Emitter(source, ranges, layers, flavor).emit()


def scale_of(low_high: Range, flavor: Flavor) -> tuple[np.float32, np.uint8 | np.int8]:
    """Return scale and zero point: value = scale * (integer - zero point)."""
    low, high = low_high
    if flavor == "portable":
        return np.float32(max(-low, high, _TINY) / 127), np.int8(0)
    scale = np.float32(max(high - low, _TINY) / 255)
    return scale, np.uint8(np.clip(np.round(-low / scale), 0, 255))


def quantize_weight(
    weight: NDArray[np.float32], axis: int, *, most: int = 127
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return symmetric int8 values from -``most`` to ``most``, and one scale for each index of ``axis``."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scales = np.maximum(np.abs(weight).max(others), _TINY).astype(np.float32) / np.float32(most)
    shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
    return np.clip(np.round(weight / scales.reshape(shape)), -most, most).astype(np.int8), scales


class _Emitter:
    def __init__(
        self, source: Source, ranges: Mapping[str, Range], layers: Collection[str], flavor: Flavor
    ) -> None:
        self.source, self.ranges, self.flavor = source, ranges, flavor
        self.most = NARROW if flavor == "ort" and saturates() else 127
        self.layers = {layer.node: layer for layer in source.layers.values() if layer.name in layers}
        self.model = onnx.ModelProto()
        self.model.CopyFrom(source.model)
        self.graph = self.model.graph
        self.ends = {value.name for value in self.graph.output}
        self.last = _last(source)
        self.added: dict[str, list[onnx.NodeProto]] = {}  # new nodes, by the tensor that they follow
        self.first: list[onnx.NodeProto] = []

    def emit(self) -> onnx.ModelProto:
        whole = self._whole()
        for node in self.graph.node:
            layer = self.layers.get(node.name)
            if layer is not None:
                self._weight(node, layer)
        inputs = {layer.input for layer in self.layers.values()}
        consumers = consumers_of(self.graph)
        for tensor in sorted(inputs | whole):
            replaced = self._pair(tensor)
            for node in consumers[tensor]:
                if tensor in whole or node.name in self.layers:
                    node.input[:] = [replaced if name == tensor else name for name in node.input]
        self._order()
        self._prune()
        return self.model

    def _whole(self) -> set[str]:
        """Return the tensors that are quantized as outputs: those of integer convolutions, and sums of these."""
        if self.flavor == "portable":
            return set()
        whole = {v.output for v in self.layers.values() if v.kind == "Conv"} - self.last
        for output, node in self.source.sums.items():  # in the order of the graph
            if output not in self.last and whole.issuperset(node.input):
                whole.add(output)
        return whole

    def _pair(self, tensor: str) -> str:
        scale, zero = scale_of(self.ranges[tensor], self.flavor)
        names = [self._constant(f"{tensor}_{what}", v) for what, v in (("scale", scale), ("zero", zero))]
        ends = f"{tensor}_quantized", f"{tensor}_dequantized"
        self.added[tensor] = [
            helper.make_node("QuantizeLinear", [tensor, *names], [ends[0]], name=ends[0]),
            helper.make_node("DequantizeLinear", [ends[0], *names], [ends[1]], name=ends[1]),
        ]
        return ends[1]

    def _weight(self, node: onnx.NodeProto, layer: Layer) -> None:
        weight = self.source.constant(layer.weight)
        axis = 0 if layer.kind == "Conv" else weight.ndim - 1
        scale, _ = scale_of(self.ranges[layer.input], self.flavor)
        values, scales = quantize_weight(weight, axis, most=self.most)
        if layer.kind == "Conv" and len(node.input) == 3 and self.flavor == "ort":
            bias = self.source.constant(node.input[2])
            # even with tiny weights in a channel, its bias must fit in 32 bits
            scales = np.maximum(scales, np.abs(bias) / (scale * 2.0**30)).astype(np.float32)
            steps = weight / scales.reshape(-1, *[1] * (weight.ndim - 1))
            values = np.clip(np.round(steps), -self.most, self.most).astype(np.int8)
            whole = np.round(bias / (scale * scales)).astype(np.int32)
            node.input[2] = self._dequantized(f"{layer.node}_bias", whole, scale * scales, axis=0)
        node.input[1] = self._dequantized(f"{layer.node}_weight", values, scales, axis=axis)

    def _dequantized(
        self, name: str, values: NDArray[np.int8 | np.int32], scales: NDArray[np.float32], *, axis: int
    ) -> str:
        zero = np.zeros(scales.shape, values.dtype)
        inputs = [
            self._constant(f"{name}_{what}", array)
            for what, array in (("quantized", values), ("scale", scales), ("zero", zero))
        ]
        self.first.append(helper.make_node("DequantizeLinear", inputs, [name], name=name, axis=axis))
        return name

    def _constant(self, name: str, value: NDArray[np.generic] | np.generic) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _order(self) -> None:
        """Insert the new nodes after the nodes that compute their inputs."""
        nodes = list(self.first)
        for value in self.graph.input:
            nodes += self.added.get(value.name, [])
        for node in self.graph.node:
            nodes.append(node)
            for output in node.output:
                nodes += self.added.get(output, [])
        del self.graph.node[:]
        self.graph.node.extend(nodes)

    def _prune(self) -> None:
        """Remove constants, and their casts, that nothing reads anymore."""
        read = {name for node in self.graph.node for name in node.input} | self.ends
        kept = [node for node in self.graph.node if node.op_type != "Cast" or node.output[0] in read]
        del self.graph.node[:]
        self.graph.node.extend(kept)
        read = {name for node in kept for name in node.input} | self.ends
        tensors = [tensor for tensor in self.graph.initializer if tensor.name in read]
        del self.graph.initializer[:]
        self.graph.initializer.extend(tensors)


def _last(source: Source) -> set[str]:
    """Return the tensors after which no other layer comes before an output: they stay in float.

    The size of a box is often the exponential of such a tensor, and 1/255 of its range changes the box by a few
    percent.
    """
    producers = {output: node for node in source.model.graph.node for output in node.output}
    layers = {layer.node for layer in source.layers.values()}
    open_, found = [value.name for value in source.model.graph.output], set[str]()
    while open_:
        name = open_.pop()
        if name in found:
            continue
        found.add(name)
        node = producers.get(name)
        if node is not None and node.name not in layers:
            open_ += node.input
    return found
