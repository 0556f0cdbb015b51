"""Token selection as one node, ``edgetrack::TokenSelect``, whose meaning is written in the file itself.

The node is a local function of standard operators: any runtime that reads ONNX functions runs it, and one that has a
kernel of that name may take the kernel instead. Inputs: ``tokens`` float32 (1, N, D), the weight (D, D) of the
projection, ``prototypes`` float32 (1, P, D), weight (1, D) and bias (1) of the threshold and ``sharpness`` ();
attribute: ``keep``, K. Outputs: ``margins`` (1, N), ``indices`` int64 (1, K) ascending and ``gates`` (1, K). The method
is ``TokenSelect`` of ``training/models/selection.py``.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetrack.errors import ExportError

DOMAIN, NAME, VERSION = "edgetrack", "TokenSelect", 1
_SCOPES = "pkg.torch.onnx.name_scopes"  # where PyTorch's exporter writes which module a node comes from
_MODULE = "network.select"


def fold_token_select(model: onnx.ModelProto) -> bool:
    """Replaces the nodes of the token selection by one; False when the graph has none.

    Raises:
        ExportError: the nodes have other inputs or outputs than the selection has.
    """
    graph = model.graph
    inner = [node for node in graph.node if _MODULE in _scopes(node)]
    if not inner:
        return False
    made = [name for node in inner for name in node.output]
    rest = [node for node in graph.node if _MODULE not in _scopes(node)]
    outside = {name for node in rest for name in node.input} | {value.name for value in graph.output}
    outputs = [name for name in made if name in outside]
    _add_bias(graph, inner)
    inputs = _inputs(inner)
    read = {name for node in inner for name in node.input} - set(inputs)
    constants = [tensor for tensor in graph.initializer if tensor.name in read]
    settings = {tensor.name for tensor in constants}
    sizes = [t for t in constants if any(n.op_type == "TopK" and n.input[1] == t.name for n in inner)]
    if not read <= settings | set(made) or len(outputs) != 3 or len(sizes) != 1:
        raise ExportError(
            f"the token selection reads {', '.join(sorted(read - set(made)))} beside its inputs and gives "
            f"{', '.join(outputs)}; expected margins, indices and gates: try another version of torch"
        )
    body = [_constant(tensor, "keep" if tensor is sizes[0] else None) for tensor in constants] + inner
    opset = [entry for entry in model.opset_import if entry.domain == ""]
    model.functions.append(helper.make_function(DOMAIN, NAME, inputs, outputs, body, opset, ["keep"]))
    model.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))
    keep = numpy_helper.to_array(sizes[0]).tolist()
    node = helper.make_node(NAME, inputs, outputs, name=NAME, domain=DOMAIN, keep=keep)
    _replace(graph, node)
    unread = settings - {name for other in graph.node for name in other.input}
    kept = [tensor for tensor in graph.initializer if tensor.name not in unread]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return True


def _add_bias(graph: onnx.GraphProto, inner: list[onnx.NodeProto]) -> None:
    """The exporter drops a bias of zero, which is what it is before training; the node has it always."""
    for node in inner:
        if node.op_type == "Gemm" and len(node.input) == 2:
            name = f"{_MODULE}.threshold.bias"
            node.input.append(name)
            if all(tensor.name != name for tensor in graph.initializer):
                graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), name))


def _inputs(inner: list[onnx.NodeProto]) -> list[str]:
    """Tokens, projection, prototypes, threshold's weight and bias, sharpness: found by the nodes that read them.

    Not by their names: the exporter joins equal constants, whatever they belong to.
    """
    by_kind: dict[str, list[onnx.NodeProto]] = {}
    for node in inner:
        by_kind.setdefault(node.op_type, []).append(node)
    try:
        tokens, project = by_kind["MatMul"][0].input
        prototypes = by_kind["Transpose"][0].input[0]
        _, weight, bias = by_kind["Gemm"][0].input
        gathered = by_kind["GatherElements"][0].output[0]
        scaled = next(node for node in by_kind["Mul"] if gathered in node.input)
    except (KeyError, ValueError, StopIteration) as error:
        raise ExportError(
            f"the token selection has the nodes {', '.join(sorted(by_kind))}, not the expected ones ({error!r}); "
            "try another version of torch"
        ) from error
    sharpness = next(name for name in scaled.input if name != gathered)
    return [tokens, project, prototypes, weight, bias, sharpness]


def _constant(tensor: onnx.TensorProto, attribute: str | None) -> onnx.NodeProto:
    """A node that gives ``tensor``, or an attribute of the function."""
    if attribute is None:
        return helper.make_node("Constant", [], [tensor.name], value=tensor)
    node = helper.make_node("Constant", [], [tensor.name])
    kind = onnx.AttributeProto.INTS
    node.attribute.append(onnx.AttributeProto(name="value_ints", ref_attr_name=attribute, type=kind))
    return node


def _replace(graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
    """Puts ``node`` where the nodes of the selection are."""
    place = next(i for i, other in enumerate(graph.node) if _MODULE in _scopes(other))
    before = [other for other in graph.node[:place] if _MODULE not in _scopes(other)]
    after = [other for other in graph.node[place:] if _MODULE not in _scopes(other)]
    del graph.node[:]
    graph.node.extend(_ordered(before, node, after))


def _ordered(
    before: list[onnx.NodeProto], node: onnx.NodeProto, after: list[onnx.NodeProto]
) -> list[onnx.NodeProto]:
    """Puts ``node`` behind the last of what it reads and before the first that reads it."""
    missing = set(node.input) & {name for other in after for name in other.output}
    late = []
    while after and missing:
        late.append(after.pop(0))
        missing -= set(late[-1].output)
    return [*before, *late, node, *after]


def _scopes(node: onnx.NodeProto) -> list[str]:
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            return [scope.strip(" '\"") for scope in entry.value.strip("[]").split(",")]
    return []
