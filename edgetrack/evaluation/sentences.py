"""Sentences that are longer than a model takes: the tracker refuses them, an evaluation cuts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from edgetrack.engines.base import Engine
from edgetrack.prompt import Tokenizer

Fit = Callable[[str], str]


def shortener(engine: Engine) -> Fit:
    """A function that drops last words of a text until the engine's model takes it.

    A single word is never cut: the tracker then says what is wrong with it.
    """
    limit = engine.bundle.manifest.text_length

    @cache
    def tokenizer() -> Tokenizer:
        return Tokenizer(engine.bundle)

    def fit(text: str) -> str:
        kept = words = text.split()
        while len(kept) > 1 and len(tokenizer().tokens(" ".join(kept))) > limit:
            kept = kept[:-1]
        return text if kept is words else " ".join(kept).rstrip(" ,;:")

    return fit


def cut_note(tracker: str, texts: Iterable[str], fit: Fit) -> list[str]:
    """One sentence that says how many of the texts are cut; none where none is."""
    told = list(texts)
    cut = sum(fit(text) != text for text in told)
    if not cut:
        return []
    return [
        f"{cut} of {len(told)} sentences are longer than the model of {tracker} takes; they end at a word before."
    ]
