"""A graph bound once to arrays that stay where they are: what the C++ tracker runs."""

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
    """The inputs and the outputs of a graph, each (name, dtype, shape)."""
    return _specs(graph.inputs), _specs(graph.outputs)


def bind(graph: Graph, inputs: Arrays, outputs: Arrays) -> Callable[..., None]:
    """A function that computes ``outputs``, some of the graph's, from what ``inputs``, all of them, then hold.

    A graph that ``SupportsBinding`` works on the arrays themselves; the results of any other are copied.

    Raises:
        ConfigError: an input is missing, unknown, or of another type or shape.
    """
    if isinstance(graph, SupportsBinding):
        return graph.bind(inputs, outputs)

    def run() -> None:
        results = graph.run(inputs)
        for name, array in outputs.items():
            _copy(results[name], array, name)

    return run


def bind_mended(engine: Engine, role: str, inputs: Arrays, outputs: Arrays) -> Callable[..., None]:
    """``bind`` of a graph of an engine that, where a run fails, loads the graph again and runs it on the same arrays.

    The tracker notices nothing of it: what it knows of its target is in those arrays. See ``SupportsReload``.
    """
    call = bind(engine.graph(role), inputs, outputs)
    if not isinstance(engine, SupportsReload):
        return call

    def again(why: str) -> Callable[..., None]:
        engine.reload(role, why)
        return bind(engine.graph(role), inputs, outputs)

    if isinstance(call, runtime.Call):  # runs without Python, and comes back to it only where it fails
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
            f"the engine gave {name!r} as {result.dtype} {result.shape}; expected {array.dtype} {array.shape}, "
            "as its graph says: use another engine"
        )
    array[...] = result


def _specs(specs: Mapping[str, TensorSpec]) -> Specs:
    return [(name, spec.dtype, spec.shape) for name, spec in specs.items()]
