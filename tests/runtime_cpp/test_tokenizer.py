"""edgetrack's tokenizer gives the ids of the reference library for any text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.bundle import Bundle
from edgetrack.errors import BundleError, PromptError
from edgetrack.prompt import Tokenizer

tokenizers = pytest.importorskip("tokenizers", reason="needs the reference: pip install tokenizers")

Both = tuple[Tokenizer, Any]
# Pieces of many scripts, as in the vocabulary of a text encoder that is not pruned to English.
FOREIGN = [*"äéßi\u0307σςжийأا漢字更가각²½๑€°！。ǆﬁ𐐨𝐀ａa"]
SIGNS = ["[SEP]", "[CLS]", "[UNK]", "[PAD]", "[SEP", "]"]


@pytest.fixture(scope="module")
def shipped() -> Both:
    path = Bundle.open().path("tokenizer")
    return Tokenizer.from_file(path), tokenizers.Tokenizer.from_file(str(path))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Add pieces of other scripts to the shipped tokenizer, alone and within a word."""
    content = json.loads(Bundle.open().path("tokenizer").read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    for piece in FOREIGN:
        for entry in (piece, f"##{piece}"):
            vocabulary.setdefault(entry, len(vocabulary))
    path = tmp_path_factory.mktemp("foreign") / "tokenizer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return Tokenizer.from_file(path), tokenizers.Tokenizer.from_file(str(path))


def check(both: Both, text: str) -> None:
    """Require the same ids, or an error if the reference has no piece with a letter."""
    ours, reference = both
    expected = reference.encode(text)
    names = [t for t in expected.tokens[1:-1] if t not in ("[SEP]", "[CLS]", "[UNK]", "[PAD]")]
    if not any(c.isalpha() for t in names for c in t):
        with pytest.raises(PromptError, match=r"is empty|contains no word"):
            ours.tokens(text)
    else:
        assert ours.tokens(text) == expected.ids


WORDS = st.lists(
    st.sampled_from(["red", "car", "quokkazilla", "-", " ", *SIGNS, *FOREIGN]) | st.text(max_size=3)
)


@settings(max_examples=600)
@given(st.text(max_size=60) | WORDS.map("".join) | WORDS.map(" ".join))
def test_ids_equal_those_of_the_reference(shipped: Both, foreign: Both, text: str) -> None:
    check(shipped, text)
    check(foreign, text)


def assigned(code: int) -> bool:
    """Tell whether the reference knows the character, too: its versions differ in what Unicode added later."""
    return unicodedata.category(chr(code)) not in ("Cn", "Cs")


@pytest.mark.parametrize("around", ["a{}b ", "{}", "car {} "])
def test_every_unicode_character_equals_the_reference(foreign: Both, around: str) -> None:
    codes = [code for code in range(0x110000) if assigned(code) and not code >= 0xF0000]
    ours, reference = foreign
    step = 1500
    texts = [
        "red " + "".join(around.format(chr(c)) for c in codes[i : i + step])
        for i in range(0, len(codes), step)
    ]
    for text, expected in zip(texts, reference.encode_batch(texts), strict=True):
        assert ours.tokens(text) == expected.ids, hex(ord(text[len(around)]))


@pytest.mark.parametrize("count", [99, 100, 101])
@pytest.mark.parametrize("letter", ["a", "é", "漢", "𐐀"])
def test_word_of_more_than_100_characters_is_unknown(foreign: Both, letter: str, count: int) -> None:
    check(foreign, "red " + letter * count)


def change(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    def changed(content: dict[str, Any]) -> None:
        part = content
        *path, last = key.split(".")
        for name in path:
            part = part[name]
        part[last] = value

    return changed


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.type", "BPE"),
        ("normalizer.lowercase", False),
        ("normalizer.strip_accents", False),
        ("normalizer.clean_text", False),
        ("normalizer.handle_chinese_chars", False),
        ("pre_tokenizer.type", "Whitespace"),
    ],
)
def test_unsupported_tokenizer_is_rejected(tmp_path: Path, key: str, value: object) -> None:
    content = json.loads(Bundle.open().path("tokenizer").read_text(encoding="utf-8"))
    change(key, value)(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BundleError, match="is not a lowercase WordPiece tokenizer"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")
