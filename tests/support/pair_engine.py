"""An engine for pairs of sensors without a network: it finds red in color, or in x where color is missing."""

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
    """``template_x`` or ``search_x``; notes which sensors were said to be there."""

    def __init__(self, role: str, calls: list[str], present: list[tuple[int, int]]) -> None:
        super().__init__(role.removesuffix("_x"), calls)
        self._own, self._present = role, present
        side = self.inputs["image"].shape[-1]
        small = round(side * 0.75)
        more = {"x": (1, 3, small, small), "present": (1, 2)}
        self.inputs = {**self.inputs, **{name: TensorSpec("float32", shape) for name, shape in more.items()}}
        if role == "search_x":
            share = TensorSpec("float32", (1, 1, side // 16, side // 16))
            self.outputs = {**self.outputs, "share": share}

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        color, x = (bool(there) for there in feeds["present"][0])
        self._present.append((int(color), int(x)))
        if self._own == "template_x":
            return super().run(feeds)
        self._calls.append(self._own)
        image = feeds["image"]
        if not color:
            rows = np.arange(image.shape[-1]) * feeds["x"].shape[-1] // image.shape[-1]
            image = feeds["x"][:, :, rows][:, :, :, rows]
        share = np.full(self.outputs["share"].shape, 0.5 if color and x else float(x), np.float32)
        return {**find_red(image), "share": share}


class PairEngine(FakeEngine):
    """``present`` lists (color, x) of each run of a graph of pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.present: list[tuple[int, int]] = []
        tensors = {role: GraphSpec(self.graph(role).inputs, self.graph(role).outputs) for role in PAIRS}
        self.bundle = Bundle(self.bundle.folder, replace(self.bundle.manifest, tensors=tensors))

    def graph(self, role: str) -> FakeGraph:
        if role in PAIRS and role not in self._graphs:
            self._graphs[role] = PairGraph(role, self.calls, self.present)
        return super().graph(role)
