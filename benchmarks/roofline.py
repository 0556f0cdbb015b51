"""The roofline model: the work of a graph, this machine's peak performance, and the resulting minimum time.

Roofline (Williams, Waterman and Patterson, 2009): a program that does W operations and moves Q bytes takes at least
max(W / peak, Q / bandwidth). W and Q are counted in the graph; peak and bandwidth are measured here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import inliner, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from edgetrack.engines.session_graph import session_options

SIDE = 1536  # side of the matrices whose product measures the peak: 27 MB in total
COPIED = 2**28  # bytes: much more than any cache can hold
VIEWS = {"Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten"}  # no value is moved
FLOAT = 4  # bytes; the weights are stored in half precision and unfolded when the graph is loaded


@dataclass(frozen=True)
class Work:
    """The work of one run of a graph; a multiplication and an addition are two operations."""

    operations: int  # operations of convolutions and matrix products
    weight_bytes: int  # float32
    least_bytes: int  # weights, inputs and outputs once; everything else stays in the cache
    most_bytes: int  # every tensor is written to memory, and read by each node that uses it


@dataclass(frozen=True)
class Machine:
    """Measurements of this machine with a number of threads."""

    threads: int
    gflops: float  # float32, of a large matrix product
    gbytes: float  # a second, read and written together, of a large copy

    def least_ms(self, work: Work) -> float:
        """Return the roofline's lower bound, if everything that fits stays in the cache."""
        return max(work.operations / self.gflops, work.least_bytes / self.gbytes) / 1e6


def work_of(path: Path) -> Work:
    """Count the work of a graph whose shapes are all known; local functions count as their contents.

    Raises:
        ValueError: A shape is unknown.
    """
    model = onnx.load(str(path), load_external_data=False)
    return count(model)


def count(model: Any) -> Work:
    """See ``work_of``."""
    flat = inliner.inline_local_functions(model)
    settings = fold_constants(flat.graph)
    graph = shape_inference.infer_shapes(flat, data_prop=True).graph
    shapes = {v.name: _shape(v) for v in [*graph.input, *graph.value_info, *graph.output]}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    constant, weights = {tensor.name for tensor in graph.initializer}, set[str]()
    operations = moved = 0
    for node in graph.node:
        taken = [name for name in node.input if name]
        if constant.issuperset(taken):  # computed once, at load time
            constant.update(node.output)
            continue
        weights.update(constant.intersection(taken) - settings)
        if node.op_type in VIEWS:
            continue
        operations += _operations(node, shapes)
        moved += sum(sizes[name] for name in [*taken, *node.output] if name)
    ends = sum(sizes[v.name] for v in [*graph.input, *graph.output])
    own = sum(sizes[name] for name in weights)
    return Work(operations, FLOAT * own, FLOAT * (own + ends), FLOAT * moved)


def fold_constants(graph: Any) -> set[str]:
    """Compute values that depend only on Constant nodes, such as the K of a TopK, which shape inference does not do.

    Returns:
        The names of the computed values.
    """
    known: dict[str, Any] = {}
    rest = []
    for node in graph.node:
        if known.keys() >= set(node.input):
            values = ReferenceEvaluator(node).run(None, {name: known[name] for name in node.input})
            known.update(zip(node.output, values, strict=True))
        else:
            rest.append(node)
    del graph.node[:]
    graph.node.extend(rest)
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), name) for name, v in known.items())
    return set(known)


def _operations(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the operations of one node: for each output value, a product and a sum per input value."""
    if node.op_type not in ("Conv", "MatMul", "Gemm"):
        return 0
    first, second = shapes[node.input[0]], shapes[node.input[1]]
    if node.op_type == "Conv":
        each = prod(second[1:])  # the weight is (outputs, inputs of the group, rows, columns)
    elif node.op_type == "Gemm" and any(a.name == "transA" and a.i for a in node.attribute):
        each = first[-2]
    else:
        each = first[-1]
    return 2 * prod(shapes[node.output[0]]) * each


def _shape(value: Any) -> tuple[int, ...]:
    lengths = value.type.tensor_type.shape.dim
    if not all(length.HasField("dim_value") for length in lengths):
        raise ValueError(f"tensor {value.name} has an open shape; expected every length to be known")
    return tuple(length.dim_value for length in lengths)


def best_s(function: Callable[[], object], *, rounds: int) -> float:
    """Return the shortest of several times, in seconds."""
    times = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        function()
        times.append(time.perf_counter() - began_s)
    return min(times)


def measure(threads: int, *, side: int = SIDE, copied: int = COPIED, rounds: int = 10) -> Machine:
    """Measure peak operations with the library that runs the networks, and peak bandwidth with numpy's copy."""
    session = product_session(side, threads)
    feeds = {name: np.full((side, side), 0.5, np.float32) for name in ("a", "b")}
    product_s = best_s(lambda: session.run(None, feeds), rounds=rounds)
    part = copied // threads // 2
    pairs = [(np.ones(part, np.uint8), np.zeros(part, np.uint8)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:  # numpy releases the interpreter lock while it copies
        copy_s = best_s(lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs)), rounds=rounds)
    return Machine(threads, 2 * side**3 / product_s / 1e9, 2 * threads * part / copy_s / 1e9)


def product_session(side: int, threads: int) -> Any:
    """Return a session of a graph with one matrix product."""
    text = f"""<ir_version: 9, opset_import: ["": 17]>
    product (float[{side},{side}] a, float[{side},{side}] b) => (float[{side},{side}] c) {{ c = MatMul(a, b) }}"""
    model = onnx.parser.parse_model(text)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(threads), providers=["CPUExecutionProvider"]
    )
