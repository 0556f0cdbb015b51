"""The cost of a failing sensor: from runs to a table, and the better of two ground truths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgetrack.datasets import Sequence as Clip
from edgetrack.datasets.derived import with_x
from edgetrack.errors import ConfigError, DatasetError
from edgetrack.evaluation import Request, evaluate
from edgetrack.evaluation.execution.tracking import finish, given, track
from edgetrack.evaluation.metrics.failures import sensor_failures
from edgetrack.evaluation.metrics.one_pass import either_truth
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.perturbations.base import Pair, Perturbation
from edgetrack.evaluation.perturbations.registry import conditions
from edgetrack.evaluation.report.failure_tables import failure_tables
from edgetrack.evaluation.types import CLEAN, Condition, Pixels, Run, Sensors
from edgetrack.types import Box, Track

pytest.importorskip("cv2", reason="the video extra is not installed")

NIGHT, LAG = Condition("color-night", 2), Condition("x-lag", 1)
COLOR, X = np.full((8, 8, 3), 40, np.uint8), np.full((8, 8, 3), 200, np.uint8)


def scored(auc: float, sensors: Sensors, condition: Condition = CLEAN) -> RunMetrics:
    made: Any = SimpleNamespace(
        run=Run("edgetrack", "bbox", condition=condition, sensors=sensors), ope=SimpleNamespace(auc=auc)
    )
    return made


RUNS = [
    *(scored(auc, name) for name, auc in (("color", 0.8), ("x", 0.6), ("both", 0.9))),
    scored(0.4, "color", NIGHT),
    scored(0.63, "both", NIGHT),
    scored(0.3, "x", LAG),
    scored(0.78, "both", LAG),
]


def test_pair_is_compared_with_the_intact_sensor_alone() -> None:
    whole, night, lag = sensor_failures(RUNS)
    assert (whole.level, whole.reference) == (None, None)
    assert (night.reference, night.level, night.auc["x"]) == ("x", 0.02, 0.6)
    assert night.drop("color") == pytest.approx(0.5)
    assert night.drop("both") == pytest.approx(0.3)
    assert night.beside_reference == pytest.approx(0.03)
    assert (lag.reference, lag.auc["color"], lag.drop("color")) == ("color", 0.8, 0)
    assert lag.beside_reference == pytest.approx(-0.02)
    table = failure_tables(RUNS)[0]
    assert table.columns[2:5] == ["color alone", "x alone", "both"]
    assert table.rows[1][-3:] == ["50.0 %", "30.0 %", "+0.030"]
    assert failure_tables([RUNS[0]]) == []


def test_better_of_two_ground_truths_counts_in_each_frame() -> None:
    color = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [np.nan] * 4])
    x = color + np.array([30, 0, 0, 0])
    found = either_truth(
        np.array([[0.0, 0, 1, 1], [0, 0, 10, 10], [30, 0, 10, 10], [5, 5, 5, 5]]), (color, x)
    )
    assert (found.msr, found.mpr20, found.mpr5) == (pytest.approx(20 / 21), 1, 1)
    far = either_truth(np.tile([10.0, 0, 10, 10], (4, 1)), (color, x))
    assert (far.msr, far.mpr20, far.mpr5) == (0, 1, 0)


class Lost(Perturbation):
    def __init__(self, color: bool, x: bool) -> None:
        self._lost = color, x

    def pair(self, color: Pixels, x: Pixels, index: int) -> Pair:
        return None if self._lost[0] else color, None if self._lost[1] else x


@pytest.mark.parametrize(
    ("sensors", "pairs", "lost", "frame", "second"),
    [
        ("both", True, (False, False), 40, 200),
        ("both", True, (True, False), None, 200),
        ("both", True, (False, True), 40, None),
        ("color", True, (True, False), 128, None),
        ("x", True, (False, False), None, 200),
        ("x", False, (False, False), 200, None),
        ("x", True, (False, True), None, 128),
        ("mean", True, (False, False), 120, None),
        ("mean", False, (True, False), 200, None),
    ],
)
def test_images_that_a_tracker_of_pairs_receives(
    sensors: Sensors, pairs: bool, lost: tuple[bool, bool], frame: int | None, second: int | None
) -> None:
    seen = given(sensors, COLOR, X, 1, perturbation=Lost(*lost), pairs=pairs)
    assert [None if picture is None else int(picture[0, 0, 0]) for picture in seen] == [frame, second]


class PairTracker:
    """A tracker that reports the target as visible if it gets the image of the second sensor."""

    def start(
        self, frame: Pixels | None, *, text: str | None = None, box: Any = None, x: Pixels | None = None
    ) -> Track:
        del frame, text
        self._box = Box.of(box)
        return Track(self._box, 1.0, "tracking", 0)

    def update(self, frame: Pixels | None, *, x: Pixels | None = None) -> Track:
        assert frame is not None or x is not None
        return Track(self._box if x is not None else None, 0.5, "tracking" if x is not None else "lost", 1)


def test_tracker_gets_both_images_of_each_moment() -> None:
    boxes = np.tile([[1.0, 1, 4, 4]], (3, 1))
    clip = Clip("pair", [COLOR] * 3, boxes, x=[X] * 3)
    run = track(
        clip, PairTracker(), mode="bbox", text="", perturbation=Perturbation(), sensors="both", pairs=True
    )
    assert finish(run).statuses == ["tracking"] * 3
    alone = track(clip, PairTracker(), mode="bbox", text="", perturbation=Perturbation(), pairs=True)
    assert finish(alone).statuses == ["tracking", "lost", "lost"]
    small = replace(clip, x=[X[:4]] * 3)
    with pytest.raises(DatasetError, match="8x8 pixels but the second sensor has 8x4"):
        finish(track(small, PairTracker(), mode="bbox", text="", perturbation=Perturbation(), sensors="both"))


def test_x_models_simulate_a_second_sensor_reproducibly() -> None:
    random = np.random.default_rng(0)
    frames = list(random.integers(0, 255, (3, 20, 30, 3)).astype(np.uint8))
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:20] = True
    clip = Clip("a", frames, np.tile([[5.0, 5, 15, 10]], (3, 1)), masks=lambda index: mask)
    for name in ("infrared", "thermal", "events"):
        x = with_x(clip, name).x
        assert x is not None
        assert all(np.array_equal(one, x[i]) for i, one in enumerate(x))
        assert x[0].shape == frames[0].shape
        assert x[1].std() > 5
    warm = with_x(clip, "thermal").x
    assert warm is not None
    assert warm[1][mask].mean() > warm[1][~mask].mean() + 60
    still = with_x(replace(clip, frames=[frames[0]] * 3), "events").x
    assert still is not None
    assert not still[2].any(), "nothing has changed"
    for wrong, name, said in (
        (clip, "radar", "'radar' is unknown"),
        (replace(clip, masks=None), "thermal", "has no masks"),
        (with_x(clip, "events"), "infrared", "already has images of a second sensor"),
    ):
        with pytest.raises(ConfigError, match=said):
            with_x(wrong, name)


def test_missing_pairs_or_unsuitable_tracker_is_rejected(dataset: Path, tmp_path: Path) -> None:
    base = Request("folder", dataset, tmp_path / "out", trackers=("opencv-mil",), names=("slow",))
    for request, said in (
        (
            replace(base, sensors=("both",)),
            "--sensors both needs pairs of images, but sequence slow of folder",
        ),
        (replace(base, conditions=tuple(conditions(failures=["x-lag"]))), "--failure x-lag needs pairs"),
        (replace(base, sensors=("both",), x_model="infrared"), "no --tracker takes a second sensor"),
        (replace(base, x_model="thermal", sensors=("mean",)), "has no masks"),
    ):
        with pytest.raises(ConfigError, match=said):
            list(evaluate(request, open_edgetrack=lambda: None))
