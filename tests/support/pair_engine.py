"""An engine for pairs of sensors without a network: it finds red in color, or in x where color does not show it.

How sure it is of what it has found is up to the test: ``sure`` of color alone, ``sure_of_both`` of a pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from fake_engine import FakeEngine, FakeGraph, find_red
from numpy.typing import NDArray

from edgetrack.bundle import PAIRS, Bundle
from edgetrack.manifest import GraphSpec, TensorSpec


class PairGraph(FakeGraph):
    """``template_x`` or ``search_x``; it records which sensors were declared present, now and in the template."""

    def __init__(self, role: str, engine: PairEngine) -> None:
        super().__init__(role.removesuffix("_x"), engine.calls)
        self._own, self._engine = role, engine
        side = self.inputs["image"].shape[-1]
        small = round(side * 0.75)
        more = {"x": (1, 3, small, small), "present": (1, 2)}
        self.inputs = {**self.inputs, **{name: TensorSpec("float32", shape) for name, shape in more.items()}}
        if role == "search_x":
            share = TensorSpec("float32", (1, 1, side // 16, side // 16))
            self.outputs = {**self.outputs, "share": share}

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        color, x = (bool(there) for there in feeds["present"][0])
        self._engine.present.append((int(color), int(x)))
        if self._own == "template_x":
            return {**super().run(feeds), "memory": np.full((1, 4, 64, 192), color + 2 * x, np.float32)}
        self._calls.append(self._own)
        self._engine.note(feeds)
        image = feeds["image"]
        if not color or not find_red(image)["presence"].any():
            rows = np.arange(image.shape[-1]) * feeds["x"].shape[-1] // image.shape[-1]
            image = feeds["x"][:, :, rows][:, :, :, rows]
        share = np.full(self.outputs["share"].shape, 0.5 if color and x else float(x), np.float32)
        found = find_red(image)
        return {**found, "quality": found["quality"] * self._engine.sure_of_both, "share": share}


class NotedSearch(FakeGraph):
    """``search`` for color only."""

    def __init__(self, engine: PairEngine) -> None:
        super().__init__("search", engine.calls)
        self._engine = engine

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self._engine.note(feeds)
        found = super().run(feeds)
        return {**found, "quality": found["quality"] * self._engine.sure}


class PairEngine(FakeEngine):
    """``present`` lists (color, x) of each run of a graph of pairs; ``known`` those of the template of each search."""

    def __init__(self) -> None:
        super().__init__()
        self.sure, self.sure_of_both = 0.3, 1.0  # color alone is in doubt: both are searched
        self.present: list[tuple[int, int]] = []
        self.known: list[tuple[int, int]] = []
        tensors = {role: GraphSpec(self.graph(role).inputs, self.graph(role).outputs) for role in PAIRS}
        self.bundle = Bundle(self.bundle.folder, replace(self.bundle.manifest, tensors=tensors))

    def graph(self, role: str) -> FakeGraph:
        if role in PAIRS and role not in self._graphs:
            self._graphs[role] = PairGraph(role, self)
        if role == "search" and role not in self._graphs:
            self._graphs[role] = NotedSearch(self)
        return super().graph(role)

    def note(self, feeds: Mapping[str, NDArray[Any]]) -> None:
        number = int(feeds["memory"][0, 0, 0, 0])
        self.known.append((number % 2, number // 2))
