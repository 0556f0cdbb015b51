"""Training on phrases whose boxes were annotated by people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; run: pip install 'edgetrack[train]'")

from asked_scenes import DOGS, asked, box, scene_of

from edgetrack.training.grounder import entities, records, regions
from edgetrack.training.grounder.records import NAMES, Object, Region, read_regions
from edgetrack.training.grounder.scene import Scene, iou, side_by_side


def told(*regions: tuple[str, str, np.ndarray]) -> Scene:
    """Make a scene of annotated objects: a phrase, its type and a box each."""
    scene = scene_of(*(("person", b) for _, type, b in regions if type == "people"))
    scene.boxes = np.stack([b for _, _, b in regions] + [box(0.9, 0.9, 1, 1)])
    scene.parts[0].rows = slice(0, len(scene.boxes))
    scene.parts[0].regions = [Region((text,), type, (b,)) for text, type, b in regions]
    return scene


LEFT, MIDDLE, RIGHT = box(0, 0.1, 0.2, 0.9), box(0.3, 0.1, 0.5, 0.9), box(0.6, 0.1, 0.8, 0.9)


@pytest.mark.parametrize(
    ("named", "phrase", "marks"),
    [
        ((("a man", "people", LEFT), ("a woman", "people", RIGHT)), "the man", [1, 0, 0]),
        ((("a man", "people", LEFT), ("a worker", "people", RIGHT)), "the man", [1, -1, 0]),
        ((("a man", "people", LEFT), ("the tall man", "people", RIGHT)), "the man", [1, -1, 0]),
        ((("a red hat", "clothing", LEFT), ("a blue shirt", "clothing", RIGHT)), "the red hat", [1, 0, 0]),
        (
            (("the top of a slide", "other", LEFT), ("the top", "other", RIGHT)),
            "the top of a slide",
            [1, -1, 0],
        ),
    ],
)
def test_annotated_boxes_are_positive_and_possible_ones_unknown(
    named: tuple[tuple[str, str, np.ndarray], ...], phrase: str, marks: list[int]
) -> None:
    question = asked(regions.by_region, told(*named), phrase)
    assert question is not None
    assert np.sign(question.meant).tolist() == marks


def test_unannotated_person_may_be_the_target() -> None:
    scene = told(("a man", "people", LEFT), ("a girl", "people", RIGHT))
    scene.boxes = np.stack([LEFT, RIGHT, MIDDLE, box(0.9, 0.9, 1, 1)])
    scene.parts[0].objects.append(Object("person", MIDDLE, 0.9))
    question = asked(regions.by_region, scene, "the man")
    assert question is not None
    assert np.sign(question.meant).tolist() == [1, 0, -1, 0]


def test_phrase_of_another_image_is_absent_unless_annotated_here() -> None:
    ask = regions.of_another_region([Region(("a wooden kayak",), "vehicles", (LEFT,))])
    question = ask(scene_of(*DOGS, written=("Three dogs run .",)), np.random.default_rng(0))
    assert question is not None
    assert question.noun == "kayak"
    assert not question.meant.any()
    for caption in ("A dog in a kayak .", "Dogs beside two kayaks ."):
        assert ask(scene_of(*DOGS, written=(caption,)), np.random.default_rng(0)) is None


def test_region_of_a_view_is_where_the_view_shows_it() -> None:
    left = told(("a man", "people", LEFT))
    joined = side_by_side([left, told(("a cup", "other", RIGHT))], 4, np.random.default_rng(1))
    assert [r.phrases for part in joined.parts for r in part.regions] == [("a man",), ("a cup",)]
    for part in joined.parts:
        assert iou(part.regions[0].boxes[0][None], joined.boxes[part.rows]).max() == pytest.approx(1)


def test_phrases_of_flickr30k_entities_are_joined_by_their_boxes(tmp_path: Path) -> None:
    for folder in ("Sentences", "Annotations", "photos", "cache"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Sentences/7.txt").write_text(
        "[/EN#1/people A man] in [/EN#2/clothing a hat] .\n[/EN#1/people A cook] waits in [/EN#3/scene a bar] .\n"
    )
    (tmp_path / "Annotations/7.xml").write_text(
        "<annotation><size><width>200</width><height>100</height></size>"
        "<object><name>1</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>50</xmax><ymax>100</ymax></bndbox></object>"
        "<object><name>2</name><bndbox><xmin>11</xmin><ymin>1</ymin><xmax>20</xmax><ymax>10</ymax></bndbox></object>"
        "</annotation>"
    )
    lines: list[dict[str, object]] = [{"image": name, "objects": []} for name in ("7_ab.jpg", "8_cd.jpg")]
    (tmp_path / "photos/annotations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    entities.write(tmp_path, tmp_path / "photos", tmp_path / "cache")
    found = read_regions(tmp_path / "cache/photos.regions.jsonl")
    assert list(found) == [0]
    man, hat = found[0]
    assert (man.phrases, man.type, man.boxes[0].tolist()) == (("a cook", "a man"), "people", [0, 0, 0.25, 1])
    assert (hat.phrases, hat.type) == (("a hat",), "clothing")


def test_teachers_are_ignored_where_every_object_is_annotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_nouns", lambda _: ([], []))
    folder, cache = tmp_path / "mine", tmp_path / "cache"
    for made in (folder, cache):
        made.mkdir()
    line = {"width": 100, "height": 50, "objects": [{"category": "dog", "box": [0, 0, 50, 50]}]}
    lines = [{"image": f"{i}.jpg", **line, "complete": i == 1} for i in range(2)]
    (folder / "annotations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cat = {"found": [[NAMES.index("cat"), 0.9, 0.1, 0.1, 0.4, 0.4]], "crops": []}
    (cache / "mine.labels.jsonl").write_text((json.dumps(cat) + "\n") * 2)
    none = np.full((2, 1), -1.0)
    np.savez(cache / "mine.colors.npz", whole=none, torso=none)
    for name, array in {
        "done": np.ones(2, bool), "boxes": np.zeros((2, 1, 4)), "logits": np.zeros((2, 1, len(NAMES)))
    }.items():  # fmt: skip
        np.save(cache / f"mine.0.{name}.npy", array)
    labeled, complete = records.load(folder, cache, tmp_path)
    assert [thing.name for thing in labeled.objects] == ["dog", "cat"]
    assert not labeled.absent  # the detector is in doubt about every class
    assert [thing.name for thing in complete.objects] == ["dog"]
    assert complete.absent == set(NAMES) - {"dog"}
