"""``report.html``: the report of an export for people, in one file without scripts or links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from edgetrack.export.report import Int8Report, Report

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1d2329 }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } th { font-weight: 600; border-bottom: 2px solid #ccd3da }
th, td { text-align: left; padding: .2rem .8rem .2rem 0 } td { border-bottom: 1px solid #e8ecf0 }
.n { text-align: right; font-variant-numeric: tabular-nums } .dim { color: #66707a }
.verdict { padding: .6rem 1rem; border-radius: .4rem; background: #fdf1d6 } .yes { background: #dff3e4 }
.bar { background: #6b9ac4; height: .7rem; display: inline-block; border-radius: .1rem } .float { background: #d98c5f }
"""
_LAYERS = 15  # most sensitive ones of each graph that the page shows; the report has all


def render(reports: Sequence[Report]) -> str:
    """The whole page: what the precisions have in common, then each."""
    first = reports[0]
    calibration, title = first.calibration, f"{' and '.join(map(_name, reports))} of {escape(first.model)}"
    target = " and ".join(
        [f'"{calibration["text"]}"'] * bool(calibration["text"])
        + [f"box {calibration['box']}"] * bool(calibration["box"])
    )
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="dim">target {escape(first.target)}, measured on {escape(first.machine)}, '
        f"{first.threads} threads; {escape(', '.join(f'{k} {v}' for k, v in first.versions.items()))}</p>",
        f"<p>Measured on what the tracker saw in {escape(', '.join(calibration['sources']))} "
        f"({calibration['frames']} frames; target: {escape(target or 'several words in turn')}).</p>",
        *(part for report in reports for part in _section(report)),
    ]
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _section(report: Report) -> Iterable[str]:
    yield (
        f'<p class="verdict{" yes" * report.accepted}"><b>{_name(report)} is '
        f"{'in' if report.accepted else 'left out'}.</b> {escape(report.why)}</p>"
    )
    yield from _files(report)
    yield from _figures(report)
    if isinstance(report, Int8Report):
        yield from _attempts(report)
        yield from _methods(report)
        yield from _layers(report)


def _name(report: Report) -> str:
    return escape(report.precision.upper())


def _files(report: Report) -> Iterable[str]:
    if not report.files:
        return
    yield "<h2>Files</h2>"
    rows = [
        [
            f.file,
            f.precision,
            f"{f.megabytes:.2f} MB",
            _number(f.error),
            _number(f.accuracy),
            _number(f.speed, "x"),
        ]
        for f in report.files
    ]
    yield _table(["file", "precision", "size", "error", "accuracy", "speed"], rows)
    yield (
        '<p class="dim">error: of the outputs against float32 on crops that no range was measured on. accuracy: '
        f"{escape(report.accuracy_kind)} over float32's. speed: times float32's, in alternating runs of ONNX Runtime; "
        "of files for other engines it was not measured. CPUs have no float16 kernels: float16 is for GPUs, and slower "
        "here.</p>"
    )


def _figures(report: Report) -> Iterable[str]:
    if report.clips:
        yield f"<h2>Accuracy: {escape(report.accuracy_kind)}</h2>"
        rows = [[name, f"{a:.3f}", f"{b:.3f}"] for name, (a, b) in report.clips.items()]
        yield _table(["clip", "fp32", report.precision], rows)
    if report.latency_ms:
        yield "<h2>Latency of the networks on this CPU</h2>"
        rows = [[n, f"{a:.2f} ms", f"{b:.2f} ms", f"{a / b:.2f}x"] for n, (a, b) in report.latency_ms.items()]
        yield _table(["graph", "fp32", report.precision, "speed"], rows)
    if report.thresholds:
        yield "<h2>Thresholds</h2><p>Moved so that a status means the same in both precisions.</p>"
        rows = [[name, f"{a:.3f}", f"{b:.3f}"] for name, (a, b) in report.thresholds.items()]
        yield _table(["threshold", "fp32", report.precision], rows)


def _attempts(report: Int8Report) -> Iterable[str]:
    yield f"<h2>Acceptance</h2><p>Quantised: {' and '.join(report.kinds)} nodes.</p>"
    yield f"<p>Asked for: at least {report.min_auc_ratio:g} of float32's accuracy, and faster.</p>"
    rows = [
        [
            str(a.floats),
            f"{a.speed:.2f}x",
            _number(a.accuracy) or "not measured",
            "passed" if a.passed else "refused",
        ]
        for a in report.attempts
    ]
    yield _table(["layers of each graph back in float", "speed of search", "accuracy", "verdict"], rows)


def _methods(report: Int8Report) -> Iterable[str]:
    yield "<h2>Ways to set ranges</h2><p>Output error with every layer in integers; the least is taken.</p>"
    methods = list(next(iter(report.methods.values()), {}))
    rows = [
        [graph, *(f"{errors[m]:.4f}{' (taken)' * (m == report.chosen_methods[graph])}" for m in methods)]
        for graph, errors in report.methods.items()
    ]
    yield _table(["graph", *methods], rows)


def _layers(report: Int8Report) -> Iterable[str]:
    yield "<h2>Layers</h2><p>Output error with this layer alone in integers, most sensitive first.</p>"
    for graph, errors in report.sensitivity.items():
        floats = set(report.in_float.get(graph, ()))
        worst = sorted(errors.items(), key=lambda item: -item[1])[:_LAYERS]
        top = max((error for _, error in worst), default=0) or 1
        yield f"<h3>{escape(graph)}</h3><table>"
        for name, error in worst:
            kind, word = (" float", "in float") if name in floats else ("", "int8")
            yield (
                f'<tr><td>{escape(name)}</td><td class="n">{error:.4f}</td><td>{word}</td><td style="width:40%">'
                f'<span class="bar{kind}" style="width:{100 * error / top:.0f}%"></span></td></tr>'
            )
        yield "</table>"


def _number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.3f}{unit}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th{_side(i)}>{escape(heading)}</th>" for i, heading in enumerate(headings))
    body = "".join(
        "<tr>" + "".join(f"<td{_side(i)}>{escape(cell)}</td>" for i, cell in enumerate(row)) + "</tr>\n"
        for row in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _side(column: int) -> str:
    return ' class="n"' if column else ""
