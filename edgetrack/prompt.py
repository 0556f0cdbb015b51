"""A sentence becomes the token ids that the text encoder takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import BundleError, PromptError

if TYPE_CHECKING:
    from edgetrack.bundle import Bundle

TEXT_LENGTH = 24  # tokens, [CLS] and [SEP] included
LONGEST_TEXT = 10_000  # characters; a longer one is not even taken apart


class Tokenizer:
    """The WordPiece tokenizer of a bundle: lower case, no accents, rare words split into known pieces."""

    def __init__(self, bundle: Bundle) -> None:
        self._load(bundle.path("tokenizer"), bundle.manifest.text_length)

    @classmethod
    def from_file(cls, path: Path, *, length: int = TEXT_LENGTH) -> Tokenizer:
        """A tokenizer from a ``tokenizer.json`` outside any bundle."""
        self = cls.__new__(cls)
        self._load(path, length)
        return self

    def _load(self, path: Path, length: int) -> None:
        from tokenizers import Tokenizer as WordPiece

        try:
            self._pieces = WordPiece.from_file(str(path))
        except Exception as error:  # the library raises a bare Exception for every kind of damage
            raise BundleError(
                f"tokenizer {path} cannot be read ({error}); export the bundle again"
            ) from error
        self._pieces.no_padding()
        self._pieces.no_truncation()
        self._length = length
        self._unknown = self._pieces.token_to_id("[UNK]")
        self._special = {i for i, token in self._pieces.get_added_tokens_decoder().items() if token.special}

    def encode(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ids, int64 (1, T), and the mask, float32 (1, T), 1 for a token and 0 for padding, of ``text``.

        Raises:
            PromptError: ``text`` is not a string, is empty, is too long, or has no word that the model knows.
        """
        ids = self.tokens(text)
        if len(ids) > self._length:
            raise PromptError(
                f"text {_shortened(text)} is {len(ids) - 2} word pieces long; expected at most "
                f"{self._length - 2}: describe the target in fewer words"
            )
        return self.pad(ids)

    def tokens(self, text: str) -> list[int]:
        """The ids of ``text``, from [CLS] to [SEP], of any length."""
        if not isinstance(text, str):
            raise PromptError(f"text is a {type(text).__name__}; expected a string such as 'red car'")
        if not text.strip():
            raise PromptError(f"text {text!r} is empty; expected a description such as 'red car'")
        try:
            text.encode()
        except UnicodeEncodeError as error:  # such as bytes of a command line that are no UTF-8
            raise PromptError(
                f"text {_shortened(text)} has {text[error.start]!r} at place {error.start}, which is no character; "
                "expected Unicode text, in a terminal UTF-8"
            ) from error
        if len(text) > LONGEST_TEXT:
            raise PromptError(
                f"text {_shortened(text)} has {len(text):,} characters; expected at most {LONGEST_TEXT:,}: "
                "describe the target in fewer words"
            )
        ids: list[int] = self._pieces.encode(text).ids
        if not any(self._is_word(i) for i in ids[1:-1]):
            raise PromptError(
                f"text {_shortened(text)} has no word that the model knows; expected English words"
            )
        return ids

    def _is_word(self, piece: int) -> bool:
        """Whether a piece says anything: signs, digits and markers such as [SEP] name nothing that could be found."""
        text = self._pieces.id_to_token(piece)
        return piece != self._unknown and piece not in self._special and any(c.isalpha() for c in text or "")

    def pad(self, ids: list[int]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """``ids`` as a row of fixed length with its mask; at most ``T`` of them."""
        row = np.zeros((1, self._length), np.int64)
        mask = np.zeros((1, self._length), np.float32)
        row[0, : len(ids)] = ids
        mask[0, : len(ids)] = 1.0
        return row, mask


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
