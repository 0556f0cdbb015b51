"""Training of the second sensor on aligned pairs of photographs: what is read, and the samples drawn from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install 'edgetrack[train]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

import cv2

from edgetrack.errors import ConfigError, DatasetError
from edgetrack.training.data.pictures import Pixels, overlap
from edgetrack.training.masks.things import Things
from edgetrack.training.sensors import aligned, sampler
from edgetrack.training.sensors.aligned import HELD_OUT, load_aligned
from edgetrack.training.sensors.sampler import PairSampler
from edgetrack.training.sensors.train import Recipe

SIZE = 1000  # the crops are inside
BOX = [460, 470, 80, 60]


def written(folder: Path, *, target: bool = True, name: str = "0") -> dict[str, Any]:
    """Write a dark ground in both images, and a target that is bright in both; return its record."""
    color, x = np.full((SIZE, SIZE, 3), 60, np.uint8), np.full((SIZE, SIZE), 70, np.uint8)
    if target:
        left, top, width, height = BOX
        center, axes = (left + width // 2, top + height // 2), (width // 2, height // 2)
        cv2.ellipse(color, center, axes, 0, 0, 360, (150, 180, 220), -1)
        cv2.ellipse(x, center, axes, 0, 0, 360, 230, -1)
    for kind, image in (("visible", color), ("infrared", x)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / kind / f"{name}.png"), image)
    objects = [{"category": "car", "box": BOX, "score": 0.9}] if target else []
    return {
        "image": f"visible/{name}.png", "x": f"infrared/{name}.png", "width": SIZE, "height": SIZE, "objects": objects,
    }  # fmt: skip


def listed(folder: Path, records: list[Any]) -> str:
    """Write the annotations; return the folder as in a recipe."""
    text = "\n".join(record if isinstance(record, str) else json.dumps(record) for record in records)
    (folder / "annotations.jsonl").write_text(text + "\n", encoding="utf-8")
    return str(folder)


@pytest.fixture
def intact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what hides a target: failures, blur, other objects, false colors and absent targets."""
    for name in ("_BLURRED", "_FEW", "_BESIDE", "_FALSE_COLORS", "_GONE"):
        monkeypatch.setattr(sampler, name, 0.0)
    for name in ("_REMEMBERED", "_SEARCHED"):
        monkeypatch.setattr(sampler, name, (1.0, 0.0, 0.0, 0.0, 0.0))


def drawing(things: Things | None, seed: int = 1) -> PairSampler:
    assert things is not None
    return PairSampler(things, None, None, seed, things, 1.0)


def standing_out(crop: Pixels) -> tuple[float, float, float, float]:
    """Return the box of what differs most from the ground, which fills most of the crop."""
    light = cv2.GaussianBlur(crop, (0, 0), 3).astype(np.float32).mean(2)
    apart = np.abs(light - np.median(light))
    x, y, w, h = cv2.boundingRect((apart > 0.5 * apart.max()).astype(np.uint8))
    return float(x), float(y), float(w), float(h)


def test_box_is_where_both_sensors_show_the_target(tmp_path: Path, intact: None) -> None:
    record = written(tmp_path)
    draw = drawing(load_aligned((listed(tmp_path, [record, record]),), held_out=False))
    samples = [draw.sample() for _ in range(24)]
    hot = []
    for sample in samples:
        assert sample["present"] == 1
        assert sample["known"] == 1
        box, (color, x) = tuple(float(v) for v in sample["box"]), sample["search"]
        assert overlap(standing_out(x), box)[0] > 0.6
        assert overlap(standing_out(color), standing_out(x))[0] > 0.75
        cells = cv2.resize(sample["target"], (128, 128), interpolation=cv2.INTER_NEAREST) > 0.5
        for image in sample["template"]:
            light = image.astype(np.float32).mean(2)
            assert abs(light[cells].mean() - light[~cells].mean()) > 10
        hot.append(light[cells].mean() > light[~cells].mean())
        assert (x[..., 0] == x[..., 2]).all()
    assert 0.2 < np.mean(hot) < 0.8, "white-hot and black-hot"


def test_template_and_search_crop_of_x_have_the_same_contrast(tmp_path: Path, intact: None) -> None:
    record = written(tmp_path)
    draw = drawing(load_aligned((listed(tmp_path, [record, record]),), held_out=False), 2)
    for _ in range(8):
        sample = draw.sample()
        assert abs(float(np.median(sample["search"][1])) - float(sample["template"][1][:4].mean())) < 3


