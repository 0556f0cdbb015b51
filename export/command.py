"""Make a bundle from a checkpoint, a bundle or an adapter, in all steps; if one fails, nothing is left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgetrack._imports import require
from edgetrack.bundle import MASK, PAIRS, Bundle
from edgetrack.engines.openvino import check_capable, shared_core
from edgetrack.errors import ConfigError, ExportError
from edgetrack.export.adapters.bundle import (
    Foreign,
    adapter_of,
    add_adapter_files,
    copy_adapter_bundle,
    is_adapter,
    write_adapter_bundle,
)
from edgetrack.export.bf16 import add_bf16
from edgetrack.export.fp16 import add_fp16
from edgetrack.export.gate import Gate, GateConfig
from edgetrack.export.int8 import add_int8, keep_int8
from edgetrack.export.parts import add_grounder_of, add_masks_of, add_sensor_of
from edgetrack.export.report import FILE_NAME, Report, to_json
from edgetrack.export.staging import (
    add_files,
    check_output,
    copy_bundle,
    float_graphs,
    restore_precision,
    set_target,
    write_manifest,
)
from edgetrack.export.subject import Own, Subject
from edgetrack.export.watch import Watch
from edgetrack.manifest import Budget
from edgetrack.peers import Opener
from edgetrack.peers.bundle import AdapterBundle, is_adapter_bundle
from edgetrack.peers.hub import downloaded
from edgetrack.peers.published import FINDERS

PAGE = "report.html"
_ADD = {"int8": add_int8, "fp16": add_fp16, "bf16": add_bf16}


@dataclass(frozen=True, slots=True)
class Request:
    """The user's request."""

    model: str  # a shipped model, a bundle's folder, a checkpoint that ends in .pt, or an adapter
    output: Path
    precisions: tuple[str, ...] = ()  # precisions to add: int8, fp16, bf16
    gate: GateConfig = field(
        default_factory=GateConfig
    )  # the gate for them; its target is written to the manifest
    page: bool = False  # also write a report for the browser
    force: bool = False  # replace an older bundle
    retarget: bool = False  # rewrite the bundle for another target
    weights: tuple[Path, ...] = ()  # weights of an adapter
    trust: bool = False  # allow the code of an adapter's bundle to run
    text_encoder: Path = Path("runs/text")  # for a checkpoint
    grounder: Path | None = None  # checkpoint of the grounding network, or a bundle that has one
    masks: Path | None = None  # checkpoint of the mask head, or a bundle that has one, to add to the same
    sensor: Path | None = None  # checkpoint of a second sensor's path, to add to the same
    name: str | None = None  # name of the bundle of a checkpoint, an adapter, or with a second sensor
    version: str = "0.1.0"  # version of the same

    @property
    def kind(self) -> str:
        """Return the kind of ``model``: "adapter", "adapter bundle", "checkpoint" or "bundle"."""
        if is_adapter(self.model):
            return "adapter"
        if self.model.endswith(".pt"):
            return "checkpoint"
        return "adapter bundle" if is_adapter_bundle(self.model) else "bundle"


def make_bundle(request: Request, *, watch: Watch) -> tuple[Bundle | AdapterBundle, list[Report]]:
    """Write the bundle; return it with a report for each requested precision. Other precisions of a bundle are kept.

    If a new precision is refused, the bundle keeps the version of it that it had before.

    Raises:
        ConfigError: There is nothing to do, or the target or the adapter does not support a precision.
        BundleError, ExportError, MissingExtra, SourceError: See their descriptions.
    """
    _check(request)
    require("onnx", extra="export" if request.kind == "checkpoint" else "int8")
    check_output(request.output, force=request.force)
    request.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=request.output.parent) as temporary:
        folder, reports = Path(temporary) / "bundle", list[Report]()
        subject = _FROM[request.kind](request, folder, watch)
        if request.grounder:
            add_grounder_of(folder, request.grounder, watch)
        if request.masks:
            add_masks_of(folder, request.masks, watch)
        if request.sensor:
            add_sensor_of(folder, request.sensor, watch)
        if request.precisions:
            gate = Gate(subject, request.gate, watch=watch)
            reports = [_add(name, request, gate, watch) for name in request.precisions]
            if "bf16" in request.precisions and reports[0].precision == "int8" and reports[0].accepted:
                reports.append(add_bf16(gate, name="int8-bf16", watch=watch))
            _write_reports(reports, folder, subject, page=request.page)
        if request.output.exists():
            shutil.rmtree(request.output)
        folder.rename(request.output)
    opened = AdapterBundle if isinstance(subject, Foreign) else Bundle
    return opened.open(request.output), reports


def _check(request: Request) -> None:
    kind, board = request.kind, request.gate.board
    if kind == "checkpoint" and not Path(request.model).is_file():
        raise ExportError(
            f"checkpoint {request.model} cannot be loaded: it does not exist; "
            "expected a file written by 'edgetrack train'"
        )
    if kind == "bundle" and not (request.precisions or request.grounder or request.masks or request.sensor):
        Bundle.open(request.model)  # must be a valid bundle
        if not request.retarget:
            raise ConfigError(
                f"nothing to do: {request.model} is already a bundle; give --int8 or --fp16, --target for another "
                "board's budgets, or a checkpoint (.pt). Search size, tokens and layers are fixed when a model is "
                "trained: see edgetrack train"
            )
    if kind == "adapter bundle" and not request.precisions:
        raise ConfigError(f"nothing to do: {request.model} is already a bundle; give --int8 or --bf16")
    if "int8" in request.precisions and "int8" not in board.precisions:
        raise ConfigError(
            f"target {board.name} runs {', '.join(board.precisions)}, not int8; "
            "leave out --int8, or see: edgetrack targets"
        )
    if "fp16" in request.precisions and kind.startswith("adapter"):
        raise ConfigError(
            f"--fp16 has no effect on {request.model}: an adapter runs its graphs on the CPU, whose 16-bit format is "
            "bfloat16; give --bf16"
        )
    if "bf16" in request.precisions and not kind.startswith("adapter"):
        raise ConfigError(
            f"--bf16 has no effect on {request.model}: OpenVINO derives it from any of edgetrack's own bundles, with "
            "--engine openvino --precision bf16; leave it out"
        )


