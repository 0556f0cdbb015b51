"""The report of an evaluation of unusual events: tables, anomaly.json and report.html."""

from __future__ import annotations

import json
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.evaluation.anomalies.evaluate import AnomalyReport
from edgetrack.evaluation.execution.records import write_texts
from edgetrack.evaluation.metrics.anomaly import AnomalyMetrics
from edgetrack.evaluation.report.files import plain
from edgetrack.reporting import html
from edgetrack.reporting.charts import Line, line_chart, to_img
from edgetrack.reporting.table import MISSING, Table, number

DEFINITIONS = (
    "AUC: probability that an abnormal frame has a higher score than a normal one; micro: over all frames "
    "together, macro: mean over the clips that have both kinds of frames.",
    "RBDC, TBDC: areas under the curves of the fractions of true regions and tracks that are detected (IoU "
    "0.1; a tenth of a track's regions), over 0 to 1 false regions per frame (Street Scene, 2020). If a "
    "dataset marks pixels, their connected components are the regions, and components that overlap in "
    "successive frames form a track.",
    "F1@k: F1 score of alarms as time intervals; an alarm is true if its temporal IoU is at least k percent "
    "(ADNet, 2021).",
    "found: events that overlap an alarm; false/h: alarms per hour that overlap no event; delay: median "
    "seconds from the start of an event that was found to its alarm.",
)
COLUMNS = "detector|AUC micro|AUC macro|RBDC|TBDC|F1@10|F1@25|F1@50|events|found|false/h|delay s|ms"


def anomaly_table(report: AnomalyReport) -> Table:
    """Return a row for each detector."""
    rows = [
        [name, *_figures(metrics), number(report.milliseconds[name], digits=2)]
        for name, metrics in report.metrics.items()
    ]
    return Table("Unusual events", COLUMNS.split("|"), rows, words=1)


def event_table(report: AnomalyReport) -> Table:
    """Return a row for each event, with each detector's delay."""
    names = list(report.metrics)
    rows = []
    for event in report.events:
        delays = [MISSING if (delay := event.delays[name]) is None else f"{delay:.1f}" for name in names]
        span = f"{event.start_s:.1f} - {event.end_s:.1f}"
        rows.append([event.clip, span, event.explanation or MISSING, *delays])
    return Table(
        "Events and seconds to the alarm",
        ["clip", "from - to", "edgetrack's explanation", *names],
        rows,
        words=3,
    )


def write_anomaly_report(report: AnomalyReport, output: Path, *, page: bool) -> list[Path]:
    """Write anomaly.json and, if asked for, report.html.

    Raises:
        MissingExtra: matplotlib is not installed, and a page is asked for.
        SinkError: a file cannot be written.
    """
    content: dict[str, Any] = asdict(report.provenance)
    content["definitions"] = DEFINITIONS
    content["detectors"] = {
        name: {**asdict(metrics), "milliseconds": report.milliseconds[name]}
        for name, metrics in report.metrics.items()
    }
    content["events"] = [asdict(event) for event in report.events]
    content["alarms"] = {
        name: {clip.name: [[a / clip.fps, b / clip.fps] for a, b in clip.alarms] for clip in clips}
        for name, clips in report.results.items()
    }
    files = {"anomaly.json": json.dumps(plain(content), indent=1) + "\n"}
    if page:
        files["report.html"] = _page(report)
    return write_texts(output, files)


def _figures(metrics: AnomalyMetrics) -> list[str]:
    shares = (metrics.auc_micro, metrics.auc_macro, metrics.rbdc, metrics.tbdc, *metrics.f1)
    counts = [str(metrics.events), str(metrics.found), number(metrics.false_per_hour, digits=2)]
    return [*(number(share) for share in shares), *counts, number(metrics.delay_s, digits=1)]


def _page(report: AnomalyReport) -> str:
    about = report.provenance
    parts = [html.paragraph(f"Made {about.made} on {about.dataset}.", quiet=True)]
    parts += [f"<pre>{escape(about.command)}</pre>", *(html.paragraph(note) for note in about.notes)]
    parts += [html.table(anomaly_table(report)), html.charts("ROC of all frames", _curves(report))]
    parts += [html.table(event_table(report)), html.section("Definitions", html.bullets(DEFINITIONS))]
    parts += [html.facts("Settings", about.settings), html.facts("Machine", about.machine)]
    return html.page("Unusual events", parts)


def _curves(report: AnomalyReport) -> list[str]:
    lines = []
    for index, (name, clips) in enumerate(report.results.items()):
        scores = np.concatenate([clip.scores for clip in clips])
        abnormal = np.concatenate([clip.abnormal for clip in clips])
        if abnormal.all() or not abnormal.any():
            return []
        levels = np.quantile(scores, np.linspace(1, 0, 200))
        true, false = (
            np.array([0.0, *((some[:, None] >= levels).mean(axis=0)), 1.0])
            for some in (scores[abnormal], scores[~abnormal])
        )
        lines.append(Line(f"{report.metrics[name].auc_micro:.3f} {name}", false, true, index))
    return [to_img(line_chart("ROC", "false positive rate", lines, y_label="true positive rate"), "ROC")]
