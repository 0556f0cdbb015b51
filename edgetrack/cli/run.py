"""``edgetrack run``: track a target, and show or write the result."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetrack import signals
from edgetrack.cli.advice import advise_of_plurals, advise_of_rivals
from edgetrack.cli.base import EXIT_INTERRUPTED, EXIT_READER_GONE, EXIT_USER_ERROR, complain
from edgetrack.cli.clip_options import ClipOptions, Clips, ClipsMb, PostRollS, PreRollS
from edgetrack.cli.config_file import ConfigFile
from edgetrack.cli.engine_options import EngineOptions, adapter_rules, refuse_unused, text_rules
from edgetrack.cli.every_options import Every, MaxObjects, ZoneFile
from edgetrack.cli.grounder_options import GrounderOption, grounder_rules
from edgetrack.cli.live_options import (
    GiveUpS,
    MaxAgeMs,
    MqttUrl,
    PublishUrl,
    RawFormat,
    RawSize,
    Realtime,
    RerunUrl,
    Transport,
    WebhookUrl,
)
from edgetrack.cli.log import LogFormat, LogFormatOption
from edgetrack.cli.mask_options import (
    BlurOption,
    BlurWhat,
    MaskOption,
    SegmenterOption,
    blurring,
    check_mask_files,
    mask_rules,
)
from edgetrack.cli.metrics_options import MetricsAddress, serving
from edgetrack.cli.options import (
    BoxTexts,
    Camera,
    DeadlineMs,
    Engine,
    MaxFrames,
    Model,
    OnAmbiguous,
    OnAmbiguousOption,
    OutputFiles,
    Precision,
    Show,
    Source,
    StaticCheck,
    Strict,
    Texts,
    Threads,
    Trust,
    Words,
)
from edgetrack.cli.output_files import (
    NO_SERVICES,
    Services,
    by_name,
    check_one_target,
    dropped_by,
    open_output,
    open_stdout,
    open_window,
    output_notes,
    undelivered,
    undelivered_by,
)
from edgetrack.cli.overwrites import check_overwrites
from edgetrack.cli.pair_options import Homography, Range, Second, SecondSource, Within
from edgetrack.cli.reload import Reload
from edgetrack.cli.runners import Limits, count_of, open_runner, quick_turns
from edgetrack.cli.service import Service
from edgetrack.cli.source_options import SourceOptions, open_given, source_rules
from edgetrack.cli.wanted import Wanted
from edgetrack.errors import EdgetrackError, ReaderGone, SourceError

if TYPE_CHECKING:
    from edgetrack.io.paired import PairedSource
    from edgetrack.io.sinks import Sink
    from edgetrack.io.source import Source as Source_
    from edgetrack.meter import Summary


def run_command(
    context: typer.Context,
    camera: Camera = None,
    source: Source = None,
    text: Texts = None,
    box: BoxTexts = None,
    every: Every = None,
    max: MaxObjects = 8,
    zones: ZoneFile = None,
    output: OutputFiles = None,
    webhook: WebhookUrl = None,
    mqtt: MqttUrl = None,
    publish: PublishUrl = None,
    rerun: RerunUrl = None,
    metrics: MetricsAddress = None,
    clips: Clips = None,
    pre_roll_s: PreRollS = 5.0,
    post_roll_s: PostRollS = 5.0,
    clips_mb: ClipsMb = 1000.0,
    show: Show = False,
    max_frames: MaxFrames = None,
    size: RawSize = None,
    pixel_format: RawFormat = None,
    x: SecondSource = None,
    x_homography: Homography = None,
    x_within_ms: Within = 40.0,
    x_range: Range = None,
    realtime: Realtime = False,
    transport: Transport = "tcp",
    give_up_s: GiveUpS = None,
    deadline_ms: DeadlineMs = None,
    max_age_ms: MaxAgeMs = None,
    static_check: StaticCheck = False,
    on_ambiguous: OnAmbiguousOption = OnAmbiguous.best,
    words: Words = None,
    strict: Strict = False,
    mask: MaskOption = False,
    blur: BlurOption = None,
    segmenter: SegmenterOption = None,
    grounder: GrounderOption = None,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
    trust: Trust = False,
    config: ConfigFile = None,
    log_format: LogFormatOption = LogFormat.text,
) -> None:
    """Track a target in video from a camera, a file, a folder of images or a stream.

    Give the target by a text, by its box in the first frame, or by both. Several texts or boxes are several targets;
    with as many of both, each text goes with the box at the same place. --every tracks all objects that match a
    description instead of the best one. Ctrl-C leaves complete files. If one output cannot be written, the others
    continue, and the exit code is 2.
    """
    wanted = Wanted.of(text or [], box or [], every or [], max, zones)
    outputs = output or []
    check_overwrites(outputs, [source, x, x_homography, zones, words, segmenter, grounder, config])
    rules = adapter_rules(model) | text_rules(bool(text), bool(every))
    rules |= grounder_rules(rules, text=bool(text), given=grounder is not None)
    check_mask_files(outputs, mask=mask)
    check_one_target(outputs, wanted)
    masks = mask or blur is not None
    rules |= mask_rules(rules, wanted, outputs, masks=masks, show=show)
    second = Second(x, x_homography, x_within_ms, x_range)
    keeping = ClipOptions(clips, pre_roll_s, post_roll_s, clips_mb)
    refuse_unused(context, rules | source_rules(source, realtime=realtime) | second.rules() | keeping.rules())
    options = EngineOptions(
        model,
        engine,
        precision,
        threads,
        static_check,
        trust,
        on_ambiguous.value,
        words,
        strict,
        masks=segmenter or masks,
        grounder=grounder,
        wait=False,
    )
    how = SourceOptions(realtime, transport, give_up_s, size, pixel_format)
    reload = Reload(context, config, wanted)
    with (
        signals.interruptible(on_hangup=reload.on_hangup),
        open_given(camera, source, how) as opened,
        second.open(opened, how, alone=not every) as paired,
    ):
        if not (box or realtime):  # a box refers to the first frame
            opened.start_with_newest()
        track_source(
            opened,
            wanted=wanted,
            outputs=outputs,
            show=show,
            max_frames=max_frames,
            options=replace(options, live=opened.live),
            limits=Limits(deadline_ms, max_age_ms),
            blur=blur,
            keep_masks=mask,
            services=Services(webhook, mqtt, publish, rerun, keeping, metrics),
            reload=reload,
            second=paired,
        )


def track_source(
    source: Source_,
    *,
    wanted: Wanted,
    outputs: list[Path],
    show: bool,
    max_frames: int | None,
    options: EngineOptions,
    limits: Limits,
    blur: BlurWhat | None = None,
    keep_masks: bool = True,
    services: Services = NO_SERVICES,
    reload: Reload | None = None,
    second: PairedSource | None = None,
) -> None:
    """Open the tracker, then the outputs, then run; a failure before the first frame leaves no files behind."""
    from edgetrack import terminal
    from edgetrack.cli.metadata import recording_metadata, run_labels
    from edgetrack.cli.run_view import print_heading, print_looks, print_state, print_summary
    from edgetrack.cli.status import StatusLine, Watch
    from edgetrack.io.outputs import Outputs

    text, box = wanted.targets[0] if wanted.is_one else (None, None)
    service, pairs = Service(), second is not None
    with (
        quick_turns(source),
        serving(services.metrics, source) as (metrics, served),
        Outputs(on_failure=_tell, prepare=blurring(blur, keep_masks=keep_masks)) as sinks,
    ):
        posting = services.open()
        published = services.open_pictures(source, text, wanted.zones)
        sinks.add(*posting, *published.values())
        opened = open_stdout(outputs)
        tracker, run = open_runner(wanted, limits, options, reload, pairs=pairs)
        engine = tracker.engine
        facts = recording_metadata(source, engine, text=text, box=box, second=second)
        for path in outputs:
            opened[path] = open_output(path, opened.get(path), source, text, facts, wanted.zones)
            sinks.add(opened[path])
        sinks.add(*wanted.sinks, *([open_window(text, wanted.zones)] if show else []))
        console = terminal.open_console()
        print_heading(console, source, engine, wanted.targets, wanted.every, options.grounder, served)
        advise_of_plurals(tracker, [text for text, _ in wanted.targets if text is not None])
        metrics.begin(
            run_labels(facts),
            queries=partial(count_of, tracker),
            dropped=partial(dropped_by, by_name(opened, published)),
            undelivered=partial(undelivered_by, posting),
            failed=lambda: len(sinks.failures),
        )
        service.follow(source, partial(print_state, console, source=source.name), metrics.become)
        if second is not None:
            second.on_x_state = partial(print_state, console, source=second.second.source.name, label="x")
        with StatusLine(console, total=_total(source, max_frames), live=source.live, pairs=pairs) as line:
            watch = Watch(line, engine, service.beat, metrics.update)
            summary = run(second or source, sinks, watch, max_frames)
        sinks.close()
    written = _written(opened, [sink for sink, _ in sinks.failures])
    if options.on_ambiguous == "wait":
        advise_of_rivals(watch.rivals)
    of_outputs = output_notes(by_name(opened, published)) + undelivered(posting)
    notes = [("source", note) for note in (second or source).notes] + [("output", n) for n in of_outputs]
    print_summary(console, summary, written, live=source.live, engines=watch.engines, notes=notes)
    print_looks(console, options.looks_ms)
    if written:
        _complain_of_stdout()
    _finish(summary, [error for _, error in sinks.failures])


def _written(opened: Mapping[Path, Sink], failed: Container[Sink]) -> list[Path]:
    """Return the files that are complete."""
    return [path for path, sink in opened.items() if str(path) != "-" and sink not in failed]


def _total(source: Source_, max_frames: int | None) -> int | None:
    return source.frames if max_frames is None else min(max_frames, source.frames or max_frames)


def _complain_of_stdout() -> None:
    from edgetrack import terminal

    if lost := terminal.take_lost():
        complain(f"standard output cannot be written: {lost.strerror}; the outputs are complete")


def _tell(error: Exception) -> None:
    if not isinstance(error, ReaderGone):  # `head` has seen enough
        complain(str(error) if isinstance(error, EdgetrackError) else f"{type(error).__name__}: {error}")


def _finish(summary: Summary, failures: list[Exception]) -> None:
    if summary.problem is not None:
        raise SourceError(summary.problem)
    if summary.failed or not all(isinstance(error, ReaderGone) for error in failures):
        raise typer.Exit(EXIT_USER_ERROR)  # each failure was printed when it happened
    if summary.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if failures:
        raise typer.Exit(EXIT_READER_GONE)
