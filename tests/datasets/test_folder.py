"""The plain folder of videos: errors in its list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("cv2")

from edgetrack.datasets import open_dataset
from edgetrack.errors import DatasetError


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"name": "a", "text": "red \ud800 car"},
            "entry 0 is .* expected valid Unicode, without lone surrogates",
        ),
        ({"name": "\ud800", "text": "red car"}, "expected valid Unicode, without lone surrogates"),
        ({"name": "a\0b", "text": "red car"}, r"sequence 'a\\x00b' contains a control character"),
        ({"name": "a\nb", "text": "red car"}, "contains a control character"),
    ],
)
def test_texts_that_are_not_valid_unicode_are_named(
    tmp_path: Path, entry: dict[str, str], message: str
) -> None:
    (tmp_path / "sequences.json").write_text(json.dumps([entry]))
    with pytest.raises(DatasetError, match=message):
        open_dataset("folder", tmp_path, "all")


def test_endlessly_nested_list_is_named(tmp_path: Path) -> None:
    (tmp_path / "sequences.json").write_text("[" * 200_000)
    with pytest.raises(DatasetError, match=r"sequences\.json: the JSON is nested too deeply"):
        open_dataset("folder", tmp_path, "all")


def test_folder_whose_name_is_not_utf8_is_named(tmp_path: Path) -> None:
    import os

    raw = os.fsencode(tmp_path) + b"/airplane/airplane-\xff"
    try:
        os.makedirs(raw)  # noqa: PTH103 - a path of bytes
    except OSError as error:
        pytest.skip(f"this disk takes no such name: {error}")
    with pytest.raises(DatasetError, match="bytes that are not UTF-8"):
        open_dataset("lasot-ext", tmp_path, "all")
