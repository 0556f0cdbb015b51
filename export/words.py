"""Adds a list of trained words to a bundle that has none, or an older one.

An export with ``--grounder`` writes the words of the checkpoint; this is for bundles from before that, as in
``python -m edgetrack.export.words FOLDER WORDS.txt``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgetrack.export.staging import add_words


def main() -> None:
    """Take the folder of a bundle, and the file of a word a line."""
    folder, words = map(Path, sys.argv[1:])
    add_words(folder, words.read_text(encoding="utf-8").split())


if __name__ == "__main__":
    main()
