"""Convert an ONNX graph to float16.

``edgetrack export --fp16`` writes the result; the TensorRT engine converts at load if the bundle has no float16.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from edgetrack._imports import require

# These are the rules of PyTorch's autocast (documentation of torch.amp, "CUDA Ops that can autocast to float16"):
# matrix products and convolutions run in float16; operators that only move or add values keep the type of their
# inputs; everything else (norms, softmax, exponentials, and the token selection, a local function) runs in float32.
_PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_FOLLOWERS = {"Add", "Clip", "Concat", "Expand", "Gather", "Mul", "Relu", "Reshape", "Slice", "Split"}
_FOLLOWERS |= {"Squeeze", "Sub", "Transpose", "Unsqueeze"}
_LARGEST = float(np.finfo(np.float16).max)


def halve(model: Any) -> None:
    """Convert the matrix products of an ``onnx.ModelProto``, and the nodes that follow them, to float16, in place.

    Inputs and outputs of the graph keep their types, weights stored in float16 are used without a cast, and local
    functions stay in float32. A node with a constant that float16 cannot represent stays in float32, too.

    Raises:
        MissingExtra: The package onnx is not installed.
    """
    _Halver(require("onnx", extra="int8"), model).run()


class _Halver:
    """One pass over a graph, in the order of its nodes."""

    def __init__(self, onnx: Any, model: Any) -> None:
        self.onnx, self.graph = onnx, model.graph
        self.float, self.half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
        inferred = require("onnx.shape_inference", extra="int8").infer_shapes(model).graph
        values: Iterable[Any] = [*inferred.value_info, *inferred.input, *inferred.output]
        self.types = {value.name: value.type.tensor_type.elem_type for value in values}
        self.types |= {tensor.name: tensor.data_type for tensor in self.graph.initializer}
        self.stored = {tensor.name: self._inline(tensor) for tensor in self.graph.initializer}
        self.constants = set(self.stored)
        self.ends = {value.name for value in self.graph.output}
        self.versions: dict[tuple[str, int], str] = {}  # names of values that also exist in the other type
        self.nodes: list[Any] = []

    def run(self) -> None:
        for node in self.graph.node:
            if node.op_type == "Cast" and self.types.get(node.input[0]) == self.half:
                # a weight that is stored in float16, or rows of it
                self.versions[node.output[0], self.half] = node.input[0]
                if node.input[0] in self.constants:
                    self.constants.add(node.output[0])
                self.nodes.append(node)
                continue
            if node.op_type == "Constant":
                self.constants.add(node.output[0])
            self._take(node, self.half if self._fits(node) else self.float)
        self._prune()

    def _inline(self, tensor: Any) -> np.ndarray[Any, Any] | None:
        """Return the value of a float32 constant that is stored in the graph's own file."""
        if tensor.data_type != self.float or tensor.data_location == self.onnx.TensorProto.EXTERNAL:
            return None
        value: np.ndarray[Any, Any] = self.onnx.numpy_helper.to_array(tensor)
        return value

    def _fits(self, node: Any) -> bool:
        """Return whether the node should compute in float16."""
        given = [self.stored.get(name) for name in node.input]
        if any(value is not None and np.abs(value).max(initial=0) > _LARGEST for value in given):
            return False
        if node.op_type in _PRODUCTS:
            return True
        floats = [i for i in node.input if self._is_float(i) and i not in self.constants]
        return node.op_type in _FOLLOWERS and bool(floats) and all(self.types[i] == self.half for i in floats)

    def _is_float(self, name: str) -> bool:
        return self.types.get(name) in (self.float, self.half)

    def _take(self, node: Any, kind: int) -> None:
        """Add the node with its floating-point inputs cast to ``kind``."""
        for place, name in enumerate(node.input):
            if self._is_float(name):
                node.input[place] = self._as(name, kind)
        self.nodes.append(node)
        if kind == self.float:
            return
        for place, name in enumerate(node.output):
            if self._is_float(name) and name in self.ends:
                node.output[place] = inner = f"{name}_half"
                self.versions[name, self.half] = inner
                self._cast(inner, name, self.float)
            elif self._is_float(name):
                self.types[name] = self.half

    def _as(self, name: str, kind: int) -> str:
        if self.types[name] == kind:
            return name
        if (name, kind) not in self.versions:
            other = f"{name}_as_{'half' if kind == self.half else 'float'}"
            self.versions[name, kind] = other
            value = self.stored.get(name)
            if value is None:
                self._cast(name, other, kind)
            else:  # already stored in the type that is needed
                tensor = self.onnx.numpy_helper.from_array(value.astype(np.float16), other)
                self.graph.initializer.append(tensor)
        return self.versions[name, kind]

    def _cast(self, name: str, other: str, kind: int) -> None:
        self.nodes.append(self.onnx.helper.make_node("Cast", [name], [other], name=other, to=kind))

    def _prune(self) -> None:
        """Remove nodes that nothing reads anymore: casts of weights, and constants in float32."""
        read = {name for node in self.nodes for name in node.input} | self.ends
        live = [node for node in self.nodes if node.op_type != "Cast" or node.output[0] in read]
        del self.graph.node[:]
        self.graph.node.extend(live)
        read = {name for node in live for name in node.input} | self.ends
        kept = [tensor for tensor in self.graph.initializer if tensor.name in read]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)
