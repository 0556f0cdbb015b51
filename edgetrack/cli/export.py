"""``edgetrack export``: from a checkpoint or a bundle to a bundle, with other precisions where they pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from edgetrack.cli.base import parse_box
from edgetrack.cli.engine_options import refuse_unused
from edgetrack.cli.options import (
    Accept,
    Bf16,
    BoxText,
    BundleOutput,
    Calibration,
    ExportModel,
    ExportReport,
    Force,
    Fp16,
    Grounder,
    Int8,
    MasksFrom,
    MinAucRatio,
    ModelName,
    ModelVersion,
    SensorFrom,
    Target,
    Text,
    TextEncoder,
    Threads,
    Trust,
    Weights,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from edgetrack.bundle import Bundle
    from edgetrack.export.command import Request
    from edgetrack.export.report import FileRow, Report
    from edgetrack.peers.bundle import AdapterBundle

T = TypeVar("T")
EXIT_REFUSED = 1


def export_command(
    context: typer.Context,
    model: ExportModel = "edgetrack-256",
    *,
    output: BundleOutput,
    int8: Int8 = False,
    fp16: Fp16 = False,
    bf16: Bf16 = False,
    calibration: Calibration = None,
    text: Text = None,
    box: BoxText = None,
    accept: Accept = None,
    min_auc_ratio: MinAucRatio = 0.99,
    target: Target = "auto",
    threads: Threads = 2,
    report: ExportReport = False,
    force: Force = False,
    weights: Weights = None,
    trust: Trust = False,
    text_encoder: TextEncoder = Path("runs/text"),
    grounder: Grounder = None,
    masks: MasksFrom = None,
    sensor: SensorFrom = None,
    name: ModelName = None,
    version: ModelVersion = "0.1.0",
) -> None:
    """Make a bundle from a checkpoint or from another tracker, or add INT8, float16 or bfloat16 to one.

    INT8 is calibrated on what the tracker sees in your video. Each precision is compared with float32, and left out
    if it is less accurate than --min-auc-ratio allows, or not faster (float16: for a CPU). The exit code is then 1,
    and report.json gives the reason. Precisions that the bundle already has are kept.
    """
    from edgetrack._imports import require

    require("onnx", extra="int8")
    from edgetrack.export.command import Request
    from edgetrack.export.gate import GateConfig

    request = Request(
        model=model,
        output=output,
        precisions=("int8",) * int8 + ("fp16",) * fp16 + ("bf16",) * bf16,
        gate=GateConfig(
            calibration=tuple(calibration or ()),
            text=text,
            box=None if box is None else parse_box(box),
            accept=accept,
            target=target,
            min_auc_ratio=min_auc_ratio,
            threads=threads,
        ),
        page=report,
        force=force,
        retarget=target != "auto",
        weights=tuple(weights or ()),
        trust=trust,
        text_encoder=text_encoder,
        grounder=grounder,
        masks=masks,
        sensor=sensor,
        name=name,
        version=version,
    )
    _refuse_unused(context, request)
    _export(request)


def _export(request: Request) -> None:
    from edgetrack import targets
    from edgetrack.export.command import make_bundle
    from edgetrack.terminal import open_console

    console, device = open_console(), request.gate.board
    console.print(f"for {device.name}{'' if request.retarget else ' (this machine)'}: {device.title}")
    if request.retarget and request.precisions and (here := targets.detect().name) != device.name:
        console.print(
            f"accuracy and speed are measured on this machine ({here}), not on {device.name}", style="yellow"
        )
    if request.precisions and not request.gate.calibration:
        console.print("no --calibration: everything is measured on the demo scene", style="yellow")
    with _progress(console) as progress:
        bundle, reports = make_bundle(request, watch=_Watch(progress))
    _print(console, bundle, reports)
    if not all(result.accepted for result in reports):
        raise typer.Exit(EXIT_REFUSED)


def _refuse_unused(context: typer.Context, request: Request) -> None:
    """Refuse options that have no effect on what is exported."""
    kind, measured = request.kind, bool(request.precisions)
    of_precision = (measured, "it applies to other precisions; add --int8, --fp16 or --bf16")
    new = (kind in ("adapter", "checkpoint"), f"{request.model} is already a bundle and keeps its own")
    rules = dict.fromkeys(
        ("calibration", "text", "box", "accept", "min_auc_ratio", "threads", "report"), of_precision
    )
    rules |= {
        "weights": (kind == "adapter", f"it applies to other trackers, and {request.model} is not one"),
        "trust": (
            kind == "adapter bundle",
            f"{request.model} is not an adapter's bundle, so it runs no code",
        ),
        "text_encoder": (kind == "checkpoint", f"it applies to a checkpoint, and {request.model} is not one"),
        "grounder": (kind in ("bundle", "checkpoint"), f"{request.model} takes its target by box only"),
        "sensor": (kind in ("bundle", "checkpoint"), f"{request.model} tracks in color only"),
        "masks": (kind in ("bundle", "checkpoint"), f"{request.model} tracks boxes only"),
        "name": (new[0] or request.sensor is not None, new[1]),
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
    """Print the content of the bundle, and for each new precision its gain, or why it was left out."""
    rows = {row.file: row for report in reports for row in report.files}
    if rows:
        _print_files(console, rows.values(), next(report for report in reports if report.files))
    for report in reports:
        name = report.precision.upper()
        _print_evidence(console, report)
        style, verdict = ("bold green", "is included") if report.accepted else ("bold yellow", "is left out")
        if report.precision.endswith("bf16"):  # nothing is written for it
            verdict = "passes" if report.accepted else "is refused"
        if report.kept:
            verdict = "is kept from before" if report.accepted else "is refused"
        console.print(f"{name} {verdict}:", style=style, end=" ")
        console.print(report.why, markup=False, soft_wrap=True)
        _print_masks(console, report)
    manifest = bundle.manifest
    if not reports:
        for role, entry in manifest.files.items():
            megabytes = bundle.path(role).stat().st_size / 1e6
            console.print(f"{megabytes:8.2f} MB  {entry.path}", markup=False, soft_wrap=True)
    size = sum(bundle.path(role).stat().st_size for role in manifest.files) / 1e6
    parameters = getattr(manifest, "parameters", None)
    facts = [f"{manifest.name} {manifest.version}", *([f"{parameters:,} parameters"] if parameters else [])]
    facts += [f"{size:.1f} MB", ", ".join(("fp32", *manifest.precisions))]
    facts += [f"license {manifest.license}"] if manifest.license else []
    console.print(f"{', '.join(facts)}: {bundle.folder}", markup=False, soft_wrap=True)


def _print_masks(console: Console, report: Report) -> None:
    """Print the precision of the mask head, and the reason for it."""
    from edgetrack.bundle import MASK
    from edgetrack.export.report import Int8Report

    if not isinstance(report, Int8Report) or not report.accepted:
        return
    if report.masks is not None and report.masks.accepted:
        console.print("its mask head is included, too:", style="bold green", end=" ")
        console.print(report.masks.why, markup=False, soft_wrap=True)
    elif MASK in report.refused:
        console.print("its mask head stays in float32:", style="bold yellow", end=" ")
        console.print(report.refused[MASK], markup=False, soft_wrap=True)


def _print_evidence(console: Console, report: Report) -> None:
    """Print what the figures are based on."""
    for seen in report.calibration["seen"]:
        empty = [
            f"{seen[kind]} {said}"
            for kind, said in (("flat", "of one color"), ("noise", "noise"))
            if seen[kind]
        ]
        followed = [f"{seen['found']} with the target found", f"{seen['random']} tracking a random box"]
        counts = ", ".join([f"{seen['frames']} frames", *followed, *empty])
        console.print(f"calibrated on {seen['source']}: {counts}", style="dim", markup=False, soft_wrap=True)


def _print_files(console: Console, rows: Iterable[FileRow], report: Report) -> None:
    from edgetrack.cli.tables import open_table

    table = open_table(console)
    for heading in ("file", "precision", "size", "error", "accuracy", "speed"):
        table.add_column(
            heading, justify="left" if heading in ("file", "precision") else "right", no_wrap=True
        )
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    console.print(
        f"error: of the outputs relative to fp32; accuracy: {report.accuracy_kind} relative to fp32's; speed "
        f"relative to fp32's: {report.threads} threads of {report.machine}, ONNX Runtime "
        "(which has no float16 kernels: fp16 is for GPUs)",
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