def _check_adapter(request: Request, name: str, adapter: Opener) -> None:
    """Raise ConfigError if the adapter does not support a precision, or the way in which the target is given."""
    gate, modes, precisions = request.gate, adapter.modes, getattr(adapter, "precisions", ())
    if gate.accept is not None and "bbox" not in modes:
        raise ConfigError(
            f"--accept starts targets with the boxes of its labels, but {name} takes no boxes; leave it out: "
            "then the boxes that it finds are compared with those of float32"
        )
    if "bf16" in request.precisions and "bf16" not in precisions:
        raise ConfigError(f"--bf16 has no effect on {name}, which runs in float32 or INT8; leave it out")
    if "bf16" in request.precisions:
        check_capable(shared_core(), "bf16")
    wanted = "nlbbox" if gate.text and gate.box else "nl" if gate.text else "bbox"
    if (gate.text or gate.box) and wanted not in modes:
        expected = "--text" if "nl" in modes else "--box"
        raise ConfigError(f"{request.model} takes its target by {', '.join(modes)}; give {expected} only")


def _budget(request: Request) -> Budget:
    board = request.gate.board
    return Budget(board.name, board.latency_budget_ms, board.memory_budget_mb)


def _from_adapter(request: Request, folder: Path, watch: Watch) -> Subject:
    adapter = adapter_of(request.model)
    _check_adapter(request, request.model, adapter)
    weights = downloaded(request.weights) if request.model in FINDERS else request.weights
    for _ in watch([0], "writing the graphs in float32", 1):
        write_adapter_bundle(
            folder,
            adapter,
            request.model,
            weights,
            name=request.name,
            version=request.version,
            target=_budget(request),
        )
    return Foreign(folder, threads=request.gate.threads)


def _from_adapter_bundle(request: Request, folder: Path, watch: Watch) -> Subject:
    del watch
    bundle = AdapterBundle.open(request.model)
    _check_adapter(request, bundle.manifest.name, bundle.adapter(trust=request.trust))
    copy_adapter_bundle(bundle, folder, target=_budget(request))
    return Foreign(folder, threads=request.gate.threads)


def _from_bundle(request: Request, folder: Path, watch: Watch) -> Subject:
    del watch
    bundle = Bundle.open(request.model)
    anew = {name for name in request.precisions if not _stays(name, request, bundle)}
    keep = bundle.manifest.precisions.keys() - anew
    copy_bundle(bundle, folder, keep=keep, reports=not request.precisions)  # otherwise new ones are written
    set_target(folder, _budget(request))
    if request.name is not None:
        write_manifest(folder, replace(Bundle.open(folder).manifest, name=request.name), files={})
    return Own(folder, threads=request.gate.threads)


def _from_checkpoint(request: Request, folder: Path, watch: Watch) -> Subject:
    require("torch", extra="export")
    from edgetrack.export.pipeline import ExportConfig, export

    config = ExportConfig(
        Path(request.model),
        folder,
        text=request.text_encoder,
        name=request.name or "edgetrack-256",
        version=request.version,
    )
    for _ in watch([0], "exporting float32 and comparing with PyTorch", 1):
        export(config)
    set_target(folder, _budget(request))
    return Own(folder, threads=request.gate.threads)


_FROM = {
    "adapter": _from_adapter,
    "adapter bundle": _from_adapter_bundle,
    "bundle": _from_bundle,
    "checkpoint": _from_checkpoint,
}


def _stays(name: str, request: Request, bundle: Bundle) -> bool:
    """Return whether to keep the bundle's own INT8: the request has nothing that could make a new one better."""
    gate = request.gate
    given = gate.calibration or gate.accept or gate.text or gate.box
    return name == "int8" and name in bundle.manifest.precisions and not given


def _add(name: str, request: Request, gate: Gate, watch: Watch) -> Report:
    if request.kind == "bundle":
        old = Bundle.open(request.model)
        if _stays(name, request, old):
            return keep_int8(gate, watch=watch)
    report = _ADD[name](gate, watch=watch)
    if request.kind == "bundle" and not report.accepted and name in old.manifest.precisions:
        restore_precision(old, gate.subject.folder, name)
        newer = (MASK,) * bool(request.masks) + PAIRS * bool(request.sensor)
        float_graphs(gate.subject.folder, newer)
        report.kept = True
        report.why += f"; the {name.upper()} that {old.manifest.name} had before is kept unchanged"
    return report


def _write_reports(reports: Sequence[Report], folder: Path, subject: Subject, *, page: bool) -> None:
    files = {"report": FILE_NAME}
    (folder / FILE_NAME).write_text(to_json(reports), encoding="utf-8")
    if page:
        from edgetrack.export.page import render

        files["report_page"] = PAGE
        (folder / PAGE).write_text(render(reports), encoding="utf-8")
    if isinstance(subject, Foreign):
        add_adapter_files(folder, files, manifest=subject.bundle.manifest)
    else:
        add_files(folder, files)
