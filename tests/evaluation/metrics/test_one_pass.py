"""The metrics compared with hand-made cases, independent code and their properties."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics import calibration
from edgetrack.evaluation.metrics import long_term as longterm
from edgetrack.evaluation.metrics import one_pass as metrics

TRUTH = np.array([[0, 0, 10, 10]] * 5, float)


def walk(seed: int, frames: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Make a true path and a prediction that strays from it, with stretches without a box."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(50, 300, (1, 2)), rng.uniform(8, 90, (1, 2))], 1)
    truth = truth + np.concatenate(
        [rng.normal(0, 3, (frames, 2)).cumsum(0), rng.normal(0, 0.3, (frames, 2))], 1
    )
    truth[:, 2:] = truth[:, 2:].clip(4)
    predicted = truth + rng.normal(0, 1, truth.shape) * rng.uniform(0, 25, (frames, 1))
    predicted[:, 2:] = predicted[:, 2:].clip(1)
    predicted[rng.random(frames) < 0.1] = np.nan
    return predicted, truth


def toolkit_success(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compute success as defined by pysot and pytracking, frame by frame, without array arithmetic."""
    ious, errors, normed, previous = [], [], [], truth[0]
    for t, (p, g) in enumerate(zip(predicted, truth, strict=True)):
        p = truth[0] if t == 0 else (previous if np.isnan(p).any() or p[2] <= 0 or p[3] <= 0 else p)
        previous = p
        if np.isnan(g).any():
            ious.append(-1.0)
            errors.append(float("inf"))
            normed.append(float("inf"))
            continue
        # the "-1, +1" form: corners are pixels that belong to the box
        right = min(p[0] + p[2] - 1, g[0] + g[2] - 1)
        below = min(p[1] + p[3] - 1, g[1] + g[3] - 1)
        inter = max(0.0, right - max(p[0], g[0]) + 1) * max(0.0, below - max(p[1], g[1]) + 1)
        ious.append(inter / (p[2] * p[3] + g[2] * g[3] - inter))
        dx = (p[0] + 0.5 * (p[2] - 1)) - (g[0] + 0.5 * (g[2] - 1))
        dy = (p[1] + 0.5 * (p[3] - 1)) - (g[1] + 0.5 * (g[3] - 1))
        errors.append((dx * dx + dy * dy) ** 0.5)
        normed.append(((dx / g[2]) ** 2 + (dy / g[3]) ** 2) ** 0.5)
    n = len(ious)
    rates = [sum(v > k * 0.05 for v in ious) / n for k in range(21)]
    return {
        "auc": sum(rates) / 21,
        "os50": rates[10],
        "os75": sum(v > 0.75 for v in ious) / n,
        "precision20": sum(v <= 20 for v in errors) / n,
        "norm_precision20": sum(v <= 0.2 for v in normed) / n,
    }


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("absent", [False, True])
def test_official_protocol_equals_the_toolkits(seed: int, absent: bool) -> None:
    predicted, truth = walk(seed)
    if absent:
        truth[60:90] = np.nan
    ours = metrics.one_pass_metrics(predicted, truth, protocol="official")
    for name, value in toolkit_success(predicted, truth).items():
        assert getattr(ours, name) == pytest.approx(value, abs=1e-6), name


def test_ao_and_sr_equal_the_got10k_toolkit() -> None:
    with warnings.catch_warnings():  # warnings of the toolkit's imports
        warnings.simplefilter("ignore")
        experiments = pytest.importorskip(
            "got10k.experiments.got10k", reason="the parity extra is not installed"
        )
        rect_iou = pytest.importorskip("got10k.utils.metrics").rect_iou
    toolkit: Any = experiments.ExperimentGOT10k.__new__(experiments.ExperimentGOT10k)
    toolkit.nbins_iou = 101
    for seed in range(8):
        predicted, truth = walk(seed)
        predicted[np.isnan(predicted)] = 0.0  # as its files have it
        predicted[:, 2:] = predicted[:, 2:].clip(1e-9)
        ao, sr, _, _ = toolkit._evaluate(rect_iou(predicted[1:], truth[1:]), np.ones(1))
        ours = metrics.one_pass_metrics(predicted, truth)
        assert ours.ao == pytest.approx(ao, abs=1e-6)
        assert ours.os50 == pytest.approx(sr, abs=1e-6)


