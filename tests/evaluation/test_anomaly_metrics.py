"""Metrics of unusual events, compared with values worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.evaluation.metrics.anomaly import (
    ClipResult,
    f1_at,
    region_criteria,
    roc_auc,
    score_anomalies,
    segments,
)
from edgetrack.types import Box

HERE, THERE = Box(0, 0, 10, 10), Box(50, 50, 10, 10)


def clip(scores: list[float], abnormal: list[int], **more: Any) -> ClipResult:
    values = {"regions": [[]] * len(scores), "alarms": [], "truth": None, "fps": 2.0} | more
    return ClipResult("a", scores=np.array(scores, float), abnormal=np.array(abnormal, bool), **values)


def flags(*values: int) -> np.ndarray:
    return np.array(values, bool)


def test_auc_is_the_probability_of_the_right_order() -> None:
    assert roc_auc(np.array([0.1, 0.2, 0.3, 0.4]), flags(0, 0, 1, 1)) == 1
    assert roc_auc(np.array([0.1, 0.4, 0.3, 0.2]), flags(0, 0, 1, 1)) == 0.5
    assert roc_auc(np.zeros(4), flags(0, 1, 0, 1)) == 0.5
    assert math.isnan(roc_auc(np.zeros(2), flags(1, 1)))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=30), st.randoms())
def test_auc_equals_counting_all_pairs(pairs: list[tuple[int, bool]], random: Any) -> None:
    random.shuffle(pairs)
    high, low = [s for s, bad in pairs if bad], [s for s, bad in pairs if not bad]
    found = roc_auc(np.array([s for s, _ in pairs], float), np.array([bad for _, bad in pairs]))
    if high and low:
        wins = sum((a > b) + 0.5 * (a == b) for a in high for b in low) / (len(high) * len(low))
        assert found == pytest.approx(wins)
        assert (
            roc_auc(np.array([3.0 * s + 7 for s, _ in pairs]), np.array([bad for _, bad in pairs])) == found
        )
    else:
        assert math.isnan(found)


def test_regions_found_without_false_ones_score_one() -> None:
    one = clip([1, 1], [1, 1], regions=[[(HERE, 0.9)], [(THERE, 0.8)]], truth=[{1: HERE}, {1: THERE}])
    assert region_criteria([one]) == (1.0, 1.0)


def test_track_is_detected_by_a_tenth_of_its_regions() -> None:
    found = [[(HERE, 0.9)]] + [[]] * 9
    one = clip([1.0] * 10, [1] * 10, regions=found, truth=[{1: HERE}] * 10)
    assert region_criteria([one]) == (pytest.approx(0.1), 1.0)
    late = clip([1.0] * 11, [1] * 11, regions=[*found, []], truth=[{1: HERE}] * 11)
    assert region_criteria([late])[1] == 0  # 1 of 11 is less


def test_false_regions_cost_up_to_one_per_frame() -> None:
    """The true region comes after half a false one per frame: the curve rises from 0 to 1 at 0.5, and stays there."""
    regions = [[(THERE, 0.9), (HERE, 0.5)], []]
    one = clip([1, 1], [1, 0], regions=regions, truth=[{1: HERE}, {}])
    assert region_criteria([one]) == (0.5, 0.5)
    many = [[(THERE, 0.9 - n / 100) for n in range(2)] + [(HERE, 0.5)], []]
    assert region_criteria([clip([1, 1], [1, 0], regions=many, truth=[{1: HERE}, {}])]) == (0.0, 0.0)


def test_regions_found_at_one_score_are_integrated_by_trapezoids() -> None:
    regions = [[(THERE, 0.9), (HERE, 0.9)], []]
    one = clip([1, 1], [1, 0], regions=regions, truth=[{1: HERE}, {}])
    assert region_criteria([one]) == (0.75, 0.75)


def test_clips_without_labeled_regions_are_not_counted() -> None:
    one = clip([1, 1], [1, 1], regions=[[(HERE, 0.9)], []], truth=[{1: HERE}, {}])
    assert region_criteria([one, clip([1], [1])]) == region_criteria([one])
    assert all(math.isnan(value) for value in region_criteria([clip([1], [1])]))


def test_f1_needs_overlap_and_counts_an_event_once() -> None:
    one = clip([0] * 20, [0] * 4 + [1] * 8 + [0] * 8, alarms=[(4, 8), (9, 12), (15, 18)])
    assert f1_at([one], 0.5) == pytest.approx(2 * 1 / (2 * 1 + 2))
    assert f1_at([one], 0.51) == 0
    assert math.isnan(f1_at([clip([0, 0], [0, 0])], 0.1))


def test_alarms_are_counted_per_hour_and_events_have_a_delay() -> None:
    alarms = [(0, 2), (6, 8), (9, 10)]
    one = clip([0] * 7200, [0] * 5 + [1] * 10 + [0] * 7185, alarms=alarms)
    metrics = score_anomalies([one, clip([0, 1], [0, 1])])
    assert (metrics.events, metrics.found, metrics.false_alarms) == (2, 1, 1)
    assert metrics.false_per_hour == pytest.approx(1, rel=1e-3)
    assert metrics.delay_s == 0.5
    assert metrics.auc_macro == 0.75


def test_segments_of_flags() -> None:
    assert segments(flags(1, 0, 0, 1, 1)) == [(0, 1), (3, 5)]
    assert segments(flags()) == []
