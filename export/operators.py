"""edgetrack's own ONNX operators as functions of standard operators, so that any runtime can run the graphs.

A runtime that has a kernel of the same name (specified in kernels/README.md) runs the kernel instead.
"""

from __future__ import annotations

import onnx
import onnx.parser

DOMAIN = "edgetrack"

_TOKEN_SELECT = """
<domain: "edgetrack", opset_import: ["": 20]>
TokenSelect <keep> (tokens, keys, prototypes, threshold) => (selected, indices, count, scores) {
    zero_axis = Constant <value_ints = [0]> ()
    last = Constant <value_ints = [-1]> ()
    second = Constant <value_ints = [1]> ()
    one = Constant <value_float = 1.0> ()
    four = Constant <value_float = 4.0> ()
    shortest = Constant <value_float = 1e-12> ()
    largest = Constant <value = float {3.4028234e38}> ()
    no_number = Constant <value = float {nan}> ()
    lowest = Constant <value = float {-inf}> ()
    squared = ReduceSumSquare <keepdims = 1> (keys, last)
    root = Sqrt (squared)
    length = Max (root, shortest)
    columns = Transpose <perm = [0, 2, 1]> (prototypes)
    product = MatMul (keys, columns)
    cosine = Div (product, length)
    presence = ReduceSumSquare <keepdims = 0> (prototypes, last)
    present = Min (presence, one)
    absent = Sub (one, present)
    loss = Mul (absent, four)
    penalty = Unsqueeze (loss, second)
    similarity = Sub (cosine, penalty)
    best = ReduceMax <keepdims = 0> (similarity, last)
    finite = LessOrEqual (squared, largest)
    has_length = Squeeze (finite, last)
    scores = Where (has_length, best, no_number)
    unknown = IsNaN (scores)
    rank = Where (unknown, lowest, scores)
    number = Constant <value_int: int = @keep> ()
    keep_1d = Unsqueeze (number, zero_axis)
    unused_values, chosen = TopK <axis = 1> (rank, keep_1d)
    order, unused_places = TopK <axis = 1, largest = 0> (chosen, keep_1d)
    indices = Cast <to = 6> (order)
    rows = Unsqueeze (order, last)
    selected = GatherND <batch_dims = 1> (tokens, rows)
    limit = Unsqueeze (threshold, second)
    above = Greater (scores, limit)
    above_int = Cast <to = 6> (above)
    count = ReduceSum <keepdims = 0> (above_int, second)
}
"""

_TOKEN_RESTORE = """
<domain: "edgetrack", opset_import: ["": 20]>
TokenRestore (tokens, selected, indices) => (restored) {
    last = Constant <value_ints = [-1]> ()
    column = Unsqueeze (indices, last)
    shape = Shape (selected)
    places = Expand (column, shape)
    restored = ScatterElements <axis = 1> (tokens, places, selected)
}
"""


def add_functions(model: onnx.ModelProto) -> None:
    """Add the functions of the operators that its graph uses to ``model``."""
    used = {node.op_type for node in model.graph.node if node.domain == DOMAIN}
    model.functions.extend(function for function in operator_functions() if function.name in used)


def operator_functions() -> list[onnx.FunctionProto]:
    """Return ``edgetrack::TokenSelect`` and ``edgetrack::TokenRestore`` for ``ModelProto.functions``, opset 20."""
    return [onnx.parser.parse_function(text) for text in (_TOKEN_SELECT, _TOKEN_RESTORE)]
