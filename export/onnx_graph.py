"""PyTorch to ONNX, opset 20; shapes are static but for axes that are named."""

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

# From 23 on, attention becomes one Attention node, which TensorRT cannot build in float32.
OPSET = 20
IR_VERSION = 10  # what ONNX Runtime 1.18, the oldest supported, reads


def to_onnx(
    graph: ExportGraph, *, dynamic: Mapping[str, Sequence[int]] = MappingProxyType({})
) -> onnx.ModelProto:
    """The graph as ONNX with its weights inside, without traces of the machine that exported it.

    Args:
        graph: what to export.
        dynamic: axes by input that may be of any length.

    Raises:
        ExportError: PyTorch cannot express the module in ONNX.
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
    """Write each graph as ``ROLE.onnx``, and its weights into the one of ``weights`` that it names.

    Returns:
        The names of all files by role, those of the weights included.

    Raises:
        ExportError: PyTorch cannot express a module in ONNX.
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
    """Silences what the exporter says of itself: progress, optional packages, its own deprecations."""
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
    """Removes doc strings, stack traces and inner shapes: they name local paths and double the file."""
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
