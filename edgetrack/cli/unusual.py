"""``edgetrack unusual``: learn what is normal in a camera's view, and report what is not."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack import signals
from edgetrack.cli.base import EXIT_INTERRUPTED, advise
from edgetrack.cli.engine_options import refuse_unused
from edgetrack.cli.live_options import GiveUpS, RawFormat, RawSize, Realtime, Transport
from edgetrack.cli.options import Camera, MaxFrames, Source, option
from edgetrack.cli.overwrites import check_files
from edgetrack.cli.source_options import SourceOptions, open_given, source_rules

if TYPE_CHECKING:
    from edgetrack.io.source import Source as Opened
    from edgetrack.unusual import Alarm, NormalModel
    from edgetrack.unusual.day import Day

State = Annotated[
    Path | None,
    option(
        "File with what has been learned: read at the start if it exists, and written at the end.",
        "--state",
        panel="Result",
        metavar="FILE.npz",
    ),
]
PerDay = Annotated[
    float,
    option("False alarms per day that the threshold allows.", "--per-day", panel="Alarms", metavar="N"),
]
Report = Annotated[
    Path | None,
    option(
        "Write a report of the day: timeline, counts, heat map, images.",
        "--report",
        panel="Result",
        metavar="FILE.html",
    ),
]
Learn = Annotated[
    bool,
    option("Learn from the frames, or only use the state.", "--learn/--no-learn", panel="Alarms"),
]


def unusual_command(
    context: typer.Context,
    camera: Camera = None,
    source: Source = None,
    state: State = None,
    learn: Learn = True,
    per_day: PerDay = 1.0,
    report: Report = None,
    max_frames: MaxFrames = None,
    size: RawSize = None,
    pixel_format: RawFormat = None,
    realtime: Realtime = False,
    transport: Transport = "tcp",
    give_up_s: GiveUpS = None,
) -> None:
    """Learn what is normal in the view of a fixed camera, and report what is not.

    No neural network runs. Each unusual event is printed; --report shows pictures of them. Ctrl-C writes the state and
    the report.
    """
    rules = source_rules(source, realtime=realtime)
    rules["learn"] = (
        state is not None and state.exists(),
        "there is no state to use: give one with --state FILE",
    )
    check_files({"--state": state if learn else None, "--report": report}, [source, None if learn else state])
    refuse_unused(context, {name: rule for name, rule in rules.items() if name != "max_age_ms"})
    from edgetrack.unusual import NormalModel
    from edgetrack.unusual.day import Day

    model = NormalModel.load(state) if state is not None and state.exists() else NormalModel()
    model.learning = learn
    model.threshold(per_day=per_day)  # refuses an invalid rate before the source is opened
    how = SourceOptions(realtime, transport, give_up_s, size, pixel_format)
    day, interrupted = Day(), False
    with signals.interruptible(), open_given(camera, source, how) as opened:
        zero = datetime.datetime.now() if opened.live else None
        try:
            _watch(opened, model, day, state=state, per_day=per_day, max_frames=max_frames)
        except KeyboardInterrupt:
            interrupted = True
        finally:  # also if the source fails: the data until then count
            with signals.held():
                _end(model, day, state=state, report=report, per_day=per_day, name=opened.name, began=zero)
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


def _watch(
    source: Opened,
    model: NormalModel,
    day: Day,
    *,
    state: Path | None,
    per_day: float,
    max_frames: int | None,
) -> None:
    from edgetrack.unusual.keeping import StateSink

    kept = None if state is None else StateSink(model, state, warn=advise)
    limit, block = model.threshold(per_day=per_day).score, -1
    for count, frame in enumerate(source, 1):
        if block != model.calibration.blocks:
            block, limit = model.calibration.blocks, model.threshold(per_day=per_day).score
        began = day.update(frame, model.update(frame), limit)
        if began is not None:
            _tell(began)
        if kept is not None:
            kept.keep()
        if count == max_frames:
            return


def _tell(alarm: Alarm) -> None:
    from edgetrack.terminal import open_console

    said = f"{alarm.start_s:.1f} s  score {alarm.region.score:.2f}  {alarm.region.explanation}"
    open_console().print(said, soft_wrap=True, highlight=False, markup=False)


def _end(
    model: NormalModel,
    day: Day,
    *,
    state: Path | None,
    report: Path | None,
    per_day: float,
    name: str,
    began: datetime.datetime | None,
) -> None:
    from edgetrack.cli.tables import print_written
    from edgetrack.io.files import write_whole
    from edgetrack.terminal import open_console
    from edgetrack.unusual.page import day_page, summary

    day.close()
    model.finish()
    threshold, console = model.threshold(per_day=per_day), open_console()
    for line in summary(day, threshold):
        console.print(line, soft_wrap=True, highlight=False)
    try:
        if state is not None and model.learning:
            model.save(state)
            print_written(console, state)
    finally:  # write the report even if the state cannot be written
        if report is not None:
            page = day_page(day, model, threshold, source=name, began=began)
            write_whole(report, page, option="--report")
            print_written(console, report)
