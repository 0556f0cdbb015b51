"""Training of LiteTrack: its samples and losses, and that it learns, unfreezes blocks and resumes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_weights import small_litetrack, write_small_uvltrack

torch = pytest.importorskip("torch", reason="needs torch: pip install 'edgetrack[train]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[train]'")

import trees  # noqa: E402
from litetrack_runs import CONFIG, recipe  # noqa: E402

from edgetrack.datasets import open_dataset  # noqa: E402
from edgetrack.peers.crops import cells_of  # noqa: E402
from edgetrack.peers.uvltrack.network import BOTH, BOX, GROUNDING  # noqa: E402
from edgetrack.peers.uvltrack.vocabulary import WordPieces, tokenizer_json  # noqa: E402
from edgetrack.training import checkpoint  # noqa: E402
from edgetrack.training.data.loader import collate  # noqa: E402
from edgetrack.training.data.official.clips import SequenceClips  # noqa: E402
from edgetrack.training.litetrack.batches import make_batch  # noqa: E402
from edgetrack.training.litetrack.losses import best_iou, losses, run  # noqa: E402
from edgetrack.training.litetrack.sampler import PairSampler  # noqa: E402
from edgetrack.training.litetrack.train import Trainer  # noqa: E402

MEAN, STD = (np.array(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SequenceClips:
    return SequenceClips(open_dataset("lasot", trees.lasot(tmp_path_factory.mktemp("lasot")), "train"))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> WordPieces:
    _, vocabulary = write_small_uvltrack(tmp_path_factory.mktemp("words"))
    return WordPieces(tokenizer_json(vocabulary, 200))


def redness(image: np.ndarray, box: np.ndarray) -> float:
    """Return by how much red exceeds green in the inner half of a box."""
    x, y, w, h = (float(v) * image.shape[2] for v in box)
    rows, columns = (
        slice(max(0, int(at - side / 4)), int(at + side / 4) + 1) for at, side in ((y, h), (x, w))
    )
    part = (image * STD + MEAN)[:, rows, columns]
    return float((part[0] - part[1]).mean())


def test_samples_show_the_target_in_their_boxes(source: SequenceClips) -> None:
    """Around a box that is off; by a sentence alone in the whole frame, or in a part of it."""
    sampler = PairSampler(source, CONFIG, (0.4, 0.3, 0.3), seed=1)
    samples = [sampler.sample() for _ in range(120)]
    assert {int(sample["flag"]) for sample in samples} == {BOX, GROUNDING, BOTH}
    seen, whole = [], 0
    for sample in samples:
        assert bool(sample["caption"]) == (sample["flag"] != BOX)
        assert sample["template"].shape == (3, 64, 64)
        assert sample["views"].shape == (2, 3, 128, 128)
        assert (
            redness(sample["template"], np.array([0.5, 0.5, 0.5, 0.4])) > 0.2 or sample["flag"] == BOX
        )  # or gray
        for image, (x, y, w, h), cells in zip(
            sample["views"], sample["boxes"], sample["target"], strict=True
        ):
            assert min(x, y) > 0
            assert max(x, y) < 1
            assert np.array_equal(cells[16:], cells_of(np.array([x - w / 2, y - h / 2, w, h]), 8))
            assert cells[:16].any()
            seen.append(redness(image, np.array([x, y, w, h])) > 0.2)
            whole += bool(sample["flag"] == GROUNDING and np.isclose(w, 30 / 160, atol=1e-3))
    assert np.mean(seen) > 0.93  # some are gray
    assert whole >= sum(sample["flag"] == GROUNDING for sample in samples)
    assert {int(PairSampler(_silent(source), CONFIG, (0, 1, 1)).sample()["flag"]) for _ in range(5)} == {BOX}


def _silent(source: SequenceClips) -> Any:
    class Silent:
        text = False

        def clip(self, *args: Any, **kinds: Any) -> Any:
            return source.clip(*args, **kinds)

    return Silent()


def drawn(source: SequenceClips, count: int = 4, seed: int = 0) -> dict[str, Any]:
    sampler = PairSampler(source, CONFIG, (0.4, 0.2, 0.4), seed)
    return collate([sampler.sample() for _ in range(count)])


def trainer(folder: Path, source: SequenceClips, pieces: WordPieces, **fields: Any) -> Trainer:
    samples = drawn(source, 2)
    return Trainer(recipe(folder, **fields), CONFIG, pieces, lambda: samples, [samples])


@pytest.mark.nightly
def test_run_learns_saves_and_resumes(tmp_path: Path, source: SequenceClips, pieces: WordPieces) -> None:
    first = trainer(tmp_path, source, pieces, thaw_patience=0)
    before = {name: value.clone() for name, value in first.net.state_dict().items()}
    first.run()
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    found = [line["val iou"] for line in lines if "val iou" in line]
    assert found[-1] > found[0] + 0.1
    saved = checkpoint.load(tmp_path / "run/last.pt", ("model",))
    same = {name for name, value in saved["live"].items() if torch.equal(value, before[name])}
    held = {name for name, p in first.net.named_parameters() if not p.requires_grad}
    assert held <= same
    for part in (
        "vit.blocks.2.attn.qkv",
        "select.threshold",
        "channels.0.out",
        "enhance.out",
        "bert.encoder.layer.1",
    ):
        assert not any(name.startswith(f"backbone.{part}") for name in same), part
    name = "box_head.conv_cls.0.1.running_mean"
    assert torch.equal(saved["model"][name], saved["live"][name])
    again = trainer(tmp_path, source, pieces, steps=21, keep=20)
    assert (again.step, int(again.net.backbone.keep), again.net.backbone.select.keep) == (20, 20, 20)
    assert torch.equal(again.average.state_dict()[name], saved["model"][name])
    assert all(np.isfinite(value) for value in again.optimize().values())


def test_blocks_are_unfrozen_from_the_top(
    tmp_path: Path, source: SequenceClips, pieces: WordPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each validation without progress unfreezes another block, down to the last permitted one."""
    made = trainer(tmp_path, source, pieces, least_frozen=1)
    monkeypatch.setattr(made, "report", lambda figures: None)
    block: Any = made.net.backbone.vit.blocks[1]
    for figure, frozen in ((0.5, 2), (0.5, 1), (0.6, 1), (0.6, 1), (0.6, 1)):
        monkeypatch.setattr(made, "figures", lambda figure=figure: {"val iou": figure})
        made.validate()
        assert made.thaw.frozen == frozen
        assert block.attn["qkv"].weight.requires_grad == (frozen < 2)
    assert not made.net.backbone.vit.blocks[0].mlp.fc1.weight.requires_grad


