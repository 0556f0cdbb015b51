"""``edgetrack export``: from a checkpoint or a bundle to a bundle, with INT8 and float16 where they pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from edgetrack.cli.base import app, parse_box
from edgetrack.options import Text, Trust, bounded, refuse_unused

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from edgetrack.bundle import Bundle
    from edgetrack.export.command import Request
    from edgetrack.export.report import FileRow, Report
    from edgetrack.peers.bundle import AdapterBundle

T = TypeVar("T")
EXIT_REFUSED = 1


@app.command("export")
def export_command(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="[MODEL|CHECKPOINT|ADAPTER]",
            help="A shipped model, a bundle, a checkpoint (.pt), or another tracker: nanotrack-v2, nanotrack-v3 or "
            "FILE.py:CLASS.",
        ),
    ] = "edgetrack-256",
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The bundle to write.", show_default=False)
    ],
    int8: Annotated[bool, typer.Option("--int8", help="Add INT8, if it is as accurate and faster.")] = False,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Add float16, for GPUs, if it is as accurate.")
    ] = False,
    calibration: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VIDEO|DIR",
            rich_help_panel="INT8 and float16",
            help="Your own video, to measure on; repeatable. Without: a tested INT8 stays as it is, a new one is made "
            "of the drawn demo scene.",
        ),
    ] = None,
    text: Text = None,
    box: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            rich_help_panel="INT8 and float16",
            help="The target in the first frame of the video.",
        ),
    ] = None,
    accept: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel="INT8 and float16",
            help="Labelled clips, NAME.mp4 with NAME.txt. Without: agreement with fp32 on the calibration video.",
        ),
    ] = None,
    min_auc_ratio: Annotated[
        float,
        typer.Option(
            metavar="R", rich_help_panel="INT8 and float16", help="Accuracy to keep, as a share of float32's."
        ),
    ] = 0.99,
    target: Annotated[
        str,
        typer.Option(
            metavar="NAME|auto",
            help="The board, whose budgets the bundle notes; auto: this machine, as in: edgetrack targets",
            show_default=True,
        ),
    ] = "auto",
    threads: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            callback=bounded,
            rich_help_panel="INT8 and float16",
            help="CPU threads to measure with, at most the cores that this process may use.",
        ),
    ] = 2,
    report: Annotated[
        bool,
        typer.Option(
            "--report", rich_help_panel="INT8 and float16", help="Write report.html into the bundle, too."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an older bundle.")] = False,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel="Other trackers",
            help="Of MODEL nanotrack-v2, nanotrack-v3 or FILE.py:CLASS; repeatable.",
        ),
    ] = None,
    trust: Trust = False,
    text_encoder: Annotated[
        Path,
        typer.Option(
            metavar="DIR", rich_help_panel="New model", help="What edgetrack.training.prune_text wrote."
        ),
    ] = Path("runs/text"),
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel="New model",
            help="Of a checkpoint's or another tracker's bundle. Without: edgetrack-256, or the tracker's own.",
        ),
    ] = None,
    version: Annotated[
        str, typer.Option(metavar="X.Y.Z", rich_help_panel="New model", help="The same.")
    ] = "0.1.0",
) -> None:
    """Make a bundle of a checkpoint or of another tracker, or add INT8 or float16 to one.

    INT8 is calibrated on what the tracker sees in your video. Both are compared with float32, and
    left out when they are worse than --min-auc-ratio, or not faster (float16: for a CPU); the exit
    code is 1 then, and report.json says why. What the bundle had before stays.
    """
    from edgetrack import targets
    from edgetrack._imports import require

    require("onnx", extra="int8")
    from edgetrack.export.command import Request, make_bundle
    from edgetrack.export.gate import GateConfig
    from edgetrack.terminal import open_console

    precisions = ("int8",) * int8 + ("fp16",) * fp16
    place = None if box is None else parse_box(box)
    gate = GateConfig(tuple(calibration or ()), text, place, accept, target, min_auc_ratio, threads)
    request = Request(
        model=model,
        output=output,
        precisions=precisions,
        gate=gate,
        page=report,
        force=force,
        retarget=target != "auto",
        weights=tuple(weights or ()),
        trust=trust,
        text_encoder=text_encoder,
        name=name,
        version=version,
    )
    _refuse_unused(context, request)
    console = open_console()
    board = gate.board
    console.print(f"for {board.name}{' (this machine)' if target == 'auto' else ''}: {board.title}")
    if target != "auto" and precisions and (here := targets.detect().name) != board.name:
        console.print(f"accuracy and speed are measured on this {here}, not on {board.name}", style="yellow")
    if precisions and not calibration:
        console.print("no --calibration: all is measured on the drawn demo scene", style="yellow")
    with _progress(console) as progress:
        bundle, reports = make_bundle(request, watch=_Watch(progress))
    _print(console, bundle, reports)
    if not all(result.accepted for result in reports):
        raise typer.Exit(EXIT_REFUSED)


def _refuse_unused(context: typer.Context, request: Request) -> None:
    """Refuses what has no effect on what is exported."""
    kind, measured = request.kind, bool(request.precisions)
    of_precision = (measured, "it is for INT8 and float16; add --int8 or --fp16")
    new = (kind in ("adapter", "checkpoint"), f"{request.model} is a bundle already, which keeps its own")
    rules = dict.fromkeys(
        ("calibration", "text", "box", "accept", "min_auc_ratio", "threads", "report"), of_precision
    )
    rules |= {
        "weights": (kind == "adapter", f"it is for other trackers, and {request.model} is none"),
        "trust": (kind == "adapter bundle", f"{request.model} is no adapter's bundle, whose code would run"),
        "text_encoder": (kind == "checkpoint", f"it is for a checkpoint, and {request.model} is none"),
        "name": new,
        "version": new,
    }
    refuse_unused(context, rules)


class _Watch:
    """A progress bar for each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, items: Iterable[T], title: str, total: int) -> Iterator[T]:
        task = self._progress.add_task(title, total=total)
        if not self._progress.console.is_terminal:
            self._progress.console.print(title)
        done = 0
        for item in items:
            yield item
            done += 1
            self._progress.update(task, completed=done)
        self._progress.update(task, total=done, completed=done)


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _print(console: Console, bundle: Bundle | AdapterBundle, reports: Sequence[Report]) -> None:
    """Prints what the bundle holds, and what each new precision gained or why it is not in it."""
    rows = {row.file: row for report in reports for row in report.files}
    if rows:
        _print_files(console, rows.values(), next(report for report in reports if report.files))
    for report in reports:
        name = report.precision.upper()
        _print_evidence(console, report)
        style, verdict = ("bold green", "is in") if report.accepted else ("bold yellow", "is left out")
        if report.kept:
            verdict = "is in as before" if report.accepted else "is refused"
        console.print(f"{name} {verdict}:", style=style, end=" ")
        console.print(report.why, markup=False, soft_wrap=True)
    manifest = bundle.manifest
    if not reports:
        for role, entry in manifest.files.items():
            megabytes = bundle.path(role).stat().st_size / 1e6
            console.print(f"{megabytes:8.2f} MB  {entry.path}", markup=False, soft_wrap=True)
    size = sum(bundle.path(role).stat().st_size for role in manifest.files) / 1e6
    parameters = getattr(manifest, "parameters", None)
    facts = [f"{manifest.name} {manifest.version}", *([f"{parameters:,} parameters"] if parameters else [])]
    facts += [f"{size:.1f} MB", ", ".join(("fp32", *manifest.precisions))]
    console.print(f"{', '.join(facts)}: {bundle.folder}", markup=False, soft_wrap=True)


