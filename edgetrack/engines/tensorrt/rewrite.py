"""What TensorRT needs changed in an ONNX file before it reads it: the plugin's operator, and float16.

TensorRT 10 and 11 take types from the file (strongly typed networks), so float16 must stand in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgetrack._imports import require
from edgetrack.errors import BundleError

REVISION = 1  # of what this module writes; part of the key of a plan
_DOMAIN, _SELECT, _RESTORE = "edgetrack", "TokenSelect", "TokenRestore"
# Float16 by the rules of PyTorch's autocast: products in half, what only moves or adds values in the type that it
# gets, everything else (norms, softmax, exponentials, the token selection) in float32.
_PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_FOLLOWERS = {"Add", "Clip", "Concat", "Expand", "Gather", "Mul", "Relu", "Reshape", "Slice", "Split"}
_FOLLOWERS |= {"Squeeze", "Sub", "Transpose", "Unsqueeze"}


def rewritten(path: Path, *, half: bool, plugin: bool) -> bytes:
    """The graph of ``path`` as TensorRT shall read it; weights stay in the files beside ``path``.

    Args:
        half: products and what follows them in float16; inputs and outputs keep their types.
        plugin: token selection by the node that the plugin library has, instead of standard operators.

    Raises:
        MissingExtra: onnx is not installed.
        BundleError: the file is no ONNX graph.
    """
    onnx = require("onnx", extra="tensorrt")
    inliner = require("onnx.inliner", extra="tensorrt")
    try:
        model = onnx.load(path, load_external_data=False)
        if plugin:
            _take_plugin(model)
        model = inliner.inline_local_functions(model)
        if half:
            _Halver(onnx, model).run()
    except Exception as error:  # protobuf, the checker and the inliner have no common base but Exception
        raise BundleError(
            f"{path} cannot be rewritten for TensorRT ({error}); export the bundle again"
        ) from error
    data: bytes = model.SerializeToString()
    return data


def _take_plugin(model: Any) -> None:
    """Leaves the nodes that the plugins compute without functions."""
    kept = [function for function in model.functions if function.name not in (_SELECT, _RESTORE)]
    del model.functions[:]
    model.functions.extend(kept)


class _Halver:
    """One pass over a graph without local functions, in the order of its nodes."""

    def __init__(self, onnx: Any, model: Any) -> None:
        self.onnx, self.graph = onnx, model.graph
        self.float, self.half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
        self._declare_plugin(model)
        inferred = require("onnx.shape_inference", extra="tensorrt").infer_shapes(model).graph
        values: Iterable[Any] = [*inferred.value_info, *inferred.input, *inferred.output]
        self.types = {value.name: value.type.tensor_type.elem_type for value in values}
        self.types |= {tensor.name: tensor.data_type for tensor in self.graph.initializer}
        self.constants = {tensor.name for tensor in self.graph.initializer}
        self.ends = {value.name for value in self.graph.output}
        self.versions: dict[tuple[str, int], str] = {}  # of a value that is there in the other type, too
        self.nodes: list[Any] = []

    def run(self) -> None:
        for node in self.graph.node:
            if node.op_type == "Cast" and self.types.get(node.input[0]) == self.half:
                self.versions[node.output[0], self.half] = node.input[
                    0
                ]  # a weight that is stored in half, or its rows
                if node.input[0] in self.constants:
                    self.constants.add(node.output[0])
                self.nodes.append(node)
                continue
            if node.op_type == "Constant":
                self.constants.add(node.output[0])
            self._take(node, self.half if self._fits(node) else self.float)
        read = {name for node in self.nodes for name in node.input} | self.ends
        live = [node for node in self.nodes if node.op_type != "Cast" or node.output[0] in read]
        del self.graph.node[:]
        self.graph.node.extend(live)

    def _declare_plugin(self, model: Any) -> None:
        """Says the types of the plugin's outputs, which onnx does not know: inference goes on behind them."""
        integer = self.onnx.TensorProto.INT32
        kinds = {_SELECT: (self.float, integer, integer, self.float), _RESTORE: (self.float,)}
        for node in model.graph.node:
            if node.domain == _DOMAIN:
                for name, kind in zip(node.output, kinds[node.op_type], strict=True):
                    model.graph.value_info.append(self.onnx.helper.make_tensor_value_info(name, kind, None))

    def _fits(self, node: Any) -> bool:
        """Whether the node shall compute in half."""
        if node.op_type in _PRODUCTS:
            return True
        floats = [i for i in node.input if self._is_float(i) and i not in self.constants]
        return node.op_type in _FOLLOWERS and bool(floats) and all(self.types[i] == self.half for i in floats)

    def _is_float(self, name: str) -> bool:
        return self.types.get(name) in (self.float, self.half)

    def _take(self, node: Any, kind: int) -> None:
        """Adds the node with its float inputs as ``kind``."""
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
            self._cast(name, other, kind)
        return self.versions[name, kind]

    def _cast(self, name: str, other: str, kind: int) -> None:
        self.nodes.append(self.onnx.helper.make_node("Cast", [name], [other], name=other, to=kind))
