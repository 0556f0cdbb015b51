"""``edgetrack watch``: track the objects that rules name, and raise alerts when rules become true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetrack import signals
from edgetrack.cli.base import advise
from edgetrack.cli.clip_options import ClipOptions, Clips, ClipsMb, PostRollS, PreRollS
from edgetrack.cli.config_file import ConfigFile
from edgetrack.cli.engine_options import EngineOptions, Rule, refuse_unused
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
from edgetrack.cli.metrics_options import MetricsAddress
from edgetrack.cli.options import (
    Camera,
    DeadlineMs,
    Engine,
    MaxFrames,
    Model,
    OutputFiles,
    Precision,
    Show,
    Source,
    Strict,
    Threads,
    Words,
)
from edgetrack.cli.output_files import Services, check_one_target
from edgetrack.cli.overwrites import check_files, check_overwrites
from edgetrack.cli.runners import Limits
from edgetrack.cli.source_options import SourceOptions, open_given, source_rules
from edgetrack.cli.tracking import Plan, track_source
from edgetrack.cli.unusual import PerDay
from edgetrack.cli.wanted import Wanted
from edgetrack.cli.watch_options import (
    CheckRules,
    RuleFile,
    RuleMax,
    RuleTexts,
    RuleZones,
    UnusualState,
)
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.io.sinks import Sink
    from edgetrack.unusual.watcher import UnusualWatcher
    from edgetrack.watching.watcher import Watcher
    from edgetrack.zones import Zones

EXAMPLE = 'edgetrack watch --camera 0 --rule "a person is near the red car for 10 seconds"'


def watch_command(
    context: typer.Context,
    camera: Camera = None,
    source: Source = None,
    rule: RuleTexts = None,
    rules: RuleFile = None,
    zones: RuleZones = None,
    unusual: UnusualState = None,
    per_day: PerDay = 1.0,
    max: RuleMax = 8,
    check: CheckRules = False,
    output: OutputFiles = None,
    clips: Clips = None,
    pre_roll_s: PreRollS = 5.0,
    post_roll_s: PostRollS = 5.0,
    clips_mb: ClipsMb = 1000.0,
    webhook: WebhookUrl = None,
    mqtt: MqttUrl = None,
    publish: PublishUrl = None,
    rerun: RerunUrl = None,
    metrics: MetricsAddress = None,
    show: Show = False,
    max_frames: MaxFrames = None,
    size: RawSize = None,
    pixel_format: RawFormat = None,
    realtime: Realtime = False,
    transport: Transport = "tcp",
    give_up_s: GiveUpS = None,
    deadline_ms: DeadlineMs = None,
    max_age_ms: MaxAgeMs = None,
    words: Words = None,
    strict: Strict = False,
    threads: Threads = 2,
    engine: Engine = "auto",
    precision: Precision = "auto",
    model: Model = None,
    config: ConfigFile = None,
    log_format: LogFormatOption = LogFormat.text,
) -> None:
    """Raise alerts when rules become true.

    A rule is a sentence: "a person is near the red car for 10 seconds". "A person" is any person; "the red car" is one
    object. Each alert is printed, and is an event in every output; --clips keeps the seconds before and after it.
    --check shows how the rules are understood. Ctrl-C leaves complete files.
    """
    watcher, areas = _watcher(rule or [], rules, zones)
    if check:
        from edgetrack.cli.watch_view import print_rules

        print_rules(watcher)
        return
    from edgetrack.cli.watch_view import AlertLines

    outputs = output or []
    check_overwrites(outputs, [source, rules, zones, words, unusual, config])
    check_files({"--unusual": unusual}, [source])
    strange = None if unusual is None else _unusual(unusual, per_day)
    queries = list(watcher.queries)
    wanted = Wanted([(text, None) for text in watcher.targets], queries, max, areas, watcher, strange)
    check_one_target(outputs, [wanted])
    keeping = ClipOptions(clips, pre_roll_s, post_roll_s, clips_mb, frozenset(["alert"]))
    used: dict[str, Rule] = {
        **source_rules(source, realtime=realtime),
        **keeping.rules(),
        "max": (bool(watcher.queries), 'every rule is about a single object ("the")'),
        "per_day": (unusual is not None, "--unusual is not given"),
    }
    refuse_unused(context, used)
    options = EngineOptions(model, engine, precision, threads, words=words, strict=strict, wait=False)
    how = SourceOptions(realtime, transport, give_up_s, size, pixel_format)
    with signals.interruptible(), open_given(camera, source, how) as opened:
        printing = [] if any(str(path) == "-" for path in outputs) else [AlertLines()]  # "-" has them
        learning = [] if strange is None or unusual is None else [_kept(strange, unusual)]
        if not realtime:
            opened.start_with_newest()
        plan = Plan(
            wanted=replace(wanted, sinks=(*printing, *learning)),
            outputs=outputs,
            show=show,
            max_frames=max_frames,
            options=options,
            limits=Limits(deadline_ms, max_age_ms),
            services=Services(webhook, mqtt, publish, rerun, keeping, metrics),
        )
        track_source(opened, plan)


def _watcher(sentences: list[str], file: Path | None, zones: Path | None) -> tuple[Watcher, Zones | None]:
    from edgetrack.watching.rule import Rule
    from edgetrack.watching.rule_file import read_rules
    from edgetrack.watching.watcher import Watcher
    from edgetrack.zones import Zones

    rules = [Rule.parse(sentence) for sentence in sentences] + ([] if file is None else read_rules(file))
    if not rules:
        raise ConfigError(f"nothing to watch for: give --rule, --rules or both, as in: {EXAMPLE}")
    areas = None if zones is None else Zones.read(zones)
    return Watcher(rules, areas), areas


def _unusual(state: Path, per_day: float) -> UnusualWatcher:
    from edgetrack.unusual import NormalModel
    from edgetrack.unusual.watcher import UnusualWatcher

    return UnusualWatcher(NormalModel.load(state) if state.exists() else NormalModel(), per_day=per_day)


def _kept(strange: UnusualWatcher, state: Path) -> Sink:
    from edgetrack.unusual.keeping import StateSink

    return StateSink(strange.model, state, warn=advise)
