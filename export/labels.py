"""Labeled clips: videos with the boxes of their targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ExportError
from edgetrack.export.pairs import second_video

VIDEOS = (".mp4", ".avi", ".mkv", ".mov")
Boxes = NDArray[np.float64]  # (N, 4) xywh, NaN without a box


@dataclass(frozen=True, slots=True)
class Labeled:
    """A video and the boxes of its target: one row per frame, starting at the first frame with a box."""

    video: Path
    truth: Boxes
    start: int  # index of that frame
    masks: tuple[Path, ...] = ()  # of all frames of the video, in order; empty if there are none
    x: Path | None = None  # video of the second sensor, for trackers that take pairs
    blind: bool = False  # whether color is missing in all frames but those in which the target is given

    @property
    def name(self) -> str:
        """Return the clip's name in reports."""
        if self.x is None:
            return self.video.stem
        return f"{self.video.stem} by x" if self.blind else f"{self.video.stem} with x"


def labeled_clips(folder: Path, *, pairs: bool = False) -> list[Labeled]:
    """Find each NAME.mp4 with a NAME.txt: one line ``x,y,w,h`` in pixels per frame, nan where the target is absent.

    A folder NAME next to them has the target's masks: one PNG file per frame, nonzero on the target. With ``pairs``,
    each clip with a second sensor's video NAME.x.mp4 counts a second time, as pairs, and a third time without color.

    Raises:
        ExportError: The folder has no such pair, or a label file cannot be read.
    """
    videos = sorted(
        p for p in folder.glob("*") if p.suffix.lower() in VIDEOS and p.with_suffix(".txt").is_file()
    )
    if not videos:
        raise ExportError(
            f"--accept {folder} has no labeled clips; expected pairs such as drive.mp4 and drive.txt with a line "
            "x,y,w,h (pixels, nan where the target is absent) for each frame"
        )
    clips = [_labeled(video) for video in videos]
    paired = [
        replace(clip, x=second_video(clip.video))
        for clip in clips
        if pairs and second_video(clip.video).is_file()
    ]
    return clips + paired + [replace(clip, blind=True) for clip in paired]


def _labeled(video: Path) -> Labeled:
    file = video.with_suffix(".txt")
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        boxes = np.array([[float(value) for value in line.replace(",", " ").split()] for line in lines])
    except (OSError, ValueError) as error:
        raise ExportError(
            f"labels {file} cannot be read ({error}); expected a line x,y,w,h for each frame"
        ) from error
    present: NDArray[np.intp] = (
        np.nonzero(~np.isnan(boxes).any(1))[0]
        if boxes.ndim == 2 and boxes.shape[1] == 4
        else np.empty(0, np.intp)
    )
    if len(present) < 2:
        raise ExportError(
            f"labels {file} contain {len(present)} boxes; expected a line x,y,w,h for each frame, and at "
            "least two boxes"
        )
    return Labeled(video, boxes[present[0] :], int(present[0]), _masks(video.with_suffix(""), len(boxes)))


def _masks(folder: Path, frames: int) -> tuple[Path, ...]:
    files = tuple(sorted(folder.glob("*.png")))
    if files and len(files) != frames:
        raise ExportError(
            f"{folder} has {len(files)} masks, but there are labels for {frames} frames; expected a PNG file for each "
            "frame, black outside of the target"
        )
    return files
