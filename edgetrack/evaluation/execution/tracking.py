"""One tracker over one sequence, or over one batch of a grounding set.

Each pass is a generator that yields after every frame and returns the record, so that whoever drives it can show
progress; `finish` drives one to its end.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.trackers.text_length import FitText
from edgetrack.evaluation.types import ExpressionBatch, FirstMask, Record
from edgetrack.peers import FrameTracker, Mode
from edgetrack.tracker import Tracker
from edgetrack.types import Box

T = TypeVar("T")
Frames = Generator[None, None, T]  # yields once per frame


def finish(frames: Frames[T]) -> T:
    """Drive a pass to its end and return its result."""
    while True:
        try:
            next(frames)
        except StopIteration as ended:
            result: T = ended.value
            return result


def track(
    clip: Clip,
    tracker: FrameTracker,
    *,
    mode: Mode,
    text: str,
    perturbation: Perturbation,
    first_mask: FirstMask = "",
) -> Frames[Record]:
    """Run a tracker over one sequence; milliseconds are those of ``start`` and ``update`` alone.

    ``first_mask`` "given" passes the first true mask to a tracker of edgetrack, as the protocol of DAVIS does.
    """
    record = Record(bursts=list(perturbation.bursts))
    prompt = None if mode == "bbox" else text
    box: Box | None = None
    for index, pixels in enumerate(clip.frames):
        step = perturbation.step(pixels, index)
        if index == 0 and mode != "nl":
            box = perturbation.box(Box.of(clip.boxes[0]), pixels)
        milliseconds = 0.0
        if step.called or index == 0:
            new_prompt = perturbation.new_prompt(index)
            begin_s = time.perf_counter()
            if new_prompt is not None:
                tracker.set_text(new_prompt)
            if index:
                found = tracker.update(step.pixels)
            elif first_mask == "given" and isinstance(tracker, Tracker) and clip.masks is not None:
                found = tracker.start(step.pixels, text=prompt, box=box, mask=clip.masks(0))
            else:
                found = tracker.start(step.pixels, text=prompt, box=box)
            milliseconds = 1e3 * (time.perf_counter() - begin_s)
        result = perturbation.result(found, index, milliseconds=milliseconds)
        record.add(result, milliseconds=milliseconds, scored=step.scored)
        record.masks.append(None if result.mask is None else result.mask.rle())
        yield
    if not any(record.masks):
        record.masks.clear()  # of a tracker without masks
    return record


def ground(batch: ExpressionBatch, tracker: FrameTracker, *, fit: FitText) -> Frames[Record]:
    """Run a tracker on each sentence, as it would on the first frame of a video."""
    record = Record()
    for region, text in batch.pairs:
        pixels = region.read()
        begin_s = time.perf_counter()
        found = tracker.start(pixels, text=fit(text))
        record.add(found, milliseconds=1e3 * (time.perf_counter() - begin_s))
        yield
    return record
