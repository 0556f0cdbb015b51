"""One tracker over one sequence, or over one batch of a grounding set.

Each pass is a generator that yields after every frame and returns the record, so that the caller can show progress;
`finish` runs one to its end.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import DatasetError
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.trackers.text_length import FitText
from edgetrack.evaluation.types import ExpressionBatch, FirstMask, Pixels, Record, Sensors
from edgetrack.peers import FrameTracker, Mode
from edgetrack.tracker import Tracker
from edgetrack.types import Box

T = TypeVar("T")
Frames = Generator[None, None, T]  # yields once per frame


def finish(frames: Frames[T]) -> T:
    """Run a pass to its end and return its result."""
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
    sensors: Sensors = "color",
    pairs: bool = False,
) -> Frames[Record]:
    """Run a tracker over one sequence; the milliseconds include only ``start`` and ``update``.

    With ``first_mask`` "given", edgetrack's trackers get the true mask of the first frame, as in the protocol of DAVIS.
    With ``pairs``, the tracker gets the second sensor as well; otherwise it gets a single image, of either sensor.
    """
    record = Record(bursts=list(perturbation.bursts))
    prompt = None if mode == "bbox" else text
    box: Box | None = None
    for index, (pixels, x) in enumerate(_pictures(clip)):
        step = perturbation.step(pixels, index)
        seen, second = given(sensors, step.pixels, x, index, perturbation=perturbation, pairs=pairs)
        more: dict[str, Any] = {} if second is None else {"x": second}
        if index == 0 and mode != "nl":
            box = perturbation.box(Box.of(clip.boxes[0]), pixels)
        milliseconds = 0.0
        if step.called or index == 0:
            new_prompt = perturbation.new_prompt(index)
            begin_s = time.perf_counter()
            if new_prompt is not None:
                tracker.set_text(new_prompt)
            if index:
                found = tracker.update(seen, **more)  # type: ignore[arg-type]
            elif first_mask == "given" and isinstance(tracker, Tracker) and clip.masks is not None:
                found = tracker.start(seen, text=prompt, box=box, mask=clip.masks(0), **more)
            else:
                found = tracker.start(seen, text=prompt, box=box, **more)  # type: ignore[arg-type]
            milliseconds = 1e3 * (time.perf_counter() - begin_s)
        result = perturbation.result(found, index, milliseconds=milliseconds)
        record.add(result, milliseconds=milliseconds, scored=step.scored)
        record.masks.append(None if result.mask is None else result.mask.rle())
        yield
    if not any(record.masks):
        record.masks.clear()  # the tracker gives no masks
    return record


def given(
    sensors: Sensors, color: Pixels, x: Pixels | None, index: int, *, perturbation: Perturbation, pairs: bool
) -> tuple[Pixels | None, Pixels | None]:
    """Return the image that a tracker gets as its frame, and the one that it gets from the second sensor.

    If a tracker gets no other image, a missing one is replaced by gray, which is zero after normalization.
    """
    if x is None:
        return color, None
    seen, second = perturbation.pair(color, x, index)
    if sensors == "both":
        return seen, second
    if sensors == "color":
        return _gray(color) if seen is None else seen, None
    if sensors == "x":
        other = _gray(x) if second is None else second
        return (None, other) if pairs else (other, None)
    there = [picture for picture in (seen, second) if picture is not None]
    return np.asarray(np.mean(there, axis=0) + 0.5, np.uint8), None


def _gray(pixels: Pixels) -> Pixels:
    return np.full_like(pixels, 128)


def _pictures(clip: Clip) -> Iterable[tuple[Pixels, Pixels | None]]:
    if clip.x is None:
        return ((pixels, None) for pixels in clip.frames)
    return ((pixels, _fitting(clip, pixels, x)) for pixels, x in zip(clip.frames, clip.x, strict=True))


def _fitting(clip: Clip, pixels: Pixels, x: Pixels) -> Pixels:
    if x.shape != pixels.shape:
        raise DatasetError(
            f"{clip.name}: color has {pixels.shape[1]}x{pixels.shape[0]} pixels but the second sensor has "
            f"{x.shape[1]}x{x.shape[0]}; expected aligned images of the same size"
        )
    return x


def ground(batch: ExpressionBatch, tracker: FrameTracker, *, fit: FitText) -> Frames[Record]:
    """Run a tracker on each sentence, as on the first frame of a video."""
    record = Record()
    for region, text in batch.pairs:
        pixels = region.read()
        begin_s = time.perf_counter()
        found = tracker.start(pixels, text=fit(text))
        record.add(found, milliseconds=1e3 * (time.perf_counter() - begin_s))
        yield
    return record
