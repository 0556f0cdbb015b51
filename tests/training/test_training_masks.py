"""The mask head and its training: memory, losses, the sequences that are drawn, and a run that resumes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")

import cv2
import torch

from edgetrack.bundle import Bundle
from edgetrack.engines import open_engine
from edgetrack.errors import ExportError
from edgetrack.network.mask import KEY, POINT, SIDE, SLOTS, VALUE, MaskNet, recall
from edgetrack.training.data.loader import collate
from edgetrack.training.data.pictures import Instance, Picture
from edgetrack.training.masks.losses import contrast, distillation, near_outline, poly1, sampled
from edgetrack.training.masks.sampler import FRAMES, MaskSampler
from edgetrack.training.masks.things import Things, load, usable
from edgetrack.training.masks.train import Recipe, Trainer, built, unrolled, validated

CELLS = (SIDE // 16) ** 2


def drawn(index: int) -> Picture:
    """A disc of a color on a ground of another."""
    random = np.random.default_rng(index)
    pixels = random.normal(random.uniform(40, 110, 3), 10, (200, 240, 3))
    mask = np.zeros((81, 81), np.uint8)
    cv2.circle(mask, (40, 40), 40, 255, -1)
    pixels[60:141, 70:151][mask > 0] = random.normal(
        random.uniform(150, 240, 3), 10, (int((mask > 0).sum()), 3)
    )
    thing = Instance("disc", (70.0, 60.0, 81.0, 81.0), mask)
    return Picture(np.clip(pixels, 0, 255).astype(np.uint8), (thing,), "drawn", str(index))


@pytest.fixture(scope="module")
def things() -> Things:
    return Things([drawn(i) for i in range(12)])


def test_empty_memory_returns_nothing() -> None:
    keys, values = torch.randn(2, SLOTS, KEY, CELLS), torch.randn(2, SLOTS, VALUE, CELLS)
    assert not recall(torch.randn(2, KEY, CELLS), keys, values, torch.zeros(2, SLOTS)).any()


def test_memory_returns_the_nearest_values() -> None:
    """Compare with the formula of STCN in plain code, and with a key that is in the memory."""
    torch.manual_seed(0)
    query, keys, values = (
        torch.randn(1, KEY, 5),
        torch.randn(1, SLOTS, KEY, 5),
        torch.randn(1, SLOTS, VALUE, 5),
    )
    for known in ([1.0, 1.0], [1.0, 0.0]):
        slots = [i for i in range(SLOTS) if known[i]]
        memory = torch.cat([keys[0, i] for i in slots], 1)
        distance = ((query[0][:, :, None] - memory[:, None]) ** 2).sum(0)
        weights = torch.softmax(-distance / KEY**0.5, dim=1)
        expected = torch.cat([values[0, i] for i in slots], 1) @ weights.T
        found = recall(query, keys, values, torch.tensor([known]))[0]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    keys[0, 1, :, 3] = 40 * query[0, :, 2]  # far away in the same direction: not near
    assert not torch.allclose(recall(query, keys, values, torch.ones(1, 2))[0, :, 2], values[0, 1, :, 3])
    keys[0, 1, :, 3] = query[0, :, 2]
    sharp = recall(30 * query, 30 * keys, values, torch.ones(1, 2))
    torch.testing.assert_close(sharp[0, :, 2], values[0, 1, :, 3])


def test_network_is_small_and_its_trunk_is_frozen() -> None:
    net = MaskNet()
    assert sum(p.numel() for p in net.head.parameters()) < 200_000
    assert not any(p.requires_grad for p in net.trunk.parameters())


def test_trusted_mask_is_remembered(things: Things) -> None:
    torch.manual_seed(1)
    net = MaskNet().eval()
    batch = collate([MaskSampler(things, 3).sample() for _ in range(2)])
    with torch.no_grad():
        by_box, by_mask = (unrolled(net, batch, torch.full((2, 1), trust)) for trust in (0.0, 1.0))
    torch.testing.assert_close(
        by_box[0]["logits"], by_mask[0]["logits"]
    )  # of the first frame itself it says nothing
    assert not torch.allclose(by_box[0]["value"], by_mask[0]["value"])
    assert not torch.allclose(by_box[1]["logits"], by_mask[1]["logits"])


def test_sequences_show_the_object_where_the_mask_is(things: Things) -> None:
    sampler = MaskSampler(things, 1)
    for _ in range(30):
        sample = sampler.sample()
        assert sample["image"].shape == (FRAMES, SIDE, SIDE, 3)
        assert sample["mask"].shape == (FRAMES, SIDE // POINT, SIDE // POINT)
        assert 0 <= sample["mask"].min() <= sample["mask"].max() <= 1
        for mask, target in zip(sample["mask"], sample["target"], strict=True):
            assert mask.sum() > 40
            inside = cv2.resize(target, mask.shape, interpolation=cv2.INTER_LINEAR) > 0
            assert mask[inside].sum() > 0.5 * mask.sum()  # the box is about right
        middle = SIDE // 8 // 2
        assert (
            sample["target"][:, middle - 1 : middle + 1, middle - 1 : middle + 1].min() > 0.9
        )  # and central


def test_ambiguous_masks_are_not_used() -> None:
    picture = drawn(1)
    one = picture.instances[0]
    near = Instance("disc", (100.0, 60.0, 81.0, 81.0), one.mask)
    for source, expected in (("voc", 0), ("coco", 2)):
        assert len(usable(Picture(picture.pixels, (one, near), source, "a"))) == expected
    box = Instance("disc", one.box, np.full_like(one.mask, 255))  # a box is no outline
    assert usable(Picture(picture.pixels, (box,), "coco", "a")) == []


def test_poly1_penalizes_uncertainty_and_its_gradient_flows() -> None:
    logits = torch.tensor([2.0, -1.0], requires_grad=True)
    loss = poly1(logits, torch.tensor([1.0, 1.0]))
    p = torch.sigmoid(logits)
    torch.testing.assert_close(loss, -p.log() + (1 - p))
    loss.sum().backward()
    torch.testing.assert_close(logits.grad, ((-1 / p - 1) * p * (1 - p)).detach())


def test_outline_is_where_inside_and_outside_meet() -> None:
    mask = torch.zeros(1, 1, 20, 20)
    mask[..., 5:15, 5:15] = 1
    near = near_outline(mask, 1)[0, 0]
    assert near[4:6, 4:16].all()
    assert not near[8:12, 8:12].any()
    assert not near[:3].any()
    indices, right = sampled(mask, near_outline(mask), 30)
    assert right.all()
    labels = mask.flatten(1).gather(1, indices)
    assert labels[:, :30].all()
    assert not labels[:, 30:].any()


def test_contrast_is_least_where_sides_differ() -> None:
    mask = torch.zeros(1, 1, 24, 24)
    mask[..., 6:18, 6:18] = 1
    near = near_outline(mask)
    apart = torch.cat((mask, 1 - mask), 1)
    torch.manual_seed(0)
    assert contrast(apart, mask, near, None, 0.95) < 0.01
    assert contrast(torch.ones(1, 2, 24, 24), mask, near, None, 0.95) > 0.9
    assert contrast(apart, mask, near, apart, 0.95) < contrast(
        torch.randn(1, 2, 24, 24), mask, near, apart, 0.95
    )


def test_teacher_only_acts_near_the_outline() -> None:
    near = torch.zeros(1, 1, 4, 4)
    near[..., 1] = 1
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    assert float(distillation(logits, logits.detach(), near).detach()) == pytest.approx(0.0, abs=1e-6)
    distillation(logits, torch.full((1, 1, 4, 4), 0.2), near).backward()
    assert logits.grad is not None
    assert (logits.grad[..., 1] < 0).all()
    assert not logits.grad[..., [0, 2, 3]].any()


def tree(folder: Path) -> Path:
    """A source in the layout of COCO's photos."""
    lines = []
    for i in range(26):
        picture = drawn(i)
        (folder / "train" / "coco").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "train" / "coco" / f"{i}.png"), picture.pixels)
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        polygon = np.stack((110.5 + 40 * np.cos(angles), 100.5 + 40 * np.sin(angles)), 1).ravel().tolist()
        objects = [{"category": "disc", "box": [70, 60, 81, 81], "polygons": [polygon]}]
        lines.append(json.dumps({"image": f"{i}.png", "width": 240, "height": 200, "objects": objects}))
    (folder / "train" / "coco" / "annotations.jsonl").write_text("\n".join(lines))
    (folder / "train" / "ccp").mkdir()
    (folder / "train" / "ccp" / "labels.json").write_text("[]")
    return folder


