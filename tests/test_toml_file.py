"""Every TOML file that a person writes is read in one way, and rejected in one sentence, whatever is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetrack import ConfigError, Zones
from edgetrack.declared import read_table
from edgetrack.evaluation.phrases.description import Description
from edgetrack.io.pairing import read_homography
from edgetrack.toml_file import LARGEST, line_of_key, load_toml
from edgetrack.translation import Translation
from edgetrack.watching.rule_file import read_rules

READERS: dict[str, Callable[[Path], Any]] = {
    "zones": Zones.read,
    "rules": read_rules,
    "words": Translation.of,
    "homography": lambda path: read_homography(path, x_size=(3, 2), color_size=(6, 4)),
    "grounder": lambda path: read_table("grounder", path, {"model": str}, {}),
    "detector": Description.load,
}
HOSTILE = {
    "more than 64 bits": b"units = " + b"9" * 400,
    "more than 64 bits, within": b"a = [[1, {b = 9223372036854775808}]]",
    "more digits than Python takes": b"units = " + b"9" * 5000,
    "lists in lists": b"units = " + b"[" * 20_000,
    "tables in tables": b"units" + b".a" * 5000 + b" = 1",
    "not UTF-8": b'units = "\xff"',
    "a zero": b"units = \0",
    "too long": b"#" * (LARGEST + 1),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_unreasonable_file_is_rejected(reader: Callable[[Path], Any], content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        reader(path)
    assert str(path) in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_impossible_file_name_is_rejected(reader: Callable[[Path], Any]) -> None:
    with pytest.raises(ConfigError):
        reader(Path("a\0b"))


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 9223372036854775807\r\nc = -9223372036854775808\r\n")
    text, values = load_toml(path)
    assert text.startswith("a = 1")
    assert values == {"a": 1, "b": 2**63 - 1, "c": -(2**63)}
    path.write_bytes('\ufeffGabelstapler = "forklift"\r\n'.encode())
    assert Translation.of(path).applied("roter Gabelstapler") == "roter forklift"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("text",), 2),
        (("cameras",), 5),
        (("cameras", "gate"), 5),
        (("cameras", "gate", "text"), 7),
        (("cameras", "yard b"), 8),
        (("cameras", "yard b", "text"), 9),
        (("cameras", "door", "text"), 11),
        (("cameras", "hall", "box"), 12),
        (("cameras", "none", "text"), 10),
        (("none",), 1),
    ],
)
def test_line_of_a_key_is_that_in_its_own_table(keys: tuple[str, ...], line: int) -> None:
    content = (
        '# text = "a"\ntext = "b"\nsource = ["gate=x",\n  "yard=y"]\n'
        + '[cameras.gate] # text\nbox = "1,2,3,4"\ntext = "c"\n[cameras."yard b"]\ntext = "d"\n'
        + '[cameras]\ndoor.text = "e"\nhall = { box = "1,2,3,4" }\n'
    )
    assert line_of_key(content, *keys) == line
