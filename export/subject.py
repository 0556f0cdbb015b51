"""The subject of quantization: a bundle of edgetrack's own model or of an adapter; both pass the same gate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, get_args

from numpy.typing import NDArray

from edgetrack.bundle import MASK, Bundle, takes_pairs
from edgetrack.engines.base import Graph
from edgetrack.engines.ort import OrtEngine
from edgetrack.export.calibration import Keep, Watched
from edgetrack.export.report import FileRow
from edgetrack.export.staging import remove_precision
from edgetrack.export.variant import FLAVORS, NAME, Variant
from edgetrack.peers import FrameTracker, Mode
from edgetrack.tracker import Tracker

QUANTIZED = ("search", "template")
# Graphs of edgetrack's models that stay in float, and why; docs/int8.md has the measurements.
IN_FLOAT = {
    "text": "it runs once per text",
    "prompt": "it runs once per text",
    "ground": "it runs rarely, and its result decides which target is followed",
    "detect": "it runs rarely, and its result decides which target is followed",
    "rank": "it runs rarely, and its result decides which target is followed",
    "template_x": "it runs once per template, only if a target is started without color",
    "search_x": "it runs rarely, only where the template lacks a sensor that works",
    MASK: "no masks are given to measure its accuracy on: give clips with masks to --accept, as in docs/int8.md",
}
Row = Callable[..., FileRow]


class Subject(Watched, Protocol):
    """A bundle under construction, in ``folder``."""

    folder: Path

    @property
    def name(self) -> str:
        """Return its name and version."""
        ...

    @property
    def pairs(self) -> bool:
        """Return whether its trackers take a second sensor in addition to color."""
        ...

    def tracker(self) -> FrameTracker:
        """Return a float32 tracker."""
        ...

    def write(self, variant: Variant, record: Mapping[str, Any]) -> FrameTracker:
        """Add INT8; return a tracker that runs in it."""
        ...

    def remove(self) -> None:
        """Remove INT8 again."""
        ...

    def files(self, variant: Variant, *, accuracy: float, speed: Mapping[str, float]) -> list[FileRow]:
        """Return the files that were measured or belong to INT8; ``speed`` is relative to float32, by graph."""
        ...


class Own:
    """A bundle of edgetrack's own model."""

    modes: tuple[Mode, ...] = get_args(Mode)

    def __init__(self, folder: Path, *, threads: int) -> None:
        self.folder, self.bundle, self._threads = folder, Bundle.open(folder), threads

    @property
    def name(self) -> str:
        return f"{self.bundle.manifest.name} {self.bundle.manifest.version}"

    @property
    def paths(self) -> Mapping[str, Path]:
        return {role: self.bundle.path(role) for role in QUANTIZED}

    @property
    def in_float(self) -> Mapping[str, str]:
        """Return its graphs that may stay in float, and why they do."""
        return {role: why for role, why in IN_FLOAT.items() if role in self.bundle.manifest.tensors}

    @property
    def pairs(self) -> bool:
        return takes_pairs(self.bundle)

    def quantized(self, runs: Mapping[str, int]) -> Sequence[str]:
        del runs
        return QUANTIZED

    def tracker(self) -> FrameTracker:
        return self.opened(OrtEngine(self.bundle, threads=self._threads))

    def opened(self, engine: OrtEngine | Recorder) -> FrameTracker:
        """Return a tracker on an engine of this bundle."""
        return Tracker(engine=engine)

    @contextmanager
    def watched(self, keep: Keep) -> Iterator[Callable[[], FrameTracker]]:
        engine = Recorder(OrtEngine(self.bundle, threads=self._threads), keep, self.paths)
        yield lambda: self.opened(engine)

    def write(self, variant: Variant, record: Mapping[str, Any]) -> FrameTracker:
        self.bundle = variant.write(self.folder, record)
        return self.opened(OrtEngine(self.bundle, precision=NAME, threads=self._threads))

    def remove(self) -> None:
        remove_precision(self.folder, NAME)
        self.bundle = Bundle.open(self.folder)

    def files(self, variant: Variant, *, accuracy: float, speed: Mapping[str, float]) -> list[FileRow]:
        bundle, rows = self.bundle, list[FileRow]()
        for role, plan in variant.plans.items():
            rows.append(FileRow.of(bundle.path(role), "fp32"))
            for flavor in FLAVORS:
                measured = {"accuracy": accuracy, "speed": speed[role]} if flavor == "ort" else {}
                error = plan.error(variant.layers[role], flavor=flavor)
                rows.append(
                    FileRow.of(bundle.graph(role, NAME, flavor=flavor), NAME, error=error, **measured)
                )
        for role in bundle.batched:
            rows.append(FileRow.of(bundle.path(role), "fp32"))
            rows += [FileRow.of(bundle.graph(role, NAME, flavor=f), NAME) for f in FLAVORS]
        rows.append(FileRow.of(bundle.path("tracker_weights"), "fp32"))
        rows.append(FileRow.of(bundle.path("int8_weights"), NAME))
        return rows


class Recorder:
    """An engine that passes the inputs of its graphs ``roles`` to ``keep``."""

    def __init__(self, engine: OrtEngine, keep: Keep, roles: Collection[str]) -> None:
        self.name, self.precision, self.info = engine.name, engine.precision, engine.info
        self.bundle, self._engine, self._keep, self._roles = engine.bundle, engine, keep, roles

    def graph(self, role: str) -> Graph:
        graph = self._engine.graph(role)
        return _Recorded(graph, role, self._keep) if role in self._roles else graph

    def wait(self) -> None:
        self._engine.wait()

    def close(self) -> None:
        self._engine.close()


class _Recorded:
    def __init__(self, graph: Graph, role: str, keep: Keep) -> None:
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self._graph, self._role, self._keep = graph, role, keep

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self._keep(self._role, feeds)
        return self._graph.run(feeds)
