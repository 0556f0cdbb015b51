"""Evidence in videos: which frames show something, and how many are needed for a meaningful result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ExportError
from edgetrack.types import Box, Frame

NEEDED = 30  # frames
FLAT = 3.0  # an image whose standard deviation in gray levels is below this is uniform, even with a lens cap's noise
NOISE = (
    0.1  # if 8 x 8 means keep a smaller fraction of the variance, an image is noise: white noise keeps 1/64
)
_BLOCK, _ROWS = 8, 60  # side of a block in pixels; number of rows of blocks that are examined
_DRAWS = 10  # attempts to draw a random box that shows something


@dataclass
class Seen:
    """Numbers of frames of one video, by what they show."""

    source: str
    frames: int = 0
    flat: int = 0  # uniform color
    noise: int = 0
    found: int = 0  # the named target, or an object found by a word, was tracked
    random: int = 0  # a random box was tracked

    @property
    def usable(self) -> int:
        """Return the number of frames that show something."""
        return self.frames - self.flat - self.noise

    def shown(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames that show something, and count all frames."""
        for frame in frames:
            self.frames += 1
            kind = shows((frame.x or frame).pixels)  # color of a pair may be dark, or missing
            if kind == "something":
                yield frame
            else:
                setattr(self, kind, getattr(self, kind) + 1)


def shows(pixels: NDArray[np.uint8]) -> str:
    """Return what an image, uint8 (H, W, 3), shows: "flat" (uniform color), "noise" or "something"."""
    height, width = (side // _BLOCK for side in pixels.shape[:2])
    green = pixels[..., 1]
    if min(height, width) < 2:
        return "flat" if float(green.std()) < FLAT else "something"
    blocks = green[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK)
    blocks = blocks[:: max(1, height // _ROWS)].astype(np.float32)
    variance = float(blocks.var())
    if variance < FLAT**2:
        return "flat"
    return "noise" if float(blocks.mean((1, 3)).var()) < NOISE * variance else "something"


def random_box(pixels: NDArray[np.uint8], random: np.random.Generator) -> Box | None:
    """Return a random box that shows something, or None if no attempt found one."""
    height, width = pixels.shape[:2]
    for _ in range(_DRAWS):
        w, h = random.uniform(0.05, 0.4, 2) * (width, height)
        box = Box(random.uniform(0, width - w), random.uniform(0, height - h), w, h)
        part = pixels[int(box.y) : int(box.y + h) + 1, int(box.x) : int(box.x + w) + 1, 1]
        if float(part.std()) >= FLAT:
            return box
    return None


def check_seen(seen: Sequence[Seen], *, wanted: Sequence[str], named: bool, found: bool) -> None:
    """Raise ExportError unless the videos show enough for measurements.

    Args:
        seen: Counts of each video.
        wanted: The text or the words that were searched for; empty for a tracker that does not accept text.
        named: Whether the user gave the target, by a text or a box.
        found: Whether a target must have been found; False if only random boxes can be tracked.
    """
    names = ", ".join(Path(one.source).name for one in seen)
    frames, flat, noise = (sum(getattr(one, what) for one in seen) for what in ("frames", "flat", "noise"))
    if frames - flat - noise < NEEDED:
        empty = [f"{flat} are of one color"] * bool(flat) + [f"{noise} are noise"] * bool(noise)
        why = f" of its {frames} frames {' and '.join(empty)};" if empty else ""
        raise ExportError(
            f"{names} has too little to measure on:{why} {frames - flat - noise} frames have content; expected "
            f"at least {NEEDED}: give a video of what the tracker will see"
        )
    tracked = sum(one.found for one in seen)
    if found and tracked < (NEEDED if named else 1):
        what = " or ".join(f'"{word}"' for word in wanted) or "the target in --box"
        times = f"in {tracked} of {frames} frames" if tracked else f"in none of {frames} frames"
        raise ExportError(
            f"{what} was found {times} of {names}; expected at least {NEEDED}; describe an object of the video "
            "with --text, or give its position in the first frame with --box X,Y,W,H"
        )


def as_records(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """Return the counts as data for the manifest and the report."""
    return [{**asdict(one), "source": Path(one.source).name} for one in seen]
