"""Tokenizing sentences: those that cannot be tokenized are rejected with a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.bundle import Bundle
from edgetrack.errors import BundleError, PromptError
from edgetrack.prompt import Tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(Bundle.open())


def test_sentence_becomes_ids(tokenizer: Tokenizer) -> None:
    ids, mask = tokenizer.encode("red car")
    assert (ids.dtype, ids.shape, mask.dtype, mask.shape) == (np.int64, (1, 24), np.float32, (1, 24))
    assert mask[0].tolist() == [1.0] * 4 + [0.0] * 20
    assert (ids[0, 4:] == 0).all()
    assert len(set(ids[0, :4])) == 4


def test_case_spaces_and_accents_do_not_matter(tokenizer: Tokenizer) -> None:
    assert np.array_equal(tokenizer.encode("  Réd\tCAR \n")[0], tokenizer.encode("red car")[0])


def test_order_and_words_matter(tokenizer: Tokenizer) -> None:
    sentences = ["red car", "car red", "blue car", "red cars"]
    assert len({tokenizer.encode(s)[0].tobytes() for s in sentences}) == 4


def test_rare_word_is_split_into_pieces(tokenizer: Tokenizer) -> None:
    ids = tokenizer.tokens("quokkazilla")
    unknown = tokenizer.tokens("red 漢")[2]
    assert len(ids) > 3
    assert unknown not in ids


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_empty_text_is_rejected(tokenizer: Tokenizer, text: str) -> None:
    with pytest.raises(PromptError, match="is empty; expected a description"):
        tokenizer.encode(text)


@pytest.mark.parametrize("text", [None, 3, b"red car", ["red car"]])
def test_non_string_is_rejected(tokenizer: Tokenizer, text: Any) -> None:
    with pytest.raises(PromptError, match="expected a string"):
        tokenizer.encode(text)


def test_too_long_text_is_rejected(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("red " * 22)[1].sum() == 24
    with pytest.raises(PromptError, match="23 word pieces long; expected at most 22"):
        tokenizer.encode("red " * 23)


def test_unsupported_script_is_rejected(tokenizer: Tokenizer) -> None:
    with pytest.raises(PromptError, match="no word that the model knows; expected English"):
        tokenizer.encode("漢字")


@pytest.mark.parametrize("text", ["!!!", "123", "[SEP]", "[SEP] [CLS]", "#7", "?! 3.14"])
def test_text_without_letters_is_rejected(tokenizer: Tokenizer, text: str) -> None:
    with pytest.raises(PromptError, match="no word that the model knows; expected English"):
        tokenizer.encode(text)
    assert tokenizer.encode(f"player {text}")[1].sum() > 3


@given(st.text(max_size=40))
def test_any_text_gives_ids_or_a_reason(tokenizer: Tokenizer, text: str) -> None:
    try:
        ids, mask = tokenizer.encode(text)
    except PromptError:
        return
    count = int(mask.sum())
    assert 2 < count <= 24
    assert mask[0, :count].all()
    assert not ids[0, count:].any()


def test_damaged_tokenizer_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(BundleError, match=r"tokenizer\.json is not valid JSON"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("text", ["red \ud800 car", "\udcff", "\udc80red"])
def test_lone_surrogate_is_rejected(text: str) -> None:
    """Python makes lone surrogates of command-line bytes that are not UTF-8."""
    with pytest.raises(PromptError, match=r"has '\\ud.*' at position \d, which is not a character") as caught:
        Tokenizer(Bundle.open()).encode(text)
    str(caught.value).encode()  # can be printed


def test_endless_text_is_rejected_at_once() -> None:
    with pytest.raises(PromptError, match="has 10,000,000 characters; expected at most 10,000"):
        Tokenizer(Bundle.open()).encode("a" * 10_000_000)


def test_command_reports_a_bad_text(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="the video extra is not installed")
    (tmp_path / "1.ppm").write_bytes(b"P6 64 48 255\n" + bytes(64 * 48 * 3))
    words = [sys.executable, "-m", "edgetrack", "run", "--source", str(tmp_path), "--text", b"\xff"]
    done = subprocess.run(words, capture_output=True, timeout=120)
    assert done.returncode == 2
    assert b"which is not a character" in done.stderr
    assert b"Traceback" not in done.stderr
