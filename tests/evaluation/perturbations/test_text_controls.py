"""Texts that replace the true one as controls."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.datasets import Sequence
from edgetrack.evaluation.perturbations import text_controls as controls

GRAY = np.full((9, 9, 3), 120, np.uint8)
sentences = st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=12).filter(lambda s: len(set(s)) > 1)


@given(sentences, st.integers(0, 99))
def test_shuffled_texts_always_belong_to_other_sequences(said: list[str], seed: int) -> None:
    clips = [Sequence(str(i), [GRAY] * 2, np.ones((2, 4)), text) for i, text in enumerate(said)]
    told = controls.controlled_texts(clips, "shuffled", seed=seed)
    assert all(told[clip.name] != clip.text for clip in clips)
    assert set(told.values()) == set(said)
    assert told == controls.controlled_texts(clips, "shuffled", seed=seed)


def test_empty_text_is_accepted_by_the_tracker() -> None:
    from edgetrack.bundle import Bundle
    from edgetrack.prompt import Tokenizer

    ids, _ = Tokenizer(Bundle.open()).encode(controls.EMPTY_TEXT)
    assert (ids != 0).sum() == 3  # start, the word, end
