"""The losses of the tracker, each by what it must penalize."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from edgetrack.training import losses  # noqa: E402
from edgetrack.training.validate import auroc  # noqa: E402


def test_perfect_prediction_costs_almost_nothing() -> None:
    box = torch.tensor([[0.5, 0.4, 0.2, 0.3]])
    x, y = losses.cell_grid(16, torch.device("cpu"))
    offset = torch.stack((box[0, 0] * 16 - x, box[0, 1] * 16 - y))[None]
    size = box[:, 2:, None, None].expand(-1, -1, 16, 16)
    heat = losses.gaussian_centers(box, torch.ones(1), 16)
    out = {
        "score": torch.where(heat > 0.999, 12.0, -12.0)[:, None],
        "offset": offset,
        "size": size,
        "presence": torch.full((1, 1), 12.0),
        "margin": torch.zeros(1, 256),
        "quality": torch.full((1, 1, 16, 16), 12.0),
    }
    terms = losses.tracking_losses(out, box, torch.ones(1))
    assert float(terms["iou"]) < 1e-4
    assert float(terms["l1"]) < 1e-4
    assert float(terms["presence"]) < 1e-4
    assert float(terms["quality"]) < 1e-4
    assert float(terms["center"]) < 1e-2


def predicted(box: tuple[float, ...], *, margin: float) -> dict[str, Any]:
    """Make the output of a network whose 256 cells all predict ``box`` with the margin ``margin``."""
    x, y = losses.cell_grid(16, torch.device("cpu"))
    return {
        "score": torch.zeros(1, 1, 16, 16),
        "offset": torch.stack((box[0] * 16 - x, box[1] * 16 - y))[None],
        "size": torch.tensor(box[2:])[None, :, None, None].expand(-1, -1, 16, 16),
        "presence": torch.zeros(1, 1),
        "margin": torch.full((1, 256), margin),
        "quality": torch.zeros(1, 1, 16, 16),
    }


def test_loss_grows_with_the_distance_of_a_missed_box() -> None:
    truth = torch.tensor([[0.25, 0.25, 0.2, 0.2]])
    near, far = (
        losses.tracking_losses(predicted((at, at, 0.2, 0.2), margin=0.0), truth, torch.ones(1))["iou"]
        for at in (0.5, 0.8)
    )
    assert 1.0 < float(near) < float(far) < 2.0  # 1 - GIoU: the plain IoU is zero for both


def test_selection_loss_penalizes_dropped_targets_and_exceeding_the_budget() -> None:
    box = (0.5, 0.5, 0.2, 0.2)
    truth, present = torch.tensor([box]), torch.ones(1)
    all_in, none_in = (
        float(losses.tracking_losses(predicted(box, margin=margin), truth, present)["select"])
        for margin in (2.0, -2.0)
    )
    assert all_in == pytest.approx((1 - 0.35) ** 2, abs=1e-4)
    assert none_in > 10


def test_total_contains_every_loss() -> None:
    names = losses.tracking_losses(
        predicted((0.5, 0.5, 0.2, 0.2), margin=0.0), torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.ones(1)
    )
    for name in (*names, "contrast", "distill", "taught_center", "taught_box"):
        assert float(losses.total({name: torch.tensor(2.0)})) == pytest.approx(2 * losses.WEIGHTS[name])
        assert losses.WEIGHTS[name] > 0
    both = losses.total({"iou": torch.tensor(1.0), "l1": torch.tensor(1.0)})
    assert float(both) == pytest.approx(losses.WEIGHTS["iou"] + losses.WEIGHTS["l1"])


def test_quality_is_trained_on_the_best_scoring_cells() -> None:
    box = torch.tensor([[0.5, 0.5, 0.25, 0.25]])
    boxes = box.expand(1, 256, 4).reshape(1, 16, 16, 4).clone()
    boxes[0, 8, 8] = torch.tensor([0.9, 0.9, 0.1, 0.1])
    score = torch.full((1, 1, 16, 16), -9.0)
    score[0, 0, 8, 8] = 5.0
    sure, doubtful = (torch.full((1, 1, 16, 16), value) for value in (9.0, -9.0))
    wrong = losses.quality_loss({"score": score, "quality": sure}, boxes, box, torch.ones(1))
    right = losses.quality_loss({"score": score, "quality": doubtful}, boxes, box, torch.ones(1))
    assert float(wrong) > 5 > 0.01 > float(right)
    gone = losses.quality_loss({"score": -score, "quality": sure}, boxes, box, torch.zeros(1))
    assert float(gone) > 5  # what is not there is never right


def test_iou_of_centered_boxes() -> None:
    a, b = torch.tensor([0.5, 0.5, 0.4, 0.4]), torch.tensor([0.7, 0.5, 0.4, 0.4])
    assert float(losses.iou(a, a)) == pytest.approx(1)
    assert float(losses.iou(a, b)) == pytest.approx(1 / 3)


def test_giou_of_known_boxes() -> None:
    a = torch.tensor([0.5, 0.5, 1.0, 1.0])
    assert float(losses.giou(a, a)) == pytest.approx(1)
    assert float(losses.giou(a, a + torch.tensor([2.0, 0, 0, 0]))) == pytest.approx(-1 / 3)


def test_auroc_of_known_orders() -> None:
    positive = torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert auroc(torch.tensor([0.1, 0.2, 0.3, 0.4]), positive) == 1
    assert auroc(torch.tensor([0.4, 0.3, 0.2, 0.1]), positive) == 0
