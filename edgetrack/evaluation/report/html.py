"""The report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.execution.events import SHARED_TIMING_NOTE, Provenance, Report
from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.report.charts import calibration_images, curve_images, radar_images, time_images
from edgetrack.evaluation.report.definitions import DEFINITIONS
from edgetrack.evaluation.report.failure_cases import draw_failures, find_failures
from edgetrack.evaluation.report.failure_tables import degradation_images
from edgetrack.evaluation.report.files import detailed_tables, facts_of, summary_tables
from edgetrack.reporting import html
from edgetrack.reporting.charts import STATUS_COLORS, status_strip, to_img
from edgetrack.reporting.table import number

MAX_ILLUSTRATED = 40  # sequences with images, those with the lowest AUC; limits the page size


def to_html(report: Report) -> str:
    """Return the page; the frames of the failure cases are read from the sequences.

    Raises:
        MissingExtra: matplotlib is not installed.
        SourceError: a sequence cannot be read.
    """
    runs, clips = report.runs, report.clips
    clean = [metrics for metrics in runs if metrics.run.condition.name == "clean"]
    # Times measured while workers shared the machine are not comparable.
    timed = [] if SHARED_TIMING_NOTE in report.provenance.notes else time_images(clean)
    parts = [
        *map(html.table, summary_tables(runs)),
        html.charts("Curves", [*curve_images(clean), *timed]),
        html.charts("Sensor failures", degradation_images(runs)),
        html.charts("Calibration", calibration_images(clean)),
        html.charts("Strengths and weaknesses", radar_images(runs, clips)),
        _sequences(clean, clips),
        html.details("Metrics of every run and sequence", map(html.table, detailed_tables(runs))),
    ]
    return evaluation_page(report.provenance, parts, DEFINITIONS)


def evaluation_page(about: Provenance, parts: Sequence[str], definitions: Sequence[str]) -> str:
    """Return a page with the provenance, the parts, the definitions, and the facts needed to reproduce it."""
    head = [html.paragraph(about.made, quiet=True), f"<pre>{escape(about.command)}</pre>"]
    tail = [html.section("Definitions", html.bullets(definitions))]
    tail += [html.facts(title, values) for title, values in facts_of(about)]
    return html.page(
        f"Evaluation on {about.dataset}", [*head, *map(html.paragraph, about.notes), *parts, *tail]
    )


def _sequences(clean: Sequence[RunMetrics], clips: Sequence[Clip]) -> str:
    """Return the strips of all runs for each sequence, hardest first."""
    means = [float(np.mean([m.sequences[index].ope.auc for m in clean])) for index in range(len(clips))]
    order = sorted(range(len(clips)), key=means.__getitem__)
    keys = "".join(f'<span class="key" style="background:{c}"></span>{s}' for s, c in STATUS_COLORS.items())
    return html.section(
        "Sequence by sequence",
        "<p>Hardest first. The line is the IoU over time, 0 to 1; the band below it is the reported status:",
        f"{keys}. Gray: the target is absent. Images: failure cases, true box in white, the tracker's box in "
        "orange.</p>",
        *(
            _sequence(clean, clips[index], index, illustrated=rank < MAX_ILLUSTRATED)
            for rank, index in enumerate(order)
        ),
    )


def _sequence(clean: Sequence[RunMetrics], clip: Clip, index: int, *, illustrated: bool) -> str:
    present = exists(clip.boxes)
    failures = [
        find_failures(m.records[index], m.sequences[index].iou, clip.boxes) if illustrated else []
        for m in clean
    ]
    images = draw_failures(clip, (case for cases in failures for case in cases))
    parts = [f"<h3>{escape(clip.name)}</h3>", html.paragraph(clip.text, quiet=True)]
    for m, cases in zip(clean, failures, strict=True):
        metrics = m.sequences[index]
        name = f"{escape(m.run.tracker)}, {m.run.label}<br>AUC <b>{number(metrics.ope.auc)}</b>"
        strip = to_img(status_strip(metrics.iou, m.records[index].statuses, present), "IoU over time")
        parts.append(f'<div class="strip"><div>{name}</div>{strip}</div>')
        shown = "".join(html.figure(images[case], case.caption) for case in cases)
        parts.append(f'<div class="cases">{shown}</div>' if shown else "")
    return "\n".join(parts)
