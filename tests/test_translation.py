"""A user's words are translated, and ``edgetrack parse`` shows the meaning of a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import edgetrack
from edgetrack import ConfigError, PromptError, PromptWarning
from edgetrack.bundle import Bundle
from edgetrack.translation import Translation
from edgetrack.words import TextReader


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return Bundle.open()


def test_longer_phrases_are_translated_first() -> None:
    own = Translation.of({"Ampel": "traffic light", "rote Ampel": "red light", "größtes": "largest"})
    assert own.applied("die Rote Ampel, Ampeln") == "die red light, Ampeln"
    assert own.applied("GRO\u0308SSTES") == "GRÖSSTES"  # no folding of other letters
    assert own.applied("gro\u0308ßtes, Größtes!") == "largest, largest!"


def test_letters_with_special_lower_case_are_matched() -> None:
    turkish = Translation.of({"k\u0131rm\u0131z\u0131": "red", "\u0130stanbul kedisi": "cat"})
    assert turkish.applied("kirmizi KIRMIZI k\u0131rm\u0131z\u0131") == "red red red"
    assert turkish.applied("\u0130STANBUL  kedisi, istanbul kedisi") == "cat, cat"
    both = Translation.of({"k\u0131z": "girl", "kiz": "other"})
    assert both.applied("k\u0131z kiz") == "girl other"
    assert Translation.of({"was": "what"}).applied("wa\u017f") == "what"  # the long s of old prints


BAD = {
    'rot = "red"\n\nAuto = 3\n': r":3: its meaning is 3; expected lines such as",
    'rot = "red"\nAuto = ""\n': r":2: its meaning is ''",
    'rot = "red"\n"..." = "car"\n': r":2: the word is '\.\.\.'",
    'Rot = "red"\nAuto = "car"\nrot = "red"\n': r":3: 'rot' is given twice, first in .*:1;",
    'rot = "red"\n[words]\nAuto = "car"\n': r":2: its meaning is \{'Auto'",
    'rot = "red"\nrot = "red"\n': r"is not valid TOML \(.*line 2",
    "rot = red\n": r"is not valid TOML \(.*line 1",
    "\xff": r"is not valid TOML",
    "": r"has no words",
}


@pytest.mark.parametrize(("content", "said"), BAD.items())
def test_bad_file_is_rejected_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "words.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=said):
        Translation.of(file)


def test_invalid_words_are_rejected(tmp_path: Path) -> None:
    bads: tuple[Any, ...] = (tmp_path, tmp_path / "none.toml", 7, {"": "car"}, {"rot": None}, {})
    for bad in bads:
        with pytest.raises(ConfigError, match=r"expected lines such as|mapping such as"):
            Translation.of(bad)


def test_unknown_translation_is_named_with_its_line(shipped: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text('Auto = "car"\nRad = "bicylce"\n')
    with pytest.warns(PromptWarning, match=r"words\.toml:2: .*'bicycle' instead of 'bicylce'"):
        TextReader(shipped, file, strict=False)
    with pytest.raises(PromptError, match=r"words\.toml:2: "):
        TextReader(shipped, file, strict=True)


def test_parsing_shows_the_parts_of_a_text(shipped: Bundle) -> None:
    parsed = edgetrack.parse(
        "the second red Auto from the left, not the bus", bundle=shipped, words={"Auto": "car"}
    )
    assert parsed.english == "the second red car from the left, not the bus"
    assert parsed.meaning == 'second from the left of "red car", not "bus"'
    assert (parsed.phrase, parsed.noun, parsed.attributes) == ("red car", "car", ("red",))
    assert parsed.positions == ("second from the left",)
    assert parsed.negated == ('"bus"',)
    assert (parsed.count, parsed.plural, parsed.unknown, parsed.known_share) == (1, False, (), 1.0)
    assert parsed.advice is None
    parsed = edgetrack.parse("man in the blue shirt between the dog and the excavator", bundle=shipped)
    assert parsed.attributes == ("in the blue shirt",)
    assert parsed.relations == ('between "dog" and "excavator"',)
    assert parsed.unknown == ("excavator",)
    assert parsed.known_share == pytest.approx(10 / 11)
    assert json.loads(json.dumps(parsed.to_dict()))["unknown"] == ["excavator"]


@pytest.mark.parametrize(
    ("text", "plural"),
    [
        ("all the red cars", True), ("three dogs", True), ("red cars", True), ("people", True), ("ladies", True),
        ("every person", True), ("the bus", False), ("grass", False), ("the largest of the boxes", False),
        ("bunch of bananas", False),
        ("one of the dogs", False), ("each of the dogs", True),
        ("sunglasses", False), ("person between the two cars", False),
        ("second of the dogs from the left", False), ("red car", False),
    ],
)  # fmt: skip
def test_plural_is_recognized(shipped: Bundle, text: str, plural: bool) -> None:
    assert edgetrack.parse(text, bundle=shipped).plural is plural


def _noting(given: list[Any], read: Any) -> Any:
    def noted(words: Any) -> Translation:
        given.append(words)
        result: Translation = read(words)
        return result

    return noted


def test_command_notes_rejects_translates_and_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2", reason="the video extra is not installed")
    from typer.testing import CliRunner

    from edgetrack.cli import app

    (tmp_path / "1.ppm").write_bytes(b"P6 64 48 255\n" + bytes(64 * 48 * 3))
    words = tmp_path / "words.toml"
    words.write_text('rotes = "red"\nAuto = "car"\nAutos = "cars"\n')

    def said(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["run", "--source", str(tmp_path), "--threads", "1", *more])
        return result.exit_code, " ".join(result.output.split())

    code, output = said("--text", "rotes Auto")
    assert code == 0
    assert "note: text 'rotes Auto' is mostly words that edgetrack-256 was not trained on" in output
    code, output = said("--text", "rotes Auto", "--strict")
    assert code == 2
    assert "error: text 'rotes Auto' is mostly words" in output
    code, output = said("--text", "rotes Auto", "--strict", "--words", str(words))
    assert code == 0
    assert "note:" not in output
    files: list[Any] = []
    monkeypatch.setattr(Translation, "of", _noting(files, Translation.of))
    code, output = said("--text", "all the rotes Autos", "--words", str(words))
    assert code == 0
    assert "note: text 'all the rotes Autos' means several objects, but --text tracks only one" in output
    assert files == [words]  # read once: it may be a pipe
    assert "--every" in output
    result = CliRunner().invoke(
        app, ["parse", "second rotes Auto from the left", "zwei", "--words", str(words)]
    )
    assert result.exit_code == 0
    for part in ('second from the left of "red car"', "attributes", "unknown words", "zwei"):
        assert part in result.output
