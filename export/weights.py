"""Weights in float16, shared by several graph files and stored once.

The network is rounded to float16 first and then exported, so that "float16 where it holds every value
exactly" loses nothing: the graphs compute in float32 what PyTorch computes with the rounded weights.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgetrack.errors import ExportError
from edgetrack.network.stored import external_bytes

if TYPE_CHECKING:
    from torch import nn

SMALL = 1024  # bytes in float32; smaller tensors (biases, scales) keep float32 and stay in the graph file
_ALIGNMENT = 64  # of each tensor in the weight file, for memory mapping and vector loads


def round_weights(module: nn.Module) -> None:
    """Round every large parameter of ``module`` to float16, in place.

    Raises:
        ExportError: A parameter is not finite or exceeds float16's range.
    """
    import torch

    with torch.no_grad():
        for name, value in _large(module):
            rounded = value.half().float()
            if not bool(torch.isfinite(rounded).all()):
                raise ExportError(
                    f"parameter {name} has values up to {value.abs().max().item():g}; float16 holds "
                    "values up to 65504: train with a smaller learning rate or from an earlier checkpoint"
                )
            value.copy_(rounded)


def round_to_grid(module: nn.Module) -> None:
    """Round every large parameter of ``module`` to multiples of a power of two, in place.

    The step is near 1/48 of the parameter's standard deviation. The weights stay float16 and all engines compute as
    before, but most of the low bits are zero, so that a compressed wheel stores them in two thirds of the space.
    """
    import torch

    with torch.no_grad():
        for _, value in _large(module):
            step = torch.exp2(torch.floor(torch.log2(value.std() / 48)))
            if step > 0:  # otherwise all values are equal
                value.copy_(torch.round(value / step) * step)


def _large(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, value) for name, value in module.named_parameters() if value.numel() * 4 >= SMALL]


class WeightFile:
    """The contents of one external data file; equal tensors are stored once, even of different graphs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._data = bytearray()
        self._places: dict[bytes, tuple[str, int]] = {}  # file and offset of bytes, by their SHA-256

    def lend(self, graph: Path) -> None:
        """Refer to the weights of another graph, which are in files of the same folder, instead of storing copies."""
        for tensor in onnx.load(graph, load_external_data=False).graph.initializer:
            if tensor.data_location != TensorProto.EXTERNAL:
                continue
            name, begin, raw = external_bytes(tensor, graph.parent)
            self._places[hashlib.sha256(raw).digest()] = (name, begin)

    def store(self, model: onnx.ModelProto) -> None:
        """Move the large float32 initializers of ``model`` here as float16; casts in its graph convert them back."""
        casts = []
        for tensor in model.graph.initializer:
            if tensor.data_type != TensorProto.FLOAT:
                continue
            array = numpy_helper.to_array(tensor)
            if array.nbytes < SMALL:
                continue
            half = array.astype(np.float16)
            if np.array_equal(half.astype(np.float32), array):
                if not _widen_rows(model.graph, tensor.name):
                    casts.append(
                        helper.make_node("Cast", [tensor.name + "_f16"], [tensor.name], to=TensorProto.FLOAT)
                    )
                tensor.name += "_f16"
                self._refer(tensor, half)
            else:
                self._refer(tensor, array)  # a constant that the exporter computed
        for node in reversed(casts):
            model.graph.node.insert(0, node)

    def store_integers(self, model: onnx.ModelProto) -> None:
        """Move the large int8 initializers of ``model`` here; the others stay where they are."""
        for tensor in model.graph.initializer:
            if tensor.data_type == TensorProto.INT8 and len(tensor.raw_data) >= SMALL:
                self._refer(tensor, numpy_helper.to_array(tensor))

    def bytes(self) -> bytes:
        return bytes(self._data)

    def _refer(self, tensor: TensorProto, array: NDArray[np.generic]) -> None:
        raw = array.tobytes()
        key = hashlib.sha256(raw).digest()
        if key not in self._places:
            self._data.extend(bytes(-len(self._data) % _ALIGNMENT))
            self._places[key] = (self.name, len(self._data))
            self._data.extend(raw)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        for field in ("raw_data", "float_data", "external_data"):
            tensor.ClearField(field)
        tensor.data_location = TensorProto.EXTERNAL
        location, offset = self._places[key]
        for entry, value in (("location", location), ("offset", offset), ("length", len(raw))):
            tensor.external_data.add(key=entry, value=str(value))


def _widen_rows(graph: onnx.GraphProto, table: str) -> bool:
    """Convert only the rows that a lookup reads from ``table`` to float32; return False if it has other uses.

    The table then stays in float16 in memory, and sessions do not convert it when they load it.
    """
    readers = [node for node in graph.node if table in node.input]
    if not readers or any(node.op_type != "Gather" or node.input[1] == table for node in readers):
        return False
    for node in readers:
        rows = node.output[0]
        node.input[0], node.output[0] = f"{table}_f16", f"{rows}_f16"
        widen = helper.make_node("Cast", [f"{rows}_f16"], [rows], to=TensorProto.FLOAT)
        graph.node.insert(list(graph.node).index(node) + 1, widen)
    return True
