"""The interface of every engine: named graphs with named input and output arrays."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgetrack._exit import door
from edgetrack.arrays import GpuFrame, Pixels, describe
from edgetrack.bundle import Bundle
from edgetrack.engines.info import EngineInfo
from edgetrack.errors import BundleError, ConfigError, EngineUnavailable
from edgetrack.manifest import GraphSpec, TensorSpec
from edgetrack.unique import Unique

_log = logging.getLogger(__name__)
RELOAD_S = 10.0  # a graph that fails again within this time is not reloaded again


class Graph(Protocol):
    """One network, ready to run. Safe to call from several threads."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]: ...

    @property
    def outputs(self) -> Mapping[str, TensorSpec]: ...

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Compute all outputs; the returned arrays belong to the caller.

        Raises:
            ConfigError: An input is missing, unknown, or of another dtype or shape.
        """
        ...


class Engine(Protocol):
    """A bundle opened on one backend. It holds no state of any target, so several trackers may share it.

    Optional capabilities are separate protocols: ``SupportsConcurrency`` and ``SupportsDeviceFrames`` for engines,
    ``SupportsBinding`` for their graphs.
    """

    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def info(self) -> EngineInfo:
        """What the engine runs on and why; while TensorRT starts, the backend that currently serves."""
        ...

    @property
    def bundle(self) -> Bundle: ...

    def graph(self, role: str) -> Graph:
        """Return the graph of a role (text, prompt, template, search, ground, and those of ``Bundle.batches``).

        The first call loads the graph.
        """
        ...

    def wait(self) -> None:
        """Wait until the engine runs on the backend it is named after; intended for benchmarks.

        Raises:
            EngineUnavailable: That backend could not be started.
        """
        ...

    def close(self) -> None:
        """Release all loaded graphs; a later call of ``graph`` loads them again."""
        ...


@runtime_checkable
class SupportsBinding(Protocol):
    """A graph that reads and writes the caller's arrays directly; other graphs need their results copied."""

    def bind(
        self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]
    ) -> Callable[..., None]:
        """Return a function that computes ``outputs`` from the values in ``inputs`` at the time of the call.

        Raises:
            ConfigError: An input is missing, unknown, or of another dtype or shape.
        """
        ...


@runtime_checkable
class SupportsReload(Protocol):
    """An engine that can reload a graph after a run of it has failed."""

    def reload(self, role: str, why: str) -> None:
        """Reload the graph of a role; ``why`` says what failed.

        Raises:
            EngineUnavailable: The graph was reloaded a moment ago, so reloading evidently does not fix the failure.
        """
        ...


@runtime_checkable
class SupportsConcurrency(Protocol):
    """An engine that states whether its graphs may run at the same time; if so, full-frame searches run in parallel."""

    concurrent: bool


@runtime_checkable
class SupportsDeviceFrames(Protocol):
    """An engine that crops frames directly in GPU memory; see ``edgetrack.engines.tensorrt.frames``."""

    def lend(self, frame: Pixels) -> AbstractContextManager[NDArray[np.uint8] | GpuFrame]:
        """Return the frame in the form that the C++ trackers expect, valid inside the context.

        Raises:
            FrameError: The frame is not an image, or is in memory that the engine cannot crop from.
        """
        ...


class LazyEngine(Unique):
    """Base class of the engines: each graph is loaded on first request and must match the manifest.

    Attributes:
        reloaded: The graph that was reloaded last, and why; empty if no graph was reloaded.
    """

    _instead = (
        "it holds networks in memory; trackers can share it: edgetrack.Tracker(engine=engine); in another process, "
        "open an engine there: edgetrack.Tracker().engine"
    )

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.reloaded = ""
        self._reloads = 0
        self._reloaded_s: dict[str, float] = {}  # monotonic time at which each role was last reloaded
        self._graphs: dict[str, Graph] = {}
        self._lock = Lock()

    def graph(self, role: str) -> Graph:
        if role not in self.bundle.graphs:
            raise ConfigError(f"graph {role!r} is unknown; expected one of {', '.join(self.bundle.graphs)}")
        with door, self._lock:  # trackers in several threads may ask for the same graph first
            if role not in self._graphs:
                graph = self._open(role)
                if GraphSpec(graph.inputs, graph.outputs) != self.bundle.manifest.tensors[role]:
                    raise BundleError(
                        f"the tensors of graph {role!r} in {self.bundle.folder} differ from those in its manifest; "
                        "export the bundle again"
                    )
                self._graphs[role] = graph
            return self._graphs[role]

    def reload(self, role: str, why: str) -> None:
        """See ``SupportsReload``; ``reloaded`` records what happened."""
        now_s = time.monotonic()
        with self._lock:
            if now_s - self._reloaded_s.get(role, -math.inf) < RELOAD_S:
                raise EngineUnavailable(
                    f"graph {role!r} failed again after it was reloaded ({why}); use another engine"
                )
            self._reloaded_s[role] = now_s
            self._reloads += 1
            self._graphs.pop(role, None)
        self.graph(role)
        self.reloaded = (
            f"graph {role!r} failed and was reloaded ({why}); reloads in this run so far: {self._reloads}"
        )
        _log.warning("%s", self.reloaded)

    def wait(self) -> None:
        """Return at once: this engine has no stand-in."""

    def close(self) -> None:
        with self._lock:
            self._graphs.clear()

    def _open(self, role: str) -> Graph:
        raise NotImplementedError


def check_feeds(
    role: str, inputs: Mapping[str, TensorSpec], feeds: Mapping[str, Any], *, elsewhere: Collection[str] = ()
) -> None:
    """Raise ConfigError unless ``feeds`` match ``inputs`` exactly.

    Inputs that are ``elsewhere`` (in GPU memory) are checked by name only.
    """
    if feeds.keys() != inputs.keys():
        raise ConfigError(
            f"graph {role!r} got the inputs {', '.join(sorted(feeds)) or 'none'}; expected {', '.join(inputs)}"
        )
    for name, spec in inputs.items():
        if name in elsewhere:
            continue
        array = feeds[name]
        if not isinstance(array, np.ndarray) or array.dtype != spec.dtype or array.shape != spec.shape:
            raise ConfigError(
                f"input {name!r} of graph {role!r} is {describe(array)}; expected {spec.dtype} {spec.shape}"
            )
