"""J&F compared with a second implementation that measures every distance, and with values worked out by hand."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from fake_engine import FakeEngine
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from rich.console import Console

pytest.importorskip("cv2", reason="the video extra is not installed")

import cv2
import trees

from edgetrack.cli.eval_view import evaluate_and_print
from edgetrack.datasets import Sequence, open_dataset
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.metrics.masks import (
    contour_accuracy,
    drawn,
    filled,
    mask_metrics,
    mean_metrics,
    region_similarity,
)
from edgetrack.tracker import Tracker

masks = arrays(np.bool_, (9, 130))  # a diagonal of 130.3: points match within two pixels


def plain_contour(mask: np.ndarray) -> list[tuple[int, int]]:
    height, width = mask.shape
    return [
        (y, x)
        for y in range(height)
        for x in range(width)
        if any(
            mask[min(y + dy, height - 1), min(x + dx, width - 1)] != mask[y, x]
            for dy, dx in ((0, 1), (1, 0), (1, 1))
        )
    ]


def plain_f(found: np.ndarray, truth: np.ndarray) -> float:
    a, b = plain_contour(found), plain_contour(truth)
    if not a or not b:
        return float(not a and not b)
    gap = np.hypot(*(np.array(a)[:, None] - np.array(b)[None]).transpose(2, 0, 1))
    precision, recall = (gap.min(1) <= 2).mean(), (gap.min(0) <= 2).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@given(masks, masks)
def test_contours_equal_a_plain_implementation(found: np.ndarray, truth: np.ndarray) -> None:
    assert contour_accuracy(found, truth) == pytest.approx(plain_f(found, truth), abs=1e-12)
    assert contour_accuracy(truth, truth) == region_similarity(truth, truth) == 1


def test_shifted_square_by_hand() -> None:
    truth, found = np.zeros((2, 300, 400), np.bool_)
    truth[100:150, 100:150] = found[100:150, 125:175] = True
    assert region_similarity(found, truth) == pytest.approx(1 / 3)
    assert 0.2 < contour_accuracy(found, truth) < 0.7  # the rows that both have in common
    found = np.roll(truth, 4, axis=1)  # within 0.008 of a diagonal of 500
    assert contour_accuracy(found, truth) == 1
    nothing = np.zeros_like(truth)
    assert region_similarity(nothing, truth) == contour_accuracy(nothing, truth) == 0
    assert region_similarity(nothing, nothing) == contour_accuracy(nothing, nothing) == 1


def test_box_counts_as_a_mask() -> None:
    assert np.argwhere(filled(np.array([1.0, 2, 2, 1]), (5, 6))).tolist() == [[2, 1], [2, 2]]
    assert filled(np.array([-3.0, -3, 100, 100]), (5, 6)).all()
    assert not filled(np.full(4, np.nan), (5, 6)).any()
    assert not filled(np.array([50.0, 50, 3, 3]), (5, 6)).any()


def test_mean_recall_and_decay_ignore_first_and_last_frame() -> None:
    """A square in ten frames; the box is right in the first half and missing in the second."""
    square = np.zeros((40, 60), np.bool_)
    square[10:30, 20:40] = True
    boxes = np.array([[20.0, 10, 20, 20]] * 5 + [[np.nan] * 4] * 5)
    gray = [np.zeros((40, 60, 3), np.uint8)] * 10
    clip = Sequence("a", gray, np.array([[20.0, 10, 20, 20]] * 10), masks=lambda index: square)
    (figures,) = mask_metrics(clip, drawn(boxes))
    assert (figures.j, figures.f, figures.jf) == (0.5, 0.5, 0.5)  # frames 2 to 9: four of eight
    assert (figures.j_recall, figures.j_decay, figures.f_decay) == (0.5, 1, 1)
    both = mean_metrics([figures, *mask_metrics(clip, drawn(clip.boxes))])
    assert (both.j, both.j_decay) == (0.75, 0.5)
    with pytest.raises(ConfigError, match="a has 10 frames; J&F needs"):
        mask_metrics(Sequence("a", gray, clip.boxes), drawn(boxes))


def test_each_true_mask_is_read_once_for_several_predictions() -> None:
    read = []

    def masks(index: int) -> NDArray[np.bool_]:
        read.append(index)
        return filled(np.array([5.0, 5, 10, 10]), (30, 40))

    clip = Sequence("a", [np.zeros((30, 40, 3), np.uint8)] * 4, np.array([[5.0, 5, 10, 10]] * 4), masks=masks)
    right, half = mask_metrics(clip, drawn(clip.boxes), drawn(clip.boxes + np.array([0, 0, 0, -5])))
    assert read == [1, 2]
    assert (right.j, half.j) == (1, 0.5)


def test_davis_end_to_end(tmp_path: Path) -> None:
    trees.davis(tmp_path / "davis")
    for index, file in enumerate(sorted((tmp_path / "davis/JPEGImages/480p/bear").iterdir())):
        red = trees.picture(index, (0, 0, 255))  # what the fake engine finds
        assert cv2.imwrite(str(file), red, [cv2.IMWRITE_JPEG_QUALITY, 100])
    clip = open_dataset("davis", tmp_path / "davis", "train")["bear_1"]  # type: ignore[index]
    assert clip.masks is not None
    assert clip.masks(2).sum() == 30 * 24
    console = Console(file=io.StringIO(), width=200)
    request = Request("davis", tmp_path / "davis", tmp_path / "out", split="train", names=("bear_1",))
    [figures] = evaluate_and_print(console, request, open_edgetrack=lambda: Tracker(engine=FakeEngine())).runs
    assert figures.true_box_masks is not None
    assert figures.true_box_masks.jf == 1  # the rendered mask is a box
    assert figures.masks is not None
    assert figures.masks.jf > 0.9
    page = (tmp_path / "out/report.md").read_text()
    assert "## Boxes as masks" in page
    assert "| the true boxes |  | 1.000 | 1.000 |" in page
