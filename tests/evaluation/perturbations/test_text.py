"""Paraphrases of a text, and switches to another target in mid-sequence."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edgetrack._native import runtime
from edgetrack.datasets import Sequence
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.tracking import finish, track
from edgetrack.evaluation.metrics.prompt_switching import (
    HOLD_FRAMES,
    OTHER_VIDEO,
    SAME_VIDEO,
    SWITCH_FRAME,
    SWITCH_KIND,
    hold_delay,
    switch_metrics,
)
from edgetrack.evaluation.perturbations.paraphrases import SYNONYMS, paraphrase
from edgetrack.evaluation.perturbations.prompt_switching import PromptSwitch, splice
from edgetrack.evaluation.types import Condition, Run
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Track

SIZE = (80, 100, 3)


def film(name: str, text: str, shade: int, count: int = 40, x: float = 10) -> Sequence:
    """Make frames whose gray level identifies them."""
    frames = [np.full(SIZE, shade + i, np.uint8) for i in range(count)]
    return Sequence(name, frames, np.tile([x, 20.0, 30, 30], (count, 1)), text)


def test_paraphrases_by_hand() -> None:
    assert paraphrase("the red car") == "a crimson automobile"
    assert paraphrase("A man walking a dog") == "the guy strolling a hound"
    assert paraphrase("small orange ball") == "the little amber sphere"
    assert paraphrase("the orange boat") == "an amber ship"
    assert paraphrase("the carpet") == "a carpet", "a part of a word is no word"


@given(st.lists(st.sampled_from([*SYNONYMS, "under", "4", "a", "the", "left-most"]), min_size=1, max_size=8))
def test_paraphrase_always_differs_and_keeps_other_words(words: list[str]) -> None:
    text = " ".join(words)
    assert paraphrase(text).lower() != text.lower()
    for word in ("under", "4", "left-most"):
        assert paraphrase(text).split().count(word) == words.count(word)


def test_no_synonym_equals_its_word() -> None:
    assert all(word != other and word.islower() for word, other in SYNONYMS.items())


def test_two_targets_of_one_video_are_switched_in_place() -> None:
    left, right, far = film("a", "left", 0), film("b", "right", 0, x=60), film("c", "far", 100)
    clip, text = splice(left, clips=[left, right, far], seed=0)
    assert (text, clip.text, clip.attributes[SWITCH_KIND], clip.attributes[SWITCH_FRAME]) == (
        "right",
        "left",
        SAME_VIDEO,
        "20",
    )
    assert [int(f[0, 0, 0]) for f in clip.frames] == list(range(40)), "the video goes on as it is"
    assert clip.boxes[:, 0].tolist() == [10] * 20 + [60] * 20


def test_single_target_is_switched_to_another_video() -> None:
    one, other = film("a", "one", 0), film("b", "other", 100, count=150)
    clip, text = splice(one, clips=[one, other], seed=0)
    assert (text, clip.attributes[SWITCH_KIND]) == ("other", OTHER_VIDEO)
    assert [int(f[0, 0, 0]) for f in clip.frames] == [*range(20), *((100 + i) % 256 for i in range(100))]
    with pytest.raises(ConfigError, match="no other sequence has a sentence that differs from that of a"):
        splice(one, clips=[one, film("c", "one", 7)], seed=0)


def test_tracker_gets_the_new_text_once_at_its_frame() -> None:
    heard: list[Any] = []

    class Listening:
        def start(self, frame: Any, *, text: Any = None, box: Any = None) -> Track:
            heard.append(text)
            return Track(None, 0.0, "searching", 0)

        def update(self, frame: Any) -> Track:
            heard.append("-")
            return Track(Box(10, 20, 30, 30), 1.0, "tracking", 1)

        def set_text(self, text: str) -> None:
            heard.append(text)

    record = finish(
        track(film("a", "one", 0, 6), Listening(), mode="nl", text="one", perturbation=PromptSwitch(3, "two"))
    )
    assert heard == ["one", "-", "-", "two", "-", "-", "-"]
    assert len(record.boxes) == 6


def test_switch_delays_by_hand() -> None:
    iou = np.zeros(40)
    iou[3:7] = 0.9  # one frame too short to count
    iou[12 : 12 + HOLD_FRAMES] = 0.5
    assert hold_delay(iou) == 12
    assert hold_delay(iou[:16]) is None
    clip = Sequence(
        "a",
        [np.zeros(SIZE, np.uint8)] * 40,
        np.ones((40, 4)),
        "x",
        {SWITCH_FRAME: "10", SWITCH_KIND: OTHER_VIDEO},
    )
    [found] = switch_metrics([(clip, iou), (clip, np.zeros(40)), (clip, np.ones(40))])
    assert (found.kind, found.count, found.held, found.held30, found.delay) == (
        OTHER_VIDEO,
        3,
        2 / 3,
        2 / 3,
        1.0,
    )


def test_switch_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = pytest.importorskip("trees")
    from edgetrack.cli.eval_view import evaluate_and_print
    from edgetrack.evaluation.execution.request import Request

    class Anything:
        def __init__(self, bundle: Any) -> None: ...

        def encode(self, text: str) -> Any:
            return np.ones((1, 24), np.int64), np.ones((1, 24), np.float32)

        def text(self, text: str) -> runtime.Text:
            return runtime.Text(*self.encode(text))

        def tokens(self, text: str) -> list[int]:
            return [0]

    monkeypatch.setattr("edgetrack.words.Tokenizer", Anything)
    monkeypatch.setattr("edgetrack.evaluation.trackers.text_length.Tokenizer", Anything)
    root, console = (
        trees.lasot(tmp_path / "data", ("car-1", "car-2", "dog-1", "cat-1")),
        Console(file=io.StringIO()),
    )
    asked = (Condition(), Condition("switch"))
    request = Request("lasot", root, tmp_path / "out", split="train", modes=("nl", "bbox"), conditions=asked)
    figures = evaluate_and_print(console, request, open_edgetrack=lambda: Tracker(engine=FakeEngine())).runs
    assert [f.run for f in figures] == [
        Run("edgetrack", "nl"), Run("edgetrack", "nl", "none", Condition("switch")), Run("edgetrack", "bbox")
    ]  # fmt: skip
    assert sum(s.count for s in figures[1].switches) == 3
    assert "Prompt switching" in console.file.getvalue()  # type: ignore[attr-defined]
    content = json.loads((tmp_path / "out/report.json").read_text())
    assert content["runs"][1]["switches"][0]["count"] == figures[1].switches[0].count
