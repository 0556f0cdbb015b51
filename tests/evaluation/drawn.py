"""A small data set that is drawn: a red square on noise, on a known path, in two videos and one that it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SIZE = (240, 320)  # height, width
TEXTS = {"slow": "red square", "fast": "the quick red thing", "away": "red square that leaves"}


def write_dataset(folder: Path, *, frames: int = 24) -> Path:
    """sequences.json, three videos (no loss: MJPEG at its best) named .mp4 for the reader, and their boxes."""
    import cv2

    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for speed, (name, text) in enumerate(TEXTS.items(), 1):
        entries.append({"name": name, "text": text, "category": "square"})
        truth = np.array([[40 + speed * t, 60 + t, 48, 40] for t in range(frames)], float)
        if name == "away":
            truth[frames // 3 : frames // 2] = np.nan
        writer = cv2.VideoWriter(
            str(folder / f"{name}.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (SIZE[1], SIZE[0])
        )
        background = cv2.resize(rng.integers(90, 160, (12, 16, 3)).astype(np.uint8), (SIZE[1], SIZE[0]))
        for box in truth:
            picture = background.copy()
            if not np.isnan(box).any():
                x, y, w, h = box.astype(int)
                picture[y : y + h, x : x + w] = (0, 0, 255)
            writer.write(picture)
        writer.release()
        np.savetxt(folder / f"{name}.txt", truth, fmt="%.2f", delimiter=",")
    (folder / "sequences.json").write_text(json.dumps(entries))
    return folder
