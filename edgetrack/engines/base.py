"""What every engine offers: named graphs, named arrays in, named arrays out."""

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
RELOAD_S = 10.0  # a graph that fails again within it is not loaded once more


class Graph(Protocol):
    """One network, ready to run. Safe to call from several threads."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]: ...

    @property
    def outputs(self) -> Mapping[str, TensorSpec]: ...

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Computes all outputs; the arrays belong to the caller.

        Raises:
            ConfigError: an input is missing, unknown, or of another type or shape.
        """
        ...


class Engine(Protocol):
    """A bundle opened on one backend. Holds no state of a target: several trackers may share it.

    What only some engines can do is a protocol of its own: ``SupportsConcurrency``, ``SupportsDeviceFrames``, and of
    their graphs ``SupportsBinding``.
    """

    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def info(self) -> EngineInfo:
        """What it runs on and why; where two take turns (TensorRT's start), what serves now."""
        ...

    @property
    def bundle(self) -> Bundle: ...

    def graph(self, role: str) -> Graph:
        """The graph of a role (text, prompt, template, search, ground, those of ``Bundle.batches``).

        It is loaded at the first call.
        """
        ...

    def wait(self) -> None:
        """Waits until the engine runs on what it is named after; for those who measure.

        Raises:
            EngineUnavailable: it does not come to that.
        """
        ...

    def close(self) -> None:
        """Lets go of all loaded graphs; a later ``graph`` loads again."""
        ...


@runtime_checkable
class SupportsBinding(Protocol):
    """A graph that works on the arrays of its caller; the results of any other are copied."""

    def bind(
        self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]
    ) -> Callable[..., None]:
        """Return a function that computes ``outputs`` from what ``inputs`` then hold.

        Raises:
            ConfigError: an input is missing, unknown, or of another type or shape.
        """
        ...


@runtime_checkable
class SupportsReload(Protocol):
    """An engine that loads a graph again after a run of it has failed."""

    def reload(self, role: str, why: str) -> None:
        """Load the graph of a role again; ``why`` says what failed.

        Raises:
            EngineUnavailable: that was done a moment ago: what fails so soon again is not mended by it.
        """
        ...


@runtime_checkable
class SupportsConcurrency(Protocol):
    """An engine that says whether its graphs may run at the same time; searches of the whole frame then do."""

    concurrent: bool


@runtime_checkable
class SupportsDeviceFrames(Protocol):
    """An engine that crops frames where they lie in GPU memory; see ``edgetrack.engines.tensorrt.frames``."""

    def lend(self, frame: Pixels) -> AbstractContextManager[NDArray[np.uint8] | GpuFrame]:
        """Return the frame as the C++ trackers take it, valid inside the context.

        Raises:
            FrameError: it is not an image, or lies where the engine cannot crop it.
        """
        ...


class LazyEngine(Unique):
    """What engines share: each graph is loaded when it is first asked for, and must be what the manifest says.

    Attributes:
        reloaded: which graph was loaded again last, and why; empty where that was never needed.
    """

    _instead = (
        "it holds networks in memory; trackers share it as it is: edgetrack.Tracker(engine=engine); in another process "
        "open one there: edgetrack.Tracker().engine"
    )

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.reloaded = ""
        self._reloads = 0
        self._reloaded_s: dict[str, float] = {}  # when each role was last, on the monotonic clock
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
                        f"the tensors of graph {role!r} in {self.bundle.folder} are not those of its manifest; "
                        "export the bundle again"
                    )
                self._graphs[role] = graph
            return self._graphs[role]

    def reload(self, role: str, why: str) -> None:
        """See ``SupportsReload``; ``reloaded`` says what has happened."""
        now_s = time.monotonic()
        with self._lock:
            if now_s - self._reloaded_s.get(role, -math.inf) < RELOAD_S:
                raise EngineUnavailable(
                    f"graph {role!r} failed again after it was loaded again ({why}); use another engine"
                )
            self._reloaded_s[role] = now_s
            self._reloads += 1
            self._graphs.pop(role, None)
        self.graph(role)
        self.reloaded = (
            f"graph {role!r} failed and was loaded again ({why}); {self._reloads} of this run so far"
        )
        _log.warning("%s", self.reloaded)

    def wait(self) -> None:
        """Returns at once: it runs on nothing else."""

    def close(self) -> None:
        with self._lock:
            self._graphs.clear()

    def _open(self, role: str) -> Graph:
        raise NotImplementedError


def check_feeds(
    role: str, inputs: Mapping[str, TensorSpec], feeds: Mapping[str, Any], *, elsewhere: Collection[str] = ()
) -> None:
    """Raises ConfigError unless ``feeds`` are exactly ``inputs``; those ``elsewhere`` (a GPU) only by their names."""
    if feeds.keys() != inputs.keys():
        raise ConfigError(
            f"graph {role!r} was fed {', '.join(sorted(feeds)) or 'nothing'}; expected {', '.join(inputs)}"
        )
    for name, spec in inputs.items():
        if name in elsewhere:
            continue
        array = feeds[name]
        if not isinstance(array, np.ndarray) or array.dtype != spec.dtype or array.shape != spec.shape:
            raise ConfigError(
                f"input {name!r} of graph {role!r} is {describe(array)}; expected {spec.dtype} {spec.shape}"
            )
