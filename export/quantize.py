"""Integer graphs from a float one: pairs of QuantizeLinear and DequantizeLinear around the chosen layers.

The float graph and the ranges are the source of truth; each flavor is emitted from them:

- ``portable``: int8, symmetric, weights per channel, biases in float. What TensorRT and OpenVINO read.
- ``ort``: activations uint8 with a zero point, biases int32, and the outputs of convolutions and the sums between
  them quantized too, so that ONNX Runtime's CPU kernels run from integers to integers. On a processor that adds two
  products in 16 bits (``saturates``) weights have 7 bits, which cannot overflow anywhere.
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
NARROW = 64  # the largest weight of which two products with uint8 add up in 16 bits: 2 * 255 * 64 < 2 ** 15
_TINY = 1e-12


def quantize(
    source: Source, ranges: Mapping[str, Range], layers: Collection[str], *, flavor: Flavor
) -> onnx.ModelProto:
    """The graph with ``layers`` in integers; its other constants still refer to the weight file of ``source``."""
    return _Emitter(source, ranges, layers, flavor).emit()


def scale_of(low_high: Range, flavor: Flavor) -> tuple[np.float32, np.uint8 | np.int8]:
    """Scale and zero point: value = scale * (integer - zero point)."""
    low, high = low_high
    if flavor == "portable":
        return np.float32(max(-low, high, _TINY) / 127), np.int8(0)
    scale = np.float32(max(high - low, _TINY) / 255)
    return scale, np.uint8(np.clip(np.round(-low / scale), 0, 255))


def quantize_weight(
    weight: NDArray[np.float32], axis: int, *, most: int = 127
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 of -``most`` to ``most`` and one scale for each index of ``axis``."""
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
        self.added: dict[str, list[onnx.NodeProto]] = {}  # by the tensor that they follow
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
        """Tensors that only integers leave: outputs of integer convolutions and sums of such."""
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
            # a channel of tiny weights still must hold its bias in 32 bits
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
        """Puts the new nodes where their inputs exist."""
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
        """Removes constants, and their casts, that nothing reads any more."""
        read = {name for node in self.graph.node for name in node.input} | self.ends
        kept = [node for node in self.graph.node if node.op_type != "Cast" or node.output[0] in read]
        del self.graph.node[:]
        self.graph.node.extend(kept)
        read = {name for node in kept for name in node.input} | self.ends
        tensors = [tensor for tensor in self.graph.initializer if tensor.name in read]
        del self.graph.initializer[:]
        self.graph.initializer.extend(tensors)


def _last(source: Source) -> set[str]:
    """Tensors from which an output is computed without another layer in between: they stay in float.

    A box's size is often the exponential of one, where a 255th of its range is some percent of the box.
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
