"""Tracks the frames of an open source, for ``run``, ``watch`` and ``demo``: the tracker, the outputs, the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetrack.cli.advice import advise_of_plurals, advise_of_rivals
from edgetrack.cli.base import EXIT_INTERRUPTED, EXIT_READER_GONE, EXIT_USER_ERROR, complain
from edgetrack.cli.mask_options import BlurWhat, blurring
from edgetrack.cli.metrics_options import NoMetrics, serving
from edgetrack.cli.output_files import (
    NO_SERVICES,
    Services,
    by_name,
    dropped_by,
    open_output,
    open_stdout,
    open_window,
    output_notes,
    undelivered,
    undelivered_by,
)
from edgetrack.cli.runners import Limits, count_of, open_runner, quick_turns
from edgetrack.cli.service import Service
from edgetrack.errors import EdgetrackError, ReaderGone, SourceError

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.cli.engine_options import EngineOptions
    from edgetrack.cli.reload import Changes, Reload
    from edgetrack.cli.status import Watch
    from edgetrack.cli.wanted import Wanted
    from edgetrack.io.outputs import Outputs
    from edgetrack.io.paired import PairedSource
    from edgetrack.io.sinks import Sink
    from edgetrack.io.source import Source
    from edgetrack.meter import Summary
    from edgetrack.metrics import RunMetrics
    from edgetrack.pipeline import FrameSource


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do with the frames of a source: the options of the command, checked."""

    wanted: Wanted
    options: EngineOptions
    outputs: Sequence[Path] = ()
    show: bool = False
    max_frames: int | None = None
    limits: Limits = field(default_factory=Limits)
    blur: BlurWhat | None = None
    keep_masks: bool = True
    services: Services = NO_SERVICES

    def total(self, source: Source) -> int | None:
        """Return the number of frames that will be tracked, if it is known."""
        most = self.max_frames
        return source.frames if most is None else min(most, source.frames or most)


class Tracking:
    """An open source with its tracker and its outputs.

    Args:
        source: Where the frames come from.
        plan: What to do with them.
        sinks: Gets all outputs; the caller closes it.
        lines: Outputs that are open already; None to open standard output if the plan has it.
        reload: Changes the targets during the run.
        second: The source together with a second sensor.

    Raises:
        EdgetrackError: The tracker or an output cannot be opened; no file has been changed.
    """

    def __init__(
        self,
        source: Source,
        plan: Plan,
        sinks: Outputs,
        *,
        lines: Mapping[Path, Sink] | None = None,
        reload: Changes | None = None,
        second: PairedSource | None = None,
    ) -> None:
        from edgetrack.cli.metadata import recording_metadata

        wanted = plan.wanted
        text, box = wanted.targets[0] if wanted.is_one else (None, None)
        self._source, self._plan, self._sinks, self._second = source, plan, sinks, second
        self._posting = plan.services.open()
        self._published = plan.services.open_pictures(source, text, wanted.zones)
        sinks.add(*self._posting, *self._published.values())
        self._opened = open_stdout(plan.outputs) if lines is None else dict(lines)
        self.tracker, self._run = open_runner(
            wanted,
            plan.limits,
            plan.options,
            reload,
            pairs=second is not None,
            camera=plan.services.camera,
        )
        self._facts = recording_metadata(source, self.tracker.engine, text=text, box=box, second=second)
        for path in plan.outputs:
            self._opened[path] = open_output(
                path, self._opened.get(path), source, text, self._facts, wanted.zones
            )
            sinks.add(self._opened[path])
        sinks.add(*wanted.sinks, *([open_window(text, wanted.zones)] if plan.show else []))

    def measure(self, metrics: RunMetrics | NoMetrics) -> None:
        """Let the metrics read the counts of the tracker and the outputs."""
        from edgetrack.cli.metadata import run_labels

        metrics.begin(
            run_labels(self._facts),
            queries=partial(count_of, self.tracker),
            dropped=partial(dropped_by, by_name(self._opened, self._published)),
            undelivered=partial(undelivered_by, self._posting),
            failed=lambda: len(self._sinks.failures),
        )

    def run(self, watch: Watch, frames: FrameSource | None = None) -> Summary:
        """Track all frames, by default those of the source."""
        return self._run(frames or self._second or self._source, self._sinks, watch, self._plan.max_frames)

    def report(self, console: Console, summary: Summary, watch: Watch, *, camera: str | None = None) -> None:
        """Print the summary of the run, or of its ``camera``."""
        from edgetrack.cli.run_view import print_looks, print_summary

        options = self._plan.options
        if options.on_ambiguous == "wait":
            advise_of_rivals(watch.rivals)
        of_outputs = output_notes(by_name(self._opened, self._published)) + undelivered(self._posting)
        notes = [("source", note) for note in (self._second or self._source).notes]
        notes += [("output", note) for note in of_outputs]
        live, engines = self._source.live, watch.engines
        print_summary(console, summary, self.written, live=live, engines=engines, notes=notes, camera=camera)
        print_looks(console, options.looks_ms)

    @property
    def written(self) -> list[Path]:
        """The files that are complete."""
        failed = [sink for sink, _ in self._sinks.failures]
        return [path for path, sink in self._opened.items() if str(path) != "-" and sink not in failed]


