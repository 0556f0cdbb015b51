"""Runs trackers over sequences; what is finished is on disk and is not run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrack.errors import ConfigError, EdgetrackError
from edgetrack.evaluation.controls import Control
from edgetrack.evaluation.records import Record, load, save
from edgetrack.evaluation.sequences import Sequence as Clip
from edgetrack.evaluation.streams import CLEAN, Condition, Stream
from edgetrack.evaluation.trackers import Entrant, FrameTracker, Mode
from edgetrack.types import Box


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over all sequences."""

    tracker: str
    mode: Mode
    control: Control = "none"
    condition: Condition = CLEAN

    @property
    def label(self) -> str:
        """For people, such as ``nl, shuffled text, fog-2``."""
        parts = [self.mode, "" if self.control == "none" else f"{self.control} text"]
        parts.append("" if self.condition.name == "clean" else self.condition.label)
        return ", ".join(part for part in parts if part)

    def file(self, output: Path, sequence: str) -> Path:
        """Where the record of a sequence is kept."""
        words = self.mode if self.control == "none" else f"{self.mode}-{self.control}"
        return (
            output
            / "records"
            / self.tracker.replace(":", "-")
            / words
            / self.condition.label
            / f"{sequence}.json"
        )


def plan(
    entrants: Sequence[Entrant],
    modes: Sequence[Mode],
    controls: Sequence[Control],
    conditions: Sequence[Condition],
) -> list[Run]:
    """All runs, each once: a mode where the tracker has it, another text where there is one, on clean frames.

    Raises:
        ConfigError: a tracker has none of the modes.
    """
    runs: dict[Run, None] = {}
    for entrant in entrants:
        if not set(modes) & set(entrant.modes):
            raise ConfigError(
                f"tracker {entrant.name} has none of the modes {', '.join(modes)}; "
                f"add --mode {entrant.modes[0]} or leave it out"
            )
        for mode in (mode for mode in modes if mode in entrant.modes):
            for control in controls:
                told: Control = "none" if mode == "bbox" else control
                for condition in conditions if told == "none" else [CLEAN]:
                    if not (condition.name == "init-jitter" and mode == "nl"):  # no box, nothing to move
                        runs[Run(entrant.name, mode, told, condition)] = None
    return list(runs)


def perform(
    run: Run,
    clip: Clip,
    *,
    tracker: FrameTracker,
    text: str,
    open_stream: Callable[[], Stream],
    output: Path,
    on_frame: Callable[[], None],
) -> Record:
    """The record of one run over one sequence, from disk where it is there already.

    Raises:
        EdgetrackError: the tracker or the source gave up; the message begins with the sequence's name.
    """
    file = run.file(output, clip.name)
    if file.exists():
        return load(file, frames=len(clip.truth))
    try:
        record = track(clip, tracker, mode=run.mode, text=text, stream=open_stream(), on_frame=on_frame)
    except EdgetrackError as error:
        raise type(error)(f"{clip.name}, {run.tracker} {run.label}: {error}") from error
    save(record, file)
    return record


def track(
    clip: Clip,
    tracker: FrameTracker,
    *,
    mode: Mode,
    text: str,
    stream: Stream,
    on_frame: Callable[[], None] = lambda: None,
) -> Record:
    """Runs a tracker over one sequence; milliseconds are those of ``start`` and ``update`` alone."""
    record = Record(bursts=list(stream.bursts))
    said = None if mode == "bbox" else text
    given = None if mode == "nl" else stream.box(Box.of(clip.truth[0]))
    with clip.frames() as frames:
        for index, frame in enumerate(frames):
            step = stream.step(frame.pixels, index)
            milliseconds = 0.0
            if step.called or index == 0:
                begun_s = time.perf_counter()
                first = index == 0
                found = (
                    tracker.start(step.pixels, text=said, box=given) if first else tracker.update(step.pixels)
                )
                milliseconds = 1e3 * (time.perf_counter() - begun_s)
            answer = stream.answer(found, index, milliseconds=milliseconds)
            record.add(answer, milliseconds=milliseconds, scored=step.scored)
            on_frame()
    return record
