"""From a checkpoint or a bundle to a finished bundle: all steps, and nothing left behind when one fails."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgetrack._imports import require
from edgetrack.bundle import Bundle
from edgetrack.errors import ConfigError
from edgetrack.export.fp16 import add_fp16
from edgetrack.export.gate import Gate, GateConfig
from edgetrack.export.int8 import add_int8
from edgetrack.export.report import FILE_NAME, Report, to_json
from edgetrack.export.staging import add_files, check_output, copy_bundle
from edgetrack.export.watch import Watch

PAGE = "report.html"
_ADD = {"int8": add_int8, "fp16": add_fp16}


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for."""

    model: str  # a shipped model, a bundle's folder, or a checkpoint that ends in .pt
    output: Path
    precisions: tuple[str, ...] = ()  # to add: int8, fp16
    gate: GateConfig = field(default_factory=GateConfig)  # what they have to pass
    page: bool = False  # a report to read in a browser, too
    force: bool = False  # replace an older bundle
    text_encoder: Path = Path("runs/text")  # for a checkpoint, as the next two
    name: str = "edgetrack-s"
    version: str = "0.1.0"


def make_bundle(request: Request, *, watch: Watch) -> tuple[Bundle, list[Report]]:
    """Writes the bundle; there is a report for each precision that was asked for. Others of a bundle are kept.

    Raises:
        ConfigError: nothing to do, or INT8 for a target that does not compute it.
        BundleError, ExportError, MissingExtra, SourceError: see their descriptions.
    """
    is_checkpoint = request.model.endswith(".pt")
    _check(request, is_checkpoint)
    require("onnx", extra="export")
    check_output(request.output, force=request.force)
    request.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=request.output.parent) as temporary:
        folder, reports = Path(temporary) / "bundle", list[Report]()
        if is_checkpoint:
            _from_checkpoint(request, folder, watch)
        else:
            bundle = Bundle.open(request.model)
            copy_bundle(bundle, folder, keep=bundle.manifest.precisions.keys() - set(request.precisions))
        if request.precisions:
            gate = Gate(Bundle.open(folder), request.gate, watch=watch)
            reports = [_ADD[name](folder, gate, watch=watch) for name in request.precisions]
            _write_reports(reports, folder, page=request.page)
        if request.output.exists():
            shutil.rmtree(request.output)
        folder.rename(request.output)
    return Bundle.open(request.output), reports


def _check(request: Request, is_checkpoint: bool) -> None:
    if not is_checkpoint and not request.precisions:
        raise ConfigError(
            f"nothing to do: {request.model} is a bundle already; give --int8 or --fp16, or a checkpoint (.pt)"
        )
    board = request.gate.board
    if "int8" in request.precisions and "int8" not in board.precisions:
        raise ConfigError(
            f"target {board.name} runs {', '.join(board.precisions)}, not int8; "
            "leave --int8 out, or see: edgetrack targets"
        )


def _from_checkpoint(request: Request, folder: Path, watch: Watch) -> None:
    require("torch", extra="export")
    from edgetrack.export.pipeline import ExportConfig, export

    config = ExportConfig(
        Path(request.model), folder, text=request.text_encoder, name=request.name, version=request.version
    )
    for _ in watch([0], "exporting float32 and comparing it with PyTorch", 1):
        export(config)


def _write_reports(reports: Sequence[Report], folder: Path, *, page: bool) -> None:
    files = {"report": FILE_NAME}
    (folder / FILE_NAME).write_text(to_json(reports), encoding="utf-8")
    if page:
        from edgetrack.export.page import render

        files["report_page"] = PAGE
        (folder / PAGE).write_text(render(reports), encoding="utf-8")
    add_files(folder, files)
