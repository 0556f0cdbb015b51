"""Degradation relative to a reference, by hand, and the radar charts of the page."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from edgetrack.datasets import Sequence
from edgetrack.evaluation.metrics.robustness import degradation, robustness
from edgetrack.evaluation.metrics.runs import RunMetrics, score_run
from edgetrack.evaluation.report.charts import attribute_radars, corruption_radar
from edgetrack.evaluation.report.robustness_tables import robustness_details, robustness_tables
from edgetrack.evaluation.types import CLEAN, Condition, Record, Run
from edgetrack.types import Box, Track

FRAMES = 22
CLIP = Sequence("a", [np.zeros((80, 80, 3), np.uint8)] * FRAMES, np.tile([[0.0, 0, 40, 40]], (FRAMES, 1)))


def figures(
    tracker: str, condition: Condition, hits: int, *, clips: tuple[Sequence, ...] = (CLIP,)
) -> RunMetrics:
    """Make the figures of a run whose box is exact in ``hits`` of the 21 scored frames, and missing in the others.

    A hit passes the 20 thresholds below 1, but not that of 1: AUC is hits / 21 x 20 / 21.
    """
    made = Record()
    for i in range(FRAMES):
        made.add(Track(Box(0, 0, 40, 40) if i <= hits else None, 0.5, "tracking", i), milliseconds=1)
    return score_run(Run(tracker, "bbox", "none", condition), list(clips), [made] * len(clips))


def auc(hits: int) -> float:
    return hits / 21 * 20 / 21


FOG1, FOG3, JPEG1, JPEG3 = (
    Condition("fog", 1),
    Condition("fog", 3),
    Condition("jpeg", 1),
    Condition("jpeg", 3),
)
ALL = (CLEAN, FOG1, FOG3, JPEG1, JPEG3)
RUNS = [
    *(figures("edgetrack", c, hits) for c, hits in zip(ALL, (21, 20, 10, 18, 14), strict=True)),
    *(figures("opencv-nano:v2", c, hits) for c, hits in zip(ALL, (20, 12, 4, 19, 13), strict=True)),
]


def test_degradation_follows_the_formula() -> None:
    own, peer = robustness(RUNS)
    assert own.corrupted == {
        "fog": {1: pytest.approx(auc(20)), 3: pytest.approx(auc(10))},
        "jpeg": {1: pytest.approx(auc(18)), 3: pytest.approx(auc(14))},
    }
    mean = (auc(20) + auc(10) + auc(18) + auc(14)) / 4
    assert (own.mean, own.of("fog")) == pytest.approx((mean, auc(15)))
    assert own.relative_drop == pytest.approx((auc(21) - mean) / auc(21))
    [found] = degradation([own, peer])
    assert (found.tracker, found.reference, found.reference_drop) == (
        "edgetrack",
        "opencv-nano:v2",
        peer.relative_drop,
    )
    fog, jpeg = (2 - auc(20) - auc(10), 2 - auc(12) - auc(4)), (2 - auc(18) - auc(14), 2 - auc(19) - auc(13))
    assert found.error_ratio == {"fog": pytest.approx(fog[0] / fog[1]), "jpeg": pytest.approx(1.0)}
    assert found.mean_error_ratio == pytest.approx((fog[0] + jpeg[0]) / (fog[1] + jpeg[1]))


def test_peer_is_a_reference_only_under_the_same_conditions() -> None:
    own, peer = robustness(RUNS)
    assert degradation([own]) == degradation([peer]) == []
    assert degradation([own, replace(peer, label="nl")]) == []
    assert degradation([own, replace(peer, corrupted={"fog": peer.corrupted["fog"]})]) == []
    perfect = replace(peer, corrupted={name: {1: 1.0, 3: 1.0} for name in peer.corrupted})
    [found] = degradation([own, perfect])
    assert math.isnan(found.mean_error_ratio)


def test_tables_name_the_severity() -> None:
    assert [table.title for table in robustness_tables(RUNS[:5])] == [
        "Robustness by severity: AUC of edgetrack, bbox"
    ]
    assert robustness_details(RUNS[:5]) == []
    own, peer, beside = robustness_details(RUNS)
    assert own.rows[1] == ["fog", f"{auc(20):.3f}", "-", f"{auc(10):.3f}", f"{auc(15):.3f}", "28.6 %"]
    assert peer.title == "Robustness by severity: AUC of opencv-nano:v2, bbox"
    assert [row[0] for row in beside.rows] == ["none", "fog", "jpeg", "all corruptions"]
    assert beside.rows[2][-1] == "1.00"
    assert all(len(row) == len(table.columns) for table in (own, peer, beside) for row in table.rows)


def test_trackers_are_shown_side_by_side() -> None:
    [table] = robustness_tables(RUNS)
    assert table.columns == ["corruption", "edgetrack", "opencv-nano:v2"]
    fogs = [f"{auc(15):.3f} (28.6 %)", f"{auc(8):.3f} (60.0 %)"]
    assert table.rows[:2] == [["none", f"{auc(21):.3f}", f"{auc(20):.3f}"], ["fog", *fogs]]
    [found] = degradation(robustness(RUNS))
    assert table.rows[-1] == ["error ratio to opencv-nano:v2", f"{found.mean_error_ratio:.2f}", "-"]
    fog_alone = [figures("edgetrack:other", c, hits) for c, hits in zip((CLEAN, FOG1), (21, 20), strict=True)]
    [table] = robustness_tables([*RUNS, *fog_alone])
    assert [row[3] for row in table.rows] == [
        f"{auc(21):.3f}",
        f"{auc(20):.3f} (4.8 %)",
        "-",
        f"{auc(20):.3f} (4.8 %)",
        "-",
    ]


def test_radar_charts_need_three_axes() -> None:
    [(title, spokes, rings)] = corruption_radar(RUNS)
    assert (title, spokes) == ("AUC by corruption, mean over severities", ["none", "fog", "jpeg"])
    assert [name for name, _ in rings] == ["edgetrack, bbox", "opencv-nano:v2, bbox"]
    assert rings[0][1] == pytest.approx([auc(21), auc(15), auc(16)])
    assert corruption_radar(RUNS[:1]) == []
    assert corruption_radar(RUNS[:3]) == [], "two spokes are no shape"
    clips = tuple(
        replace(CLIP, name=v, attributes={"motion": v[0], "n": "1"}) for v in ("a", "b", "c1", "c2")
    )
    clean = [figures("edgetrack", CLEAN, 21, clips=clips)]
    [(title, spokes, rings)] = attribute_radars(clean, clips)
    assert (title, spokes) == ("AUC by motion (sequences)", ["a (1)", "b (1)", "c (2)"])
    assert attribute_radars(clean, [CLIP] * 4) == []
