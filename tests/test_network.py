"""The network's modes, its losses and one short run of the training loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from edgetrack.errors import ConfigError  # noqa: E402
from edgetrack.training import checkpoint, losses  # noqa: E402
from edgetrack.training.models.fusion import attend  # noqa: E402
from edgetrack.training.models.network import EdgetrackNet  # noqa: E402
from edgetrack.training.models.selection import TokenSelect, token_restore, token_select  # noqa: E402
from edgetrack.training.recipe import Recipe  # noqa: E402
from edgetrack.training.train import Trainer  # noqa: E402
from edgetrack.training.validate import auroc  # noqa: E402


@pytest.fixture(scope="module")
def net() -> EdgetrackNet:
    torch.manual_seed(0)
    net = EdgetrackNet().eval()
    torch.nn.init.normal_(
        net.text_film.weight, std=0.05
    )  # training starts it at zero, where it has no effect
    return net


def known(net: EdgetrackNet, *, template: float, text: float, seed: int = 0) -> dict[str, Any]:
    torch.manual_seed(seed)
    seen = net.template(torch.rand(1, 3, 128, 128) * 2 - 1, torch.ones(1, 1, 8, 8))
    said = net.prompt(torch.randn(1, 24, 384), torch.ones(1, 24))
    return {
        "memory": torch.cat((seen["memory"], said["memory"]), 2),
        "memory_mask": torch.cat((torch.full((1, 64), template), torch.full((1, 24), text)), 1),
        "film": said["film"] * text,
        "anchor": seen["anchor"] * template,
        "prompts": seen["prompts"] * template,
        "prototypes": torch.stack((seen["prototype"] * template, said["prototype"] * text), 1),
    }


@torch.no_grad()
@pytest.mark.parametrize(("template", "text"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)])
def test_what_is_masked_has_no_effect_and_what_is_not_has(
    net: EdgetrackNet, template: float, text: float
) -> None:
    image = torch.rand(1, 3, 256, 256) * 2 - 1
    base = known(net, template=template, text=text)
    other = known(net, template=template, text=text, seed=1)
    out = net.search(image, **base)
    assert all(torch.isfinite(v).all() for v in out.values())
    assert out["score"].shape == (1, 1, 16, 16)
    for part, used in ((slice(0, 64), template), (slice(64, 88), text)):
        memory = base["memory"].clone()
        memory[:, :, part] = other["memory"][:, :, part]
        changed = net.search(image, **{**base, "memory": memory})
        same = torch.allclose(changed["score"], out["score"], atol=1e-6)
        assert same == (used == 0.0)


@torch.no_grad()
def test_one_set_of_weights_takes_search_regions_and_whole_frames(net: EdgetrackNet) -> None:
    out = net.search(torch.zeros(1, 3, 320, 320), **known(net, template=0.0, text=1.0))
    assert out["size"].shape == (1, 2, 20, 20)
    assert float(out["size"].min()) > 0


def test_selection_keeps_the_most_similar_in_their_order() -> None:
    torch.manual_seed(0)
    select = TokenSelect(192, keep=16)
    tokens, prototypes = torch.randn(2, 64, 192), torch.zeros(2, 2, 192)
    prototypes[:, 0] = torch.nn.functional.normalize(torch.randn(2, 192), dim=-1)
    kept = select(tokens, prototypes)
    projected = torch.nn.functional.normalize(select.project(tokens), dim=-1)
    cosine = (projected * prototypes[:, :1]).sum(-1)
    best = cosine.topk(16, dim=1).indices.sort(dim=1).values
    assert torch.equal(kept.indices, best.int())  # the prototype of zeros never wins
    assert torch.equal(kept.tokens, torch.stack([t[i] for t, i in zip(tokens, best, strict=True)]))
    assert torch.equal(kept.above, (kept.margins > 0).sum(1).int())
    assert kept.gates.shape == (2, 16)


def test_restoring_is_the_inverse_of_gathering() -> None:
    tokens, prototypes = torch.randn(2, 10, 4), torch.eye(4)[None, :2].repeat(2, 1, 1)
    selected, indices, _, _ = token_select(tokens, tokens, prototypes, torch.zeros(2), keep=3)
    assert torch.equal(token_restore(tokens, selected, indices), tokens)
    written = token_restore(tokens, torch.zeros(2, 3, 4), indices)
    assert int((written == 0).all(-1).sum()) == 6


def test_attention_without_any_key_is_zero() -> None:
    q, k = torch.randn(1, 5, 192), torch.randn(1, 7, 192)
    assert torch.equal(attend(q, k, k, torch.zeros(1, 7)), torch.zeros(1, 5, 192))


def test_a_perfect_prediction_costs_almost_nothing() -> None:
    box = torch.tensor([[0.5, 0.4, 0.2, 0.3]])
    x, y = losses.cell_grid(16, torch.device("cpu"))
    offset = torch.stack((box[0, 0] * 16 - x, box[0, 1] * 16 - y))[None]
    size = box[:, 2:, None, None].expand(-1, -1, 16, 16)
    heat = losses.gaussian_centres(box, torch.ones(1), 16)
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
    assert float(terms["centre"]) < 1e-2


def test_a_run_may_start_from_an_older_network(tmp_path: Path) -> None:
    torch.manual_seed(3)
    older, newer = EdgetrackNet(), EdgetrackNet()
    weights = {k: v for k, v in older.state_dict().items() if not k.startswith("contrast.")}
    torch.save({"model": weights, "config": {}}, tmp_path / "old.pt")
    checkpoint.start_from(newer, tmp_path / "old.pt")
    assert torch.equal(newer.heads.score.weight, older.heads.score.weight)
    assert not newer.contrast.weight.any()  # the new part begins without effect
    torch.save({"model": {**weights, "gone.weight": torch.ones(1)}, "config": {}}, tmp_path / "other.pt")
    with pytest.raises(ConfigError, match=r"'gone\.weight'; expected one of the same network"):
        checkpoint.start_from(newer, tmp_path / "other.pt")


def test_what_is_frozen_gets_no_gradient_and_thaws() -> None:
    net = EdgetrackNet()
    for frozen in (13, 7):
        net.freeze(frozen)
        net.zero_grad(set_to_none=True)
        net.features(torch.zeros(1, 3, 64, 64)).sum().backward()
        learned = [block.project.conv.weight.grad is not None for block in net.trunk.blocks]
        assert learned == [i >= frozen for i in range(17)]


def test_quality_is_asked_of_the_cells_that_score_best() -> None:
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


def test_iou_of_centred_boxes() -> None:
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


class Sentences:
    def encode(self, texts: list[str]) -> tuple[Any, Any]:
        return torch.ones(len(texts), 24, 384), torch.ones(len(texts), 24)


def samples(kind: str) -> dict[str, Any]:
    """A bright square at a fixed place: what a short run can learn."""
    side = 256 if kind == "tracking" else 320
    image = np.full((2, side, side, 3), 60, np.uint8)
    image[:, 100:160, 120:180] = 250
    return {
        "search" if kind == "tracking" else "image": image,
        "template": np.full((2, 128, 128, 3), 250, np.uint8),
        "target": np.ones((2, 8, 8), np.float32),
        "box": np.array([[120, 100, 60, 60]] * 2, np.float32),
        "present": np.ones(2, np.float32),
        "caption": ["square", ""],
    }


def test_a_run_learns_saves_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.training.models.trunk.MobileNetV2.load_imagenet", lambda *_: None)
    made = {"name": "t", "data": "", "teachers": "", "text": "", "output": str(tmp_path), "warmup_steps": 1}
    short = Recipe(**made, steps=6, validate_steps=3)
    Trainer(short, samples, Sentences()).run()  # type: ignore[arg-type]
    saved = checkpoint.load(tmp_path / "last.pt")
    assert saved["step"] == 6
    assert (tmp_path / "log.jsonl").read_text().count("tracking_iou") >= 2
    longer = Trainer(Recipe(**made, steps=9), samples, Sentences())  # type: ignore[arg-type]
    assert longer.step == 6
    first = longer.optimise()
    assert all(np.isfinite(v) for v in first.values())
    assert longer.step == 7


@pytest.mark.parametrize(
    ("text", "word"),
    [("name = ", "not valid TOML"), ('name = "x"\nsped = 3', "sped"), ('name = "x"', "missing")],
)
def test_a_bad_recipe_is_named(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=word):
        Recipe.load(path)


def test_recipes_that_ship_are_valid(repository: Path) -> None:
    for path in (repository / "training" / "recipes").glob("*.toml"):
        assert Recipe.load(path).name == path.stem


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        checkpoint.load(tmp_path / "none.pt")
    torch.save({"a": 1}, tmp_path / "odd.pt")
    with pytest.raises(ConfigError, match="no edgetrack checkpoint"):
        checkpoint.load(tmp_path / "odd.pt")
