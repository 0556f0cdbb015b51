"""The command ``edgetrack replay``. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgetrack.errors import BundleError, ConfigError, SourceError
from edgetrack.options import Threads

if TYPE_CHECKING:
    from rich.console import Console

    from edgetrack.bundle import Bundle
    from edgetrack.io.recording import Recording
    from edgetrack.replay.compare import Comparison
    from edgetrack.tracker import Tracker

EXIT_DIVERGED = 1
OFFER = "as in: --precision int8, --engine openvino or --against BUNDLE"


def replay_command(
    recording: Annotated[
        Path, typer.Argument(metavar="FILE.mcap", help="What edgetrack run --output FILE.mcap wrote.")
    ],
    against: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help="The candidate's model. Default: the recorded one.",
            rich_help_panel="Candidate",
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Default: the recorded one.", rich_help_panel="Candidate"),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Default: the recorded one.", rich_help_panel="Candidate"),
    ] = None,
    recorded: Annotated[
        bool,
        typer.Option(
            "--recorded",
            help="Take the recorded track for the reference, as it is: it was made on the raw frames, "
            "so what JPEG changes counts as divergence.",
        ),
    ] = False,
    min_iou: Annotated[
        float, typer.Option(min=0, max=1, metavar="IOU", help="A frame below diverges.")
    ] = 0.5,
    allow: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="Share of the frames that may diverge.")
    ] = 0.0,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG", help="Where to draw the first divergence. Default: FILE-divergence.png here."
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all figures, frame by frame.")
    ] = None,
    threads: Threads = 2,
) -> None:
    """Run the frames of a recording through another model, engine or precision, and compare the boxes.

    The reference is what the recording was made with, run again on the same decoded pictures.

    The exit code is 1 when more frames diverge than --allow.
    """
    from edgetrack.io.recording import Recording
    from edgetrack.replay.compare import compare
    from edgetrack.terminal import open_console

    opened = Recording(recording)
    text, box = opened.target
    if against is engine is precision is None and not recorded:
        raise ConfigError(
            f"nothing to compare: the candidate would be the reference; say what is other, {OFFER}"
        )
    reference = None if recorded else _reference(opened, threads)
    candidate = _candidate(opened, reference, against, engine, precision, threads)
    console = open_console()
    _print_heading(console, opened, reference, candidate)
    with console.status("comparing") if console.is_terminal else console:
        comparison = compare(opened.steps(), candidate, reference, text=text, box=box, min_iou=min_iou)
    if not comparison.ious:
        raise SourceError(f"{recording} has no picture with a track; expected a file of edgetrack run")
    _finish(console, opened, comparison, (reference, candidate), picture=picture, json=json, allow=allow)


def _finish(
    console: Console,
    recording: Recording,
    comparison: Comparison,
    trackers: tuple[Tracker | None, Tracker],
    *,
    picture: Path | None,
    json: Path | None,
    allow: float,
) -> None:
    """Prints and writes what was found; exits with 1 when too much diverges."""
    from edgetrack.replay.report import print_comparison, print_first, write_json, write_picture
    from edgetrack.status import print_written

    reference, candidate = trackers
    print_comparison(console, comparison, recorded_is_reference=reference is None)
    if not recording.complete:
        console.print(
            f"{recording.name} has no end, as that of a run that was killed",
            style="yellow",
            soft_wrap=True,
        )
    drawn = None
    if comparison.first is not None:
        drawn = picture or Path(f"{Path(recording.name).stem}-divergence.png")
        write_picture(
            drawn, comparison, (f"reference, {_short(reference)}", f"candidate, {_short(candidate)}")
        )
        print_first(console, comparison, drawn)
    if json is not None:
        about = {"recording": recording.name, "complete": recording.complete, "facts": recording.facts}
        sides = {"reference": _facts(reference), "candidate": _facts(candidate), "allow": allow}
        write_json(json, comparison, {**about, **sides}, picture=drawn)
        print_written(console, json)
    below, share = comparison.figures().diverging, comparison.diverging
    frames = f"{below} of {len(comparison.ious)} frames ({100 * share:.1f} %) have an IoU below {comparison.min_iou:g}"
    verdict, color = ("diverges", "red") if share > allow else ("agrees", "green")
    console.print(verdict, style=f"bold {color}", end=": ")
    console.print(f"{frames}, allowed are {100 * allow:g} %", soft_wrap=True)
    if share > allow:
        raise typer.Exit(EXIT_DIVERGED)


def _reference(recording: Recording, threads: int) -> Tracker:
    from edgetrack.tracker import Tracker

    facts = recording.facts
    return Tracker(
        _recorded_bundle(recording),
        engine=_fact(facts, "engine"),
        precision=_fact(facts, "precision"),
        threads=threads,
    )


def _candidate(
    recording: Recording,
    reference: Tracker | None,
    against: str | None,
    engine: str | None,
    precision: str | None,
    threads: int,
) -> Tracker:
    from edgetrack.tracker import Tracker

    bundle: str | Bundle
    if against is not None:
        bundle = against
    else:
        bundle = _recorded_bundle(recording) if reference is None else reference.engine.bundle
    facts = recording.facts
    engine, precision = engine or _fact(facts, "engine"), precision or _fact(facts, "precision")
    tracker = Tracker(bundle, engine=engine, precision=precision, threads=threads)
    tracker.engine.wait()
    return tracker


def _fact(facts: dict[str, str], key: str) -> str:
    try:
        return facts[key]
    except KeyError:
        raise SourceError(f"the recording does not say its {key}; expected a file of edgetrack run") from None


def _recorded_bundle(recording: Recording) -> Bundle:
    """The model that the recording was made with: in its folder of then, or the shipped one of its name."""
    from edgetrack.bundle import Bundle

    facts = recording.facts
    wanted = _fact(facts, "model digest")
    for place in (_fact(facts, "bundle"), _fact(facts, "model")):
        try:
            bundle = Bundle.open(place)
        except BundleError:
            continue
        if bundle.manifest.digest == wanted:
            return bundle
    raise ConfigError(
        f"{recording.name} was made with {facts['model']} {facts.get('model version', '')} ({wanted[:12]}), which is "
        f"neither in {facts['bundle']} nor shipped; put it there, or compare with what was recorded: "
        "--recorded --against BUNDLE"
    )


def _print_heading(
    console: Console, recording: Recording, reference: Tracker | None, candidate: Tracker
) -> None:
    from edgetrack.terminal import one_line

    facts = recording.facts
    target = [f'"{facts["text"]}"'] if "text" in facts else []
    target += [f"box {facts['box']}"] if "box" in facts else []
    rows = {
        "recording": f"{recording.name}, of {facts.get('source', 'an unknown source')}",
        "target": " at ".join(target),
        "reference": "the recorded track" if reference is None else _long(reference),
        "candidate": _long(candidate),
    }
    for name, value in rows.items():
        console.print(f"{name:>9}  ", style="dim", end="")
        console.print(one_line(value), soft_wrap=True)


def _long(tracker: Tracker) -> str:
    manifest = tracker.engine.bundle.manifest
    model = f"{manifest.name} {manifest.version} ({manifest.digest[:8]})"
    return f"{model}, {tracker.engine.name} {tracker.engine.precision}"


def _short(tracker: Tracker | None) -> str:
    return "as recorded" if tracker is None else f"{tracker.engine.name} {tracker.engine.precision}"


def _facts(tracker: Tracker | None) -> dict[str, Any] | None:
    """None for the recorded track."""
    if tracker is None:
        return None
    engine, manifest = tracker.engine, tracker.engine.bundle.manifest
    model = {"model": manifest.name, "model version": manifest.version, "model digest": manifest.digest}
    return {**model, "engine": engine.name, "precision": engine.precision}
