"""Videos of small flying objects; every frame is cropped around its target and kept in memory as JPEG.

``python -m edgetrack.training.data.sources.videos`` writes the cache ``$EDGETRACK_CACHE/training/flying.npz`` once.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets import VideoFrames
from edgetrack.training.data.paths import cache_folder, data_root
from edgetrack.training.data.pictures import XYWH, Instance, Picture, Pixels, clip_box
from edgetrack.training.resumable import replacing

CACHE_NAME, PSEUDO_NAME = "flying.npz", "pseudo.npz"
_REACH = 9.0  # side of the kept square in target sizes, which fits the largest search crop
_LONG_SIDE = 360
_QUALITY = 92


@dataclass(frozen=True, eq=False)
class Videos:
    """Cropped frames of all videos, in order; ``starts`` has one more entry than there are videos."""

    blob: NDArray[np.uint8]
    ends: NDArray[np.int64]  # (N,) end of each JPEG in ``blob``
    boxes: NDArray[np.float32]  # (N, 4) target xywh in the crop
    starts: NDArray[np.int64]  # (V + 1,) first frame of each video
    categories: list[str]
    pseudo: int = 0  # number of tracks of unlabeled videos, at the end

    def __len__(self) -> int:
        return len(self.categories)

    def frame(self, index: int, category: str) -> Picture:
        """Return frame ``index`` (over all videos) as an image with one object."""
        pixels = np.asarray(cv2.imdecode(self.jpeg(index), cv2.IMREAD_COLOR), np.uint8)
        x, y, w, h = (float(v) for v in self.boxes[index])
        return Picture(pixels, (Instance(category, (x, y, w, h)),), "flying", str(index))

    def jpeg(self, index: int) -> NDArray[np.uint8]:
        """Return the JPEG file of frame ``index``."""
        begin = int(self.ends[index - 1]) if index else 0
        return self.blob[begin : int(self.ends[index])]

    def chosen(self, wanted: NDArray[np.bool_]) -> Videos | None:
        """Return the videos for which ``wanted`` (V,) is true, or None if there are none."""
        if not wanted.any():
            return None
        lengths = np.diff(self.starts)
        frames = np.flatnonzero(np.repeat(wanted, lengths))
        files = [self.jpeg(int(index)) for index in frames]
        return Videos(
            np.concatenate(files),
            np.cumsum([len(file) for file in files]),
            self.boxes[frames],
            np.concatenate(([0], np.cumsum(lengths[wanted]))),
            [name for name, good in zip(self.categories, wanted, strict=True) if good],
            int(wanted[len(wanted) - self.pseudo :].sum()),
        )

    def near(self, frame: Picture, random: np.random.Generator, gap: int) -> Picture:
        """Return a frame of the same video as ``frame`` (of `frame` or `pair`), at most ``gap`` frames from it."""
        index = int(frame.name)
        video = int(np.searchsorted(self.starts, index, "right")) - 1
        first, last = int(self.starts[video]), int(self.starts[video + 1])
        other = int(np.clip(index + random.integers(-gap, gap + 1), first, last - 1))
        return self.frame(other, self.categories[video])

    def pair(self, random: np.random.Generator, gap: int) -> tuple[Picture, Picture]:
        """Return two frames of one video, at most ``gap`` frames apart, in either order."""
        video = int(random.integers(len(self)))
        first, last = int(self.starts[video]), int(self.starts[video + 1])
        one = int(random.integers(first, last))
        two = int(np.clip(one + random.integers(-gap, gap + 1), first, last - 1))
        return self.frame(one, self.categories[video]), self.frame(two, self.categories[video])


class Cuts:
    """Collects cropped frames of tracks, one track after the other.

    Attributes:
        files: Videos that are done, so that work can be resumed.
    """

    def __init__(self) -> None:
        self._blobs: list[NDArray[np.uint8]] = []
        self._boxes: list[XYWH] = []
        self._starts, self._categories = [0], list[str]()
        self.files: list[str] = []

    @classmethod
    def load(cls, path: Path) -> Cuts:
        """Read a file of `save` to add to it; empty if there is none, or if it does not list its videos."""
        cuts = cls()
        if path.exists():
            with np.load(path) as data:
                if "files" in data:
                    cuts._blobs = np.split(data["blob"], data["ends"][:-1])
                    cuts._boxes = [tuple(box) for box in data["boxes"].tolist()]
                    cuts._starts, cuts._categories = data["starts"].tolist(), data["categories"].tolist()
                    cuts.files = data["files"].tolist()
        return cuts

    def __len__(self) -> int:
        return len(self._categories)

    def add(self, cut: Pixels, box: XYWH) -> None:
        """Add a frame to the current track: uint8 (h, w, 3) BGR, and the target's box in it."""
        code = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        self._blobs.append(np.asarray(code, np.uint8).ravel())
        self._boxes.append(box)

    def end(self, category: str) -> None:
        """End the current track; a track without frames is dropped."""
        if len(self._boxes) > self._starts[-1]:
            self._starts.append(len(self._boxes))
            self._categories.append(category)

    def extend(self, tracks: Cuts) -> None:
        """Add the tracks of another collection."""
        shift = self._starts[-1]
        self._blobs += tracks._blobs
        self._boxes += tracks._boxes
        self._starts += [shift + start for start in tracks._starts[1:]]
        self._categories += tracks._categories
        self.files += tracks.files

    def save(self, path: Path) -> Path:
        """Write a file for ``load_cuts``."""
        with replacing(path) as part, part.open("wb") as file:
            np.savez(
                file,
                blob=np.concatenate(self._blobs),
                ends=np.cumsum([len(blob) for blob in self._blobs]),
                boxes=np.array(self._boxes, np.float32),
                starts=np.array(self._starts),
                categories=np.array(self._categories, np.str_),
                files=np.array(self.files, np.str_),
            )
        return path


