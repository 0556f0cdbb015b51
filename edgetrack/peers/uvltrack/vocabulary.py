"""The word pieces of bert-base-uncased, for UVLTrack and related networks."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ExportError
from edgetrack.prompt import Tokenizer

TEXT_LENGTH = 40  # tokens, including [CLS] and [SEP]; longer sentences are truncated


class WordPieces:
    """Converts texts to the ids of their word pieces.

    Args:
        content: content of a ``tokenizer.json``, see `tokenizer_json`.

    Raises:
        ValueError: it is not a tokenizer.
    """

    def __init__(self, content: str) -> None:
        json.loads(content)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tokenizer.json"
            path.write_text(content, encoding="utf-8")
            self._tokenizer = Tokenizer.from_file(path, length=TEXT_LENGTH)

    def ids(self, text: str) -> NDArray[np.int64]:
        """Return the word pieces of a text, (1, T).

        Raises:
            PromptError: the text has no word.
        """
        ids = self._tokenizer.tokens(text)
        return np.array([[*ids[: TEXT_LENGTH - 1], *ids[TEXT_LENGTH - 1 :][-1:]]], np.int64)


def tokenizer_json(path: Path, rows: int) -> str:
    """Convert a vocabulary with one word piece per line to the ``tokenizer.json`` of a lower-case BERT.

    Args:
        path: ``vocab.txt``.
        rows: number of word pieces of the network.

    Raises:
        ExportError: the file cannot be read, or has a different number of word pieces.
    """
    try:
        pieces = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(
            f"vocabulary {path} cannot be read ({error}); expected UTF-8 text with one word piece per line"
        ) from error
    numbers = {piece: number for number, piece in enumerate(pieces)}
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    if len(pieces) != rows or len(numbers) != rows or not numbers.keys() >= set(special):
        raise ExportError(
            f"vocabulary {path} has {len(numbers):,} word pieces; this checkpoint was trained with {rows:,}, including "
            f"{', '.join(special)}: expected vocab.txt of bert-base-uncased"
        )
    normalizer = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": {"max_length": TEXT_LENGTH},
            "added_tokens": [{"id": numbers[piece], "content": piece, "special": True} for piece in special],
            "normalizer": {"type": "BertNormalizer", **normalizer},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": numbers,
            },
        },
        ensure_ascii=False,
    )
