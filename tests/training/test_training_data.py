"""Training samples: what is drawn, cropped, described and distorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from edgetrack.errors import ConfigError, SourceError  # noqa: E402
from edgetrack.training.data.loader import Plan, start_workers  # noqa: E402
from edgetrack.training.data.paths import data_root  # noqa: E402
from edgetrack.training.data.pictures import Instance, Picture, clip_box, overlap  # noqa: E402
from edgetrack.training.data.sources.images import load_pictures  # noqa: E402
from edgetrack.training.data.synthetic import augment, scene_captions, vocabulary, warps  # noqa: E402
from edgetrack.training.data.synthetic.crops import search_matrix  # noqa: E402
from edgetrack.training.data.synthetic.grounding import SIDE, GroundingSampler  # noqa: E402
from edgetrack.training.data.synthetic.pool import Actor  # noqa: E402
from edgetrack.training.data.synthetic.recolor import COLORS, color_of, colors_in, draw_paint, recolor  # noqa: E402
from edgetrack.training.data.synthetic.scene import Item, Scene  # noqa: E402
from edgetrack.training.data.synthetic.tracking import TrackingSampler  # noqa: E402

# What each word must and must not be said of, BGR.
SWATCHES = {
    "red": (30, 25, 200), "orange": (20, 130, 240), "yellow": (40, 220, 240), "green": (50, 150, 50),
    "blue": (190, 80, 30), "purple": (150, 40, 110), "pink": (190, 140, 245), "brown": (35, 65, 105),
    "black": (18, 18, 18), "grey": (125, 125, 125), "white": (245, 245, 245),
}  # fmt: skip


def disc(size: int = 64) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    cv2.circle(mask, (size // 2, size // 2), size // 2 - 1, 255, -1)
    return mask


def shaded(size: int = 64, level: int = 150) -> np.ndarray:
    """A gray body lit from above."""
    ramp = np.linspace(1.15, 0.75, size)[:, None, None]
    return np.clip(np.full((size, size, 3), level) * ramp, 0, 255).astype(np.uint8)


def picture(seed: int, category: str = "car") -> Picture:
    """Make noise with one disc in the middle, 200 x 150."""
    rng = np.random.default_rng(seed)
    pixels = cv2.GaussianBlur(rng.integers(0, 255, (150, 200, 3), np.uint8), (0, 0), 2)
    pixels[43:107, 68:132][disc() > 0] = shaded()[disc() > 0]
    instance = Instance(category, (69.0, 44.0, 63.0, 63.0), np.ascontiguousarray(disc()[1:, 1:]))
    return Picture(pixels, (instance,), "voc", f"{seed}.jpg", frozenset({category}))


@pytest.fixture
def pictures() -> list[Picture]:
    return [picture(i, ("car", "person", "cat", "bus")[i % 4]) for i in range(12)]


@pytest.mark.parametrize("name", COLORS)
def test_color_of_names_an_unambiguous_color(name: str) -> None:
    patch = np.full((40, 40, 3), SWATCHES[name], np.uint8)
    assert color_of(patch) == name


def test_color_of_is_none_between_two_colors() -> None:
    patch = np.full((40, 40, 3), SWATCHES["red"], np.uint8)
    patch[:, 20:] = SWATCHES["blue"]
    assert color_of(patch) is None
    assert colors_in(patch) == {"red", "blue"}


@pytest.mark.parametrize("name", COLORS)
@pytest.mark.parametrize("level", [60, 150, 220])
def test_recolor_gives_the_named_color(name: str, level: int) -> None:
    rng = np.random.default_rng(3)
    painted = recolor(shaded(level=level), disc(), draw_paint(name, rng, whole=True))
    assert name in colors_in(painted, disc(), 0.3)


def test_recolor_keeps_shading_and_what_is_outside_the_mask() -> None:
    before = shaded()
    after = recolor(before, disc(), draw_paint("red", np.random.default_rng(0)))
    lit = cv2.cvtColor(after, cv2.COLOR_BGR2GRAY)
    assert lit[8:16, 32].mean() > lit[48:56, 32].mean() + 10
    outside = cv2.dilate(disc(), np.ones((5, 5), np.uint8)) == 0
    np.testing.assert_allclose(after[outside].astype(int), before[outside], atol=1)


def test_warp_is_bilinear_with_half_pixel_centers() -> None:
    source = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    same = warps.warp(source, warps.region_matrix((15.0, 10.0), 16.0, 16), (16, 16))
    np.testing.assert_array_equal(same, source[2:18, 7:23])
    # Half of the size: each pixel is the mean of the four around its center.
    half = warps.warp(source, warps.region_matrix((15.0, 10.0), 16.0, 8), (8, 8))
    mean = source[2:18, 7:23].reshape(8, 2, 8, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(half, mean, atol=1)


def test_warp_fills_outside_with_gray() -> None:
    crop = warps.warp(np.zeros((8, 8, 3), np.uint8), warps.region_matrix((4.0, 4.0), 32.0, 32), (32, 32))
    assert (crop[:10] == warps.GRAY).all()


@pytest.mark.parametrize(
    ("box", "filled"),
    [
        ((0.0, 0.0, 128.0, 128.0), 64.0),
        ((32.0, 32.0, 64.0, 64.0), 16.0),
        ((8.0, 8.0, 16.0, 16.0), 1.0),  # a quarter of each of four cells
        ((-64.0, 0.0, 64.0, 64.0), 0.0),
    ],
)
def test_coverage_is_the_shared_area(box: tuple[float, float, float, float], filled: float) -> None:
    cells = warps.coverage(box)
    assert cells.shape == (8, 8)
    assert cells.sum() == pytest.approx(filled)


def test_boxes() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == (pytest.approx(1 / 3), pytest.approx(0.5))
    assert clip_box((-5, -5, 10, 20), 8, 8) == (0, 0, 5, 8)
    assert clip_box((20, 20, 5, 5), 8, 8) is None


def test_outline_has_the_extent_of_the_box() -> None:
    instance = picture(0).instances[0]
    still = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    assert warps.box_after(instance.outline, still) == pytest.approx(instance.box)
    assert warps.box_after(Instance("car", (3.0, 4.0, 20.0, 10.0)).outline, still) == pytest.approx(
        (3, 4, 20, 10)
    )


def test_camera_keeps_the_gray_border() -> None:
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 255, (64, 64, 3), np.uint8)
    crop[:20] = warps.GRAY
    for _ in range(20):
        assert (augment.camera(crop.copy(), rng)[:20] == warps.GRAY).all()


def test_tracking_samples_are_well_formed(pictures: list[Picture]) -> None:
    sampler = TrackingSampler(pictures, None, seed=1)
    samples = [sampler.sample() for _ in range(200)]
    for sample in samples:
        assert (sample["template"].shape, sample["template"].dtype) == ((128, 128, 3), np.uint8)
        assert (sample["search"].shape, sample["search"].dtype) == ((256, 256, 3), np.uint8)
        assert sample["target"].shape == (8, 8)
        assert 0 < sample["target"].max() <= 1
        x, y, w, h = sample["box"]
        if sample["present"]:
            assert 0 <= x + w / 2 <= 256
            assert 0 <= y + h / 2 <= 256
            assert 15 < (w * h) ** 0.5 < 160
        else:
            assert not sample["box"].any()
    assert 0.03 < np.mean([not s["present"] for s in samples]) < 0.25


def test_tracking_box_is_on_the_target() -> None:
    """The target is the only bright disc, so that its box can be found in the pixels."""
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[118:182, 168:232][disc() > 0] = 255
    instance = Instance("car", (169.0, 119.0, 63.0, 63.0), np.ascontiguousarray(disc()[1:, 1:]))
    actor = Actor(Picture(pixels, (instance,), "voc", "disc", frozenset({"car"})), instance)
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = search_matrix(actor, rng, flip=bool(rng.integers(2)), gentle=False)
        crop = warps.warp(pixels, matrix, (256, 256), border=0)
        if (crop[[0, -1]] > 127).any() or (crop[:, [0, -1]] > 127).any():
            continue  # cut by the edge
        found = cv2.boundingRect((crop[..., 0] > 127).astype(np.uint8))
        assert warps.box_after(instance.outline, matrix) == pytest.approx(found, abs=3.5)


def test_samples_are_reproducible_by_seed(pictures: list[Picture]) -> None:
    for make in (lambda: TrackingSampler(pictures, None, 5), lambda: GroundingSampler(pictures, 5)):
        one, two = make(), make()
        for _ in range(5):
            a, b = one.sample(), two.sample()
            assert a["caption"] == b["caption"]
            np.testing.assert_array_equal(a["template"], b["template"])
            np.testing.assert_array_equal(a["box"], b["box"])


def test_grounding_samples_are_well_formed(pictures: list[Picture]) -> None:
    sampler = GroundingSampler(pictures, seed=2)
    samples = [sampler.sample() for _ in range(150)]
    for sample in samples:
        assert (sample["image"].shape, sample["image"].dtype) == ((SIDE, SIDE, 3), np.uint8)
        assert sample["caption"]
        x, y, w, h = sample["box"]
        assert min(x, y) >= -0.01
        assert max(x + w, y + h) <= SIDE + 0.01
        assert bool(sample["present"]) == bool(sample["box"].any())
    assert 0.5 < np.mean([s["present"] for s in samples]) < 0.85


def scene(*colors: str | None, category: str = "car") -> Scene:
    """Place objects of one category side by side, each in a known color (None: unknown)."""
    made = Scene(np.zeros((200, 320, 3), np.uint8))
    for i, color in enumerate(colors):
        known = None if color is None else frozenset({color})
        actor = Actor(picture(i, category), picture(i, category).instances[0])
        made.items.append(
            Item(category, (10.0 + 80 * i, 50.0, 60.0, 40.0), actor, color, known, painted=True)
        )
    return made


def test_color_caption_identifies_one_car() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        claim = scene_captions.by_color(scene("red", "blue"), rng)
        assert claim is not None
        assert claim.item is not None
        words = {"red": ("red",), "blue": ("blue",)}[str(claim.item.color)]
        assert any(word in claim.caption for word in words)


@pytest.mark.parametrize("colors", [("red", "red"), ("red", None)])
def test_no_color_caption_if_another_object_may_have_the_color(colors: tuple[str | None, ...]) -> None:
    rng = np.random.default_rng(0)
    assert all(scene_captions.by_color(scene(*colors), rng) is None for _ in range(50))


def test_no_caption_of_a_class_that_may_be_elsewhere_in_the_image() -> None:
    made = scene("red")
    made.loose.add("car")
    assert scene_captions.positive(made, np.random.default_rng(0)) is None


def test_relation_captions_are_true() -> None:
    made = scene(None, None)
    rng = np.random.default_rng(0)
    for _ in range(60):
        claim = scene_captions.positive(made, rng)
        if claim is not None and "left" in claim.caption:
            assert claim.item is made.items[0]
        if claim is not None and "right" in claim.caption:
            assert claim.item is made.items[1]


def test_negative_captions_name_nothing_in_view() -> None:
    made = scene("red", "white")
    rng = np.random.default_rng(0)
    for _ in range(100):
        claim = scene_captions.wrong_color(made, rng)
        assert claim is not None
        assert claim.box is None
        # pink, orange, brown are near red and gray is near white: not safely false
        assert not {"red", "white", "pink", "orange", "brown", "grey", "gray", "silver"} & set(
            claim.caption.split()
        )


def test_every_noun_makes_a_sentence() -> None:
    rng = np.random.default_rng(0)
    for category in ("car", "person", "cyclist", "face", "okapi", "people"):
        for _ in range(30):
            text = vocabulary.sentence(vocabulary.noun(category, rng), rng, color="orange", category=category)
            assert text == " ".join(text.split())
            assert "a orange" not in text


def test_workers_deliver_both_kinds(pictures: list[Picture]) -> None:
    with start_workers(1, 0, plan=Plan(tracking=3, grounding=2), pictures=pictures) as workers:
        tracking, grounding = workers.next("tracking"), workers.next("grounding")
    assert tracking["search"].shape == (3, 256, 256, 3)
    assert tracking["box"].shape == (3, 4)
    assert grounding["image"].shape == (2, SIDE, SIDE, 3)
    assert len(grounding["caption"]) == 2


def test_bad_options_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected 0 or more"):
        Plan(0, 0)
    with pytest.raises(ConfigError, match="at least 1 data worker"):
        start_workers(0)
    with pytest.raises(SourceError, match="EDGETRACK_DATA"):
        data_root(tmp_path)


def test_real_pictures_have_instances_inside_them(shared_data: Path) -> None:
    for item in load_pictures(shared_data, limit=6):
        width, height = item.size
        assert max(width, height) <= 480
        for instance in item.instances:
            x0, y0, x1, y1 = instance.rect
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
            assert instance.alpha.shape == (y1 - y0, x1 - x0)


def test_a_stand_in_for_another_instance_may_lie_in_a_smaller_picture() -> None:
    """Where nothing else can be drawn, the place of the target in another picture is no thing to cut out."""
    empty = Picture(np.full((40, 60, 3), 90, np.uint8), (), "voc", "empty.jpg")
    sampler = TrackingSampler([picture(0), empty], seed=3)
    absent = [sample for sample in (sampler.sample() for _ in range(300)) if not sample["present"]]
    assert absent
