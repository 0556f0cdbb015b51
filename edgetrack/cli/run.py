"""``edgetrack run``: track a target, and show or write the result."""

from __future__ import annotations

import typer

from edgetrack import signals
from edgetrack.cli.camera_plans import camera_rules, check_shared, named_cameras, plan_camera
from edgetrack.cli.camera_targets import check_tables, config_of, own_sources, wanted_by, zone_files
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
from edgetrack.cli.mask_options import BlurOption, MaskOption, SegmenterOption, check_mask_files, mask_rules
from edgetrack.cli.metrics_options import MetricsAddress
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
    Sources,
    StaticCheck,
    Strict,
    Texts,
    Threads,
    Trust,
    Words,
)
from edgetrack.cli.output_files import Services, check_one_target
from edgetrack.cli.overwrites import check_overwrites
from edgetrack.cli.pair_options import Homography, Range, Second, SecondSource, Within
from edgetrack.cli.reload import Reload
from edgetrack.cli.runners import Limits
from edgetrack.cli.source_options import SourceOptions, open_given, source_rules
from edgetrack.cli.tracking import Plan, track_source
from edgetrack.cli.wanted import Wanted


def run_command(
    context: typer.Context,
    camera: Camera = None,
    source: Sources = None,
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
    outputs, sources = output or [], source or []
    cameras, one = named_cameras(sources, own_sources(context)), sources[0] if sources else None
    check_tables(context, config_of(context), cameras)
    rules = camera_rules(cameras, realtime=realtime) if cameras else source_rules(one, realtime=realtime)
    refuse_unused(context, rules)
    wanted = wanted_by(context, cameras)
    if not cameras:
        wanted = {None: Wanted.of(text or [], box or [], every or [], max, zones)}
    read = [*(cameras.values() or sources), *zone_files(context, cameras), x, x_homography, zones]
    check_overwrites(outputs, [*read, words, segmenter, grounder, config])
    has_text, has_every = (any(getattr(own, kind) for own in wanted.values()) for kind in ("texts", "every"))
    rules = adapter_rules(model) | text_rules(has_text, has_every)
    rules |= grounder_rules(rules, text=has_text, given=grounder is not None)
    check_mask_files(outputs, mask=mask)
    check_one_target(outputs, wanted.values())
    masks = mask or blur is not None
    rules |= mask_rules(rules, wanted.values(), outputs, masks=masks, show=show)
    second = Second(x, x_homography, x_within_ms, x_range)
    keeping = ClipOptions(clips, pre_roll_s, post_roll_s, clips_mb)
    refuse_unused(context, rules | second.rules() | keeping.rules())
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
    plan = Plan(
        wanted=next(iter(wanted.values())),
        options=options,
        outputs=outputs,
        show=show,
        max_frames=max_frames,
        limits=Limits(deadline_ms, max_age_ms),
        blur=blur,
        keep_masks=mask,
        services=Services(webhook, mqtt, publish, rerun, keeping, metrics),
    )
    how = SourceOptions(realtime, transport, give_up_s, size, pixel_format)
    reload = Reload(context, config, wanted)
    if cameras:
        check_shared(plan, cameras)
        with signals.interruptible(on_hangup=reload.on_hangup):
            from edgetrack.cli.several_cameras import track_cameras

            track_cameras(
                [plan_camera(name, place, wanted[name], how, plan) for name, place in cameras.items()], reload
            )
        return
    with (
        signals.interruptible(on_hangup=reload.on_hangup),
        open_given(camera, one, how) as opened,
        second.open(opened, how, alone=not every) as paired,
    ):
        if not (box or realtime):  # a box refers to the first frame
            opened.start_with_newest()
        track_source(opened, plan, reload=reload, second=paired)
