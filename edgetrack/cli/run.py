"""``edgetrack run`` and ``edgetrack demo``: follow a target and show or write what comes of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetrack import signals
from edgetrack.cli.base import (
    EXAMPLE,
    EXIT_INTERRUPTED,
    EXIT_READER_GONE,
    EXIT_USER_ERROR,
    app,
    complain,
    parse_box,
)
from edgetrack.errors import ConfigError, EdgetrackError, ReaderGone, SourceError
from edgetrack.options import Engine, EngineOptions, Model, Precision, Threads

if TYPE_CHECKING:
    from edgetrack.engines import Engine as Engines
    from edgetrack.io.outputs import Outputs
    from edgetrack.io.sources import Source
    from edgetrack.pipeline import Summary
    from edgetrack.status import Watch
    from edgetrack.types import Box

    Target = tuple[str | None, Box | None]  # its text and its box
    Run = Callable[[Source, Outputs, Watch, int | None], Summary]


@app.command("run")
def run_command(
    camera: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Camera by number; the first is 0.", rich_help_panel="Source"),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            metavar="FILE|DIR|URL",
            rich_help_panel="Source",
            help="A video, a recording (.mcap), a folder of pictures or a stream such as rtsp://host/path.",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", "-t", metavar="TEXT", help='What to follow, such as "red car". Repeatable.'),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H", help="Where the target is in the first frame, in pixels. Repeatable."
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            rich_help_panel="Result",
            help="OUT.jsonl or OUT.csv: one line a frame and target; - for JSON lines on standard output. OUT.mp4: the "
            "video with the track drawn in. OUT.mcap: frames and tracks of one target, for Foxglove and edgetrack "
            "replay. Repeatable.",
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show/--no-show", help="Watch in a window; q ends it.", rich_help_panel="Result")
    ] = False,
    max_frames: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Stop after so many frames.", rich_help_panel="Source"),
    ] = None,
    deadline_ms: Annotated[
        float | None,
        typer.Option(
            metavar="MS",
            rich_help_panel="Time",
            help="What a frame may take: where the network takes longer, the box coasts, 3 frames in a row at most.",
        ),
    ] = None,
    static_check: Annotated[
        bool,
        typer.Option(
            "--static-check",
            rich_help_panel="Time",
            help="Where nothing moves, the box stands without the network, 5 frames in a row at most.",
        ),
    ] = False,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
) -> None:
    """Follow a target in a camera, a video, a folder of pictures or a stream.

    Say what to follow by a text, by a box in the first frame, or by both. Several texts or several boxes are several
    targets; with as many of both, each text has the box at its place. Ctrl-C leaves complete files. An output that
    cannot be written is told of at once and ends with exit code 2; the others go on.
    """
    from edgetrack.io.sources import open_source

    targets = _targets(text or [], box or [])
    if (camera is None) == (source is None):
        given = "both --camera and --source" if source else "neither --camera nor --source"
        raise ConfigError(f"{given} given, expected one of them, as in: {EXAMPLE}")
    outputs = _distinct(output or [], source)
    for path in outputs:
        if len(targets) > 1 and path.suffix.lower() == ".mcap":
            raise ConfigError(
                f"output {path} is a recording, which holds one target; write .jsonl and .mp4 instead"
            )
    place: int | str = source if camera is None else camera  # type: ignore[assignment]
    with signals.interruptible(), open_source(place) as opened:
        _track(
            opened,
            targets=targets,
            outputs=outputs,
            show=show,
            max_frames=max_frames,
            options=EngineOptions(model, engine, precision, threads, static_check, wait=False),
            deadline_ms=deadline_ms,
        )


@app.command("demo")
def demo_command(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The video to write.")
    ] = Path("demo.mp4"),
    text: Annotated[
        str, typer.Option("--text", "-t", metavar="TEXT", help="What to follow in the scene.")
    ] = "red car",
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
) -> None:
    """Draw a short street scene, follow a car in it by text and write the video. Needs no download."""
    from edgetrack.demo import open_demo

    with signals.interruptible(), open_demo() as scene:
        _track(
            scene,
            targets=[(text, None)],
            outputs=_distinct([output], None),
            show=False,
            max_frames=None,
            options=EngineOptions(model, engine, precision, threads, wait=False),
        )


def _targets(texts: list[str], boxes: list[str]) -> list[Target]:
    """What to follow, after a check that it is clear which box belongs to which text."""
    if not texts and not boxes:
        raise ConfigError(f"nothing to track: give --text, --box or both, as in: {EXAMPLE}")
    if texts and boxes and len(texts) != len(boxes):
        raise ConfigError(
            f"{len(texts)} --text and {len(boxes)} --box given; expected as many of both (each text has the box at "
            "its place), or only one kind"
        )
    for text in texts:
        if texts.count(text) > 1:
            raise ConfigError(f"--text {text!r} is given twice; expected another text for each target")
    return list(zip_longest(texts, [parse_box(box) for box in boxes]))


def _distinct(outputs: list[Path], source: str | None) -> list[Path]:
    """The outputs, after a check that none overwrites another or the source."""
    seen: set[object] = set()
    for path in outputs:
        place = _place(path)
        if place in seen:
            raise ConfigError(f"output {path} is given twice; give each output its own name")
        if source is not None and place == _place(Path(source)):
            raise ConfigError(f"output {path} is the source itself; give the output another name")
        seen.add(place)
    return outputs


def _place(path: Path) -> object:
    """The same for two names of one file."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # what is wrong with it, says whoever opens it
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def _track(
    source: Source,
    *,
    targets: list[Target],
    outputs: list[Path],
    show: bool,
    max_frames: int | None,
    options: EngineOptions,
    deadline_ms: float | None = None,
) -> None:
    """Opens the tracker, then outputs, then runs; what fails before the first frame leaves no file behind."""
    from edgetrack import terminal
    from edgetrack.io.outputs import Outputs
    from edgetrack.io.sinks import open_sink
    from edgetrack.status import StatusLine, Watch, describe, print_heading, print_summary

    text, box = targets[0] if len(targets) == 1 else (None, None)
    with Outputs(on_failure=_tell) as sinks:
        opened = {path: open_sink(path) for path in outputs if str(path) == "-"}
        if opened:
            terminal.give_stdout_away()
        one = len(targets) == 1
        engine, run = _one(text, box, deadline_ms, options) if one else _many(targets, deadline_ms, options)
        facts = describe(source, engine, text=text, box=box)
        for path in outputs:
            if path not in opened:
                opened[path] = open_sink(path, fps=source.fps, size=source.size, text=text, facts=facts)
            sinks.add(opened[path])
        if show:
            from edgetrack.io.window import WindowSink

            sinks.add(WindowSink(text=text))
        console = terminal.open_console()
        print_heading(console, source, engine, targets)
        total = source.frames if max_frames is None else min(max_frames, source.frames or max_frames)
        with StatusLine(console, total=total, live=source.live) as line:
            watch = Watch(line, engine)
            summary = run(source, sinks, watch, max_frames)
        sinks.close()
    failed = [sink for sink, _ in sinks.failures]
    written = [path for path in outputs if str(path) != "-" and opened[path] not in failed]
    print_summary(console, summary, written, live=source.live, engines=watch.engines, notes=source.notes)
    if written and (lost := terminal.take_lost()):
        complain(f"standard output cannot be written: {lost.strerror}; the outputs are complete")
    _finish(summary, [error for _, error in sinks.failures])


