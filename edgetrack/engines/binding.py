"""A graph bound once to arrays that stay where they are: what the C++ tracker runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from edgetrack.engines.base import Graph, SupportsBinding
from edgetrack.errors import EngineUnavailable
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


def _copy(result: NDArray[Any], array: NDArray[Any], name: str) -> None:
    if result.shape != array.shape or result.dtype != array.dtype:
        raise EngineUnavailable(
            f"the engine gave {name!r} as {result.dtype} {result.shape}; expected {array.dtype} {array.shape}, "
            "as its graph says: use another engine"
        )
    array[...] = result


def _specs(specs: Mapping[str, TensorSpec]) -> Specs:
    return [(name, spec.dtype, spec.shape) for name, spec in specs.items()]
