"""From a checkpoint or a bundle to a finished bundle: all steps, and nothing left behind when one fails."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgetrack._imports import require
from edgetrack.bundle import Bundle
from edgetrack.errors import ConfigError
from edgetrack.export.int8 import Int8Config, add_int8
from edgetrack.export.report import FILE_NAME, Report
from edgetrack.export.staging import add_files, check_output, copy_bundle
from edgetrack.export.watch import Watch

PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for."""

    model: str  # a shipped model, a bundle's folder, or a checkpoint that ends in .pt
    output: Path
    int8: Int8Config | None = None
    page: bool = False  # a report to read in a browser, too
    force: bool = False  # replace an older bundle
    text_encoder: Path = Path("runs/text")  # for a checkpoint, as the next two
    name: str = "edgetrack-s"
    version: str = "0.1.0"


def make_bundle(request: Request, *, watch: Watch) -> tuple[Bundle, Report | None]:
    """Writes the bundle; the report is that of INT8, where it was asked for.

    Raises:
        ConfigError: nothing to do.
        BundleError, ExportError, MissingExtra, SourceError: see their descriptions.
    """
    is_checkpoint = request.model.endswith(".pt")
    if not is_checkpoint and request.int8 is None:
        raise ConfigError(
            f"nothing to do: {request.model} is a bundle already; give --int8, or a checkpoint (.pt)"
        )
    require("onnx", extra="export")
    check_output(request.output, force=request.force)
    request.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=request.output.parent) as temporary:
        folder, report = Path(temporary) / "bundle", None
        if is_checkpoint:
            _from_checkpoint(request, folder, watch)
        else:
            copy_bundle(Bundle.open(request.model), folder)
        if request.int8 is not None:
            report = add_int8(folder, request.int8, watch=watch)
            _write_report(report, folder, page=request.page)
        if request.output.exists():
            shutil.rmtree(request.output)
        folder.rename(request.output)
    return Bundle.open(request.output), report


def _from_checkpoint(request: Request, folder: Path, watch: Watch) -> None:
    require("torch", extra="export")
    from edgetrack.export.pipeline import ExportConfig, export

    config = ExportConfig(
        Path(request.model), folder, text=request.text_encoder, name=request.name, version=request.version
    )
    for _ in watch([0], "exporting float32 and comparing it with PyTorch", 1):
        export(config)


def _write_report(report: Report, folder: Path, *, page: bool) -> None:
    files = {"report": FILE_NAME}
    (folder / FILE_NAME).write_text(report.to_json(), encoding="utf-8")
    if page:
        from edgetrack.export.page import render

        files["report_page"] = PAGE
        (folder / PAGE).write_text(render(report), encoding="utf-8")
    add_files(folder, files)
