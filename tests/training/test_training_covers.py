"""Training samples of hard moments: covered targets, inaccurate boxes, too little light."""

from __future__ import annotations

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from edgetrack.training.data.pictures import Instance, Picture, overlap  # noqa: E402
from edgetrack.training.data.synthetic import augment, tracking  # noqa: E402
from edgetrack.training.data.synthetic.contrast import restored  # noqa: E402
from edgetrack.training.data.synthetic.covers import cover  # noqa: E402
from edgetrack.training.data.synthetic.crops import loose, template_crop  # noqa: E402
from edgetrack.training.data.synthetic.pool import Actor, Pool  # noqa: E402
from edgetrack.training.data.synthetic.tracking import TrackingSampler  # noqa: E402

MAGENTA = (255, 0, 255)
BOX = (96.0, 110.0, 64.0, 40.0)


def scenery(seed: int = 0) -> Picture:
    """Smooth green and yellow noise, without objects."""
    random = np.random.default_rng(seed)
    coarse = random.integers(60, 200, (12, 16, 3), np.uint8)
    coarse[..., 0] = 30
    pixels = np.asarray(cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
    return Picture(pixels, (), "voc", f"{seed}.jpg")


def rest(visible: float, seed: int) -> float:
    """Cover a magenta target in a crop, and return the fraction of it that stays."""
    x, y, w, h = (int(v) for v in BOX)
    crop = np.asarray(cv2.resize(scenery(1).pixels, (256, 256)), np.uint8)
    crop[y : y + h, x : x + w] = MAGENTA
    cover(crop, BOX, visible, np.random.default_rng(seed), Pool([scenery(2)]))
    return float((crop[y : y + h, x : x + w] == MAGENTA).all(axis=-1).mean())


@pytest.mark.parametrize("visible", [0.0, 0.1, 0.4, 0.8])
def test_a_cover_leaves_the_stated_fraction_of_the_target_visible(visible: float) -> None:
    found = [rest(visible, seed) for seed in range(60)]
    assert max(abs(fraction - visible) for fraction in found) < 0.05
    assert visible or max(found) == 0.0


def test_covers_differ_in_shape_and_in_what_they_show() -> None:
    shapes = set()
    for seed in range(60):
        before = np.asarray(cv2.resize(scenery(1).pixels, (256, 256)), np.uint8)
        after = before.copy()
        cover(after, BOX, 0.0, np.random.default_rng(seed), Pool([scenery(2)]))
        changed = (before != after).any(axis=-1)
        shapes.add((bool(changed[0].any()), bool(changed[:, 0].any()), bool((after[..., 0] > 60).any())))
    assert len(shapes) >= 4  # boxes and bars that are wide or high, plain or from an image


def test_one_in_eight_targets_is_hidden_and_none_of_them_has_a_box(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr(tracking, "cover", lambda crop, box, visible, random, pool: seen.append(visible))
    mask = np.full((60, 60), 255, np.uint8)
    instance = Instance("car", (100.0, 80.0, 60.0, 60.0), mask)
    pictures = [Picture(scenery(i).pixels, (instance,), "voc", f"{i}.jpg") for i in range(4)]
    sampler = TrackingSampler(pictures, seed=2)
    absent = 0
    for _ in range(600):
        seen.clear()
        sample = sampler.sample()
        hidden = bool(seen) and seen[0] <= 0.12
        absent += hidden
        assert not (hidden and sample["present"])
        assert sample["box"].any() == bool(sample["present"])
        assert not seen or hidden or seen[0] >= 0.35
    assert 40 <= absent <= 110  # 12 %


def test_loose_boxes_are_off_by_at_most_15_percent_and_resized_by_20() -> None:
    random = np.random.default_rng(0)
    boxes = [loose(BOX, random) for _ in range(500)]
    overlaps = [overlap(box, BOX)[0] for box in boxes]
    for x, y, w, h in boxes:
        assert abs(x + w / 2 - 128) <= 0.15 * 64 + 1e-6
        assert abs(y + h / 2 - 130) <= 0.15 * 40 + 1e-6
        assert 0.8 - 1e-6 <= w / 64 <= 1.2 + 1e-6
        assert 0.8 - 1e-6 <= h / 40 <= 1.2 + 1e-6
    assert min(overlaps) < 0.7 < np.median(overlaps) < 0.95


def test_the_template_marks_the_given_box_and_not_the_true_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells that a loose box covers are marked, as a tracker would mark them, whose user drew that box."""
    picture = scenery()
    actor = Actor(picture, Instance("", (120.0, 80.0, 80.0, 80.0)))
    monkeypatch.setattr("edgetrack.training.data.synthetic.crops._LOOSE", 1.0)
    monkeypatch.setattr(
        "edgetrack.training.data.synthetic.crops.loose", lambda box, _: (140.0, 80.0, 40.0, 80.0)
    )
    marked = [template_crop(actor, np.random.default_rng(i), Pool([picture]))[1] for i in range(8)]
    for cells in marked:
        height, width = cells.max(axis=1).sum(), cells.max(axis=0).sum()
        assert height / width > 1.6  # the box that was given is twice as high as wide


def test_darkness_takes_light_and_adds_noise() -> None:
    bright = cv2.resize(scenery().pixels, (256, 256))
    for seed in range(10):
        dark = augment.darken(bright, np.random.default_rng(seed))
        assert dark.mean() < 0.8 * bright.mean()
        grain = dark.astype(int) - cv2.GaussianBlur(dark, (0, 0), 2)
        assert grain.std() > 0.5


def test_what_is_dark_gets_the_contrast_of_its_template_back_and_what_is_not_stays() -> None:
    coarse = np.random.default_rng(0).integers(0, 256, (12, 12, 1), np.uint8).repeat(3, axis=2)
    bright = np.asarray(cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_LINEAR), np.uint8)
    template = np.ascontiguousarray(bright[64:192, 64:192])
    dark = (bright // 20).astype(np.uint8)
    assert restored(bright, template) is bright
    again = restored(dark, template)
    assert abs(float(again.mean()) - float(template.mean())) < 12
    like = np.corrcoef(again[..., 2].ravel(), bright[..., 2].ravel())[0, 1]
    assert like > 0.9