def test_perfect_track_reaches_twenty_of_the_twenty_one_thresholds() -> None:
    figures = metrics.one_pass_metrics(TRUTH, TRUTH)
    assert figures.auc == pytest.approx(20 / 21)  # IoU 1 is not strictly above 1
    assert (figures.ao, figures.os50, figures.precision20, figures.norm_precision20) == (1, 1, 1, 1)


def test_first_frame_and_absent_frames_are_not_scored() -> None:
    truth, predicted = TRUTH.copy(), TRUTH.copy()
    predicted[0] = 900, 900, 5, 5
    truth[3], predicted[3] = np.nan, (900, 900, 5, 5)
    assert metrics.one_pass_metrics(predicted, truth).auc == pytest.approx(20 / 21)


def test_missing_box_counts_as_a_miss() -> None:
    predicted = TRUTH.copy()
    predicted[2:4] = np.nan
    figures = metrics.one_pass_metrics(predicted, TRUTH)
    assert figures.auc == pytest.approx(20 / 21 / 2)
    assert (figures.ao, figures.precision20) == (0.5, 0.5)


def test_precision_includes_exactly_twenty_pixels() -> None:
    """The toolkits of OTB and LaSOT do the same, for the curve and for the normalized precision."""
    predicted = np.tile(TRUTH[:1], (4, 1))
    truth = predicted.copy()
    predicted[1:, 0] += (20.0, 20.001, 19.0)
    figures = metrics.one_pass_metrics(predicted, truth)
    assert figures.precision20 == pytest.approx(2 / 3)
    curve = metrics.curves(predicted, truth, np.array([False, True, True, True])).precision
    assert curve[20] == pytest.approx(2 / 3)
    predicted = truth.copy()
    truth[:, 2:] = 50.0, 40.0
    predicted[:, 2:] = 50.0, 40.0
    predicted[1:, 0] += (10.0, 10.01, 9.0)  # a fifth of the width
    assert metrics.one_pass_metrics(predicted, truth).norm_precision20 == pytest.approx(2 / 3)


def test_bad_shapes_are_named() -> None:
    with pytest.raises(ConfigError, match=r"\(4, 4\).*\(5, 4\).*expected \(frames, 4\) for both"):
        metrics.one_pass_metrics(TRUTH[:4], TRUTH)
    with pytest.raises(ConfigError, match="none of the 2 frames after frame 1"):
        metrics.one_pass_metrics(TRUTH[:2], np.full((2, 4), np.nan))


positive = st.floats(1, 100)
place = st.floats(-100, 100)
boxes = st.lists(st.tuples(place, place, positive, positive), min_size=1, max_size=8).map(np.array)


@given(boxes, boxes, st.floats(0.25, 4), place)
def test_overlap_is_symmetric_bounded_and_translation_invariant(
    a: np.ndarray, b: np.ndarray, scale: float, shift: float
) -> None:
    a, b = a[: len(b)], b[: len(a)]
    iou = metrics.overlap(a, b)
    assert ((iou >= 0) & (iou <= 1 + 1e-12)).all()
    assert np.allclose(iou, metrics.overlap(b, a))
    moved = np.array([shift, shift, 0, 0])
    assert np.allclose(iou, metrics.overlap(scale * a + moved, scale * b + moved), atol=1e-6)
    assert np.allclose(metrics.overlap(a, a), 1)


@pytest.mark.parametrize("seed", range(4))
def test_curves_pass_through_the_figures(seed: int) -> None:
    predicted, truth = walk(seed)
    figures, found = (
        metrics.one_pass_metrics(predicted, truth),
        metrics.curves(predicted, truth, metrics.counted(truth)),
    )
    assert (np.diff(found.success) <= 0).all()
    assert (np.diff(found.precision) >= 0).all()
    assert (np.diff(found.norm_precision) >= 0).all()
    assert found.success.mean() == figures.auc
    assert found.success[10] == figures.os50
    assert found.precision[20] == figures.precision20
    assert found.norm_precision[20] == figures.norm_precision20


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60).map(np.array))
def test_auc_is_close_to_the_mean_iou(values: np.ndarray) -> None:
    assert abs(metrics.success_curve(values).mean() - values.mean()) <= 1 / 20


# long term


def plain_f(sequences: list[longterm.Confidences], taus: np.ndarray) -> tuple[float, float, float]:
    """Compute F, precision and recall of VOT-LT literally by their definition."""
    best = (-1.0, 0.0, 0.0)
    for tau in taus:
        precisions, recalls = [], []
        for s in sequences:
            said = [i for i in range(len(s.iou)) if np.isfinite(s.score[i]) and s.score[i] >= tau]
            hits = sum(s.iou[i] for i in said if s.present[i])
            precisions.append(hits / len(said) if said else 1.0)
            recalls.append(hits / s.present.sum())
        p, r = float(np.mean(precisions)), float(np.mean(recalls))
        best = max(best, (2 * p * r / (p + r) if p + r else 0.0, p, r))
    return best


