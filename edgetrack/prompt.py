"""Conversion of sentences to the token ids for the text encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.errors import PromptError

if TYPE_CHECKING:
    from edgetrack.bundle import Bundle

TEXT_LENGTH = 24  # tokens, including [CLS] and [SEP]


class Tokenizer:
    """The WordPiece tokenizer of a bundle: lower case, no accents, rare words split into known pieces."""

    def __init__(self, bundle: Bundle) -> None:
        self._load(bundle.path("tokenizer"), bundle.manifest.text_length)

    @classmethod
    def from_file(cls, path: Path, *, length: int = TEXT_LENGTH) -> Tokenizer:
        """Return a tokenizer from a ``tokenizer.json`` outside any bundle."""
        self = cls.__new__(cls)
        self._load(path, length)
        return self

    def _load(self, path: Path, length: int) -> None:
        self._native = runtime.Tokenizer(str(path), length)
        self._length = length

    def encode(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the ids of ``text``, int64 (1, T), and the mask, float32 (1, T): 1 for a token and 0 for padding.

        Raises:
            PromptError: ``text`` is not a string, is empty, is too long, or has no word that the model knows.
        """
        return self._native.encode(check_unicode(text))

    def text(self, text: str) -> runtime.Text:
        """Return ``text`` in the form for the trackers: encoded as a whole and in its parts.

        Raises:
            PromptError: As for ``encode``.
        """
        return self._native.text(check_unicode(text))

    def tokens(self, text: str) -> list[int]:
        """Return the ids of ``text``, from [CLS] to [SEP], of any length."""
        return self._native.tokens(check_unicode(text))

    def pad(self, ids: list[int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ``ids``, at most ``T`` of them, as a row of fixed length with its mask."""
        row = np.zeros((1, self._length), np.int64)
        mask = np.zeros((1, self._length), np.float32)
        row[0, : len(ids)] = ids
        mask[0, : len(ids)] = 1.0
        return row, mask


def check_unicode(text: object) -> str:
    """Return ``text`` if it is valid Unicode, which not every string in Python is.

    Raises:
        PromptError: It is not.
    """
    if not isinstance(text, str):
        raise PromptError(f"text is a {type(text).__name__}; expected a string such as 'red car'")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # such as bytes of a command line that are not UTF-8
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise PromptError(
            f"text {shown!r} has {text[error.start]!r} at position {error.start}, which is not a character; "
            "expected Unicode text, in a terminal UTF-8"
        ) from error
    return text
