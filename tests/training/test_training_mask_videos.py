"""Training of the mask head on videos with masks: the samples drawn from them, and the cache of a teacher."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

import cv2
import torch
import trees
import vos_trees

from edgetrack.datasets import LAYOUTS
from edgetrack.errors import ConfigError
from edgetrack.network.mask import SIDE
from edgetrack.training.masks.sampler import FRAMES
from edgetrack.training.masks.train import Recipe, Trainer, unrolled, validated
from edgetrack.training.masks.videos import VideoSampler, load_videos
from edgetrack.training.recipe_file import read_recipe

Videos = tuple[tuple[str, str, str], ...]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Videos:
    """Make three data sets with two videos each, of which the first is held out."""
    folder = tmp_path_factory.mktemp("videos")
    davis = trees.davis(folder / "davis")
    youtube, mose = vos_trees.youtube_vos(folder / "youtube"), vos_trees.mose(folder / "mose")
    for kind, below in product(("JPEGImages", "Annotations"), (davis, youtube, mose)):
        root = below / kind / "480p" if below == davis else below / "train" / kind
        (first,) = root.iterdir()
        shutil.copytree(first, root / "other")
    trees.write(davis / "ImageSets" / "2017" / "train.txt", "bear\nother\n")
    meta = json.loads((youtube / "train" / "meta.json").read_text())
    meta["videos"]["other"] = meta["videos"]["0a1b"]
    trees.write(youtube / "train" / "meta.json", json.dumps(meta))
    return (
        ("davis", str(davis), "train"),
        ("youtube-vos", str(youtube), "train"),
        ("mose", str(mose), "train"),
    )


@pytest.mark.nightly
def test_a_teacher_that_remembers_all_frames_of_videos(tmp_path: Path, videos: Videos) -> None:
    options: dict[str, Any] = {"data": str(tmp_path), "cache": str(tmp_path), "sources": (), "videos": videos}
    options |= {"sequences": 1, "held_out": 0}
    wide = Recipe(
        **options,
        output=str(tmp_path / "teacher"),
        wide=2,
        everything=True,
        frames=4,
        steps=2,
        warmup_steps=1,
    )
    teacher = Trainer(wide)
    batch, given = teacher.next_batch(), torch.zeros(1, 1)
    assert list(validated(teacher.net, [batch], everything=True)) == [f"val frame {i}" for i in range(4)]
    with torch.no_grad():
        all_frames, two_frames = (
            unrolled(teacher.net.eval(), batch, given, everything=everything) for everything in (True, False)
        )
    for step, same in enumerate((True, True, True, False)):  # the fourth frame has three before it
        assert torch.equal(all_frames[step]["logits"], two_frames[step]["logits"]) == same
    teacher.run()

    pupil = Trainer(
        Recipe(**options, output=str(tmp_path / "pupil"), teacher=str(tmp_path / "teacher" / "last.pt"))
    )
    assert pupil.teacher is not None
    assert pupil.teacher.head.out.weight.shape[1] == 2 * pupil.net.head.out.weight.shape[1]
    assert pupil.optimize()["distill"] > 0


def test_videos_show_the_object_where_its_mask_is(videos: Videos) -> None:
    objects = load_videos(videos, held_out=False)
    assert {videos.name for videos, _ in objects} == {"davis", "youtube-vos", "mose"}
    sampler = VideoSampler(objects, FRAMES, 1)
    for _ in range(20):
        sample = sampler.sample()
        assert sample["image"].shape == (FRAMES, SIDE, SIDE, 3)
        for image, target, mask in zip(*(sample[name] for name in ("image", "target", "mask")), strict=True):
            inside = cv2.resize(target, mask.shape, interpolation=cv2.INTER_LINEAR) > 0
            assert mask[inside].sum() > 0.2 * mask.sum() > 20
            seen = cv2.resize(mask, (SIDE, SIDE)) > 0.9
            assert seen.any()
            assert image[seen].std(0).max() < 40  # it is of one color
    held_out = load_videos(videos, held_out=True)
    assert {name.rpartition("_")[0] for _, name in held_out} == {"bear", "0a1b", "2c3d"}
    assert {name.rpartition("_")[0] for _, name in objects} == {"other"}


def test_unsuitable_videos_are_rejected(tmp_path: Path, videos: Videos) -> None:
    name, path, _ = videos[0]
    for sets, match in (
        ([(name, path, "val")], "split 'val' of davis is for evaluation"),
        ([("lasot", str(trees.lasot(tmp_path / "lasot")), "train")], "lasot has no videos with masks"),
    ):
        with pytest.raises(ConfigError, match=match):
            load_videos(sets, held_out=False)
    with pytest.raises(ConfigError, match="objects is visible in 90 frames"):
        VideoSampler(load_videos(videos, held_out=False), 90).sample()


def test_shipped_recipes_are_valid(repository: Path) -> None:
    for name in ("masks", "masks_gpu", "masks_teacher"):
        recipe = read_recipe(Recipe, repository / "edgetrack" / "training" / "recipes" / f"{name}.toml")
        assert recipe.output == f"runs/{name}"
        assert {layout for layout, _, _ in recipe.videos} <= LAYOUTS.keys()


def test_empty_training_data_is_rejected(tmp_path: Path) -> None:
    recipe = Recipe(str(tmp_path), str(tmp_path), str(tmp_path / "out"), sources=())
    with pytest.raises(ConfigError, match="contain nothing to learn from"):
        Trainer(recipe)