def test_every_loss_is_lower_for_the_true_box(source: SequenceClips, pieces: WordPieces) -> None:
    """Correct outputs cost less than those for another place, in every term."""
    batch = make_batch(drawn(source), pieces, torch.device("cpu"))
    assert (batch.ids[batch.flag == BOX] == 0).all()
    assert (batch.words.sum(1) > 2).equal(batch.flag != BOX)
    cells = torch.stack([c[16:] for c in batch.target]).float()

    def said(cells: Any, box: Any) -> dict[str, Any]:
        odds = 8 * cells - 4
        return {
            "centers": odds.unflatten(1, (8, 8)),
            "compared": torch.stack([odds, -odds], -1),
            "boxes": box[:, None].expand(-1, 64, -1),
            "margins": (2 * cells - 1) * 0.5,
        }

    right, wrong = said(cells, batch.box), said(cells.roll(4, 0), batch.box.roll(4, 0))
    good, bad = losses(right, batch.box, keep=24), losses(wrong, batch.box, keep=24)
    assert all(float(good[name]) < float(bad[name]) for name in good), (good, bad)
    assert float(good["iou"]) == pytest.approx(0, abs=1e-5)
    assert best_iou(right, batch.box).tolist() == pytest.approx([1.0] * 8)


@torch.no_grad()
def test_each_view_is_the_earlier_frame_of_the_other(source: SequenceClips, pieces: WordPieces) -> None:
    """Where the target of one view is elsewhere, only what is said of the other one changes."""
    batch, network = make_batch(drawn(source), pieces, torch.device("cpu")), small_litetrack()
    changed = batch.target.clone()
    changed[4:, 16:] = changed[4:, 16:].roll(1, 1)
    before, after = (run(network, b)["compared"] for b in (batch, replace(batch, target=changed)))
    differs = (before != after).flatten(1).any(1)
    assert differs.tolist() == [bool(flag != GROUNDING) for flag in batch.flag[:4]] + [False] * 4
