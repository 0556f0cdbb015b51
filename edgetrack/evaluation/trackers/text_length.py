"""Truncates texts that are too long for a model in evaluations; the tracker itself refuses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from edgetrack.engines.base import Engine
from edgetrack.prompt import Tokenizer

FitText = Callable[[str], str]


def text_fitter(engine: Engine) -> FitText:
    """Return a function that drops the last words of a text until it fits the engine's model.

    A single word is never truncated; the tracker reports the error.
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


def truncation_note(tracker: str, texts: Iterable[str], fit: FitText) -> list[str]:
    """Return a list with one sentence about the number of truncated texts; empty if there are none."""
    prompts = list(texts)
    truncated = sum(fit(text) != text for text in prompts)
    if not truncated:
        return []
    return [
        f"{truncated} of {len(prompts)} texts are longer than the model of {tracker} accepts; "
        "they are truncated at a word."
    ]