def track_source(
    source: Source, plan: Plan, *, reload: Reload | None = None, second: PairedSource | None = None
) -> None:
    """Open the tracker, then the outputs, then run; a failure before the first frame leaves no files behind."""
    from edgetrack import terminal
    from edgetrack.cli.run_view import print_heading, print_state
    from edgetrack.cli.status import StatusLine, Watch
    from edgetrack.io.outputs import Outputs

    plan = replace(plan, options=replace(plan.options, live=source.live))
    wanted, service, pairs = plan.wanted, Service(), second is not None
    with (
        quick_turns(live=source.live),
        serving(plan.services.metrics, source) as (metrics, served),
        Outputs(on_failure=tell, prepare=blurring(plan.blur, keep_masks=plan.keep_masks)) as sinks,
    ):
        tracking = Tracking(source, plan, sinks, reload=reload, second=second)
        engine = tracking.tracker.engine
        console = terminal.open_console()
        print_heading(console, source, engine, wanted.targets, wanted.every, plan.options.grounder, served)
        advise_of_plurals(tracking.tracker, wanted.texts)
        tracking.measure(metrics)
        service.follow(source, partial(print_state, console, source=source.name), metrics.become)
        if second is not None:
            second.on_x_state = partial(print_state, console, source=second.second.source.name, label="x")
        with StatusLine(console, total=plan.total(source), live=source.live, pairs=pairs) as line:
            watch = Watch(line, engine, service.beat, metrics.update)
            summary = tracking.run(watch)
        sinks.close()
    tracking.report(console, summary, watch)
    if tracking.written:
        complain_of_stdout()
    _finish(summary, [error for _, error in sinks.failures])


def complain_of_stdout() -> None:
    """Report that standard output could not be written, if so."""
    from edgetrack import terminal

    if lost := terminal.take_lost():
        complain(f"standard output cannot be written: {lost.strerror}; the outputs are complete")


def tell(error: Exception, *, camera: str | None = None) -> None:
    """Report that an output has failed."""
    if not isinstance(error, ReaderGone):  # `head` has seen enough
        own = isinstance(error, EdgetrackError)
        complain(str(error) if own else f"{type(error).__name__}: {error}", camera=camera)


def _finish(summary: Summary, failures: list[Exception]) -> None:
    if summary.problem is not None:
        raise SourceError(summary.problem)
    leave(failed=bool(summary.failed), interrupted=summary.interrupted, failures=failures)


def leave(*, failed: bool, interrupted: bool, failures: Sequence[Exception]) -> None:
    """Exit with the code for what has happened; return if there was nothing.

    Args:
        failed: Whether a target or a camera has failed, which was reported.
        interrupted: Whether a signal ended the run.
        failures: Errors of outputs.
    """
    if failed or not all(isinstance(error, ReaderGone) for error in failures):
        raise typer.Exit(EXIT_USER_ERROR)  # each failure was printed when it happened
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if failures:
        raise typer.Exit(EXIT_READER_GONE)
