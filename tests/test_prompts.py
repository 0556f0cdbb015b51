"""Prompts that refresh while tracking: the loss that shapes them, and what the tracker makes of a frame.

The tracker's part is tested on the reference, which ``test_native_tracker.py`` compares the C++ one with.
"""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine
from reference.target import Target

from edgetrack.types import Box


def unit(*values: float) -> np.ndarray:
    vector = np.zeros(64, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


RED, GREEN, BLUE = unit(1), unit(0, 1), unit(0, 0, 1)


@pytest.fixture
def target() -> Target:
    target = Target(FakeEngine())
    target.set_template(np.zeros((100, 100, 3), np.uint8), Box(40, 40, 20, 20))
    first = np.zeros((1, 3, 64), np.float32)
    first[0, 0], first[0, 1] = RED, GREEN
    target._first = first
    return target


def scene(rival: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make 16 x 16 cells: the target (now blue) in the middle, a green background, a rival in a corner."""
    tokens, score, share = np.tile(GREEN, (16, 16, 1)), np.zeros((16, 16), np.float32), np.zeros((16, 16))
    tokens[7:9, 7:9], score[7, 7], share[7:9, 7:9] = BLUE, 0.8, 1.0
    tokens[0, 0], score[0, 0] = RED, rival
    return tokens.reshape(1, 256, 64), score, share.astype(np.float32)


def test_target_prompt_drifts_at_most_half_way_from_the_template(target: Target) -> None:
    for _ in range(50):
        target.refresh(*scene(0.0), rate=0.3)
    assert target.feeds["prompts"][0, 0] @ RED == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert target.feeds["prompts"][0, 0] @ BLUE == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert target.feeds["prompts"][0, 1] @ GREEN == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize(("rival", "shown"), [(0.5, True), (0.1, False)])
def test_high_score_elsewhere_becomes_the_distractor(target: Target, rival: float, shown: bool) -> None:
    target.refresh(*scene(rival), rate=0.3)
    distractor = target.feeds["prompts"][0, 2]
    assert bool(distractor @ RED > 0.9) == shown
    assert bool(np.any(distractor)) == shown


def test_new_template_discards_the_refreshed_prompts(target: Target) -> None:
    target.refresh(*scene(0.5), rate=0.3)
    target.set_template(np.zeros((100, 100, 3), np.uint8), Box(40, 40, 20, 20))
    assert np.array_equal(target.feeds["prompts"], np.ones((1, 3, 64), np.float32))
    assert target._seen is None


def test_box_smaller_than_a_cell_still_has_a_prompt(target: Target) -> None:
    tokens, score, share = scene(0.0)
    target.refresh(tokens, score, share * 0.05, rate=1.0)
    assert target.feeds["prompts"][0, 0] @ BLUE > 0.6


torch = pytest.importorskip("torch", reason="the training extra is not installed")

from edgetrack.network.network import contrasts  # noqa: E402
from edgetrack.training import distill, prompts  # noqa: E402
from edgetrack.training.thaw import Thaw  # noqa: E402


def test_absent_prompts_have_no_weight() -> None:
    tokens = torch.from_numpy(np.stack((RED, GREEN, BLUE)))[None]
    some = torch.from_numpy(np.stack((RED, GREEN, np.zeros(64, np.float32))))[None]
    seen = contrasts(tokens, some)
    assert seen[0, 0, 3] > 0.99
    assert seen[0, 1, 3] < 0.01
    assert seen[0, 2, 3] == pytest.approx(0.5, abs=1e-3)
    assert not contrasts(tokens, torch.zeros(1, 3, 64)).any()


def test_contrast_loss_falls_as_the_target_stands_out() -> None:
    box, present = torch.tensor([[0.5, 0.5, 0.25, 0.25]]), torch.ones(1)
    known = torch.from_numpy(np.stack((RED, GREEN, np.zeros(64, np.float32))))[None]
    inside, _ = prompts.cells(box, present, 256)
    good = torch.where(inside[..., None] > 0, torch.from_numpy(RED), torch.from_numpy(GREEN))
    assert float(prompts.contrast_loss(good, known, box, present)) < 0.01
    assert float(prompts.contrast_loss(good.flip(-1), known, box, present)) > 1.0
    swapped = torch.where(inside[..., None] > 0, torch.from_numpy(GREEN), torch.from_numpy(RED))
    assert float(prompts.contrast_loss(swapped, known, box, present)) > 10.0


def test_refreshed_prompts_have_unit_or_zero_length_and_absent_targets_keep_theirs() -> None:
    torch.manual_seed(0)
    tokens = torch.nn.functional.normalize(torch.randn(64, 256, 64), dim=-1)
    own = torch.nn.functional.pad(torch.nn.functional.normalize(torch.randn(64, 2, 64), dim=-1), (0, 0, 0, 1))
    box, present = torch.tensor([[0.5, 0.5, 0.25, 0.25]]).expand(64, -1), (torch.arange(64) < 32).float()
    out = prompts.refreshed(tokens, own, box, present)
    length = out.norm(dim=-1)
    assert torch.allclose(length[:, :2], torch.ones(64, 2), atol=1e-5)
    assert torch.allclose(out[32:], own[32:], atol=1e-6)
    changed = (out[:32] - own[:32]).abs().amax((1, 2)) > 1e-3
    assert 4 < int(changed.sum()) < 28


def paper_loss(z: np.ndarray, t: np.ndarray, label: np.ndarray, omega: float) -> float:
    """Compute equations 5 to 8 of MobileVOS in float64 loops."""
    count, whole, agreed = len(z), 0.0, 0.0
    for i in range(count):
        for j in range(count):
            same = 1.0 if i == j or (label[i] and label[j]) else 0.0
            wanted = omega * float(t[i] @ t[j]) + (1 - omega) * same
            likeness = float(z[i] @ z[j])
            whole += likeness**2
            agreed += (likeness * wanted) ** 2
    return float(np.log2(whole) - np.log2(agreed))


def test_representation_loss_equals_the_paper() -> None:
    random = np.random.default_rng(0)
    z, t = (random.normal(size=(24, width)) for width in (8, 5))
    z, t = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (z, t))
    label = (np.arange(24) < 9).astype(np.float64)
    chosen = (np.arange(24) % 4 > 0).astype(np.float64)
    student, teacher, own, mask = (torch.from_numpy(v)[None].float() for v in (z, t, label, chosen))
    kept = chosen > 0
    for omega in (0.0, 0.5, 0.95):
        mine = float(distill.representation_loss(student, teacher, own, mask, omega))
        assert mine == pytest.approx(paper_loss(z[kept], t[kept], label[kept], omega), abs=1e-4)


def test_compared_cells_are_on_the_outline_or_resemble_the_target() -> None:
    box = torch.tensor([[0.5, 0.5, 0.5, 0.25]])
    inside, _ = prompts.cells(box, torch.ones(1), 256)
    likeness = torch.zeros(1, 256)
    likeness[0, :32] = 1.0  # the two upper rows
    chosen = distill.compared(box, inside, likeness).view(16, 16)
    assert chosen[:2].all()
    assert chosen[8, 4]  # the left border
    assert not chosen[14].any()


def test_weight_of_the_teacher_fades() -> None:
    assert [distill.annealed(step, 100) for step in (0, 50, 100, 200)] == [1.0, 0.5, 0.0, 0.0]
    assert distill.annealed(0, 0) == 0.0


def test_stages_unfreeze_when_progress_stalls_and_freeze_again_without_benefit() -> None:
    thaw = Thaw(13, patience=2)
    assert [thaw.after(figure) for figure in (0.5, 0.6, 0.6, 0.6)] == [13, 13, 13, 10]
    assert [thaw.after(figure) for figure in (0.7, 0.7, 0.7)] == [10, 10, 7]
    assert [thaw.after(figure) for figure in (0.7, 0.7, 0.9)] == [7, 10, 10]  # 7 brought nothing
    again = Thaw(13, patience=2)
    again.load(thaw.state())
    assert again.frozen == 10
    assert again.settled


def test_nothing_is_unfrozen_without_patience() -> None:
    thaw = Thaw(10, patience=0)
    assert [thaw.after(0.1) for _ in range(10)] == [10] * 10
