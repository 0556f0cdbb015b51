"""Look up the phrases and boxes of Flickr30k Entities for a folder of Flickr photographs.

``python -m edgetrack.training.grounder.entities FLICKR30K FOLDER CACHE`` reads FLICKR30K/Sentences and
FLICKR30K/Annotations, matches the images of FOLDER/annotations.jsonl by the number at the start of their names, and
writes CACHE/NAME.regions.jsonl, one line per image with regions. The annotations are for research; see NOTICE.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from edgetrack.datasets.flickr30k import FLICKR30K
from edgetrack.datasets.phrases import BoxTuple, Phrase
from edgetrack.training.command_line import arguments
from edgetrack.training.grounder.cache import read_annotations
from edgetrack.training.resumable import replacing


def regions_of(phrases: list[Phrase]) -> list[dict[str, object]]:
    """Join the phrases of an image that name the same boxes: ``{"phrases", "type", "boxes"}``, boxes in fractions."""
    same: dict[tuple[str, tuple[BoxTuple, ...]], set[str]] = defaultdict(set)
    for phrase in phrases:
        if phrase.size is not None:
            width, height = phrase.size
            boxes = tuple(
                (x / width, y / height, (x + w) / width, (y + h) / height) for x, y, w, h in phrase.boxes
            )
            same[phrase.kind, boxes].add(" ".join(phrase.text.lower().split()))
    return [
        {"phrases": sorted(texts), "type": kind, "boxes": [[round(v, 5) for v in box] for box in boxes]}
        for (kind, boxes), texts in same.items()
    ]


def write(root: Path, folder: Path, cache: Path) -> int:
    """Write the regions of a folder's images; return how many images have regions.

    Raises:
        DatasetError: ``root`` has no annotations, or malformed ones.
    """
    pictures: dict[str, list[Phrase]] = defaultdict(list)
    for phrase in FLICKR30K.read(root, "all"):
        pictures[phrase.image.stem].append(phrase)
    found = 0
    with replacing(cache / f"{folder.name}.regions.jsonl") as part, part.open("w") as file:
        for row, line in enumerate(read_annotations(folder)):
            number = Path(line["image"]).stem.split("_")[0]
            if regions := regions_of(pictures.get(number, [])):
                found += 1
                file.write(json.dumps({"row": row, "regions": regions}) + "\n")
    return found


def main() -> None:
    given = arguments(__doc__, flickr30k=Path, folder=Path, cache=Path)
    count = write(given.flickr30k, given.folder, given.cache)
    print(f"{count} images of {given.folder} have phrases with boxes")


if __name__ == "__main__":
    main()