def test_absent_target_is_replaced_by_the_scene_of_another_pair(
    tmp_path: Path, intact: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "_GONE", 1.0)
    records = [
        written(tmp_path, target=False),
        written(tmp_path, target=False, name="1"),
        written(tmp_path, name="2"),
    ]
    draw = drawing(load_aligned((listed(tmp_path, records),), held_out=False))
    for _ in range(8):
        sample = draw.sample()
        assert sample["present"] == 0
        assert not sample["box"].any()
        assert float(sample["template"][1].std()) > 10
        assert float(sample["search"][1].std()) < 1, "the other scene is empty"


def test_border_of_x_is_gray(tmp_path: Path, intact: None) -> None:
    record = written(tmp_path) | {"objects": [{"category": "car", "box": [0, 0, 200, 200]}]}
    draw = drawing(load_aligned((listed(tmp_path, [record, record]),), held_out=False))
    assert min(float((draw.sample()["search"][1] == 128).mean()) for _ in range(4)) > 0.1


def test_one_pair_in_eight_is_held_out(tmp_path: Path) -> None:
    records = [written(tmp_path, name=str(i)) for i in range(HELD_OUT + 2)]
    folder = listed(tmp_path, records)
    for held_out, expected in ((True, [0, HELD_OUT]), (False, [*range(1, HELD_OUT), HELD_OUT + 1])):
        things = load_aligned((folder,), held_out=held_out)
        assert things is not None
        assert [picture.name for picture in things.pictures] == [f"visible/{i}.png" for i in expected]
    assert load_aligned((), held_out=False) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("{", r"annotations\.jsonl:2: not valid JSON"),
        ("[]", r":2: '\[\]'; expected an object with image, x and a list of objects"),
        ({"objects": None}, r":2: .*expected an object with image, x and a list of objects"),
        ({"x": None}, r":2: x: None is outside of the dataset; expected the path of an image inside"),
        ({"image": "../a.png"}, r":2: image: '\.\./a\.png' is outside of the dataset"),
        ({"x": "infrared/none.png"}, r"none\.png cannot be read as an image"),
        ({"x": "small.png"}, r":2: image has 1000 x 1000 pixels, and x has 320 x 200; .*align them"),
        ({"x": "deep.png"}, r"deep\.png has 16 bits; expected 8: .*sensor_picture"),
        ({"width": 320}, r":2: width and height are \(320, 1000\), but the image has 1000 x 1000"),
        ({"objects": [3]}, r":2: object 3; expected an object with category and box"),
        ({"objects": [{"category": "car", "box": [1, 2, 3]}]}, r":2: box \[1, 2, 3\]; expected x, y, w, h"),
        (
            {"objects": [{"category": "car", "box": [1, 2, 0, 9]}]},
            r":2: box .*; expected x, y, w, h .* w > 0",
        ),
        (
            {"objects": [{"category": "car", "box": [960, 0, 90, 90]}]},
            r":2: box .* exceeds the image of 1000 x 1000",
        ),
        (
            {"objects": [{"category": "", "box": [10, 10, 90, 90]}]},
            r":2: category ''; expected a noun such as",
        ),
        (
            {"objects": [{"category": "car", "box": [10, 10, 9, 9]}]},
            r"the 1 pairs of .* no object of 16 pixels",
        ),
    ],
)
def test_bad_annotations_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    good = written(tmp_path)
    assert cv2.imwrite(str(tmp_path / "small.png"), np.zeros((200, 320), np.uint8))
    assert cv2.imwrite(str(tmp_path / "deep.png"), np.zeros((SIZE, SIZE), np.uint16))
    folder = listed(tmp_path, [good, change if isinstance(change, str) else good | change])
    with pytest.raises(DatasetError, match=message):
        load_aligned((folder,), held_out=False)


def test_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"annotations\.jsonl does not exist; expected one JSON object per line"
    ):
        load_aligned((str(tmp_path),), held_out=True)


def test_contrast_of_x_keeps_the_level_of_the_border() -> None:
    scene = np.full((8, 8, 4), 128, np.uint8)
    assert all((aligned.recorded(scene, np.random.default_rng(i)) == 128).all() for i in range(6))


def test_recipe_names_bad_values() -> None:
    given: dict[str, Any] = {"data": "", "cache": "", "output": ""}
    with pytest.raises(ConfigError, match=r"aligned is \(3,\); expected a list of folders"):
        Recipe(**given, aligned=(3,))
    with pytest.raises(ConfigError, match=r"aligned_share is 30; expected a number from 0 to 1"):
        Recipe(**given, aligned_share=30)
