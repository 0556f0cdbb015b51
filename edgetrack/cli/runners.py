"""The tracker of a run, for one target or several, and its frame loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgetrack.cli.base import complain
from edgetrack.cli.engine_options import EngineOptions
from edgetrack.cli.pair_options import check_takes_pairs
from edgetrack.cli.reload import Changes, change_many, change_one
from edgetrack.cli.wanted import Wanted

if TYPE_CHECKING:
    from edgetrack.cli.status import Watch
    from edgetrack.io.outputs import Outputs
    from edgetrack.meter import Meter, Summary
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.peers.guarded import AdapterTracker
    from edgetrack.pipeline import FrameSource
    from edgetrack.tracker import Tracker as OneTracker
    from edgetrack.types import Box, Frame, Track

    Tracker = OneTracker | MultiTracker | AdapterTracker
    Run = Callable[[FrameSource, Outputs, Watch, int | None], Summary]


TURN_S = 0.0005  # with Python's default of 5 ms and all outputs open, the slowest updates took a third longer


@dataclass(frozen=True)
class Limits:
    """Limits on the latency and the age of a frame, in milliseconds; None for no limit."""

    deadline_ms: float | None = None
    max_age_ms: float | None = None


def open_runner(
    wanted: Wanted,
    limits: Limits,
    options: EngineOptions,
    reload: Changes | None = None,
    *,
    pairs: bool = False,
    camera: str | None = None,
) -> tuple[Tracker, Run]:
    """Open the tracker; return it and the function that runs it on a source, which may yield ``pairs`` of images.

    ``camera`` is the name of the camera in errors, if there are several.
    """
    tracker, run = (
        _one(*wanted.targets[0], limits, options, reload)
        if wanted.is_one
        else _many(wanted, limits, options, reload, camera)
    )
    if pairs:
        check_takes_pairs(tracker.engine)
    return tracker, run


def _one(
    text: str | None,
    box: Box | None,
    limits: Limits,
    options: EngineOptions,
    reload: Changes | None,
) -> tuple[Tracker, Run]:
    from edgetrack import pipeline

    tracker = options.tracker()

    def run(source: FrameSource, sinks: Outputs, watch: Watch, most: int | None) -> Summary:
        def between(frame: Frame, track: Track, meter: Meter) -> None:
            watch.update(frame, track, meter)
            if reload is not None:
                reload.between_frames(change_one(tracker))

        return pipeline.run(
            source,
            tracker,
            [sinks],
            text=text,
            box=box,
            max_frames=most,
            deadline_ms=limits.deadline_ms,
            max_age_ms=limits.max_age_ms,
            on_frame=between,
        )

    return tracker, run


def _many(
    wanted: Wanted,
    limits: Limits,
    options: EngineOptions,
    reload: Changes | None,
    camera: str | None,
) -> tuple[Tracker, Run]:
    from edgetrack import pipeline

    tracker = options.multi_tracker()
    for text, box in wanted.targets:
        tracker.add(text=text, box=box)
    lying = () if wanted.watcher is None else wanted.watcher.lying
    for phrase in wanted.every:
        tracker.every(phrase, max=wanted.max, lying=phrase in lying)

    def run(source: FrameSource, sinks: Outputs, watch: Watch, most: int | None) -> Summary:
        def between(frame: Frame, tracks: dict[str, Track], meter: Meter) -> None:
            watch.update_all(frame, tracks, meter)
            if reload is not None:
                reload.between_frames(change_many(tracker))

        return pipeline.run_many(
            source,
            tracker,
            [sinks],
            max_frames=most,
            deadline_ms=limits.deadline_ms,
            max_age_ms=limits.max_age_ms,
            zones=wanted.zones,
            watcher=wanted.watcher,
            unusual=wanted.unusual,
            on_frame=between,
            on_failure=lambda name, error: complain(
                f"the targets run one after the other, not in a batch: {error}"
                if name is None
                else f"target {name!r}: {error}",
                camera=camera,
            ),
        )

    return tracker, run


@contextmanager
def quick_turns(*, live: bool) -> Iterator[None]:
    """Make the threads of the outputs yield the GIL sooner to the thread that tracks a live source."""
    before_s = sys.getswitchinterval()
    if live:
        sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


def count_of(tracker: Tracker) -> dict[str, int]:
    """Return how many objects of each query are in view."""
    return {name: query.count for name, query in getattr(tracker, "queries", {}).items()}
