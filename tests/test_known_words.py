"""Words that the model was not trained on are reported; a user's words are translated; ``edgetrack parse`` shows it."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import write_fake_bundle
from hypothesis import example, given
from hypothesis import strategies as st

import edgetrack
from edgetrack import BundleError, ConfigError, PromptError, PromptWarning
from edgetrack.bundle import Bundle
from edgetrack.words import TextReader, Vocabulary, distance, words_of

WORDS = ["bicycle", "car", "cat", "glass", "lady", "red", "traffic", "light", "truck", "yellow"]
KNOWN = Vocabulary(WORDS)


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return Bundle.open()


def edits(a: str, b: str) -> int:
    """Compute the edit distance by its recursive definition, without a table."""
    if not a or not b:
        return len(a) + len(b)
    options = [
        edits(a[1:], b) + 1,
        edits(a, b[1:]) + 1,
        edits(a[1:], b[1:]) + (a[0] != b[0]),
    ]
    if len(a) > 1 < len(b) and a[0] == b[1] and a[1] == b[0]:
        options.append(edits(a[2:], b[2:]) + 1)
    return min(options)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.integers(0, 3))
@example("abc", "acb", 2)
def test_distance_counts_edits(a: str, b: str, most: int) -> None:
    assert min(distance(a, b, most), most + 1) == min(edits(a, b), most + 1)


@pytest.mark.parametrize(
    "word",
    [
        "car",
        "Cars",
        "CAR",
        "lady",
        "ladies",
        "lady's",
        "glasses",
        "trucks",
        "7",
        "B",
        "the",
        "2nd",
        "leftmost",
        "café's",
    ],
)
def test_word_forms_numbers_and_grammar_words_are_known(word: str) -> None:
    assert Vocabulary([*WORDS, "cafe"]).knows(word)


@pytest.mark.parametrize("word", ["rotes", "Auto", "carx", "bus", "赤い"])
def test_other_words_are_unknown(word: str) -> None:
    assert not KNOWN.knows(word)


def test_known_share_counts_words() -> None:
    assert KNOWN.share("rotes Auto") == 0
    assert KNOWN.share("the red Auto on the left") == 5 / 6
    assert KNOWN.share("...") == 1
    assert KNOWN.unknown("the Auto and the other Auto, rotes") == ["Auto", "rotes"]
    assert words_of("man's e-bike, traffic-light") == ["man's", "e", "bike", "traffic", "light"]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("bicylce", "bicycle"),
        ("cra", "car"),
        ("yelow", "yellow"),
        ("lihgt", "light"),
        ("xyzzy", None),
        ("ab", None),
    ],
)
def test_misspelled_word_has_a_suggestion(word: str, near: str | None) -> None:
    assert KNOWN.nearest(word) == near


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("red bicylce", "did you mean 'bicycle' instead of 'bicylce'?"),
        ("yelow truk", "did you mean 'yellow' instead of 'yelow' and 'truck' instead of 'truk'?"),
        (
            "rotes Auto",
            r"is mostly words that the model was not trained on \('rotes', 'Auto'\); expected English",
        ),
        ("red zeppelin", r"was not trained on \('zeppelin'\); expected other words"),
    ],
)
def test_advice_says_what_helps(text: str, said: str) -> None:
    complaint = KNOWN.complaint(text)
    assert complaint is not None
    assert re.search(said, complaint)
    assert "--words" in complaint


def test_known_text_has_no_advice() -> None:
    assert KNOWN.complaint("second red car from the left, not the truck") is None


def test_shipped_models_list_their_words(shipped: Bundle) -> None:
    vocabulary = Vocabulary.of(shipped)
    assert vocabulary is not None
    assert len(vocabulary) > 2000
    listed = shipped.path("words").read_text().split()
    assert listed == sorted(set(listed))
    assert all(vocabulary.knows(word) for word in ["red", "car", "dog", "umbrella", "bicycle", "second"])
    assert not any(vocabulary.knows(word) for word in ["rotes", "voiture", "coche", "excavator", "xyzzy"])


def test_nouns_and_colors_are_in_the_shipped_list(shipped: Bundle) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    from edgetrack.training.grounder.vocabulary import trained_words

    assert set(trained_words([])) <= set(shipped.path("words").read_text().split())


def test_words_are_counted_in_captions_without_rare_ones(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    from edgetrack.training.grounder.vocabulary import ENOUGH, trained_words

    lines: list[dict[str, Any]] = [
        {"captions": ["A wombat, a wombat!"], "objects": [{"category": "cable car"}]},
        {"phrases": [{"phrase": "the puce wombat"}], "objects": [], "category": "quokka"},
        {"captions": ["wombat on 7 logs"], "objects": []},
    ]
    (tmp_path / "annotations.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = {*trained_words([tmp_path])} - {*trained_words([])}
    assert ENOUGH == 3
    assert found == {"cable", "quokka", "wombat"}


def test_text_causes_one_warning_and_is_used(shipped: Bundle) -> None:
    reader = TextReader(shipped, None, strict=False)
    with pytest.warns(PromptWarning, match="'excavator'") as caught:
        reader.read("red excavator")
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader.read("red excavator")
        reader.read("red car")


def test_strict_rejects_unknown_words(shipped: Bundle) -> None:
    reader = TextReader(shipped, None, strict=True)
    with pytest.raises(PromptError, match="did you mean 'bicycle'"):
        reader.read("red bicylce")
    reader.read("red bicycle")


def test_tracker_warns_rejects_and_translates() -> None:
    frame = np.full((60, 80, 3), 90, np.uint8)
    with edgetrack.Tracker(threads=1) as tracker:
        with pytest.warns(PromptWarning, match="'rotes', 'Auto'"):
            tracker.start(frame, text="rotes Auto")
        with edgetrack.Tracker(engine=tracker.engine, strict=True) as strict:
            strict.start(frame, text="red car")
            with pytest.raises(PromptError, match="'rotes', 'Auto'"):
                strict.set_text("rotes Auto")
            assert strict.text == "red car"
        own = {"rotes": "red", "Auto": "car"}
        with edgetrack.Tracker(engine=tracker.engine, strict=True, words=own) as german:
            mine = german.start(frame, text="Rotes AUTO").candidates
            assert german.text == "Rotes AUTO"
        assert mine == tracker.start(frame, text="red car").candidates


def test_several_targets_share_the_words() -> None:
    with edgetrack.MultiTracker(threads=1, strict=True, words={"rot": "red"}) as many:
        many.add("rot car")
        with pytest.raises(PromptError, match="'Auto'"):
            many.add("rot Auto")
        assert many.names == ("rot car",)


def test_bundle_without_a_list_checks_nothing_and_cannot_be_strict(tmp_path: Path) -> None:
    bundle = Bundle.open(write_fake_bundle(tmp_path))
    assert Vocabulary.of(bundle) is None
    with pytest.raises(ConfigError, match="does not list the words"):
        TextReader(bundle, None, strict=True)
    TextReader(bundle, {"rotes": "scharlach"}, strict=False)  # nothing to warn of


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (1 << 22) + b"yz"])
def test_invalid_list_is_a_damaged_bundle(shipped: Bundle, tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")
    from edgetrack.export.staging import add_words

    folder = tmp_path / "bundle"
    shutil.copytree(shipped.folder, folder)
    add_words(folder, ["car"])
    vocabulary = Vocabulary.of(Bundle.open(folder))
    assert vocabulary is not None
    assert len(vocabulary) == 1
    (folder / "words.txt").write_bytes(content)
    with pytest.raises(BundleError, match=r"not a list of words|damaged"):
        Vocabulary.of(Bundle(folder, Bundle.open(shipped.folder).manifest))
