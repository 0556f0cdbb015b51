"""The image of a gate's maps: a row per condition, with the network's input in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetrack.datasets import Sequence
from edgetrack.types import Box

pytest.importorskip("cv2", reason="the video extra is not installed")


class FakeGate:
    """A gate whose share of x is the brightness of x."""

    def __init__(self) -> None:
        self.learned: list[Box] = []
        self.seen: list[tuple[float, float]] = []

    def learn(self, color: np.ndarray, x: np.ndarray, box: Box) -> None:
        del color, x
        self.learned.append(box)

    def region(self, box: Box, name: str) -> tuple[float, float, float, float]:
        assert name == "search"
        return (box.x - 20, box.y - 20, 80, 80)

    def shares(self, color: np.ndarray, x: np.ndarray, box: Box) -> np.ndarray:
        del box
        self.seen.append((float(color.mean()), float(x.mean())))
        return np.full((16, 16), x.mean() / 255, np.float32)


def test_each_condition_is_a_row_and_only_the_failing_sensor_changes(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import sensor_gates

    random = np.random.default_rng(0)
    color, x = (list(random.integers(100, 180, (3, 90, 120, 3)).astype(np.uint8)) for _ in range(2))
    clip = Sequence("a", color, np.tile([[30.0, 30, 40, 30]], (3, 1)), x=x)
    gate: Any = FakeGate()
    picture = sensor_gates.draw(gate, clip, 2)
    rows = len(sensor_gates.SITUATIONS)
    assert picture.shape == (rows * (256 + 26), 3 * 256, 3)
    assert gate.learned == [Box(30, 30, 40, 30)]
    whole, night, black, shifted = gate.seen
    assert night[0] < 0.5 * whole[0]
    assert night[1] == whole[1]
    assert black[1] < 2
    assert black[0] == shifted[0] == whole[0]
    assert shifted[1] != whole[1]
