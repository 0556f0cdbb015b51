"""What a video can show at all: frames that show something, and how many are needed before a figure means anything."""

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
FLAT = 3.0  # standard deviation in gray levels below which a picture is of one color, a lens cap's noise included
NOISE = (
    0.1  # share of the variance that 8 x 8 means keep, below which a picture is noise: white noise keeps 1/64
)
_BLOCK, _ROWS = 8, 60  # pixels of a block; rows of blocks that are looked at
_DRAWS = 10  # of a random box until one shows something


@dataclass
class Seen:
    """Frames of one video, by what they gave."""

    source: str
    frames: int = 0
    flat: int = 0  # of one color
    noise: int = 0
    found: int = 0  # the target that was named, or one of the words, was tracked
    random: int = 0  # the target was a random box

    @property
    def usable(self) -> int:
        """Frames that show something."""
        return self.frames - self.flat - self.noise

    def shown(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames that show something; counts all."""
        for frame in frames:
            self.frames += 1
            kind = shows(frame.pixels)
            if kind == "something":
                yield frame
            else:
                setattr(self, kind, getattr(self, kind) + 1)


def shows(pixels: NDArray[np.uint8]) -> str:
    """What a picture, uint8 (H, W, 3), shows: "flat" (one color), "noise" or "something"."""
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
    """A box in which something is to be seen; None where none was drawn."""
    height, width = pixels.shape[:2]
    for _ in range(_DRAWS):
        w, h = random.uniform(0.05, 0.4, 2) * (width, height)
        box = Box(random.uniform(0, width - w), random.uniform(0, height - h), w, h)
        part = pixels[int(box.y) : int(box.y + h) + 1, int(box.x) : int(box.x + w) + 1, 1]
        if float(part.std()) >= FLAT:
            return box
    return None


def check_seen(seen: Sequence[Seen], *, wanted: Sequence[str], named: bool, found: bool) -> None:
    """Raises ExportError unless the videos show enough to measure on.

    Args:
        seen: of each video.
        wanted: the text or the words that were looked for; empty for a tracker that takes no text.
        named: whether the user named the target, by a text or a box.
        found: whether a target must have been found; False where random boxes are all that can be followed.
    """
    names = ", ".join(Path(one.source).name for one in seen)
    frames, flat, noise = (sum(getattr(one, what) for one in seen) for what in ("frames", "flat", "noise"))
    if frames - flat - noise < NEEDED:
        empty = [f"{flat} are of one color"] * bool(flat) + [f"{noise} are noise"] * bool(noise)
        why = f" of its {frames} frames {' and '.join(empty)};" if empty else ""
        raise ExportError(
            f"{names} shows nothing to measure on:{why} {frames - flat - noise} frames show something, expected "
            f"{NEEDED} or more: give a video of what the tracker will see"
        )
    tracked = sum(one.found for one in seen)
    if found and tracked < (NEEDED if named else 1):
        what = " or ".join(f'"{word}"' for word in wanted) or "the target in --box"
        times = f"in {tracked} of {frames} frames" if tracked else f"in none of {frames} frames"
        raise ExportError(
            f"{what} was found {times} of {names}, expected {NEEDED} or more; name what is to be seen in the video "
            "with --text, or where it is in the first frame with --box X,Y,W,H"
        )


def as_records(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """The counts as data, for the manifest and the report."""
    return [{**asdict(one), "source": Path(one.source).name} for one in seen]
