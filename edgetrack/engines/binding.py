"""Bind a graph once to arrays with fixed addresses; the C++ tracker runs the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.engines.base import Engine, Graph, SupportsBinding, SupportsReload
from edgetrack.errors import EdgetrackError, EngineUnavailable
from edgetrack.manifest import TensorSpec

Arrays = Mapping[str, NDArray[Any]]
Specs = list[tuple[str, str, tuple[int, ...]]]


def describe(graph: Graph) -> tuple[Specs, Specs]:
    """Return the inputs and the outputs of a graph, each as (name, dtype, shape)."""
    return _specs(graph.inputs), _specs(graph.outputs)


def bind(graph: Graph, inputs: Arrays, outputs: Arrays) -> Callable[..., None]:
    """Return a function that computes ``outputs`` from the values in ``inputs`` at the time of the call.

    ``inputs`` must contain all inputs of the graph; ``outputs`` may be a subset of its outputs. A graph that
    ``SupportsBinding`` reads and writes the arrays directly; the results of other graphs are copied.

    Raises:
        ConfigError: An input is missing, unknown, or of another dtype or shape.
    """
    if isinstance(graph, SupportsBinding):
        return graph.bind(inputs, outputs)

    def run() -> None:
        results = graph.run(inputs)
        for name, array in outputs.items():
            _copy(results[name], array, name)

    return run


def bind_mended(engine: Engine, role: str, inputs: Arrays, outputs: Arrays) -> Callable[..., None]:
    """Bind a graph of an engine; if a run fails, reload the graph and run it again on the same arrays.

    The tracker is not affected, because everything it knows about its target is in those arrays. See
    ``SupportsReload``.
    """
    call = bind(engine.graph(role), inputs, outputs)
    if not isinstance(engine, SupportsReload):
        return call

    def again(why: str) -> Callable[..., None]:
        engine.reload(role, why)
        return bind(engine.graph(role), inputs, outputs)

    if isinstance(call, runtime.Call):  # runs without Python, and calls back into Python only on failure
        return call.mended(again)  # type: ignore[arg-type]

    def run(*addresses: int) -> None:
        nonlocal call
        try:
            return call(*addresses)
        except Exception as error:
            if isinstance(error, (EdgetrackError, MemoryError)) and not isinstance(error, EngineUnavailable):
                raise
            call = again(f"{error}")
        return call(*addresses)

    return run


def _copy(result: NDArray[Any], array: NDArray[Any], name: str) -> None:
    if result.shape != array.shape or result.dtype != array.dtype:
        raise EngineUnavailable(
            f"the engine returned {name!r} as {result.dtype} {result.shape}; expected {array.dtype} {array.shape}, "
            "as declared by its graph: use another engine"
        )
    array[...] = result


def _specs(specs: Mapping[str, TensorSpec]) -> Specs:
    return [(name, spec.dtype, spec.shape) for name, spec in specs.items()]
