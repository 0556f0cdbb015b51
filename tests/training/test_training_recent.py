"""Training templates that are blended with what the tracker has seen of late."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgetrack.network.network import EdgetrackNet  # noqa: E402
from edgetrack.training.batches import Batch, Recent, blended  # noqa: E402
from edgetrack.training.data.pictures import Instance, Picture  # noqa: E402
from edgetrack.training.data.sources.videos import Cuts, load_cuts  # noqa: E402
from edgetrack.training.data.synthetic import augment  # noqa: E402
from edgetrack.training.data.synthetic.crops import recent_crop  # noqa: E402
from edgetrack.training.data.synthetic.pool import Actor, Pool  # noqa: E402
from edgetrack.training.data.synthetic.tracking import TrackingSampler  # noqa: E402

BOX = (170.0, 120.0, 60.0, 60.0)


def square(source: str = "voc", name: str = "0") -> Picture:
    """A white square on black."""
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[120:180, 170:230] = 255
    return Picture(pixels, (Instance("car", BOX),), source, name, frozenset({"car"}))


def test_recent_box_is_on_the_target_but_seldom_exact() -> None:
    picture = square()
    actor = Actor(picture, picture.instances[0])
    rng, pool = np.random.default_rng(0), Pool(())
    shares = []
    for _ in range(300):
        crop, target = recent_crop(actor, rng, pool, real=True)
        cells = crop.reshape(8, 16, 8, 16, 3).mean((1, 3, 4)) / 255
        shares.append(float((cells * target).sum() / target.sum()))  # of the box, how much shows the target
    on, off = np.mean(np.array(shares) > 0.7), np.mean(np.array(shares) < 0.5)
    assert on > 0.85
    assert 0.02 < off < 0.12, "a tracker drifts now and then"


def test_recent_frame_is_near_the_search_frame_and_of_the_same_video(tmp_path: Path) -> None:
    cuts = Cuts()
    for video in range(3):
        for frame in range(40):
            cuts.add(np.full((20, 20, 3), video * 80 + frame, np.uint8), (5.0, 5.0, 10.0, 10.0))
        cuts.end("car")
    videos = load_cuts(cuts.save(tmp_path / "cuts.npz"))
    rng = np.random.default_rng(0)
    for index in (0, 39, 40, 75, 119):
        shown = videos.frame(index, "car")
        near = [int(videos.near(shown, rng, 12).name) for _ in range(100)]
        assert {i // 40 for i in near} == {index // 40}
        assert max(abs(i - index) for i in near) <= 12
        assert len(set(near)) > 8


def test_sample_shows_the_wrong_object_if_the_tracker_followed_it() -> None:
    """The target is white; without it, the search crop shows gray, and the tracker saw either."""
    others = [
        Picture(np.full((300, 400, 3), 90, np.uint8), (Instance("car", BOX),), "voc", f"gray{i}", frozenset())
        for i in range(4)
    ]
    sampler = TrackingSampler([square(), *others], seed=1)
    wrong = [s for s in (sampler.sample() for _ in range(900)) if not s["present"] and s["search"].std() < 60]
    assert len(wrong) > 40
    seen = [bool((s["recent"] > 200).mean() > 0.05) for s in wrong]
    assert 0.1 < np.mean(seen) < 0.9


def test_blended_template_is_the_weighted_mean() -> None:
    net = EdgetrackNet(keep=16).eval()
    image, share = torch.rand(4, 3, 128, 128) * 2 - 1, torch.rand(4, 1, 8, 8)
    none = torch.zeros(2)
    batch = Batch(
        image[:2], image[:2], share[:2], torch.zeros(2, 1, 384), torch.zeros(2, 1), none, none, none, none
    )
    weight = torch.tensor([0.0, 0.3])
    recent = Recent(image[2:], share[2:], weight)
    with torch.no_grad():
        one, anchor = blended(net, batch)
        two = net.template(recent.template, recent.target)
        mixed, mixed_anchor = blended(net, replace(batch, recent=recent))
    assert torch.equal(anchor, one["anchor"])
    w = weight[:, None, None]
    expected = (1 - w) * one["anchor"] + w * two["anchor"]
    torch.testing.assert_close(mixed_anchor, expected / expected.norm(dim=-1, keepdim=True))
    torch.testing.assert_close(
        mixed["memory"], (1 - w[..., None]) * one["memory"] + w[..., None] * two["memory"]
    )
    torch.testing.assert_close(mixed["memory"][0], one["memory"][0])
    assert not torch.allclose(mixed["memory"][1], one["memory"][1])
    torch.testing.assert_close(mixed["prompts"], one["prompts"])


def test_some_samples_have_no_color_in_any_crop() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    picture = Picture(pixels, (Instance("", BOX),), "voc", "0", frozenset())
    sampler = TrackingSampler([picture], seed=1)

    def colorless(crop: np.ndarray) -> bool:
        return bool((np.ptp(crop, axis=2) == 0).all())

    samples = [
        [colorless(s[name]) for name in ("template", "recent", "search")]
        for s in (sampler.sample() for _ in range(300))
    ]
    assert 0.1 < np.mean([all(crops) for crops in samples]) < 0.25


def test_crops_without_color_are_of_one_sensor() -> None:
    white, black = np.full((32, 32, 3), 255, np.uint8), np.zeros((32, 32, 3), np.uint8)
    board = np.repeat(((np.indices((32, 32)) // 4).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, 2)
    brightness, contrast = set(), set()
    for seed in range(20):
        crops = augment.one_channel(white, black, board, board, random=np.random.default_rng(seed))
        brightness.add((int(crops[0].mean()), int(crops[1].mean())))
        assert np.array_equal(crops[2], crops[3])
        contrast.add(int(crops[2].std()))
    assert brightness == {(255, 0), (0, 255)}
    assert min(contrast) < 45  # of 127
    assert max(contrast) > 80
