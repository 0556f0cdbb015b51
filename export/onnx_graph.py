"""Convert PyTorch to ONNX, opset 20; shapes are static except for axes declared dynamic."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import onnx
import torch

from edgetrack.errors import ExportError, reason_of
from edgetrack.export.graphs import ExportGraph
from edgetrack.export.operators import add_functions
from edgetrack.export.weights import WeightFile

# From opset 23 on, attention becomes one Attention node, which TensorRT cannot build in float32.
OPSET = 20
IR_VERSION = 10  # the newest that ONNX Runtime 1.18, the oldest supported version, can read


def to_onnx(
    graph: ExportGraph, *, dynamic: Mapping[str, Sequence[int]] = MappingProxyType({})
) -> onnx.ModelProto:
    """Convert the graph to ONNX with embedded weights, without traces of the machine that exported it.

    Args:
        graph: The graph to export.
        dynamic: By input, the axes of variable length.

    Raises:
        ExportError: PyTorch cannot convert the module to ONNX.
    """
    spec = graph.spec
    shapes = [dict.fromkeys(dynamic.get(name, ()), torch.export.Dim.DYNAMIC) for name in spec.inputs]
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                graph.module,
                graph.example(),
                dynamo=True,
                dynamic_shapes=(shapes if dynamic else None),
                opset_version=OPSET,
                input_names=list(spec.inputs),
                output_names=list(spec.outputs),
                verbose=False,
            )
        except Exception as error:
            raise ExportError(
                f"graph {graph.role!r} cannot be expressed in ONNX opset {OPSET}: {reason_of(error)}"
            ) from error
    if program is None:
        raise ExportError(
            f"the exporter of PyTorch {torch.__version__} returned nothing for graph {graph.role!r}"
        )
    model: onnx.ModelProto = program.model_proto
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "edgetrack", ""
    model.graph.name = graph.role
    _strip(model)
    add_functions(model)
    return model


def write_graphs(
    folder: Path, graphs: Mapping[str, ExportGraph], weights: Mapping[str, WeightFile]
) -> dict[str, str]:
    """Write each graph as ``ROLE.onnx``, and its weights to the file of ``weights`` that it names.

    Returns:
        The names of all files by role, including those of the weights.

    Raises:
        ExportError: PyTorch cannot convert a module to ONNX.
    """
    files = {name: file.name for name, file in weights.items()}
    for role, graph in graphs.items():
        model = to_onnx(graph)
        weights[graph.weights].store(model)
        files[role] = f"{role}.onnx"
        (folder / files[role]).write_bytes(model.SerializeToString(deterministic=True))
    for file in weights.values():
        (folder / file.name).write_bytes(file.bytes())
    for role in graphs:
        onnx.checker.check_model(str(folder / files[role]))
    return files


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's own messages: progress, optional packages, deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _strip(model: onnx.ModelProto) -> None:
    """Remove docstrings, stack traces and inner shapes, which contain local paths and double the file size."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    values: Iterable[Any] = [
        *model.graph.node,
        *model.graph.initializer,
        *model.graph.input,
        *model.graph.output,
    ]
    for value in values:
        del value.metadata_props[:]
        value.doc_string = ""
