"""An engine without a network: it finds a pure red rectangle, by arithmetic. The tracker's logic is tested on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.bundle import Bundle
from edgetrack.engines.info import EngineInfo
from edgetrack.manifest import Manifest, TensorSpec

MEMORY = {
    "memory": (1, 4, 88, 192),
    "memory_mask": (1, 88),
    "film": (1, 2, 192),
    "anchor": (1, 64, 64),
    "prompts": (1, 3, 64),
    "prototypes": (1, 2, 192),
}


def inputs_of(role: str, size: int) -> dict[str, tuple[int, ...]]:
    if role == "text":
        return {"ids": (1, 24), "mask": (1, 24)}
    if role == "prompt":
        return {"tokens": (1, 24, 384), "mask": (1, 24)}
    image = {"image": (1, 3, size, size)}
    return {**image, "target": (1, 1, 8, 8)} if role == "template" else {**image, **MEMORY}


def outputs_of(role: str, cells: int) -> dict[str, tuple[int, ...]]:
    if role == "text":
        return {"tokens": (1, 24, 384)}
    if role == "prompt":
        return {"memory": (1, 4, 24, 192), "film": (1, 2, 192), "prototype": (1, 192)}
    if role == "template":
        known = {name: MEMORY[name] for name in ("anchor", "prompts")}
        return {"memory": (1, 4, 64, 192), **known, "prototype": (1, 192)}
    maps = {
        name: (1, n, cells, cells) for name, n in (("score", 1), ("offset", 2), ("size", 2), ("quality", 1))
    }
    return {**maps, "presence": (1, 1), "embedding": (1, cells * cells, 64)}


class FakeGraph:
    """One role. ``search`` and ``ground`` find red, which ``revise`` may change; the others return constants."""

    def __init__(
        self,
        role: str,
        calls: list[str],
        revise: Callable[[str, dict[str, NDArray[Any]]], None] = lambda role, out: None,
    ) -> None:
        size = {"search": 256, "ground": 320, "template": 128}.get(role, 0)
        self.inputs = {
            name: TensorSpec("int64" if name == "ids" else "float32", shape)
            for name, shape in inputs_of(role, size).items()
        }
        self.outputs = {
            name: TensorSpec("float32", shape) for name, shape in outputs_of(role, size // 16).items()
        }
        self.role, self._calls, self._revise = role, calls, revise

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self._calls.append(self.role)
        if self.role == "text":
            return {"tokens": np.ones((1, 24, 384), np.float32)}
        if self.role == "prompt":
            return _known((1, 4, 24, 192), film=np.ones((1, 2, 192), np.float32))
        if self.role == "template":
            ones = {"anchor": np.ones((1, 64, 64), np.float32), "prompts": np.ones((1, 3, 64), np.float32)}
            return _known((1, 4, 64, 192), **ones)
        assert {k: v.shape for k, v in feeds.items()} == {k: v.shape for k, v in self.inputs.items()}
        out = find_red(feeds["image"])
        self._revise(self.role, out)
        return out


def _known(memory: tuple[int, ...], **rest: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    return {"memory": np.ones(memory, np.float32), "prototype": np.ones((1, 192), np.float32), **rest}


def find_red(image: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return the network's outputs for the box around all red pixels of (1, 3, S, S) RGB in -1..1."""
    side = image.shape[-1]
    cells = side // 16
    maps = {
        name: np.zeros((1, n, cells, cells), np.float32)
        for name, n in (("score", 1), ("offset", 2), ("quality", 1))
    }
    out = {
        **maps,
        "size": np.full((1, 2, cells, cells), 0.25, np.float32),
        "presence": np.zeros((1, 1), np.float32),
        "embedding": np.full((1, cells * cells, 64), 0.125, np.float32),
    }
    rows, columns = np.nonzero((image[0, 0] > 0.5) & (image[0, 1] < 0) & (image[0, 2] < 0))
    if len(rows) < 4:
        return out
    x1, x2, y1, y2 = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    cx, cy = (x1 + x2) / 2 / 16, (y1 + y2) / 2 / 16
    i, j = min(int(cy), cells - 1), min(int(cx), cells - 1)
    out["score"][0, 0, i, j] = 1.0
    out["offset"][0, :, i, j] = cx - j - 0.5, cy - i - 0.5
    out["size"][0, :, i, j] = (x2 - x1) / side, (y2 - y1) / side
    out["presence"][:] = 1.0
    out["quality"][:] = 1.0
    return out


class FakeEngine:
    """Satisfies ``edgetrack.engines.Engine``; ``calls`` lists the roles that ran."""

    name, precision = "fake", "fp32"
    info = EngineInfo(backend="arithmetic", precision="fp32", precision_reason="instead of a network")

    def __init__(self) -> None:
        self.calls: list[str] = []
        manifest = Manifest(
            schema=2,
            name="fake",
            version="0",
            license="Apache-2.0",
            parameters=1,
            sizes={"template": 128, "search": 256, "grounding": 320},
            factors={"template": 2.0, "search": 4.0},
            mean=(127.5,) * 3,
            std=(127.5,) * 3,
            fill=(127.5,) * 3,
            text_length=24,
            thresholds={},
            files={},
            tensors={},
        )
        self.bundle = Bundle(Path("fake"), manifest)
        self._graphs: dict[str, FakeGraph] = {}

    def graph(self, role: str) -> FakeGraph:
        return self._graphs.setdefault(role, FakeGraph(role, self.calls, self.revise))

    def revise(self, role: str, out: dict[str, NDArray[Any]]) -> None:
        """Change what ``search`` or ``ground`` has found, in place."""

    def close(self) -> None:
        self._graphs.clear()
