"""The words that the grounding network was trained on. A bundle lists them, so that trackers report unknown words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from edgetrack.training.command_line import arguments
from edgetrack.training.data.synthetic import vocabulary
from edgetrack.training.data.synthetic.recolor import COLORS
from edgetrack.training.grounder.cache import read_annotations
from edgetrack.training.grounder.nouns import COCO
from edgetrack.words import words_of

ENOUGH = 3  # minimum number of captions with a word: one or two are not enough to learn it


def trained_words(folders: Iterable[Path]) -> list[str]:
    """List the words of the noun tables, and of captions, phrases and categories in folders of training images.

    Returns:
        The words in lower case, sorted.

    Raises:
        OSError: A folder has no annotations.
    """
    captions: Counter[str] = Counter()
    named = set(_table_words())
    for folder in folders:
        for line in read_annotations(folder):
            for text in (*line.get("captions", ()), *(p["phrase"] for p in line.get("phrases", ()))):
                captions.update(set(words_of(text.lower())))
            for category in (line.get("category", ""), *(thing["category"] for thing in line["objects"])):
                named.update(words_of(category.lower()))
    frequent = {word for word, count in captions.items() if count >= ENOUGH}
    return sorted(word for word in named | frequent if word.isascii() and not word[0].isdigit())


def _table_words() -> Iterator[str]:
    """Yield the words of the tables from which phrases are made."""
    for text in (*COCO, *chain.from_iterable(COCO.values()), *COLORS, *vocabulary.texts()):
        yield from words_of(text.lower())


def main() -> None:
    """Write the words of the training images in these folders."""
    given = arguments(__doc__, words=Path, folder=[Path])
    words, output = trained_words(given.folder), given.words
    output.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    print(f"{len(words)} words in {output}")


if __name__ == "__main__":
    main()
