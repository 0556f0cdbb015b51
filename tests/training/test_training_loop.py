"""The training loop: that it learns, what it averages, freezes and unfreezes, and how it resumes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training extra is not installed")
pytest.importorskip("cv2")

import torch
from training_samples import Sentences, held_out, random_trunk, recipe, squares

from edgetrack import signals
from edgetrack.errors import ConfigError
from edgetrack.training import checkpoint, train
from edgetrack.training.loop import Loop
from edgetrack.training.run import steps_done
from edgetrack.training.thaw import Thaw
from edgetrack.training.train import Trainer

SAMPLES = squares()


@pytest.fixture(autouse=True)
def no_teachers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.network.trunk.MobileNetV2.load_imagenet", random_trunk)


def trainer(output: Path, validation: Any = None, **fields: Any) -> Trainer:
    return Trainer(recipe(output, **fields), SAMPLES, Sentences(), validation)


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_run_learns_saves_and_resumes(tmp_path: Path) -> None:
    """The averaged weights, which are exported, find the squares after some steps."""
    trainer(tmp_path, held_out(SAMPLES), steps=24, validate_steps=4).run()
    lines = log(tmp_path)
    assert [line["step"] for line in lines] == [4, 8, 12, 16, 20, 24]
    found = [(line["tracking_iou"] + line["grounding_iou"]) / 2 for line in lines]
    assert found[0] < 0.2
    assert found[-1] > 0.35
    saved = checkpoint.load(tmp_path / "last.pt")
    assert saved["step"] == 24
    longer = trainer(tmp_path, steps=30)
    assert longer.step == 24
    for mine, name in ((longer.net, "live"), (longer.average, "model")):
        assert all(torch.equal(value, saved[name][key]) for key, value in mine.state_dict().items())
    assert all(np.isfinite(value) for value in longer.optimize().values())
    assert longer.step == 25


def gap(run: Trainer, name: str) -> float:
    live, average = (dict(net.named_parameters())[name] for net in (run.net, run.average))
    return float((live - average).detach().abs().max())


def script(monkeypatch: pytest.MonkeyPatch, *figures: float) -> list[float]:
    """Lets the validations find these figures; returns those that are left."""
    left = list(figures)

    def found(net: Any, _: Any) -> dict[str, float]:
        assert not net.training, "validated is the average, which is exported"
        return {"tracking_iou": left.pop(0), "grounding_iou": 0.0}

    monkeypatch.setattr(train, "validate", found)
    return left


def test_stage_is_unfrozen_and_frozen_again_and_the_average_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = script(monkeypatch, 0.5, 0.5, 0.5, 0.5)
    run = trainer(
        tmp_path, held_out(SAMPLES), steps=8, validate_steps=1, frozen_blocks=13, thaw_patience=1, ema=0.4
    )
    name = "trunk.blocks.11.project.conv.weight"
    weight = dict(run.net.named_parameters())[name]
    begun = weight.detach().clone()
    for frozen in (13, 10, 13):  # the best yet; no progress: thaw; no progress again: that was no use
        run.optimize()
        run.validate()
        assert run.net.frozen_blocks == frozen
        assert weight.requires_grad == (frozen <= 11)
    learned = weight.detach().clone()
    assert not torch.equal(begun, learned)
    before = gap(run, name)
    assert before > 0
    for _ in range(4):
        run.optimize()
    assert torch.equal(weight, learned), "it learned while frozen"
    assert gap(run, name) < 0.2 * before
    assert len(left) == 1
    run.save()
    resumed = trainer(tmp_path, held_out(SAMPLES), steps=8, frozen_blocks=13, thaw_patience=1)
    assert (resumed.thaw.settled, resumed.thaw.best) == (True, 0.5)


@pytest.mark.parametrize(("validation", "best"), [(SAMPLES, 0.5), (squares(level=200), float("-inf"))])
def test_figures_on_other_samples_are_ignored_after_a_resume(
    tmp_path: Path, validation: Callable[[str], Any], best: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, 0.5)
    first = trainer(tmp_path, held_out(SAMPLES), frozen_blocks=13, thaw_patience=2)
    first.validate()
    first.save()
    again = trainer(tmp_path, held_out(validation), frozen_blocks=13, thaw_patience=5)
    assert (again.thaw.best, again.thaw.patience) == (best, 5)


def test_parts_that_are_not_named_are_unchanged(tmp_path: Path) -> None:
    run = trainer(tmp_path, trained=("heads",), steps=2)
    before = {name: weight.clone() for name, weight in run.net.named_parameters()}
    run.run()
    changed = {
        name.partition(".")[0]
        for name, now in run.net.named_parameters()
        if not torch.equal(before[name], now)
    }
    assert changed == {"heads"}
    with pytest.raises(ConfigError, match="expected one of them"):
        recipe(tmp_path, trained=("heads",), thaw_patience=2)


def test_resume_applies_the_frozen_stages_of_its_recipe(tmp_path: Path) -> None:
    trainer(tmp_path, frozen_blocks=13).save()
    again = trainer(tmp_path, frozen_blocks=10)
    assert (again.net.frozen_blocks, again.thaw.frozen) == (10, 10)


def test_resume_applies_the_patience_of_its_recipe() -> None:
    thaw = Thaw(13, patience=1)
    thaw.load(Thaw(13, patience=0).state())
    assert [thaw.after(0.5), thaw.after(0.5)] == [13, 10]


def test_average_starts_at_the_network_and_follows_it(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    name = "heads.score.weight"
    assert gap(run, name) == 0
    start = dict(run.average.named_parameters())[name].detach().clone()
    run.optimize()
    live, average = (dict(net.named_parameters())[name] for net in (run.net, run.average))
    decay = 2 / 11  # after the first step: young averages follow fast
    assert torch.allclose(average, start * decay + live * (1 - decay), atol=1e-6)
    assert not torch.equal(average, start)


def test_learning_rate_warms_up_and_the_trunk_has_its_own(tmp_path: Path) -> None:
    made = recipe(tmp_path, steps=100, warmup_steps=10, decay_share=0.5)
    assert [made.rate(step) for step in (0, 9, 40, 75, 99, 100)] == [0.1, 1.0, 1.0, 0.5, 0.02, 0.0]
    run = trainer(tmp_path, warmup_steps=10)
    run.optimize()
    names = {id(weight): name for name, weight in run.net.named_parameters()}
    for group in run.optimizer.param_groups:
        trunk = {names[id(weight)].startswith("trunk.") for weight in group["params"]}
        assert len(trunk) == 1
        full = run.recipe.trunk_rate if trunk == {True} else run.recipe.learning_rate
        assert group["lr"] == pytest.approx(full / 10)


class Teacher:
    """A teacher whose features distinguish bright cells from dark ones."""

    def __init__(self, folder: Path) -> None: ...

    def features(self, pixels: np.ndarray) -> np.ndarray:
        step = 16
        cells = pixels[::step, ::step].astype(np.float32).transpose(2, 0, 1) - 128
        return np.concatenate((cells, np.ones_like(cells[:1])))


def test_teacher_contributes_and_its_weight_fades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "NanoTrack", Teacher)
    run = trainer(tmp_path, search_side=256, distill=0.5, steps=8)
    arrays = SAMPLES("tracking")
    batch = run._batch(arrays, "tracking", run.rng)
    out = {name: value.detach() for name, value in run.whole(batch).items()}
    out["embedding"].requires_grad_()
    costs = []
    for run.step in (0, 1, 3):
        loss = run._likeness(out, batch, arrays)["distill"]
        costs.append(float(loss.detach()))
        assert float(torch.autograd.grad(loss, out["embedding"], retain_graph=True)[0].abs().max()) > 0
    assert costs[0] > 0
    run.step = 4
    assert "distill" not in run._likeness(out, batch, arrays)


def test_non_finite_step_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer(tmp_path)
    before = {name: value.clone() for name, value in run.net.state_dict().items()}
    monkeypatch.setattr(train, "total", lambda losses: sum(losses.values()) * float("nan"))
    run.optimize()
    assert all(torch.equal(value, before[name]) for name, value in run.net.state_dict().items())


def test_unusable_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    run = trainer(tmp_path)
    run.save()
    saved = checkpoint.load(path)
    for damaged in (
        {name: value for name, value in saved.items() if name != "live"},
        {**saved, "live": {}},
        {**saved, "optimizer": {"state": {}, "param_groups": []}},
        {**saved, "step": "many"},
    ):
        checkpoint.save(path, damaged)
        with pytest.raises(
            ConfigError, match=r"last\.pt does not fit this network and optimizer .* set another"
        ):
            trainer(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ConfigError, match=r"last\.pt cannot be read"):
        trainer(tmp_path)


def test_incomplete_log_line_does_not_stop_a_resume(tmp_path: Path) -> None:
    assert steps_done(tmp_path) == 0
    (tmp_path / "log.jsonl").write_text('{"step": 50, "minutes": 1.0}\n{"step": 10')
    assert steps_done(tmp_path) == 50


class Line(Loop[torch.nn.Linear]):
    """The smallest network that learns: its output shall be 0."""

    def __init__(self, schedule: Any) -> None:
        torch.manual_seed(0)
        net, average = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD([{"params": net.parameters(), "base": 0.1}], lr=0.1)
        super().__init__(schedule, net, average, optimizer, report_steps=4, validate_steps=2)
        self.resume()

    def optimize(self) -> dict[str, float]:
        loss = self.net(torch.ones(1, 2)).square().sum()
        loss.backward()
        self.take_step(1.0)
        return {"loss": float(self.step)}

    def figures(self) -> dict[str, float]:
        return {"good": 1.0}


def test_reports_are_means_and_the_last_step_is_validated(tmp_path: Path) -> None:
    Line(recipe(tmp_path, steps=9)).run()
    reports = [(line["step"], {*line} - {"step", "minutes"}) for line in log(tmp_path)]
    assert reports == [(step, {"loss" if kind == "l" else "good"}) for step, kind in (
        (2, "g"), (4, "l"), (4, "g"), (6, "g"), (8, "l"), (8, "g"), (9, "g"),
    )]  # fmt: skip
    assert [line["loss"] for line in log(tmp_path) if "loss" in line] == [2.5, 6.5]
    assert set(checkpoint.load(tmp_path / "last.pt", ())) == {"model", "live", "optimizer", "step", "seconds"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_during_a_step_waits_until_the_step_is_complete(tmp_path: Path, number: int) -> None:
    class Hit(Line):
        def _update_average(self) -> None:
            if self.step == 3:
                os.kill(os.getpid(), number)
            super()._update_average()

    with pytest.raises(KeyboardInterrupt), signals.interruptible():
        Hit(recipe(tmp_path, steps=9, ema=0.0)).run()
    state = checkpoint.load(tmp_path / "last.pt", ())
    assert state["step"] == 3
    assert torch.equal(state["model"]["weight"], state["live"]["weight"]), "the average has followed"
    assert Line(recipe(tmp_path)).step == 3