def _tell(error: Exception) -> None:
    if not isinstance(error, ReaderGone):  # `head` has seen enough
        complain(str(error) if isinstance(error, EdgetrackError) else f"{type(error).__name__}: {error}")


def _one(
    text: str | None, box: Box | None, deadline_ms: float | None, options: EngineOptions
) -> tuple[Engines, Run]:
    from edgetrack import pipeline

    tracker = options.tracker()
    return tracker.engine, lambda source, sinks, watch, most: pipeline.run(
        source,
        tracker,
        [sinks],
        text=text,
        box=box,
        max_frames=most,
        deadline_ms=deadline_ms,
        on_frame=watch.update,
    )


def _many(targets: list[Target], deadline_ms: float | None, options: EngineOptions) -> tuple[Engines, Run]:
    from edgetrack import pipeline

    tracker = options.multi_tracker()
    for text, box in targets:
        tracker.add(text=text, box=box)
    return tracker.engine, lambda source, sinks, watch, most: pipeline.run_many(
        source,
        tracker,
        [sinks],
        max_frames=most,
        deadline_ms=deadline_ms,
        on_frame=watch.update_all,
        on_failure=lambda name, error: complain(
            f"the targets take turns: {error}" if name is None else f"target {name!r}: {error}"
        ),
    )


def _finish(summary: Summary, failures: list[Exception]) -> None:
    if summary.problem is not None:
        raise SourceError(summary.problem)
    if summary.failed or not all(isinstance(error, ReaderGone) for error in failures):
        raise typer.Exit(EXIT_USER_ERROR)  # each was told when it happened
    if summary.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if failures:
        raise typer.Exit(EXIT_READER_GONE)
