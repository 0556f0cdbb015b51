"""The validation split: the same images and videos in every process, and none that training uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

import trees  # noqa: E402

from edgetrack.datasets import RegionSet, SequenceSet, open_dataset  # noqa: E402
from edgetrack.errors import ConfigError  # noqa: E402
from edgetrack.training.data.loader import Plan, start_workers  # noqa: E402
from edgetrack.training.data.mixture import Mixture  # noqa: E402
from edgetrack.training.data.official.clips import RegionClips, SequenceClips  # noqa: E402
from edgetrack.training.data.pictures import Instance, Picture  # noqa: E402
from edgetrack.training.data.sources.videos import Cuts, Videos, joined, load_cuts  # noqa: E402
from edgetrack.training.data.split import Material, is_held_out  # noqa: E402
from edgetrack.training.recipe import DatasetEntry, Recipe  # noqa: E402

NAMES = tuple(f"car-{i}" for i in range(1, 73))


def still(seed: int, source: str = "voc", name: str = "") -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), np.uint8)
    category = "car" if seed % 2 else "dog"
    instance = Instance(category, (10.0, 10.0, 40.0, 30.0))
    return Picture(pixels, (instance,), source, name or f"{seed}.jpg", frozenset({category}))


def content(pictures: object) -> set[bytes]:
    return {picture.pixels.tobytes() for picture in pictures}  # type: ignore[attr-defined]


def test_held_out_share_is_approximate_and_a_larger_one_only_adds() -> None:
    names = [f"video {i}" for i in range(4000)]
    few, many = ({name for name in names if is_held_out(name, share)} for share in (0.05, 0.2))
    assert 0.04 < len(few) / len(names) < 0.06
    assert 0.18 < len(many) / len(names) < 0.22
    assert few < many
    assert not any(is_held_out(name, 0.0) for name in names)


def test_split_depends_on_content_and_keeps_drives_together() -> None:
    own = [still(i) for i in range(80)]
    again = [still(i, "folders", f"copies/{i}.png") for i in range(80)]
    drives = [still(100 + i, "camvid", f"drive{i % 10}_{i:05d}.jpg") for i in range(60)]
    train, held = Material([*own, *again, *drives]).parted(0.25)
    assert len(train.pictures) + len(held.pictures) == 220
    assert len(held.pictures) > 20
    assert not content(train.pictures) & content(held.pictures)
    sides = [{p.name.split("_")[0] for p in side.pictures if p.source == "camvid"} for side in (train, held)]
    assert sides[1]
    assert not sides[0] & sides[1]


def tracks(folder: Path, name: str, count: int, first: int) -> Videos:
    cuts = Cuts()
    for track in range(count):
        for i in range(1 + track % 3):
            pixels = np.full((48, 64, 3), (first + track, 10 * i, 90), np.uint8)
            cuts.add(pixels, (float(track), 2.0, 20.0, 20.0))
        cuts.end(f"{name}{track}")
    return load_cuts(cuts.save(folder / f"{name}.npz"))


def test_whole_tracks_are_held_out_except_those_of_unlabeled_video(tmp_path: Path) -> None:
    labeled, found = tracks(tmp_path, "bird", 40, 0), tracks(tmp_path, "any", 20, 100)
    videos = joined(labeled, Videos(found.blob, found.ends, found.boxes, found.starts, found.categories, 20))
    train, held = Material([still(i) for i in range(100)], videos).parted(0.2)
    assert train.videos is not None
    assert held.videos is not None
    assert len(train.videos) + len(held.videos) == 60
    assert 2 < len(held.videos) < 20
    assert all(name.startswith("bird") for name in held.videos.categories)
    assert (train.videos.pseudo, held.videos.pseudo) == (20, 0)
    for side in (train.videos, held.videos):  # each frame is still that of its track
        for i, name in enumerate(side.categories):
            track = int(name.removeprefix("bird").removeprefix("any"))
            assert side.starts[i + 1] - side.starts[i] == 1 + track % 3
            picture = side.frame(int(side.starts[i]), name)
            assert picture.instances[0].box[0] == track
            assert abs(int(picture.pixels[..., 0].mean()) - track - 100 * name.startswith("any")) < 4


def test_targets_of_one_video_stay_together(tmp_path: Path) -> None:
    for maker, name, split, together in (
        (trees.otb100, "otb100", "all", ("Jogging-1", "Jogging-2")),
        (trees.davis, "davis", "train", ("bear_1", "bear_2")),
        (trees.trackingnet, "trackingnet", "train", None),
    ):
        found = open_dataset(name, maker(tmp_path / name), split)
        assert isinstance(found, SequenceSet)
        if together:
            assert len({found.video(sequence) for sequence in together}) == 1
        assert len({found.video(sequence) for sequence in found.names}) == len(found) - bool(together)
    found = open_dataset("uav123", trees.uav123(tmp_path / "uav"), "all")
    assert isinstance(found, SequenceSet)
    assert found.video("truck4_2") == "truck4"
    train, held = SequenceClips(found).parted(lambda video: video == "truck4")
    assert train is not None
    assert held is not None
    assert (len(train), len(held)) == (1, 1)


def test_data_sets_that_share_images_hold_out_the_same_ones(tmp_path: Path) -> None:
    for name, split, maker in (("coco", "train2014", trees.coco), ("refcoco", "train", trees.refcoco)):
        found = open_dataset(name, maker(tmp_path / name), split)
        assert isinstance(found, RegionSet)
        train, held = RegionClips(found).parted(lambda number: number == "000000000002")
        assert train is not None
        assert held is not None
        random = np.random.default_rng(0)
        drawn = [side.clip(random, absent=False, named=False).first.picture.name for side in (train, held)]
        assert drawn[0] in {"11", "12", "13"}
        assert drawn[1] == "21"


def test_workers_never_draw_held_out_samples(tmp_path: Path) -> None:
    """Each sequence has its own sentence, which identifies it in a sample."""
    trees.lasot(tmp_path, names=NAMES)
    for name in NAMES:
        trees.write(tmp_path / "car" / name / "nlp.txt", f"the red car that is called {name}")
    trees.write(tmp_path / "testing_set.txt", "car-100\n")
    mixture = Mixture.open([DatasetEntry("lasot", str(tmp_path), "train")])
    drawn, validated = set(), []
    for seed in (1, 2):
        plan = Plan(tracking=16, grounding=8)
        with start_workers(
            1, seed, plan=plan, root="", mixture=mixture, held_out=0.15, validation=3
        ) as workers:
            for _ in range(6):
                drawn |= {*workers.next("tracking")["caption"], *workers.next("grounding")["caption"]}
            validated.append(workers.held_out())
    captions = {text for group in validated[0].values() for batch in group for text in batch["caption"]}
    assert [len(group) for group in validated[0].values()] == [3, 3]
    assert 4 < len(captions) <= 12
    assert len(drawn) > 40
    assert not drawn & captions
    for kind in ("tracking", "grounding"):  # whatever the run's seed, its figures are of the same samples
        for one, two in zip(validated[0][kind], validated[1][kind], strict=True):
            np.testing.assert_array_equal(one["template"], two["template"])


def test_too_little_data_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"held_out = 0\.05 of 12 images .* set held_out = 0 to train without validation"
    ):
        Material([still(i) for i in range(12)]).parted(0.05)
    trees.lasot(tmp_path, names=("car-1",))
    mixture = Mixture.open([DatasetEntry("lasot", str(tmp_path), "train")])
    with pytest.raises(ConfigError, match=r"has 1 sequences or images, but all .* are held out"):
        mixture.parted(lambda _: True)
    made = {"name": "x", "data": "", "teachers": "", "text": "", "output": ""}
    for wrong in ({"held_out": 0.9}, {"held_out": -0.1}, {"thaw_patience": 2, "held_out": 0.0}):
        with pytest.raises(ConfigError, match=rf"{next(iter(wrong))} = "):
            Recipe(**made, **wrong)
