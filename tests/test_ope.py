"""The figures of the one-pass evaluation against hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrack.export import ope

TRUTH = np.array([[0, 0, 10, 10]] * 5, float)


def test_a_perfect_track_has_twenty_of_the_twenty_one_rates() -> None:
    figures = ope.evaluate(TRUTH, TRUTH)
    assert figures.auc == pytest.approx(20 / 21)  # IoU 1 is not strictly above 1
    assert figures.precision == 1
    assert figures.first_iou == 1


def test_the_first_frame_and_absent_frames_do_not_count() -> None:
    truth, predicted = TRUTH.copy(), TRUTH.copy()
    predicted[0] = 900, 900, 5, 5
    truth[3], predicted[3] = np.nan, (900, 900, 5, 5)
    assert ope.evaluate(predicted, truth).auc == pytest.approx(20 / 21)


def test_no_box_counts_as_a_miss() -> None:
    predicted = TRUTH.copy()
    predicted[2:4] = np.nan
    figures = ope.evaluate(predicted, TRUTH)
    assert figures.auc == pytest.approx(20 / 21 / 2)
    assert figures.precision == 0.5


def test_half_an_overlap_passes_the_thresholds_below_it() -> None:
    predicted = TRUTH.copy()
    predicted[:, 0] = 10 / 3  # IoU 0.5
    rates = ope.evaluate(predicted, TRUTH).auc * 21
    assert round(rates) in (10, 11)
    assert np.allclose(ope.iou(predicted, TRUTH), 0.5)