def _print_evidence(console: Console, report: Report) -> None:
    """Prints what the figures rest on."""
    for seen in report.calibration["seen"]:
        empty = [
            f"{seen[kind]} {said}"
            for kind, said in (("flat", "of one color"), ("noise", "noise"))
            if seen[kind]
        ]
        followed = [f"{seen['found']} with the target found", f"{seen['random']} following a random box"]
        counts = ", ".join([f"{seen['frames']} frames", *followed, *empty])
        console.print(f"calibrated on {seen['source']}: {counts}", style="dim", markup=False, soft_wrap=True)


def _print_files(console: Console, rows: Iterable[FileRow], report: Report) -> None:
    from edgetrack.status import open_table

    table = open_table(console)
    for heading in ("file", "precision", "size", "error", "accuracy", "speed"):
        table.add_column(
            heading, justify="left" if heading in ("file", "precision") else "right", no_wrap=True
        )
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    console.print(
        f"where error is that of the outputs against fp32, accuracy the {report.accuracy_kind} over fp32's, speed "
        f"times fp32's: {report.threads} threads of {report.machine}, ONNX Runtime "
        "(no float16 kernels: fp16 is for GPUs)",
        style="dim",
    )


def _cells(row: FileRow) -> tuple[str, ...]:
    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return (
        row.file,
        row.precision,
        f"{row.megabytes:.2f} MB",
        shown(row.error, ".4f"),
        shown(row.accuracy, ".3f"),
        shown(row.speed, ".2f") + ("x" if row.speed else ""),
    )
