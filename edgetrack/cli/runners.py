"""The tracker of a run, for one target or several, and the loop that it runs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgetrack.cli.base import complain
from edgetrack.cli.engine_options import EngineOptions
from edgetrack.cli.wanted import Wanted

if TYPE_CHECKING:
    from edgetrack.cli.status import Engine as Engines
    from edgetrack.cli.status import Watch
    from edgetrack.io.outputs import Outputs
    from edgetrack.io.source import Source
    from edgetrack.meter import Summary
    from edgetrack.types import Box

    Run = Callable[[Source, Outputs, Watch, int | None], Summary]


@dataclass(frozen=True)
class Limits:
    """What a frame may take, and how old it may be, in milliseconds; None for no limit."""

    deadline_ms: float | None = None
    max_age_ms: float | None = None


def open_runner(wanted: Wanted, limits: Limits, options: EngineOptions) -> tuple[Engines, Run]:
    """Open the tracker, and return its engine and what runs it through a source."""
    if wanted.is_one:
        return _one(*wanted.targets[0], limits, options)
    return _many(wanted, limits, options)


def _one(text: str | None, box: Box | None, limits: Limits, options: EngineOptions) -> tuple[Engines, Run]:
    from edgetrack import pipeline

    tracker = options.tracker()
    return tracker.engine, lambda source, sinks, watch, most: pipeline.run(
        source,
        tracker,
        [sinks],
        text=text,
        box=box,
        max_frames=most,
        deadline_ms=limits.deadline_ms,
        max_age_ms=limits.max_age_ms,
        on_frame=watch.update,
    )


def _many(wanted: Wanted, limits: Limits, options: EngineOptions) -> tuple[Engines, Run]:
    from edgetrack import pipeline

    tracker = options.multi_tracker()
    for text, box in wanted.targets:
        tracker.add(text=text, box=box)
    for phrase in wanted.every:
        tracker.every(phrase, max=wanted.max)
    return tracker.engine, lambda source, sinks, watch, most: pipeline.run_many(
        source,
        tracker,
        [sinks],
        max_frames=most,
        deadline_ms=limits.deadline_ms,
        max_age_ms=limits.max_age_ms,
        zones=wanted.zones,
        watcher=wanted.watcher,
        unusual=wanted.unusual,
        on_frame=watch.update_all,
        on_failure=lambda name, error: complain(
            f"the targets take turns: {error}" if name is None else f"target {name!r}: {error}"
        ),
    )
