"""A cache of the frozen detector's outputs for every training image, which makes training steps cheap.

Each image is processed in several views: unchanged, and cropped, mirrored and with different lighting. The cache is a
folder with one set of array files per source and view. It is filled image by image and resumes after an interruption.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from edgetrack.network.candidates import GRID
from edgetrack.network.picodet import CLASSES, WIDTH, PicoDet
from edgetrack.training.command_line import arguments
from edgetrack.training.grounder.candidates import CHANNELS, COUNT, candidates, normalized

BATCH = 8
_ROWS: dict[str, tuple[tuple[int, ...], str]] = {
    "boxes": ((COUNT, 4), "float32"),
    "logits": ((COUNT, CLASSES), "float16"),
    "features": ((COUNT, WIDTH), "float16"),
    "level": ((COUNT,), "uint8"),
    "pooled": ((COUNT, CHANNELS, GRID, GRID), "float16"),
    "valid": ((COUNT,), "bool"),
    "view": ((5,), "float32"),  # x1, y1, x2, y2 of the crop as fractions of the image, and 1 if mirrored
    "done": ((), "bool"),
}


@dataclass(frozen=True, slots=True)
class View:
    """A crop of an image, perhaps mirrored, with different lighting and size."""

    part: tuple[float, float, float, float]
    mirrored: bool
    gain: tuple[float, float, float]  # gains of R, G, B
    gamma: float
    side: int

    @classmethod
    def drawn(cls, which: int, random: np.random.Generator) -> View:
        """Return a random view: number 0 is the unchanged image, 1 is mirrored, the others are also cropped."""
        if which == 0:
            return cls((0, 0, 1, 1), False, (1, 1, 1), 1.0, 416)
        part = (0.0, 0.0, 1.0, 1.0)
        if which > 1:
            w, h = random.uniform(0.55, 1.0, 2)
            x, y = random.uniform(0, 1 - w), random.uniform(0, 1 - h)
            part = (x, y, x + w, y + h)
        light = random.uniform(0.75, 1.3)
        red, green, blue = light * random.uniform(0.94, 1.06, 3)
        side = int(random.choice((320, 352, 384, 416)))
        return cls(
            part, which == 1 or random.random() < 0.5, (red, green, blue), random.uniform(0.75, 1.35), side
        )

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the view, uint8 (side, side, 3), of an image (H, W, 3)."""
        height, width = picture.shape[:2]
        x1, y1, x2, y2 = (
            round(v * s) for v, s in zip(self.part, (width, height, width, height), strict=True)
        )
        cut = picture[y1 : max(y2, y1 + 8), x1 : max(x2, x1 + 8)]
        shrinks = max(cut.shape) > self.side
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        cut = np.asarray(cv2.resize(cut, (self.side, self.side), interpolation=how), np.uint8)
        if self.mirrored:
            cut = cut[:, ::-1]
        if self.gamma == 1.0:
            return np.ascontiguousarray(cut)
        steps = (np.arange(256)[:, None] / 255.0) ** self.gamma * 255.0 * np.array(self.gain)
        table = steps.clip(0, 255).round().astype(np.uint8)
        return np.stack([table[cut[..., c], c] for c in range(3)], -1)


class Cache:
    """The arrays of one source and view; rows are in the order of the annotations."""

    def __init__(self, folder: Path, source: str, view: int, count: int) -> None:
        self.arrays: dict[str, Any] = {}
        for name, (shape, dtype) in _ROWS.items():
            path = folder / f"{source}.{view}.{name}.npy"
            if path.exists():
                self.arrays[name] = np.load(path, mmap_mode="r+")
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self.arrays[name] = np.lib.format.open_memmap(
                    str(path), mode="w+", dtype=np.dtype(dtype), shape=(count, *shape)
                )

    def missing(self) -> list[int]:
        """Return the indices of the rows that are not computed yet."""
        return [int(i) for i in np.flatnonzero(~self.arrays["done"])]


def read_annotations(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a source's ``annotations.jsonl``."""
    with (folder / "annotations.jsonl").open() as lines:
        return [json.loads(line) for line in lines]


def fill(net: PicoDet, folder: Path, cache: Path, view: int) -> Iterator[int]:
    """Compute the rows of a source that are not in the cache yet; yield how many are left after each batch."""
    lines = read_annotations(folder)
    store = Cache(cache, folder.name, view, len(lines))
    todo = store.missing()
    while todo:
        rows, views, shown = [], [], []
        side = 0
        for i in todo[:BATCH]:
            drawn = View.drawn(view, np.random.default_rng((view, i)))
            side = side or drawn.side  # all views of a batch have the same size
            drawn = View(drawn.part, drawn.mirrored, drawn.gain, drawn.gamma, side)
            picture = cv2.imread(str(folder / lines[i]["image"]), cv2.IMREAD_COLOR)
            if picture is None:
                raise ValueError(f"{folder / lines[i]['image']} cannot be read")
            rows.append(i)
            views.append((*drawn.part, float(drawn.mirrored)))
            shown.append(drawn.of(np.ascontiguousarray(picture[..., ::-1])))
        found = candidates(net, normalized(np.stack(shown)))
        for name in ("boxes", "logits", "features", "level", "pooled", "valid"):
            values = getattr(found, name)
            if name == "logits":
                values = values.clamp(-30, 30)
            store.arrays[name][rows] = values.numpy()
        store.arrays["view"][rows] = views
        store.arrays["done"][rows] = True
        todo = todo[BATCH:]
        yield len(todo)


def main() -> None:
    given = arguments(__doc__, weights=Path, cache=Path, views=int, folder=[Path])
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    net = PicoDet().eval()
    net.load_onnx(given.weights)
    for view in range(given.views):
        for folder in given.folder:
            for left in fill(net, folder, given.cache, view):
                if left % (50 * BATCH) < BATCH:
                    print(f"{folder.name} view {view}: {left} images left", flush=True)


if __name__ == "__main__":
    main()
