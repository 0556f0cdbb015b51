"""Images with phrases: which boxes a phrase has, and errors in the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

import phrase_trees
from trees import box_at

from edgetrack.datasets import PhraseSet, open_dataset
from edgetrack.datasets.check import check
from edgetrack.errors import DatasetError


def phrases(name: str, root: Path, split: str = "all") -> PhraseSet:
    found = open_dataset(name, root, split)
    assert isinstance(found, PhraseSet)
    return found


def test_phrases_have_their_boxes_or_are_absent(tmp_path: Path) -> None:
    found = phrases("langdev", phrase_trees.langdev(tmp_path))
    assert [p.text for p in found] == ["red square", "an elephant", "blue square", "an elephant"]
    assert [p.absent for p in found] == [False, True, False, True]
    assert (found[0].boxes, found[0].kind, found[0].tags) == ((box_at(0),), "color", ("drawn",))
    x, y, w, h = box_at(0)
    np.testing.assert_array_equal(found[2].read()[y + h // 2, x + w // 2], (220, 40, 40))


def test_flickr30k_chains_have_all_their_boxes(tmp_path: Path) -> None:
    """Corners count from 1 and are inclusive; scenes and invisible objects have no phrases."""
    root = phrase_trees.flickr30k(tmp_path)
    found = phrases("flickr30k-entities", root, "test")
    assert [(p.text, p.kind) for p in found] == [
        ("A red square", "other"),
        ("two men", "people"),
        ("It", "other"),
    ]
    assert found[0].boxes == found[2].boxes == (box_at(0),)
    assert found[1].boxes == ((0, 0, 10, 20), (20, 0, 10, 20))
    assert [p.text for p in phrases("flickr30k-entities", root)] == [p.text for p in found]
    assert found[0].read().shape == (120, 160, 3)


def test_missing_image_is_an_error(tmp_path: Path) -> None:
    phrase_trees.langdev(tmp_path)
    (tmp_path / "images" / "b.png").unlink()
    summary, faults = check("langdev", tmp_path, "all")
    assert summary == "4 phrases, 2 of them absent, in 2 images"
    assert len(faults) == 1
    assert "b.png does not exist" in faults[0]


def test_image_of_another_size_is_rejected(tmp_path: Path) -> None:
    write_line(tmp_path, width=161)
    with pytest.raises(DatasetError, match=r"160 x 120 pixels; expected 161 x 120"):
        phrases("langdev", tmp_path)[0].read()


def write_line(root: Path, **changes: Any) -> None:
    lines = (phrase_trees.langdev(root) / "phrases.jsonl").read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), **changes})
    (root / "phrases.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phrase": " . "}, r"phrases.jsonl:1: the phrase is ' . '; expected a text with at least one word"),
        ({"phrase": 7}, "the phrase is 7"),
        ({"boxes": [[1, 2, 0, 4]]}, r"box \[1, 2, 0, 4\]; expected x, y, w, h in pixels with w > 0"),
        ({"boxes": [[1, 2, 3]]}, r"box \[1, 2, 3\]"),
        ({"boxes": [[1, 2, 3, float("nan")]]}, "box .*nan"),
        ({"boxes": None}, "boxes None; expected a list, empty if"),
        (
            {"image": "../a.png"},
            r"image: '../a.png' is outside of the dataset; expected the path of an image inside",
        ),
        ({"kind": ""}, "kind ''; expected a word"),
        ({"tags": "night"}, "tags 'night'; expected a list"),
        ({"width": -1}, "width is -1 and height is 120; expected whole numbers of pixels"),
    ],
)
def test_error_is_named_with_its_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_line(tmp_path, **change)
    with pytest.raises(DatasetError, match=message):
        phrases("langdev", tmp_path)


@pytest.mark.parametrize("line", ["{", "7", "[" * 100_000])
def test_lines_that_are_not_objects_are_rejected(tmp_path: Path, line: str) -> None:
    (tmp_path / "phrases.jsonl").write_text(line)
    with pytest.raises(DatasetError, match=r"phrases.jsonl:1: "):
        phrases("langdev", tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("Sentences/36.txt", "[/EN#7/other It]", "[/EN#7 It]", r"36.txt:2: .* malformed phrase"),
        ("Annotations/36.xml", "</annotation>", "", "36.xml is not valid XML"),
        (
            "Annotations/36.xml",
            "<xmin>1</xmin>",
            "<xmin>one</xmin>",
            "object 1: xmin is 'one'; expected a whole",
        ),
        ("Annotations/36.xml", "<xmax>10</xmax>", "<xmax>0</xmax>", r"object 1: box \(0, 0, 0, 20\)"),
        ("Annotations/36.xml", "size>", "extent>", "the size is missing; expected the width"),
        ("test.txt", "36", "../36", "is outside of the dataset"),
        ("test.txt", "36", "37", "37.xml does not exist"),
    ],
)
def test_broken_flickr30k_files_are_rejected(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    path = phrase_trees.flickr30k(tmp_path) / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DatasetError, match=message):
        phrases("flickr30k-entities", tmp_path, "test")


def test_phrases_used_for_measurements_are_complete(shared_data: Path) -> None:
    summary, faults = check("langdev", shared_data / "langdev", "all")
    assert summary == "207 phrases, 29 of them absent, in 87 images"
    assert not faults
