"""Switching the text in mid-sequence to that of another target.

A sequence that shares its video with another one continues with the text and target of that one. Any other sequence
is cut in the middle and continued with another video and its text; such a switch is easier to notice, but its target
is harder to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from edgetrack.datasets import Frames
from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics.prompt_switching import OTHER_VIDEO, SAME_VIDEO, SWITCH_FRAME, SWITCH_KIND
from edgetrack.evaluation.perturbations.base import Perturbation, rng_for
from edgetrack.evaluation.types import Pixels

FRAMES_BEFORE, FRAMES_AFTER = 60, 100  # maximum numbers


class SplicedFrames:
    """The first ``before`` frames of one video, then ``after`` frames of another one, starting at frame ``begin``."""

    def __init__(self, first: Frames, before: int, second: Frames, begin: int, after: int) -> None:
        self._first, self._before = first, before
        self._second, self._begin, self._after = second, begin, after

    def __len__(self) -> int:
        return self._before + self._after

    def __getitem__(self, index: int, /) -> Pixels:
        if index < self._before:
            return self._first[index]
        if index >= len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        return self._second[self._begin + index - self._before]

    def __iter__(self) -> Iterator[Pixels]:
        return (self[i] for i in range(len(self)))


class PromptSwitch(Perturbation):
    """Sets ``text`` as the tracker's text before frame ``at``."""

    def __init__(self, at: int, text: str) -> None:
        self._at, self._text = at, text

    def new_prompt(self, index: int) -> str | None:
        return self._text if index == self._at else None


def splice(clip: Clip, *, clips: Sequence[Clip], seed: int) -> tuple[Clip, str]:
    """Return the sequence, continued with another target, and the text of that one; deterministic for a seed.

    Raises:
        ConfigError: all sentences of the dataset are the same.
    """
    others = [other for other in clips if other.text not in ("", clip.text)]
    if not others:
        raise ConfigError(
            f"--switch: no other sequence has a sentence that differs from that of {clip.name}; expected at "
            "least two different sentences"
        )
    shared = [other for other in others if _same_video(clip, other)]
    rng = rng_for(seed, clip.name, "switch")
    other = (shared or others)[int(rng.integers(len(shared or others)))]
    at = min(FRAMES_BEFORE, len(clip) // 2)
    begin = at if shared else 0
    after = min(FRAMES_AFTER, len(other) - begin)
    boxes = np.concatenate([clip.boxes[:at], other.boxes[begin : begin + after]])
    frames = SplicedFrames(clip.frames, at, other.frames, begin, after)
    attributes = {SWITCH_FRAME: str(at), SWITCH_KIND: SAME_VIDEO if shared else OTHER_VIDEO}
    return Clip(clip.name, frames, boxes, clip.text, attributes), other.text


def _same_video(clip: Clip, other: Clip) -> bool:
    return len(clip) == len(other) and np.array_equal(next(iter(clip.frames)), next(iter(other.frames)))
