"""Tracks in unlabeled video, by a teacher that follows an object forward and then back to the start.

``python -m edgetrack.training.data.pseudo_labels.tracks VIDEOS --teacher FOLDER`` writes ``pseudo.npz``, or adds
missing videos to it. A track is kept if the backward pass ends on the initial box (forward-backward consistency,
Kalal et al., ICPR 2010), and a frame of it is kept if both passes agree there.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets import VideoFrames
from edgetrack.training.data.paths import cache_folder
from edgetrack.training.data.pictures import XYWH, Pixels, overlap
from edgetrack.training.data.sources.videos import PSEUDO_NAME, Cuts, cut_around
from edgetrack.training.resumable import resumable
from edgetrack.training.teachers import NanoTrack

WORDS = ("person", "face", "car", "bicycle", "hand", "dog", "bottle", "ball", "bird")
_SPAN, _STEP = 48, 2  # frames per segment, of which every second one is kept
_SEGMENTS = 7  # maximum number of segments per video
_LONG_SIDE = 960
_RETURN, _AGREE, _SCORE = 0.6, 0.55, 0.45
_STILL = 0.15  # fraction of the nearly static tracks that is kept


def segments(path: Path) -> Iterator[list[Pixels]]:
    """Yield runs of ``_SPAN`` frames, spread over a video, without scene cuts, uint8 (H, W, 3) BGR."""
    frames = VideoFrames(path)
    total = len(frames)
    wanted = min(_SEGMENTS, max(1, total // _SPAN))
    starts = {round(i * max(0, total - _SPAN) / max(1, wanted - 1)) for i in range(wanted)}
    run: list[Pixels] | None = None
    for index, frame in enumerate(frames):
        if index in starts:
            run = []
        if run is None:
            continue
        run.append(_shrunk(frame))
        if len(run) > 1 and _jumps(run[-2], run[-1]):
            run = None
        elif len(run) == _SPAN:
            yield run
            run = None
    if run is not None and len(run) >= _SPAN // 3:
        yield run


def _shrunk(frame: Pixels) -> Pixels:
    scale = _LONG_SIDE / max(frame.shape[:2])
    if scale >= 1:
        return frame
    return np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _jumps(one: Pixels, two: Pixels) -> bool:
    small = [cv2.resize(f, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32) for f in (one, two)]
    return bool(np.abs(small[0] - small[1]).mean() > 35)


class Finder:
    """Finds boxes to follow: objects of common classes by the shipped model, and textured regions."""

    def __init__(self, seed: int) -> None:
        from edgetrack import Tracker

        self._tracker, self._random = Tracker(threads=1), np.random.default_rng(seed)

    def __call__(self, frame: Pixels) -> list[XYWH]:
        """Return up to seven boxes, xywh in pixels, with little overlap."""
        chosen: list[XYWH] = []
        for box in (*self._instances(frame), *self._pieces(frame)):
            if all(overlap(box, other)[0] < 0.4 for other in chosen) and min(box[2:]) >= 10:
                chosen.append(box)
        return chosen[:7]

    def _instances(self, frame: Pixels) -> list[XYWH]:
        """Return at most one box per word, with a score that is at least uncertain for the tracker."""
        tracks = [self._tracker.start(frame, text=word) for word in WORDS]
        return [track.box.xywh for track in tracks if track.box is not None]

    def _pieces(self, frame: Pixels) -> list[XYWH]:
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        corners = cv2.goodFeaturesToTrack(gray, 12, 0.05, min(gray.shape) / 6)
        boxes: list[XYWH] = []
        for x, y in [] if corners is None else corners[:, 0]:
            side = float(np.exp(self._random.uniform(np.log(0.07), np.log(0.3)))) * min(gray.shape)
            ratio = float(np.exp(self._random.normal(0, 0.35)))
            w, h = side * ratio, side / ratio
            inside = w < x * 2 < 2 * gray.shape[1] - w and h < y * 2 < 2 * gray.shape[0] - h
            if inside:
                boxes.append((float(x) - w / 2, float(y) - h / 2, w, h))
        return boxes[:4]


def follow(teacher: NanoTrack, frames: list[Pixels], box: XYWH) -> list[XYWH | None] | None:
    """Return the box in every frame, None where the two passes disagree.

    Return None if the backward pass does not end at the initial box.
    """
    ahead = _one_way(teacher, frames, box)
    if ahead is None:
        return None
    back = _one_way(teacher, frames[::-1], ahead[-1])
    if back is None or overlap(back[-1], box)[0] < _RETURN:
        return None
    pairs = zip(ahead, back[::-1], strict=True)
    boxes = [_mean(a, b) if overlap(a, b)[0] >= _AGREE else None for a, b in pairs]
    return boxes if sum(b is not None for b in boxes) >= 0.6 * len(boxes) else None


def _one_way(teacher: NanoTrack, frames: list[Pixels], box: XYWH) -> list[XYWH] | None:
    teacher.start(frames[0], box)
    boxes, scores = [box], []
    for frame in frames[1:]:
        found, score = teacher.update(frame)
        boxes.append(found)
        scores.append(score)
        if len(scores) >= 8 and np.mean(scores[-8:]) < _SCORE:
            return None
    return boxes


def _mean(a: XYWH, b: XYWH) -> XYWH:
    x, y, w, h = ((p + q) / 2 for p, q in zip(a, b, strict=True))
    return x, y, w, h


def _moves(boxes: list[XYWH | None]) -> bool:
    known: NDArray[np.float64] = np.array([box for box in boxes if box is not None])
    reach = np.ptp(known[:, :2] + known[:, 2:] / 2, axis=0).max()
    size = np.sqrt(known[:, 2] * known[:, 3])
    return bool(reach > 0.5 * size.mean() or size.max() > 1.3 * size.min())


def tracks_of(video: Path, teacher: NanoTrack, find: Finder, random: np.random.Generator) -> Cuts:
    """Return the tracks that can be found in a video."""
    cuts = Cuts()
    for frames in segments(video):
        for box in find(frames[0]):
            boxes = follow(teacher, frames, box)
            if boxes is None or (not _moves(boxes) and random.random() > _STILL):
                continue
            for frame, spot in list(zip(frames, boxes, strict=True))[::_STEP]:
                if spot is not None:
                    cuts.add(*cut_around(frame, spot))
            cuts.end("")
    cuts.files = [str(video)]
    return cuts


def build(videos: list[Path], teacher: Path, cache: Path, seed: int = 0) -> Path:
    """Follow objects in all ``videos`` and write the cache, also when interrupted; return its path.

    Videos that are already in the cache are skipped.
    """
    path = cache / PSEUDO_NAME
    cuts = Cuts.load(path)
    left = [video for video in videos if str(video) not in cuts.files]
    begun = len(videos) - len(left)
    nano, find, random = NanoTrack(teacher), Finder(seed + begun), np.random.default_rng(seed + begun)
    try:
        for number, video in enumerate(left, begun + 1):
            cuts.extend(tracks_of(video, nano, find, random))
            print(f"{number}/{len(videos)} {video.name}: {len(cuts)} tracks so far", flush=True)
            if number % 10 == 0:
                cuts.save(path)
    finally:
        if cuts.files:
            cuts.save(path)
    return path


def main() -> None:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "videos", type=Path, help="folder; every .mp4, .avi, .mov, .webm and .mkv below it is read"
    )
    parser.add_argument("--teacher", type=Path, required=True, help="folder with the NanoTrack v3 ONNX pair")
    parser.add_argument(
        "--cache", type=Path, default=None, help="cache folder (default: training in the cache folder)"
    )
    options = parser.parse_args()
    kinds = {".mp4", ".avi", ".mov", ".webm", ".mkv", ".gif"}
    videos = sorted(path for path in options.videos.rglob("*") if path.suffix.lower() in kinds)
    if not videos:
        parser.error(f"no videos under {options.videos}; expected files ending in {', '.join(sorted(kinds))}")
    cache = options.cache or cache_folder()
    command = shlex.join(["python", "-m", "edgetrack.training.data.pseudo_labels.tracks", *sys.argv[1:]])
    with resumable(cache / PSEUDO_NAME, command):
        print(build(videos, options.teacher, cache))


if __name__ == "__main__":
    main()
