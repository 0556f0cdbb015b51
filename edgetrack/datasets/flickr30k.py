"""Flickr30k Entities (Plummer et al., IJCV 2017): sentences whose phrases are linked to boxes in the image.

    FLICKR30K/{Sentences/ID.txt, Annotations/ID.xml, flickr30k-images/ID.jpg, test.txt}

A line of Sentences/ID.txt is a sentence with phrases in brackets, ``[/EN#283585/people A man] in [/EN#283587/other a
hat]``: number of the chain, types, words. Annotations/ID.xml has the boxes of each chain. ``train.txt``, ``val.txt``
and ``test.txt``, the official lists of images, are needed for these splits, but not for split ``all``.

For a chain with several boxes, any of them is right. Chain 0 (not visual) and chains without a box (scenes) are
omitted, because they do not tell whether the object is visible.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from edgetrack.datasets.phrases import BoxTuple, Phrase, PhraseLayout, checked_box, checked_text
from edgetrack.datasets.tables import read_lines, read_names, read_text
from edgetrack.errors import DatasetError

_PHRASE = re.compile(r"\[/EN#(\d+)((?:/[^\s\]/]+)+) ([^\]]*)\]")
_OPENED = "[/EN#"


def _number(element: ElementTree.Element, name: str, place: str) -> int:
    text = element.findtext(name) or ""
    try:
        return int(text)
    except ValueError:
        raise DatasetError(f"{place}: {name} is {text!r:.40}; expected a whole number of pixels") from None


def _annotations(path: Path) -> tuple[tuple[int, int], Mapping[str, list[BoxTuple]]]:
    """Return the size of the image, and the boxes of each chain."""
    try:
        root = ElementTree.fromstring(read_text(path))
    except ElementTree.ParseError as error:
        raise DatasetError(f"{path} is not valid XML ({error}); unpack the archive again") from None
    size = root.find("size")
    if size is None:
        raise DatasetError(f"{path}: the size is missing; expected the width and height of the image")
    chains: dict[str, list[BoxTuple]] = defaultdict(list)
    for i, entry in enumerate(root.iter("object")):
        corners = entry.find("bndbox")
        if corners is None:
            continue
        place = f"{path}: object {i}"
        # Corners count from 1 and are inclusive.
        left, top = (_number(corners, name, place) - 1 for name in ("xmin", "ymin"))
        right, bottom = (_number(corners, name, place) for name in ("xmax", "ymax"))
        box = checked_box((left, top, right - left, bottom - top), place)
        for name in entry.findall("name"):
            chains[(name.text or "").strip()].append(box)
    return (_number(size, "width", str(path)), _number(size, "height", str(path))), chains


def _phrases(root: Path, name: str) -> list[Phrase]:
    sentences, image = root / "Sentences" / f"{name}.txt", root / "flickr30k-images" / f"{name}.jpg"
    size, chains = _annotations(root / "Annotations" / f"{name}.xml")
    found = []
    for i, line in enumerate(read_lines(sentences), 1):
        place = f"{sentences}:{i}"
        matches = _PHRASE.findall(line)
        if len(matches) != line.count(_OPENED):
            raise DatasetError(f"{place}: {line!r:.80} has a malformed phrase; expected [/EN#ID/TYPE words]")
        for chain, types, words in matches:
            if chain != "0" and chain in chains:
                kind = types.split("/")[1]
                text = checked_text(words, place)
                found.append(Phrase(image, text, kind, tuple(chains[chain]), (), size))
    return found


def _names(root: Path, split: str) -> list[str]:
    if split != "all":
        return read_names(root / f"{split}.txt")
    folder = root / "Sentences"
    names = sorted(path.stem for path in folder.glob("*.txt"))
    if not names:
        raise DatasetError(
            f"{folder} contains no .txt file; expected a file with the sentences of each image"
        )
    return names


def _read(root: Path, split: str) -> list[Phrase]:
    return [phrase for name in _names(root, split) for phrase in _phrases(root, name)]


FLICKR30K = PhraseLayout("flickr30k-entities", ("all", "train", "val", "test"), _read)
