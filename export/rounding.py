"""Emulate the accuracy of float16 on a CPU: a float32 graph in which results are rounded as in the float16 graph.

ONNX Runtime has no float16 kernels for CPUs. It computes in float32 and omits the rounding between consecutive float16
nodes, so that the float16 file itself would show several times less error than on a GPU.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper, numpy_helper

_FLOAT, _HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def rounded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a float32 graph with the results that a GPU computes for a graph of ``edgetrack.engines.half.halve``.

    Products are accumulated in float32, as in tensor cores, and every result is rounded once; a compiler that fuses
    nodes rounds less often.
    """
    return _Rounder(model).run()


class _Rounder:
    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.graph = self.model.graph
        inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
        self.halves = {v.name for v in inferred if v.type.tensor_type.elem_type == _HALF}
        self.wide: dict[str, str] = {}  # names of weights in the weight file, and of their float32 versions
        self.nodes: list[onnx.NodeProto] = []

    def run(self) -> onnx.ModelProto:
        for tensor in self.graph.initializer:
            if tensor.data_type == _HALF and tensor.data_location == TensorProto.EXTERNAL:
                self.wide[tensor.name] = f"{tensor.name}_wide"
                self._cast(tensor.name, self.wide[tensor.name], _FLOAT)
            elif tensor.data_type == _HALF:
                value = numpy_helper.to_array(tensor).astype("float32")
                tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        for node in self.graph.node:
            self._take(node)
        del self.graph.node[:]
        del self.graph.value_info[:]
        self.graph.node.extend(self.nodes)
        return self.model

    def _take(self, node: onnx.NodeProto) -> None:
        node.input[:] = [self.wide.get(name, name) for name in node.input]
        is_cast = node.op_type == "Cast" and {node.input[0], node.output[0]} & self.halves
        if is_cast or (node.op_type == "Cast" and node.input[0] in self.wide.values()):
            node = helper.make_node("Identity", node.input, node.output, name=node.name)
        self.nodes.append(node)
        for place, name in enumerate(node.output):
            if name in self.halves:
                node.output[place] = exact = f"{name}_exact"
                narrow = f"{name}_narrow"
                self._cast(exact, narrow, _HALF)
                self._cast(narrow, name, _FLOAT)

    def _cast(self, name: str, other: str, kind: int) -> None:
        self.nodes.append(helper.make_node("Cast", [name], [other], name=f"{other}_rounding", to=kind))
