"""One pass of one tracker over one sequence, and which passes there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.controls import Control
from edgetrack.evaluation.records import Record
from edgetrack.evaluation.streams import CLEAN, SWITCH, Condition, Stream
from edgetrack.evaluation.trackers import Entrant
from edgetrack.peers import FrameTracker, Mode
from edgetrack.types import Box


def folder_of(tracker: str) -> str:
    """The folder's name for the results of a tracker, which may be FILE.py:CLASS."""
    return Path(tracker).name.replace(":", "-")


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
            output / "records" / folder_of(self.tracker) / words / self.condition.label / f"{sequence}.json"
        )


def plan(
    entrants: Sequence[Entrant],
    modes: Sequence[Mode],
    controls: Sequence[Control],
    conditions: Sequence[Condition],
) -> list[Run]:
    """All runs, each once: a mode where the tracker has it, another text where there is one, on clean frames.

    Raises:
        ConfigError: a tracker has none of the modes, or what is asked for would disturb nothing.
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
                    if _makes_sense(condition, mode):
                        runs[Run(entrant.name, mode, told, condition)] = None
    _check_idle({c.name for c in conditions}, {run.condition.name for run in runs})
    return list(runs)


def _check_idle(asked: set[str], done: set[str]) -> None:
    """Refuses a disturbance that no run has; init-jitter may be one of several that text alone leaves out."""
    if SWITCH in asked - done:
        raise ConfigError(
            "--switch has no run: it changes the true text; add --mode nl, and --text-control none if there are others"
        )
    disturbed = asked - {CLEAN.name}
    if disturbed and not disturbed & done:
        raise ConfigError(
            f"{', '.join(sorted(disturbed)[:3])} would disturb no run: init-jitter moves a box (--mode bbox or "
            "nlbbox), and other texts are told on undisturbed frames only (add --text-control none)"
        )


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
    given: Box | None = None
    for index, pixels in enumerate(clip.frames):
        step = stream.step(pixels, index)
        if index == 0 and mode != "nl":
            given = stream.box(Box.of(clip.boxes[0]), pixels)
        milliseconds = 0.0
        if step.called or index == 0:
            new_text = stream.new_text(index)
            begun_s = time.perf_counter()
            if new_text is not None:
                tracker.set_text(new_text)
            found = tracker.update(step.pixels) if index else tracker.start(step.pixels, text=said, box=given)
            milliseconds = 1e3 * (time.perf_counter() - begun_s)
        answer = stream.answer(found, index, milliseconds=milliseconds)
        record.add(answer, milliseconds=milliseconds, scored=step.scored)
        on_frame()
    return record


def _makes_sense(condition: Condition, mode: Mode) -> bool:
    """By text there is no first box to move; by a box there is no text to change."""
    if condition.name == SWITCH:
        return mode == "nl"
    return not (condition.name == "init-jitter" and mode == "nl")
