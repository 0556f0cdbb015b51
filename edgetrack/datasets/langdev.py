"""Images with phrases of many kinds, present and absent: the simplest way to use your own images.

    FOLDER/{phrases.jsonl, images/*.jpg}

Each line of ``phrases.jsonl`` is an object: ``image`` (a path in the folder), ``phrase``, ``kind``, ``boxes`` (a list
of ``[x, y, w, h]`` in pixels, any of which is right; empty: absent), and optionally ``tags`` (a list of words),
``width`` and ``height``. In a ``language`` set there are also ``parts``, plain phrases with the boxes of all objects
that each names, as objects with ``phrase`` and ``boxes``. Other keys are ignored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgetrack.datasets.phrases import BoxTuple, Phrase, PhraseLayout, checked_box, checked_text
from edgetrack.datasets.tables import inside, read_lines
from edgetrack.errors import DatasetError


def _size(entry: dict[str, Any], place: str) -> tuple[int, int] | None:
    sides = entry.get("width"), entry.get("height")
    if sides == (None, None):
        return None
    if not all(type(side) is int and side > 0 for side in sides):
        raise DatasetError(
            f"{place}: width is {sides[0]!r:.40} and height is {sides[1]!r:.40}; expected whole numbers of "
            "pixels"
        )
    return sides  # type: ignore[return-value]


def _phrase(root: Path, line: str, place: str) -> Phrase:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: not valid JSON ({error}); expected one JSON object per line") from None
    if not isinstance(entry, dict):
        raise DatasetError(f"{place}: {line!r:.80}; expected an object with image, phrase, kind and boxes")
    kind, boxes, tags = entry.get("kind"), entry.get("boxes"), entry.get("tags", [])
    if not isinstance(kind, str) or not kind.isprintable() or not kind:
        raise DatasetError(f"{place}: kind {kind!r:.80}; expected a word such as 'relation'")
    if not isinstance(boxes, list):
        raise DatasetError(
            f"{place}: boxes {boxes!r:.80}; expected a list, empty if the phrase names nothing"
        )
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag.isprintable() for tag in tags):
        raise DatasetError(f"{place}: tags {tags!r:.80}; expected a list of words such as 'night'")
    return Phrase(
        root / inside(entry.get("image"), f"{place}: image", f"the path of an image inside {root}"),
        checked_text(entry.get("phrase"), place),
        kind,
        tuple(checked_box(box, place) for box in boxes),
        tuple(tags),
        _size(entry, place),
        tuple(_part(part, place) for part in _list(entry.get("parts", []), place)),
    )


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise DatasetError(f"{place}: parts {value!r:.80}; expected a list of objects with phrase and boxes")
    return value


def _part(part: Any, place: str) -> tuple[str, tuple[BoxTuple, ...]]:
    boxes = part.get("boxes") if isinstance(part, dict) else None
    if not isinstance(boxes, list) or not boxes:
        raise DatasetError(f"{place}: part {part!r:.80}; expected an object with phrase and boxes")
    return checked_text(part.get("phrase"), place), tuple(checked_box(box, place) for box in boxes)


def _read(root: Path, split: str) -> list[Phrase]:
    path = root / "phrases.jsonl"
    return [_phrase(root, line, f"{path}:{i}") for i, line in enumerate(read_lines(path), 1)]


LANGDEV = PhraseLayout("langdev", ("all",), _read)
LANGUAGE = PhraseLayout("language", ("all",), _read)
