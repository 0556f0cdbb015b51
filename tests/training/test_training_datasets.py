"""Training samples from official data sets, and the recipes that name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

import trees  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from edgetrack.datasets import RegionSet, SequenceSet, open_dataset  # noqa: E402
from edgetrack.errors import ConfigError, DatasetError  # noqa: E402
from edgetrack.training.data.loader import Plan, start_workers  # noqa: E402
from edgetrack.training.data.mixture import Mixture  # noqa: E402
from edgetrack.training.data.official.clips import GAP, RegionClips, SequenceClips, unrelated  # noqa: E402
from edgetrack.training.data.official.samplers import (  # noqa: E402
    ClipGroundingSampler,
    ClipTrackingSampler,
    letterbox,
)
from edgetrack.training.data.pictures import Instance, Picture  # noqa: E402
from edgetrack.training.data.synthetic.pool import Actor  # noqa: E402
from edgetrack.training.recipe import DatasetEntry, Recipe  # noqa: E402


def sequences(root: Path, **options: object) -> SequenceClips:
    found = open_dataset("lasot", trees.lasot(root, **options), "train")
    assert isinstance(found, SequenceSet)
    return SequenceClips(found)


def regions(root: Path, name: str, split: str) -> RegionClips:
    found = open_dataset(name, {"coco": trees.coco, "refcoco": trees.refcoco}[name](root), split)
    assert isinstance(found, RegionSet)
    return RegionClips(found)


def redness(pixels: np.ndarray, box: np.ndarray) -> float:
    """Return by how much red exceeds green in the middle of ``box`` of an RGB image; at least 150 on the target."""
    x, y, w, h = (float(v) for v in box)
    rows = slice(max(0, int(y + 0.3 * h)), max(1, int(y + 0.7 * h)))
    middle = pixels[rows, max(0, int(x + 0.3 * w)) : max(1, int(x + 0.7 * w))]
    return float((middle[..., 0].astype(float) - middle[..., 1]).mean())


def test_tracking_samples_show_the_target_in_their_box(tmp_path: Path) -> None:
    sampler = ClipTrackingSampler(sequences(tmp_path), seed=3)
    samples = [sampler.sample() for _ in range(120)]
    for sample in samples:
        assert (sample["template"].shape, sample["template"].dtype) == ((128, 128, 3), np.uint8)
        assert (sample["search"].shape, sample["search"].dtype) == ((256, 256, 3), np.uint8)
        assert sample["target"].shape == (8, 8)
        assert 0 < sample["target"].max() <= 1
        assert sample["caption"].startswith("red ")
        assert bool(sample["present"]) == bool(sample["box"].any())
        assert redness(sample["template"], np.array([32, 32, 64, 64])) > 60
    present = [s for s in samples if s["present"]]
    assert np.mean([redness(s["search"], s["box"]) > 60 for s in present]) > 0.97
    assert 0.02 < 1 - len(present) / len(samples) < 0.3


def test_absent_frames_are_drawn_as_absent_only(tmp_path: Path) -> None:
    """Frame 4 is labeled fully occluded; strangers need sentences that differ, which these do not."""
    clips, random = sequences(tmp_path, absent=4), np.random.default_rng(0)
    seen = {clips.clip(random, absent=False, named=False).second.picture.name for _ in range(80)}
    assert seen == {f"{name}/{i}" for name in ("car-1", "dog-1") for i in (0, 1, 2, 3, 5)}
    gone = [clips.clip(random, absent=True, named=False) for _ in range(40)]
    assert {clip.second.picture.name for clip in gone} == {"car-1/4", "dog-1/4"}
    for clip in gone:
        assert clip.absent
        assert clip.first.picture.name.split("/")[0] == clip.second.picture.name.split("/")[0]


def test_without_absent_frames_the_target_of_an_unrelated_sequence_is_looked_for(tmp_path: Path) -> None:
    trees.lasot(tmp_path, absent=99)
    trees.write(tmp_path / "dog" / "dog-1" / "nlp.txt", "brown puppy near the tree")
    found = open_dataset("lasot", tmp_path, "train")
    assert isinstance(found, SequenceSet)
    clips, random = SequenceClips(found), np.random.default_rng(0)
    for _ in range(30):
        clip = clips.clip(random, absent=True, named=True)
        target = clip.first.picture.name.split("/")[0]
        assert target != clip.second.picture.name.split("/")[0]
        assert clip.text == found[target].text


def test_frames_of_a_pair_are_close_in_time(tmp_path: Path) -> None:
    count, folder = 320, tmp_path / "TRAIN_0"
    small = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    (folder / "frames" / "a").mkdir(parents=True)
    for i in range(count):
        (folder / "frames" / "a" / f"{i}.jpg").write_bytes(small)
    trees.write(folder / "anno" / "a.txt", "10,10,20,20\n" * count)
    found = open_dataset("trackingnet", tmp_path, "train")
    assert isinstance(found, SequenceSet)
    clips, random = SequenceClips(found), np.random.default_rng(0)
    gaps = []
    for _ in range(200):
        clip = clips.clip(random, absent=False, named=False)
        one, two = (int(actor.picture.name.split("/")[1]) for actor in (clip.first, clip.second))
        gaps.append(two - one)
    assert max(map(abs, gaps)) <= GAP
    assert min(gaps) < -50
    assert max(gaps) > 50


def test_grounding_samples_of_sequences_and_images(tmp_path: Path) -> None:
    for source in (sequences(tmp_path / "a"), regions(tmp_path / "b", "refcoco", "train")):
        sampler = ClipGroundingSampler(source, seed=1)
        samples = [sampler.sample() for _ in range(60)]
        for sample in samples:
            assert (sample["image"].shape, sample["image"].dtype) == ((320, 320, 3), np.uint8)
            assert sample["caption"]
            x, y, w, h = sample["box"]
            assert min(x, y) >= -0.01
            assert max(x + w, y + h) <= 320.01
            assert bool(sample["present"]) == bool(sample["box"].any())
        assert 0.45 < np.mean([s["present"] for s in samples]) < 0.9
        if isinstance(source, SequenceClips):
            assert np.mean([redness(s["image"], s["box"]) > 60 for s in samples if s["present"]]) > 0.97


def test_caption_is_absent_only_where_its_class_is_absent(tmp_path: Path) -> None:
    clips, random = regions(tmp_path, "coco", "train2014"), np.random.default_rng(0)
    for _ in range(30):  # there are cars in the first picture only, dogs in both, and a crowd has no region
        clip = clips.clip(random, absent=True, named=False)
        assert (clip.first.picture.name, clip.second.picture.name) in {("11", "21"), ("12", "21")}
        assert clip.text == ""  # neither car is alone
    captions = {clips.clip(random, absent=False, named=True).text for _ in range(20)}
    assert captions == {"dog"}
    with pytest.raises(DatasetError, match="expected images of several classes"):
        clips.clip(random, absent=True, named=True)


def test_sentences_with_left_or_right_are_not_mirrored(tmp_path: Path) -> None:
    trees.lasot(tmp_path)
    for name in ("car-1", "dog-1"):
        trees.write(tmp_path / name[:3] / name / "nlp.txt", "the red thing on the LEFT")
        for i in range(trees.COUNT):  # half of the picture is blue: which one shows a mirrored sample
            pixels = trees.picture(i)
            pixels[:30, :80] = (250, 0, 0)
            cv2.imwrite(str(tmp_path / name[:3] / name / "img" / f"{i + 1:08d}.jpg"), pixels)
    found = open_dataset("lasot", tmp_path, "train")
    assert isinstance(found, SequenceSet)
    sampler = ClipGroundingSampler(SequenceClips(found), seed=0)
    for _ in range(40):
        top = sampler.sample()["image"][40:56].astype(int)
        blue = (top[..., 2] - top[..., 0] > 60).mean(0)
        if blue.any():
            assert blue[:160].mean() > blue[160:].mean()


@given(
    st.integers(20, 500), st.integers(20, 500), st.tuples(*[st.floats(0, 0.9)] * 2, *[st.floats(0.05, 1)] * 2),
    st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_letterbox_keeps_the_box_on_its_instance(
    width: int, height: int, shares, flip: bool, seed: int
) -> None:
    x, y = shares[0] * width, shares[1] * height
    w, h = min(shares[2] * width, width - x), min(shares[3] * height, height - y)
    instance = Instance("", (x, y, w, h))
    # Red is the column and green the row of each pixel, as shares of the picture.
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 2] = np.linspace(0, 255, width)[None]
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    actor = Actor(Picture(pixels, (instance,), "", ""), instance)
    image, box = letterbox(actor, np.random.default_rng(seed), flip=flip)
    assert image.shape == (320, 320, 3)
    assert min(box[:2]) > -0.01
    assert max(box[0] + box[2], box[1] + box[3]) < 320.01
    middle = image[min(319, int(box[1] + box[3] / 2)), min(319, int(box[0] + box[2] / 2))]
    tolerance = 3 + 2 * 255 / min(width, height)
    assert middle[2] == pytest.approx((x + w / 2) / width * 255, abs=tolerance)
    assert middle[1] == pytest.approx((y + h / 2) / height * 255, abs=tolerance)


def test_unrelated_sentences_are_drawn_as_absent() -> None:
    assert unrelated("the red car on the left", "a dog that is running")
    assert not unrelated("the red car", "a car of another color")


def test_sequences_can_be_excluded(tmp_path: Path) -> None:
    entry = DatasetEntry("lasot", str(trees.lasot(tmp_path)), "train", skip=("dog-1",))
    sampler = Mixture.open([entry]).grounding((), 0)
    assert {sampler.sample()["caption"] for _ in range(10)} == {"red car that moves over the ground"}


def test_mixture_draws_by_its_weights(tmp_path: Path) -> None:
    entries = [
        DatasetEntry("lasot", str(trees.lasot(tmp_path / "a")), "train", 3.0),
        DatasetEntry("trackingnet", str(trees.trackingnet(tmp_path / "b")), "train", 1.0),
    ]
    mixture = Mixture.open(entries)
    sampler = mixture.tracking((), None, 0)
    named = np.mean([bool(sampler.sample()["caption"]) for _ in range(120)])
    assert 0.6 < named < 0.9
    grounding = mixture.grounding((), 0)  # from the one that has sentences
    assert all(grounding.sample()["caption"] for _ in range(5))
    again = [Mixture.open(entries).tracking((), None, 7).sample()["box"] for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_workers_deliver_from_data_sets_alone(tmp_path: Path) -> None:
    mixture = Mixture.open([DatasetEntry("lasot", str(trees.lasot(tmp_path)), "train")])
    with start_workers(1, 0, plan=Plan(tracking=3, grounding=2), root="", mixture=mixture) as workers:
        tracking, grounding = workers.next("tracking"), workers.next("grounding")
    assert tracking["search"].shape == (3, 256, 256, 3)
    assert grounding["image"].shape == (2, 320, 320, 3)


def test_broken_file_is_named_by_the_training_process(tmp_path: Path) -> None:
    mixture = Mixture.open([DatasetEntry("lasot", str(trees.lasot(tmp_path)), "train")])
    for name in ("car-1", "dog-1"):
        (tmp_path / name[:3] / name / "img" / "00000003.jpg").unlink()
    with (
        start_workers(1, 0, plan=Plan(tracking=3, grounding=2), root="", mixture=mixture) as workers,
        pytest.raises(DatasetError, match=r"(car|dog)-1/img: frame 3 is missing"),
    ):
        workers.next("tracking")


def test_grounding_needs_sentences(tmp_path: Path) -> None:
    mixture = Mixture.open([DatasetEntry("trackingnet", str(trees.trackingnet(tmp_path)), "train")])
    with pytest.raises(ConfigError, match="no data set of the recipe has sentences"):
        start_workers(1, 0, root="", mixture=mixture)


RECIPE = 'name = "x"\ndata = ""\nteachers = ""\ntext = ""\noutput = ""\n'
ENTRY = '[[datasets]]\nname = "lasot"\npath = "/data/LaSOT"\nsplit = "train"\n'


def test_recipe_names_data_sets(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(RECIPE + ENTRY + "weight = 2\n" + ENTRY.replace("lasot", "tnl2k"))
    recipe = Recipe.load(path)
    assert recipe.datasets == (
        DatasetEntry("lasot", "/data/LaSOT", "train", 2), DatasetEntry("tnl2k", "/data/LaSOT", "train")
    )  # fmt: skip
    assert recipe.as_dict()["datasets"][0]["name"] == "lasot"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('datasets = "lasot"', r"datasets is not an array of tables; write \[\[datasets\]\]"),
        ("[datasets]\nname = 'lasot'", "datasets is not an array of tables"),
        (
            ENTRY + "wait = 1",
            r"\[\[datasets\]\] 1 has unknown keys \['wait'\]; known keys are \['name', 'path'",
        ),
        (ENTRY + ENTRY.replace("lasot", "lassot"), r"\[\[datasets\]\] 2: dataset 'lassot' is unknown"),
        (ENTRY.replace('"train"', '"val"'), "lasot has no split 'val'; expected one of: train, test"),
        (ENTRY.replace('split = "train"', ""), "missing 1 required positional argument: 'split'"),
        (ENTRY + "weight = 0", "weight = 0; expected a number above 0"),
        (ENTRY + 'weight = "2"', "weight = '2'; expected a number"),
        (ENTRY.replace('"/data/LaSOT"', "3"), "path = 3; expected a string"),
        (ENTRY.replace("lasot", "got10k").replace("train", "test"), "boxes of got10k test are not public"),
        (ENTRY + 'skip = "car-1"', "skip = 'car-1'; expected a list of names"),
        (
            ENTRY.replace("lasot", "coco").replace('"train"', '"train2017"') + 'skip = ["a"]',
            "coco has images",
        ),
        (
            ENTRY.replace("lasot", "langdev").replace('"train"', '"all"'),
            r"langdev is for evaluation only; train on another",
        ),
        ("data_weight = 0", "data_weight = 0; expected a number above 0"),
    ],
)
def test_bad_entries_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(RECIPE + text)
    with pytest.raises(ConfigError, match=message):
        Recipe.load(path)


def test_shipped_recipes_fit_the_network(repository: Path) -> None:
    torch = pytest.importorskip("torch")
    from edgetrack.network.network import EdgetrackNet

    for path in (repository / "edgetrack" / "training" / "recipes").glob("*.toml"):
        if path.stem.partition("_")[0] in ("grounder", "litetrack", "masks", "sensors"):
            continue  # of another kind: they have train modules of their own
        recipe = Recipe.load(path)
        net = EdgetrackNet(keep=recipe.keep_tokens, frozen_blocks=recipe.frozen_blocks)
        assert net.features(torch.zeros(1, 3, 64, 64)).shape == (1, 192, 4, 4)


def test_missing_data_is_reported_before_training_starts(tmp_path: Path) -> None:
    from edgetrack.training.run import run

    path = tmp_path / "x.toml"
    made = RECIPE.replace('text = ""', f'text = "{tmp_path}"').replace(
        'teachers = ""', f'teachers = "{tmp_path}"'
    )
    path.write_text(made + ENTRY.replace("/data/LaSOT", str(tmp_path / "none")))
    with pytest.raises(
        ConfigError, match=r"minilm_pruned\.pt does not exist; .*edgetrack\.training\.prune_text "
    ):
        run(path)
    (tmp_path / "minilm_pruned.pt").touch()
    with pytest.raises(ConfigError, match=r"mobilenetv2_imagenet\.npz does not exist"):
        run(path)
    (tmp_path / "mobilenetv2_imagenet.npz").touch()
    with pytest.raises(DatasetError, match="none is not a folder; expected lasot in its official layout"):
        run(path)