@pytest.mark.nightly
def test_run_learns_resumes_and_exports(tmp_path: Path) -> None:
    data = tree(tmp_path / "data")
    options: dict[str, Any] = {"data": str(data), "cache": str(tmp_path), "output": str(tmp_path / "run")}
    recipe = Recipe(
        **options,
        sources=("coco",),
        steps=24,
        sequences=2,
        held_out=8,
        warmup_steps=2,
        ema=0.5,
        learning_rate=4e-3,
    )
    trainer = Trainer(recipe)
    before = validated(trainer.average, trainer.held_out)
    trainer.run()
    assert validated(trainer.average, trainer.held_out)["val frame 0"] > before["val frame 0"] + 0.05
    assert Trainer(recipe).step == 24

    from edgetrack.export.mask import add_masks
    from edgetrack.export.staging import copy_bundle

    copy_bundle(Bundle.open(), tmp_path / "bundle")
    errors = add_masks(tmp_path / "bundle", tmp_path / "run" / "last.pt")
    assert max(errors.values()) < 1e-3
    assert Bundle.open(tmp_path / "bundle").manifest.parameters == Bundle.open().manifest.parameters


def test_training_continues_from_the_head_of_a_bundle() -> None:
    bundle, random = Bundle.open("edgetrack-256"), np.random.default_rng(0)
    feeds = {
        name: random.normal(0, 0.3, spec.shape).astype(np.float32)
        for name, spec in bundle.manifest.tensors["mask"].inputs.items()
    }
    found = open_engine(bundle, threads=1).graph("mask").run(feeds)
    with torch.no_grad():
        net = built("edgetrack-256", initial="edgetrack-256").eval()
        true = net(*(torch.from_numpy(value) for value in feeds.values()))
    assert all(np.abs(true[name].numpy() - value).max() < 1e-3 for name, value in found.items())


def test_held_out_images_are_never_drawn(tmp_path: Path) -> None:
    data = tree(tmp_path / "data")
    names = [
        {picture.name for picture in load(data, tmp_path, ("coco",), held_out=held_out)}
        for held_out in (False, True)
    ]
    assert not names[0] & names[1]
    assert (len(names[0]), len(names[1])) == (23, 3)


def test_unsuitable_checkpoint_is_rejected(tmp_path: Path) -> None:
    from edgetrack.export.mask import load_mask_net

    torch.save({"model": {"a": torch.zeros(1)}}, tmp_path / "last.pt")
    with pytest.raises(
        ExportError, match=r"expected a file that python -m edgetrack\.training\.masks\.train wrote"
    ):
        load_mask_net(tmp_path / "last.pt")
