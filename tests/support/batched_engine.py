"""An engine with batched graphs, whose output for a target depends only on that target's inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from fake_engine import FakeEngine, FakeGraph
from numpy.typing import NDArray

from edgetrack.bundle import BATCHED, Bundle
from edgetrack.manifest import GraphSpec, TensorSpec

SURE = (0.02, 0.15, 0.5, 0.7, 0.95, 0.95, 0.95)  # scores on all sides of the thresholds, mostly high
Arrays = Mapping[str, NDArray[Any]]


class DigestGraph(FakeGraph):
    """``search``, ``search2``, ``search4`` and ``ground`` draw from a generator that a digest of the inputs seeds."""

    def __init__(self, role: str, engine: BatchedEngine) -> None:
        super().__init__("search" if role in BATCHED else role, engine.calls)
        self._engine, self.number = engine, BATCHED.get(role, 1)
        self.role = role
        for side in (self.inputs, self.outputs):
            for name, spec in side.items():
                side[name] = TensorSpec(spec.dtype, (self.number, *spec.shape[1:]))

    def run(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        error = self._engine.errors.get(self.role)
        if error is not None:
            raise error
        if "film" not in feeds:
            return super().run(feeds)
        self._engine.calls.append(self.role)
        assert {k: v.shape for k, v in feeds.items()} == {k: v.shape for k, v in self.inputs.items()}
        slots = [self._answer({k: v[i : i + 1] for k, v in feeds.items()}) for i in range(self.number)]
        return {name: np.concatenate([slot[name] for slot in slots]) for name in slots[0]}

    def _answer(self, feeds: Arrays) -> dict[str, NDArray[Any]]:
        digest = hashlib.sha256(b"".join(feeds[name].tobytes() for name in sorted(feeds))).digest()
        dice = np.random.default_rng(list(digest))
        out = {name: dice.random((1, *spec.shape[1:]), np.float32) for name, spec in self.outputs.items()}
        level, cells = np.float32(dice.choice(SURE)), out["score"].shape[-1]
        out["score"] *= level / 2
        out["score"][0, 0, cells // 2, cells // 2] = level
        out["presence"][:] = level
        out["quality"] = out["quality"] * np.float32(0.2) + np.float32(0.8)
        out["offset"] -= np.float32(0.5)
        out["size"] = out["size"] * np.float32(0.1) + np.float32(0.2)
        return out


class BatchedEngine(FakeEngine):
    """``calls`` lists the roles that ran, ``loaded`` those that were asked for; a role in ``errors`` fails."""

    name = "batched"

    def __init__(self) -> None:
        super().__init__()
        tensors = {role: GraphSpec({}, {}) for role in BATCHED}
        lively = {
            "max_uncertain_frames": 2.0,
            "reverify_interval": 4.0,
            "template_update_interval": 2.0,
            "template_update_threshold": 0.5,
        }  # targets are lost and found often
        manifest = replace(self.bundle.manifest, tensors=tensors, thresholds=lively)
        self.bundle = Bundle(self.bundle.folder, manifest)
        self.errors: dict[str, BaseException] = {}

    @property
    def loaded(self) -> set[str]:
        return set(self._graphs)

    def graph(self, role: str) -> FakeGraph:
        return self._graphs.setdefault(role, DigestGraph(role, self))
