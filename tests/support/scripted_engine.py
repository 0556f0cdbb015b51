"""An engine whose answers are dice, loaded so that every state of the tracker comes up; it notes what it is fed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from fake_engine import FakeEngine, FakeGraph
from numpy.typing import NDArray

SURE = (0.02, 0.15, 0.3, 0.5, 0.7, 0.95)  # scores on all sides of the thresholds
Notes = list[tuple[str, str]]


class ScriptedGraph(FakeGraph):
    """A graph that draws all outputs from a generator seeded with the number of the call."""

    def __init__(self, role: str, engine: ScriptedEngine) -> None:
        super().__init__(role, engine.calls)
        self._engine = engine

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self._engine.note(self.role, feeds)
        dice = np.random.default_rng((self._engine.seed, len(self._engine.notes)))
        out = {name: dice.random(spec.shape, np.float32) for name, spec in self.outputs.items()}
        if "score" in out:
            self._aim(out, dice)
        return out

    def _aim(self, out: dict[str, NDArray[Any]], dice: np.random.Generator) -> None:
        """Make a calm scene: a peak of some height, mostly in the middle, of about its previous size."""
        level, cells = dice.choice(SURE, p=self._engine.odds), out["score"].shape[-1]
        out["score"] *= np.float32(level * 0.9)
        middle = self.role == "search" and dice.random() < 0.8
        row, column = (cells // 2, cells // 2) if middle else dice.integers(0, cells, 2)
        out["score"][0, 0, row, column] = level
        out["presence"][:] = level if dice.random() < 0.9 else dice.random()
        out["quality"] = (out["quality"] * 0.2 + 0.8).astype(np.float32)
        out["offset"] -= np.float32(0.5)
        out["size"] = (out["size"] * 0.1 + 0.2).astype(np.float32)
        length = np.linalg.norm(out["embedding"] - 0.5, axis=-1, keepdims=True)
        out["embedding"] = ((out["embedding"] - 0.5) / length).astype(np.float32)


class ScriptedEngine(FakeEngine):
    """An engine whose ``notes`` has one line per call: the role, and a digest of all inputs."""

    name = "scripted"

    def __init__(self, seed: int, *, thresholds: Mapping[str, float], odds: tuple[float, ...]) -> None:
        super().__init__()
        object.__setattr__(self.bundle.manifest, "thresholds", dict(thresholds))
        self.seed = seed
        self.odds = odds
        self.notes: Notes = []

    def graph(self, role: str) -> FakeGraph:
        return self._graphs.setdefault(role, ScriptedGraph(role, self))

    def note(self, role: str, feeds: Mapping[str, NDArray[Any]]) -> None:
        digest = hashlib.sha256()
        for name in sorted(feeds):
            digest.update(name.encode() + feeds[name].tobytes())
        self.notes.append((role, digest.hexdigest()))
