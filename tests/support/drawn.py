"""A small data set that is drawn: a red square on noise, on a known path, in two videos and one that it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SIZE = (240, 320)  # height, width
TEXTS = {"slow": "red square", "fast": "the quick red thing", "away": "red square that leaves"}


def write_dataset(folder: Path, *, frames: int = 24) -> Path:
    """Write sequences.json, three losslessly encoded videos, and their boxes."""
    import cv2

    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for speed, (name, text) in enumerate(TEXTS.items(), 1):
        entries.append({"name": name, "text": text, "category": "square"})
        way = np.arange(frames) / frames
        truth = np.stack([40 + 60 * speed * way, 60 + 24 * way, 48 + 0 * way, 40 + 0 * way], 1).round()
        if name == "away":
            truth[frames // 3 : frames // 3 + 4] = np.nan
        film = folder / f"{name}.avi"
        writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"png "), 25, (SIZE[1], SIZE[0]))
        background = cv2.resize(rng.integers(90, 160, (12, 16, 3)).astype(np.uint8), (SIZE[1], SIZE[0]))
        for box in truth:
            picture = background.copy()
            if not np.isnan(box).any():
                x, y, w, h = box.astype(int)
                picture[y : y + h, x : x + w] = (0, 0, 255)
            writer.write(picture)
        writer.release()
        film.rename(film.with_suffix(".mp4"))  # the reader's name for it; what is inside decides
        np.savetxt(folder / f"{name}.txt", truth, fmt="%.2f", delimiter=",")
    (folder / "sequences.json").write_text(json.dumps(entries))
    return folder
