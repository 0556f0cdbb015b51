"""Contact sheets of samples: ``python -m edgetrack.training.data.preview`` writes them to runs/preview."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.mixture import NOTHING, Mixture
from edgetrack.training.data.paths import cache_folder
from edgetrack.training.data.pictures import Pixels
from edgetrack.training.data.sources.images import load_pictures
from edgetrack.training.data.sources.videos import load_videos
from edgetrack.training.recipe import Recipe

_GREEN, _RED = (0, 255, 0), (0, 0, 255)


def _drawn(image: Pixels, box: NDArray[np.float32] | None) -> Pixels:
    canvas = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    if box is not None:
        x, y, w, h = (round(float(v)) for v in box)
        cv2.rectangle(canvas, (x, y), (x + w, y + h), _GREEN, 1)
    return canvas


def _template(sample: dict[str, Any]) -> Pixels:
    canvas = np.asarray(cv2.cvtColor(sample["template"], cv2.COLOR_RGB2BGR), np.uint8)
    cells = cv2.resize(sample["target"], (128, 128), interpolation=cv2.INTER_NEAREST)
    canvas[..., 2] = np.maximum(canvas[..., 2], (cells * 90).astype(np.uint8))
    return canvas


def tile(sample: dict[str, Any]) -> Pixels:
    """Return an image of a sample, uint8 BGR, with its box, its template (covered cells in red) and its caption."""
    box = sample["box"] if sample["present"] else None
    image = _drawn(sample["search" if "search" in sample else "image"], box)
    height = image.shape[0]
    side = np.full((height, 128, 3), 40, np.uint8)
    side[:128] = _template(sample)
    canvas = np.vstack([np.hstack([image, side]), np.full((18, image.shape[1] + 128, 3), 40, np.uint8)])
    color = (255, 255, 255) if sample["present"] else _RED
    text = sample["caption"] or "-"
    cv2.putText(canvas, text, (3, height + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)


def sheet(samples: list[dict[str, Any]], columns: int) -> Pixels:
    """Return all samples in a grid, uint8 BGR; a red caption means that the target is absent."""
    tiles = [tile(sample) for sample in samples]
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles) - columns + 1, columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def main() -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=None, help="data folder (default: EDGETRACK_DATA)")
    parser.add_argument(
        "--recipe", type=Path, default=None, help="sample from the data that this recipe names"
    )
    options = parser.parse_args()
    data, mixture = options.data, NOTHING
    if options.recipe:
        recipe = Recipe.load(options.recipe)
        data, mixture = recipe.data, Mixture.open(recipe.datasets, recipe.data_weight)
    alone = bool(mixture.sources) and data == ""
    pictures, videos = ([], None) if alone else (load_pictures(data), load_videos(data))
    folder = cache_folder().parent / "preview"
    folder.mkdir(parents=True, exist_ok=True)
    tracking = mixture.tracking(pictures, videos, options.seed)
    grounding = mixture.grounding(pictures, options.seed)
    cv2.imwrite(str(folder / "tracking.png"), sheet([tracking.sample() for _ in range(30)], 5))
    cv2.imwrite(str(folder / "grounding.png"), sheet([grounding.sample() for _ in range(24)], 4))
    sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    main()
