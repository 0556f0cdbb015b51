"""Small trees of pictures with phrases, in the official layouts: the square of `trees` in another color each."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
from trees import SIZE, box_at, picture, write


def langdev(root: Path) -> Path:
    """Two pictures: the square of the first is red, that of the second blue."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for name, color, phrase in (("a", (40, 40, 220), "red square"), ("b", (220, 40, 40), "blue square")):
        assert cv2.imwrite(str(root / "images" / f"{name}.png"), picture(0, color))
        common = {"image": f"images/{name}.png", "unique": True, "width": SIZE[0], "height": SIZE[1]}
        lines.append({**common, "phrase": phrase, "kind": "color", "boxes": [box_at(0)], "tags": ["drawn"]})
        lines.append({**common, "phrase": "an elephant", "kind": "absent_class", "boxes": [], "tags": []})
    write(root / "phrases.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    return root


def flickr30k(root: Path) -> Path:
    """Picture 36 has a square, named twice, and a chain of two boxes; its scene has no box."""
    (root / "flickr30k-images").mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(root / "flickr30k-images" / "36.jpg"), picture(0))
    sentences = (
        "[/EN#7/other/clothing A red  square] beside [/EN#8/people two men] in [/EN#9/scene a street] .",
        "[/EN#7/other It] stands on [/EN#0/notvisual its side] .",
    )
    write(root / "Sentences" / "36.txt", "\n".join(sentences) + "\n")
    x, y, w, h = box_at(0)
    objects = [("7", (x + 1, y + 1, x + w, y + h)), ("8", (1, 1, 10, 20)), ("8", (21, 1, 30, 20))]
    shown = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax>"
        "</bndbox></object>"
        for name, (a, b, c, d) in objects
    )
    shown += "<object><name>9</name><scene>1</scene><nobndbox>1</nobndbox></object>"
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
    write(
        root / "Annotations" / "36.xml", f"<annotation><filename>36.jpg</filename>{size}{shown}</annotation>"
    )
    write(root / "test.txt", "36\n")
    return root
