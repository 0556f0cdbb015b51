"""``edgetrack replay``: run a recording with another model, engine or precision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgetrack.cli.engine_options import adapter_rules, refuse_unused
from edgetrack.cli.options import (
    Json,
    Picture,
    Recording,
    Threads,
    Trust,
)
from edgetrack.cli.overwrites import check_files
from edgetrack.cli.replay_options import Against, Allow, CandidateEngine, CandidatePrecision, MinIou, Recorded
from edgetrack.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.io.recording import Recording as OpenRecording
    from edgetrack.replay.compare import Comparison
    from edgetrack.replay.trackers import Followed
    from edgetrack.types import Box

EXIT_DIVERGED = 1
OFFER = "as in: --precision int8, --engine openvino or --against BUNDLE"


def replay_command(
    context: typer.Context,
    recording: Recording,
    against: Against = None,
    engine: CandidateEngine = None,
    precision: CandidatePrecision = None,
    recorded: Recorded = False,
    min_iou: MinIou = 0.5,
    allow: Allow = 0.0,
    picture: Picture = None,
    json: Json = None,
    threads: Threads = 2,
    trust: Trust = False,
) -> None:
    """Run the frames of a recording through another model, engine or precision, and compare the boxes.

    The reference is the recorded configuration, run again on the same decoded images. The exit code is 1 if
    more frames diverge than --allow.
    """
    from edgetrack.io.recording import Recording
    from edgetrack.replay.trackers import open_candidate, open_reference
    from edgetrack.terminal import open_console

    check_files({"--picture": picture, "--json": json}, [recording])
    opened = Recording(recording)
    target = opened.target  # a recording without one is refused before any model is opened
    _refuse_unused(context, opened, against, recorded=recorded)
    if against is engine is precision is None and not recorded:
        raise ConfigError(
            f"nothing to compare: the candidate would be equal to the reference; change something, {OFFER}"
        )
    reference = None if recorded else open_reference(opened, threads, trust=trust)
    candidate = open_candidate(opened, reference, against, engine, precision, threads, trust=trust)
    console = open_console()
    _print_heading(console, opened, reference, candidate)
    comparison = _compare(console, opened, target, (reference, candidate), min_iou)
    _finish(console, opened, comparison, (reference, candidate), picture=picture, json=json, allow=allow)


def _refuse_unused(
    context: typer.Context, opened: OpenRecording, against: str | None, *, recorded: bool
) -> None:
    bundle = opened.facts.get("bundle")
    rules = adapter_rules(against or bundle, *([] if recorded else [bundle]))
    refuse_unused(context, {name: rules[name] for name in ("engine", "trust")})


def _compare(
    console: Console,
    opened: OpenRecording,
    target: tuple[str | None, Box | None],
    trackers: tuple[Followed | None, Followed],
    min_iou: float,
) -> Comparison:
    from edgetrack.replay.compare import compare

    reference, candidate = trackers
    text, box = target
    with console.status("comparing") if console.is_terminal else console:
        comparison = compare(opened.steps(), candidate, reference, text=text, box=box, min_iou=min_iou)
    if not comparison.ious:
        raise SourceError(f"{opened.name} has no image with a track; expected a file of edgetrack run")
    return comparison


def _finish(
    console: Console,
    recording: OpenRecording,
    comparison: Comparison,
    trackers: tuple[Followed | None, Followed],
    *,
    picture: Path | None,
    json: Path | None,
    allow: float,
) -> None:
    """Print and write what was found; exit with 1 if too much diverges."""
    from edgetrack.cli.replay_view import print_comparison

    print_comparison(console, comparison, recorded_is_reference=trackers[0] is None)
    if not recording.complete:
        note = f"{recording.name} is incomplete; the run that wrote it was probably killed"
        console.print(note, style="yellow", soft_wrap=True)
    drawn = None
    if comparison.first is not None:
        drawn = picture or Path(f"{Path(recording.name).stem}-divergence.png")
        _draw(console, comparison, trackers, drawn)
    if json is not None:
        _write(console, recording, comparison, trackers, json, picture=drawn, allow=allow)
    below, fraction = comparison.figures().diverging, comparison.diverging
    frames = f"{below} of {len(comparison.ious)} frames ({100 * fraction:.1f} %)"
    verdict, color = ("diverges", "red") if fraction > allow else ("agrees", "green")
    console.print(verdict, style=f"bold {color}", end=": ")
    console.print(
        f"{frames} have an IoU below {comparison.min_iou:g}; at most {100 * allow:g} % are allowed",
        soft_wrap=True,
    )
    if fraction > allow:
        raise typer.Exit(EXIT_DIVERGED)


def _draw(
    console: Console, comparison: Comparison, trackers: tuple[Followed | None, Followed], path: Path
) -> None:
    from edgetrack.cli.replay_view import print_first
    from edgetrack.replay.report import write_picture

    reference, candidate = trackers
    titles = (f"reference, {_short(reference)}", f"candidate, {_short(candidate)}")
    write_picture(path, comparison, titles)
    print_first(console, comparison, path)


def _write(
    console: Console,
    recording: OpenRecording,
    comparison: Comparison,
    trackers: tuple[Followed | None, Followed],
    path: Path,
    *,
    picture: Path | None,
    allow: float,
) -> None:
    from edgetrack.cli.tables import print_written
    from edgetrack.replay.report import write_json
    from edgetrack.replay.trackers import facts_of

    reference, candidate = map(facts_of, trackers)
    about = {"recording": recording.name, "complete": recording.complete, "facts": recording.facts}
    sides = {"reference": reference, "candidate": candidate, "allow": allow}
    write_json(path, comparison, {**about, **sides}, picture=picture)
    print_written(console, path)


def _print_heading(
    console: Console, recording: OpenRecording, reference: Followed | None, candidate: Followed
) -> None:
    from edgetrack.terminal import one_line

    facts = recording.facts
    target = [f'"{facts["text"]}"'] if "text" in facts else []
    target += [f"box {facts['box']}"] if "box" in facts else []
    rows = {
        "recording": f"{recording.name}, recorded from {facts.get('source', 'an unknown source')}",
        "target": " at ".join(target),
        "reference": "the recorded track" if reference is None else _long(reference),
        "candidate": _long(candidate),
    }
    for name, value in rows.items():
        console.print(f"{name:>9}  ", style="dim", end="")
        console.print(one_line(value), soft_wrap=True)


def _long(tracker: Followed) -> str:
    manifest = tracker.engine.bundle.manifest
    model = f"{manifest.name} {manifest.version} ({manifest.digest[:8]})"
    return f"{model}, {tracker.engine.name} {tracker.engine.precision}"


def _short(tracker: Followed | None) -> str:
    return "as recorded" if tracker is None else f"{tracker.engine.name} {tracker.engine.precision}"