def cut_around(frame: Pixels, box: XYWH) -> tuple[Pixels, XYWH]:
    """Return the neighborhood of ``box``, and the box in it."""
    reach = max(_REACH * (box[2] * box[3]) ** 0.5, 96.0) / 2
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    x0, y0 = max(0, int(x - reach)), max(0, int(y - reach))
    cut = frame[y0 : int(y + reach), x0 : int(x + reach)]
    scale = min(1.0, _LONG_SIDE / max(cut.shape[:2]))
    if scale < 1.0:
        cut = np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return cut, ((box[0] - x0) * scale, (box[1] - y0) * scale, box[2] * scale, box[3] * scale)


def build(root: Path, cache: Path) -> Path:
    """Decode every video under ``root`` and write the cache; return its path."""
    folder = root / "train" / "flying"
    index = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    cuts = Cuts()
    for record in index:
        truth = np.atleast_2d(np.loadtxt((folder / record["video"]).with_suffix(".txt"), delimiter=","))
        frames = VideoFrames(folder / record["video"], expected=len(truth))
        for row, frame in zip(truth, frames, strict=False):
            box = clip_box(tuple(float(v) for v in row), frame.shape[1], frame.shape[0])  # type: ignore[arg-type]
            if np.isfinite(row).all() and box is not None:
                cuts.add(*cut_around(frame, box))
        cuts.end(record["category"])
    return cuts.save(cache / CACHE_NAME)


def load_cuts(path: Path) -> Videos:
    """Read a file of ``Cuts.save``."""
    with np.load(path) as data:
        names = [str(name) for name in data["categories"]]
        return Videos(data["blob"], data["ends"], data["boxes"], data["starts"], names)


def load_videos(root: str | Path | None = None, cache: Path | None = None) -> Videos:
    """Return the cropped frames from the cache, which is created if it does not exist.

    The tracks of unlabeled video by `edgetrack.training.data.pseudo_labels.tracks` are included, if there are any.
    """
    folder = cache or cache_folder()
    path = folder / CACHE_NAME
    if not path.exists():
        build(data_root(root), folder)
    labeled, more = load_cuts(path), folder / PSEUDO_NAME
    if not more.exists():
        return labeled
    pseudo = load_cuts(more)
    return joined(labeled, replace(pseudo, pseudo=len(pseudo)))


def joined(one: Videos, two: Videos) -> Videos:
    """Return the tracks of both."""
    return Videos(
        np.concatenate((one.blob, two.blob)),
        np.concatenate((one.ends, two.ends + len(one.blob))),
        np.concatenate((one.boxes, two.boxes)),
        np.concatenate((one.starts, two.starts[1:] + len(one.boxes))),
        one.categories + two.categories,
        one.pseudo + two.pseudo,
    )


def main() -> None:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="data folder (default: EDGETRACK_DATA)")
    options = parser.parse_args()
    sys.stdout.write(f"{build(data_root(options.data), cache_folder())}\n")


if __name__ == "__main__":
    main()
