"""``edgetrack export``: from a checkpoint or a bundle to a bundle, with INT8 and float16 where they pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from edgetrack.cli.base import app, parse_box
from edgetrack.errors import ConfigError
from edgetrack.options import Text, bounded

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from edgetrack.bundle import Bundle
    from edgetrack.export.report import FileRow, Report

T = TypeVar("T")
EXIT_REFUSED = 1


@app.command("export")
def export_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="[MODEL|CHECKPOINT]", help="A shipped model, a bundle, or a checkpoint (.pt)."
        ),
    ] = "edgetrack-s",
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
            help="Your own video, to measure on; repeatable. Without: the drawn demo scene.",
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
            help="The board; auto: this machine, as in: edgetrack targets",
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
    report: Annotated[bool, typer.Option("--report", help="Write report.html into the bundle, too.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an older bundle.")] = False,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel="Other trackers",
            help="Of MODEL nanotrack-v2, nanotrack-v3 or FILE.py:CLASS; repeatable.",
        ),
    ] = None,
    text_encoder: Annotated[
        Path,
        typer.Option(
            metavar="DIR", rich_help_panel="Checkpoint", help="What edgetrack.training.prune_text wrote."
        ),
    ] = Path("runs/text"),
    name: Annotated[
        str, typer.Option(metavar="NAME", rich_help_panel="Checkpoint", help="Of the new model.")
    ] = "edgetrack-s",
    version: Annotated[
        str, typer.Option(metavar="X.Y.Z", rich_help_panel="Checkpoint", help="Of the new model.")
    ] = "0.1.0",
) -> None:
    """Make a bundle of a checkpoint, add INT8 or float16 to one, or write another tracker as ONNX files.

    INT8 is calibrated on what the tracker sees in your video. Both are compared with float32, and
    left out when they are worse than --min-auc-ratio, or not faster (float16: for a CPU); the exit
    code is 1 then, and report.json says why.
    """
    from edgetrack._imports import require

    require("onnx", extra="export")
    from edgetrack.export.adapters import export_adapter, is_adapter
    from edgetrack.export.command import Request, make_bundle
    from edgetrack.export.gate import GateConfig
    from edgetrack.terminal import open_console

    console = open_console()
    if is_adapter(model):
        for path in export_adapter(model, weights or (), output, force=force):
            console.print(f"{path.stat().st_size / 1e6:8.2f} MB  {path}", soft_wrap=True)
        return
    if weights:
        raise ConfigError(
            f"--weights is for other trackers, and {model} is none; give nanotrack-v2 or FILE.py:CLASS"
        )
    from edgetrack import targets

    board = targets.detect() if target == "auto" else targets.load(target)
    console.print(f"for {board.name}{' (this machine)' if target == 'auto' else ''}: {board.title}")
    precisions = ("int8",) * int8 + ("fp16",) * fp16
    if not precisions and (calibration or text or box or accept):
        raise ConfigError(
            "--calibration, --text, --box and --accept are for INT8 and float16; add --int8 or --fp16"
        )
    if precisions and not calibration:
        console.print("no --calibration: all is measured on crops of the drawn demo scene", style="yellow")
    place = None if box is None else parse_box(box)
    gate = GateConfig(tuple(calibration or ()), text, place, accept, board.name, min_auc_ratio, threads)
    request = Request(model, output, precisions, gate, report, force, text_encoder, name, version)
    with _progress(console) as progress:
        bundle, reports = make_bundle(request, watch=_Watch(progress))
    _print(console, bundle, reports)
    if not all(result.accepted for result in reports):
        raise typer.Exit(EXIT_REFUSED)


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


def _print(console: Console, bundle: Bundle, reports: Sequence[Report]) -> None:
    """Prints what the bundle holds, and what each new precision gained or why it is not in it."""
    rows = {row.file: row for report in reports for row in report.files}
    if rows:
        _print_files(console, rows.values(), next(report for report in reports if report.files))
    for report in reports:
        name = report.precision.upper()
        verdict, color = ("is in", "green") if report.accepted else ("is left out", "yellow")
        console.print(f"{name} {verdict}", style=f"bold {color}", end=": ")
        console.print(report.why)
    manifest = bundle.manifest
    size = sum(bundle.path(role).stat().st_size for role in manifest.files) / 1e6
    console.print(
        f"{manifest.name} {manifest.version}, {manifest.parameters:,} parameters, {size:.1f} MB, "
        f"{', '.join(('fp32', *manifest.precisions))}: {bundle.folder}"
    )


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
        f"error: of the outputs against fp32; accuracy: {report.accuracy_kind} over fp32's; speed: times fp32's, "
        f"{report.threads} threads of {report.machine}, ONNX Runtime (no float16 kernels: fp16 is for GPUs)",
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