def test_long_term_figures_equal_their_definition() -> None:
    rng = np.random.default_rng(3)
    sequences = []
    for n in (150, 40, 333):
        present = rng.random(n) < 0.8
        iou = np.where(present, rng.random(n), 0.0)
        score = np.where(rng.random(n) < 0.1, -np.inf, np.clip(iou + rng.normal(0, 0.2, n), 0, 1))
        sequences.append(longterm.Confidences(iou, score, present))
    found = longterm.long_term(sequences)
    taus = longterm.thresholds([s.score for s in sequences])
    assert len(taus) == 100
    f, p, r = plain_f(sequences, taus)
    assert (found.f_score, found.precision, found.recall) == pytest.approx((f, p, r), abs=1e-6)


def test_tracker_without_output_has_no_recall() -> None:
    silent = longterm.Confidences(np.zeros(4), np.full(4, -np.inf), np.ones(4, bool))
    assert longterm.long_term([silent]) == longterm.LongTerm(0.0, 1.0, 0.0, -np.inf)


def test_redetection_and_false_presence() -> None:
    truth = np.tile(TRUTH[:1], (12, 1))
    truth[2:4] = truth[7:9] = np.nan
    iou = np.array([1, 1, 0, 0, 0, 0.2, 0.9, 0, 0, 0.1, 0.2, 0.3])
    assert longterm.redetections(iou, truth) == [2, None]
    tracking = np.zeros(12, bool)
    tracking[[0, 2]] = True
    assert longterm.false_present(tracking, truth) == 0.25
    assert np.isnan(longterm.false_present(tracking[:2], truth[:2]))
    assert longterm.redetections(iou, np.tile(TRUTH[:1], (12, 1))) == []
    later = np.tile(TRUTH[:1], (12, 1))
    later[:4] = np.nan
    assert longterm.redetections(iou, later) == [], "who comes for the first time does not come back"


# calibration


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_the_fraction_of_correctly_ordered_pairs(rows: list[tuple[int, bool]]) -> None:
    score, correct = np.array([r[0] / 8 for r in rows]), np.array([r[1] for r in rows])
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in score[correct] for b in score[~correct]]
    found = calibration.auroc(score, correct)
    assert np.isnan(found) if not pairs else found == pytest.approx(float(np.mean(pairs)))


def test_ece_by_hand() -> None:
    score, correct = (
        np.array([0.9] * 10 + [0.3] * 10),
        np.array([True] * 9 + [False] + [True] * 5 + [False] * 5),
    )
    for adaptive in (False, True):  # 0.9 is right; 0.3 should be 0.5
        bins = 2 if adaptive else 15
        assert calibration.ece(score, correct, bins=bins, adaptive=adaptive) == pytest.approx(0.1)
    assert calibration.ece(np.ones(4), np.zeros(4, bool)) == 1
    # Thirty confident, correct frames outweigh ten whose score is too low by 0.6.
    score, correct = np.array([1.0] * 30 + [0.4] * 10), np.ones(40, bool)
    assert calibration.ece(score, correct) == pytest.approx(0.6 * 10 / 40)
    assert np.isnan(calibration.ece(np.empty(0), np.empty(0, bool)))


@given(st.integers(0, 1000), st.booleans())
def test_bins_contain_every_frame_once(seed: int, adaptive: bool) -> None:
    rng = np.random.default_rng(seed)
    score = np.round(rng.random(rng.integers(1, 200)), 2)
    bins = calibration.reliability(score, rng.random(len(score)) < score, adaptive=adaptive)
    assert sum(b.count for b in bins) == len(score)
    assert sum(b.count * b.score for b in bins) == pytest.approx(score.sum())
    if adaptive:
        assert max(b.count for b in bins) - min(b.count for b in bins) <= 1


def test_scores_outside_their_range_are_rejected() -> None:
    with pytest.raises(ConfigError, match=r"from -1 to 2; expected 0 to 1"):
        calibration.ece(np.array([-1.0, 2.0]), np.array([True, False]))
    with pytest.raises(ConfigError, match="finite arrays of the same length"):
        calibration.auroc(np.array([np.nan]), np.array([True]))
