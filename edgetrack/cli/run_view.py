"""The reports of a run before and after it: what is tracked by what, states of sources, and a summary.

They are printed in words, or logged as JSON lines if that was chosen by --log-format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from edgetrack.cli import log, run_log
from edgetrack.cli.status import COLORS
from edgetrack.meter import Summary
from edgetrack.terminal import one_line
from edgetrack.types import STATUSES, Box

if TYPE_CHECKING:
    from edgetrack.cli.status import Engine
    from edgetrack.cli.wanted import Wanted
    from edgetrack.io.source import Source
    from edgetrack.io.states import SourceState


def print_heading(
    console: Console,
    source: Source,
    engine: Engine,
    targets: Sequence[tuple[str | None, Box | None]],
    every: Sequence[str] = (),
    grounder: str | None = None,
    served: str | None = None,
) -> None:
    """Print the source, the targets, the model and the engine.

    Args:
        console: Where to print.
        source: Where the frames come from.
        engine: Runs the network.
        targets: Text and box of each target.
        every: Phrases of the queries.
        grounder: Name of the detector that finds targets, if it is not the model's own.
        served: Address of the metrics, if there is one.
    """
    if log.is_json():
        run_log.log_heading(source, engine, targets, every, grounder, served)
        return
    _row(console, "source", facts_of(source))
    print_targets(console, targets, every)
    print_engine(console, engine, grounder, served)


def print_common(
    console: Console, engine: Engine, wanted: Mapping[str | None, Wanted], served: str | None
) -> None:
    """Print what each camera of a run tracks, and what runs it; as JSON lines, it is logged with each camera."""
    if not log.is_json():
        print_wanted(console, wanted)
        print_engine(console, engine, None, served)


def print_wanted(console: Console, wanted: Mapping[str | None, Wanted]) -> None:
    """Print the targets of each camera, by name; if all have the same ones, once."""
    each = [(name, (own.targets, own.every)) for name, own in wanted.items()]
    same = all(own == each[0][1] for _, own in each)
    for name, (targets, every) in each[:1] if same else each:
        print_targets(console, targets, every, camera=None if same else name)


def print_camera(
    console: Console, name: str, source: Source, engine: Engine, wanted: Wanted, served: str | None
) -> None:
    """Print that a camera of a run is connected."""
    if log.is_json():
        run_log.log_heading(source, engine, wanted.targets, wanted.every, served=served, camera=name)
    else:
        _row(console, "camera", f"{name}: {facts_of(source)}")


def facts_of(source: Source) -> str:
    """Return the name, the size, and the rate and length of a source where they are known."""
    width, height = source.size
    facts = [f"{width}x{height}"]
    facts += [f"{source.fps:.4g} fps"] if source.fps else []
    facts += [f"{source.frames} frames"] if source.frames else []
    return f"{source.name} ({', '.join(facts)})"


def print_engine(
    console: Console, engine: Engine, grounder: str | None = None, served: str | None = None
) -> None:
    """Print the model and what runs it, and the address of the metrics."""
    _row(console, "model", f"{engine.bundle.manifest.name}, {engine.name} {engine.precision}")
    _row(console, "engine", str(engine.info))
    if grounder is not None:
        _row(console, "grounder", f"{grounder}, in a background thread")
    if served is not None:
        _row(console, "metrics", served)


def print_targets(
    console: Console,
    targets: Sequence[tuple[str | None, Box | None]],
    every: Sequence[str],
    *,
    camera: str | None = None,
) -> None:
    """Print the text and the box of each target, and the phrases of queries, after the name of the camera if given."""
    if log.is_json():
        run_log.log_targets(targets, every, camera=camera)
        return
    of = "" if camera is None else f"{camera}: "
    for text, box in targets:
        target = [f'"{text}"'] if text is not None else []
        target += [f"box {','.join(f'{v:g}' for v in box.xywh)}"] if box is not None else []
        _row(console, "target", of + " at ".join(target))
    for phrase in every:
        _row(console, "every", f'{of}"{phrase}"')


def print_state(
    console: Console, state: SourceState, *, source: str, label: str = "source", camera: str | None = None
) -> None:
    """Print the state of a live source, whenever it changes."""
    if log.is_json():
        run_log.log_state(state, source=source, camera=camera)
        return
    style = {"live": "green", "stalled": "yellow", "reconnecting": "yellow", "failed": "red"}.get(
        state.name, ""
    )
    said = str(state) if camera is None else f"{camera}: {state}"
    _row(console, label, Text(one_line(said), style))


def print_summary(
    console: Console,
    summary: Summary,
    outputs: Sequence[Path],
    *,
    live: bool,
    engines: Sequence[str] = (),
    notes: Sequence[tuple[str, str]] = (),
    camera: str | None = None,
) -> None:
    """Print the figures of a finished run and the files that it has written.

    Args:
        console: where to print.
        summary: of the run.
        outputs: files that were written.
        live: whether the source was live.
        engines: the engines in use, if they were not the one in the heading all the time.
        notes: irregularities, each with the row that it belongs to: "source" or "output".
        camera: name of the camera, in a run of several.
    """
    if log.is_json():
        run_log.log_summary(summary, outputs, live=live, engines=engines, notes=notes, camera=camera)
        return
    if camera is not None:
        _row(console, "camera", Text(camera, "bold"))
    ended = "stopped after" if summary.interrupted else "in"
    _row(console, "frames", f"{summary.frames} {ended} {summary.seconds:.1f} s, {summary.fps:.1f} per second")
    one = not summary.targets and any(summary.statuses.values())
    if one:
        _row(console, "states", _states(summary))
    if one and summary.bases["network"] < summary.frames:
        _row(console, "boxes", ", ".join(f"{basis} {n}" for basis, n in summary.bases.items() if n))
    for name, own in summary.targets.items():
        line = Text(f"{name}: ").append_text(_states(own))
        if own.latency_ms is not None:
            line.append(f"; p50 {own.latency_ms.p50:.1f}, p95 {own.latency_ms.p95:.1f} ms")
        _row(console, "target", line)
    for name, counted in summary.counts.items():
        _row(console, "count", f"{name}: {counted}")
    _print_times(console, summary)
    for served in engines:
        _row(console, "engine", served)
    for label, note in notes:
        _row(console, label, Text(one_line(note), "yellow"))
    if live:
        too_old = f" for newer ones, {summary.too_old} too old" if summary.too_old else ""
        _row(console, "dropped", f"{summary.dropped}{too_old}")
    for path in outputs:
        _row(console, "written", str(path))


def print_looks(console: Console, looks_ms: Sequence[float]) -> None:
    """Print the time per pass of a grounder, if it has run."""
    if looks_ms and log.is_json():
        run_log.log_looks(looks_ms)
    elif looks_ms:
        _row(console, "grounder", f"p50 {median(looks_ms):.0f}, at most {max(looks_ms):.0f} ms per pass")


def _print_times(console: Console, summary: Summary) -> None:
    if summary.latency_ms is not None:
        p = summary.latency_ms
        figures = (
            f"p50 {p.p50:.1f}, p95 {p.p95:.1f}, p99 {p.p99:.1f} ms; first frame {summary.start_ms:.0f} ms"
        )
        _row(console, "latency", figures)
    if summary.age_ms is not None:
        p = summary.age_ms
        _row(
            console,
            "age",
            f"p50 {p.p50:.1f}, p95 {p.p95:.1f}, p99 {p.p99:.1f} ms from the camera to the track",
        )


def _states(summary: Summary) -> Text:
    states = Text()
    for status in STATUSES:
        if summary.statuses[status]:
            states.append(", " if states else "")
            states.append(f"{status} {summary.statuses[status]}", style=COLORS[status])
    return states


def _row(console: Console, label: str, value: str | Text) -> None:
    value = one_line(value) if isinstance(value, str) else value
    line = Text.assemble((f"{label:>8}  ", "dim"), value)
    console.print(line, soft_wrap=True)
