"""The graphs of an adapter: converted from a PyTorch module, checked, and normalized for quantization."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, version_converter

from edgetrack.errors import ConfigError, ExportError, MissingExtra, ParityError, reason_of
from edgetrack.manifest import GraphSpec, TensorSpec
from edgetrack.peers import Adapter

if TYPE_CHECKING:
    from torch import nn

TOLERANCE = 1e-4
LEAST_OPSET = 13  # the first with per-channel scales
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


def graphs_of(adapter: Adapter, name: str, weights: Sequence[Path]) -> dict[str, onnx.ModelProto]:
    """Return the result of ``adapter.graphs``, checked and normalized.

    Raises:
        ConfigError: It does not return ONNX models by name.
        ExportError: It fails, or a graph is invalid.
    """
    try:
        given: Any = adapter.graphs(weights)
    except (ConfigError, ExportError, MissingExtra):
        raise
    except Exception as error:  # the user's code may raise anything
        raise ExportError(f"graphs() of {name} failed with {reason_of(error)}") from error
    if (
        not isinstance(given, Mapping)
        or not given
        or not all(isinstance(model, onnx.ModelProto) for model in given.values())
    ):
        raise ConfigError(f"graphs() of {name} returned {given!r:.200}; expected ONNX models by name")
    if wrong := [graph for graph in given if not isinstance(graph, str) or not _NAME.fullmatch(graph)]:
        raise ConfigError(
            f"graphs() of {name} has a graph named {wrong[0]!r}; expected only letters, digits, - and _, "
            "because it names a file"
        )
    return {graph: _normalized(graph, model) for graph, model in given.items()}


def torch_graph(
    module: nn.Module,
    *,
    inputs: Mapping[str, tuple[int, ...] | NDArray[Any]],
    outputs: Sequence[str],
    dynamic: Mapping[str, Sequence[int]] = MappingProxyType({}),
    tolerance: float = TOLERANCE,
) -> onnx.ModelProto:
    """Convert a module to ONNX, opset 20, and compare its outputs with the module's on random images.

    Args:
        module: Takes tensors in the order of ``inputs``; returns one tensor, or a tuple of tensors.
        inputs: By name, the shape of a float32 tensor, or an example if values in 0..1 are not meaningful.
        outputs: Names of the outputs, in order.
        dynamic: By input, the axes of variable length; all others are as in ``inputs``.
        tolerance: Largest allowed difference of an output, absolute or relative to its largest value.

    Raises:
        ExportError: PyTorch cannot convert the module to ONNX, its outputs are not tensors, or their number differs
            from that of the names.
        ParityError: An output differs by more than the tolerance.
    """
    import onnxruntime
    import torch

    from edgetrack.engines.session_graph import session_options
    from edgetrack.export.graphs import ExportGraph
    from edgetrack.export.onnx_graph import to_onnx

    random, kind = np.random.default_rng(0), type(module).__name__
    feeds = {
        name: given if isinstance(given, np.ndarray) else random.uniform(0, 1, given).astype(np.float32)
        for name, given in inputs.items()
    }
    try:
        with torch.no_grad():
            given: Any = module.eval()(*(torch.from_numpy(array) for array in feeds.values()))
    except Exception as error:  # the user's module may raise anything
        shapes = ", ".join(f"{name} {array.shape}" for name, array in feeds.items())
        raise ExportError(f"module {kind} cannot be run on {shapes}: {reason_of(error)}") from error
    expected = _tensors(kind, given, outputs)
    specs = {name: TensorSpec(str(array.dtype), array.shape) for name, array in feeds.items()}
    spec = GraphSpec(specs, dict.fromkeys(outputs, TensorSpec("float32", ())))
    model = to_onnx(ExportGraph(kind, module, spec, ""), dynamic=dynamic)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(1), providers=["CPUExecutionProvider"]
    )
    for name, wanted, found in zip(outputs, expected, session.run(list(outputs), feeds), strict=True):
        distance = float(np.abs(wanted.numpy() - found).max(initial=0))
        limit = tolerance * max(1.0, float(np.abs(wanted.numpy()).max(initial=0)))
        if not distance <= limit:  # also true for NaN
            raise ParityError(
                f"output {name!r} differs by {distance:.3g} between PyTorch and ONNX Runtime; expected at most "
                f"{limit:.3g}: is the module random, or does it depend on more than its inputs?"
            )
    return model


def _tensors(kind: str, given: Any, outputs: Sequence[str]) -> tuple[Any, ...]:
    """Return the result of a module as a tuple of tensors, one for each name."""
    import torch

    tensors = (given,) if isinstance(given, torch.Tensor) else given
    if not isinstance(tensors, (tuple, list)) or not all(isinstance(t, torch.Tensor) for t in tensors):
        parts = (
            f" of {', '.join(type(t).__name__ for t in given)}" if isinstance(given, (tuple, list)) else ""
        )
        raise ExportError(
            f"module {kind} returns a {type(given).__name__}{parts}; expected one tensor, or a tuple of tensors: "
            "wrap it in a module that returns those"
        )
    if len(tensors) != len(outputs):
        raise ExportError(
            f"module {kind} returns {len(tensors)} tensors, but outputs has {len(outputs)} names "
            f"({', '.join(outputs)}); expected a name for each"
        )
    return tuple(tensors)


def _normalized(name: str, model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy with constants as initializers, a name for each node, and an opset that supports quantization.

    Raises:
        ExportError: The model is not valid ONNX, or has weights in external files.
    """
    try:
        onnx.checker.check_model(model)
        if model.opset_import and min(_opset(model), LEAST_OPSET) < LEAST_OPSET:
            model = version_converter.convert_version(model, LEAST_OPSET)
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
    except Exception as error:  # onnx's errors have no common base but Exception
        raise ExportError(f"graph {name!r} is not a valid ONNX model: {reason_of(error)}") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in copy.graph.initializer):
        raise ExportError(
            f"graph {name!r} stores weights in another file; load it with onnx.load(PATH), which includes them"
        )
    _take_constants(copy.graph)
    names = {node.name for node in copy.graph.node}
    for index, node in enumerate(copy.graph.node):
        if not node.name:
            node.name = f"{node.op_type}_{index}"
            while node.name in names:
                node.name += "_"
            names.add(node.name)
    return copy


def _opset(model: onnx.ModelProto) -> int:
    return next(
        (entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), LEAST_OPSET
    )


def _take_constants(graph: onnx.GraphProto) -> None:
    """Turn constant nodes into initializers, and remove initializers from the inputs."""
    kept = []
    for node in graph.node:
        value = next((a for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(value.t), node.output[0]))
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    del graph.input[:]
    graph.input.extend(inputs)
