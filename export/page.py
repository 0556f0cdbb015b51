"""``report.html``: the human-readable report of an export, in one file without scripts or links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from edgetrack.export.report import Attempt, Int8Report, MaskReport, Report
from edgetrack.reporting import html
from edgetrack.reporting.table import Table

MAX_LAYERS = 15  # most sensitive layers per graph that the page shows; the JSON report has all


def render(reports: Sequence[Report]) -> str:
    """Return the whole page: what the precisions have in common, then a section for each."""
    first = reports[0]
    calibration = first.calibration
    target = " and ".join(
        [f'"{calibration["text"]}"'] * bool(calibration["text"])
        + [f"box {calibration['box']}"] * bool(calibration["box"])
    )
    versions = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    parts = [
        html.paragraph(
            f"target {first.target}, measured on {first.machine}, {first.threads} threads; {versions}",
            quiet=True,
        ),
        html.paragraph(
            f"Measured on what the tracker saw in {', '.join(calibration['sources'])} "
            f"({calibration['frames']} frames; target: {target or 'several texts in turn'})."
        ),
        *(part for report in reports for part in _section(report)),
    ]
    return html.page(f"{' and '.join(map(_name, reports))} of {first.model}", parts)


def _section(report: Report) -> Iterable[str]:
    verdict = "included" if report.accepted else "left out"
    yield (
        f'<p class="verdict{" accepted" * report.accepted}"><b>{escape(_name(report))} is {verdict}.</b> '
        f"{escape(report.why)}</p>"
    )
    yield from _files(report)
    yield from _figures(report)
    if isinstance(report, Int8Report):
        yield from _attempts(report)
        if report.masks is not None:
            yield _masks(report.masks)
        yield _methods(report)
        yield from _layers(report)


def _name(report: Report) -> str:
    return report.precision.upper()


def _files(report: Report) -> Iterable[str]:
    if not report.files:
        return
    rows = [
        [
            file.file,
            file.precision,
            f"{file.megabytes:.2f} MB",
            _number(file.error),
            _number(file.accuracy),
            _number(file.speed, "x"),
        ]
        for file in report.files
    ]
    yield html.table(Table("Files", ["file", "precision", "size", "error", "accuracy", "speed"], rows))
    mask = ", of mask J&F" if isinstance(report, Int8Report) and report.masks is not None else ""
    yield html.paragraph(
        "error: of the outputs relative to float32, on crops that were not used for calibration. accuracy: "
        f"{report.accuracy_kind} relative to float32's{mask}. speed: relative to float32's, in alternating runs of "
        "ONNX Runtime; it was not measured for files of other engines. CPUs have no float16 kernels: float16 is for "
        "GPUs, and slower here.",
        quiet=True,
    )


def _figures(report: Report) -> Iterable[str]:
    if report.clips:
        rows = [[name, f"{a:.3f}", f"{b:.3f}"] for name, (a, b) in report.clips.items()]
        yield html.table(
            Table(f"Accuracy: {report.accuracy_kind}", ["clip", "fp32", report.precision], rows, words=1)
        )
    if report.latency_ms:
        rows = [[n, f"{a:.2f} ms", f"{b:.2f} ms", f"{a / b:.2f}x"] for n, (a, b) in report.latency_ms.items()]
        columns = ["graph", "fp32", report.precision, "speed"]
        yield html.table(Table("Latency of the networks on this CPU", columns, rows, words=1))
    if report.thresholds:
        rows = [[name, f"{a:.3f}", f"{b:.3f}"] for name, (a, b) in report.thresholds.items()]
        yield html.section(
            "Thresholds",
            html.paragraph("Adjusted so that a status means the same in both precisions."),
            html.table(Table("", ["threshold", "fp32", report.precision], rows, words=1)),
        )


def _tried(attempts: Sequence[Attempt], graphs: str, graph: str) -> str:
    rows = [
        [
            str(attempt.floats),
            f"{attempt.speed:.2f}x",
            _number(attempt.accuracy) or "not measured",
            "passed" if attempt.passed else "rejected",
        ]
        for attempt in attempts
    ]
    columns = [f"layers of {graphs} kept in float", f"speed of {graph}", "accuracy", "verdict"]
    return html.table(Table("", columns, rows, words=0))


def _masks(masks: MaskReport) -> str:
    rows = [[name, f"{a:.3f}", f"{b:.3f}"] for name, (a, b) in masks.clips.items()]
    verdict = "in INT8" if masks.accepted else "in float32"
    return html.section(
        "Masks",
        html.paragraph(f"The mask head is {verdict}: {masks.why}."),
        html.paragraph(f"Required: at least {masks.min_jf_ratio:g} of float32's J&F, and faster."),
        _tried(masks.attempts, "mask", "mask"),
        html.table(Table("J&F", ["clip", "fp32", "int8"], rows, words=1)) if rows else "",
    )


def _attempts(report: Int8Report) -> Iterable[str]:
    refused = "; ".join(f"{graph}: {why}" for graph, why in report.refused.items())
    yield html.section(
        "Acceptance",
        html.paragraph(f"Quantized: {' and '.join(report.kinds)} nodes."),
        *([html.paragraph(f"Graphs that stay in float: {refused}.")] if refused else []),
        html.paragraph(f"Required: at least {report.min_auc_ratio:g} of float32's accuracy, and faster."),
        _tried(report.attempts, "each graph", "search"),
    )


def _methods(report: Int8Report) -> str:
    methods = list(next(iter(report.methods.values()), {}))
    rows = [
        [graph, *(f"{errors[m]:.4f}{' (used)' * (m == report.chosen_methods[graph])}" for m in methods)]
        for graph, errors in report.methods.items()
    ]
    return html.section(
        "Calibration methods",
        html.paragraph("Output error with all layers in integers; the method with the lowest error is used."),
        html.table(Table("", ["graph", *methods], rows, words=1)),
    )


def _layers(report: Int8Report) -> Iterable[str]:
    yield html.section(
        "Layers", html.paragraph("Output error with only this layer in integers, most sensitive first.")
    )
    for graph, errors in report.sensitivity.items():
        floats = set(report.in_float.get(graph, ()))
        worst = sorted(errors.items(), key=lambda item: -item[1])[:MAX_LAYERS]
        yield html.bars(
            graph,
            [(name, error, "float" if name in floats else "int8", name in floats) for name, error in worst],
        )


def _number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.3f}{unit}"
