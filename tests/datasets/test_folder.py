"""The plain folder of videos: what its list may not say."""

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
def test_texts_that_no_file_can_hold_are_named(tmp_path: Path, entry: dict[str, str], message: str) -> None:
    (tmp_path / "sequences.json").write_text(json.dumps([entry]))
    with pytest.raises(DatasetError, match=message):
        open_dataset("folder", tmp_path, "all")


def test_a_list_that_nests_without_end_is_named(tmp_path: Path) -> None:
    (tmp_path / "sequences.json").write_text("[" * 200_000)
    with pytest.raises(DatasetError, match=r"sequences\.json: the JSON is nested too deeply"):
        open_dataset("folder", tmp_path, "all")


def test_a_folder_whose_name_is_no_utf8_is_named(tmp_path: Path) -> None:
    import os

    raw = os.fsencode(tmp_path) + b"/airplane/airplane-\xff"
    try:
        os.makedirs(raw)  # noqa: PTH103 - a path of bytes
    except OSError as error:
        pytest.skip(f"this disk takes no such name: {error}")
    with pytest.raises(DatasetError, match="bytes that are not UTF-8"):
        open_dataset("lasot-ext", tmp_path, "all")
