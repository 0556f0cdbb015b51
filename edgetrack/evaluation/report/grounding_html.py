"""The report of a grounding set as one HTML page: table, accuracy by IoU, and the most confident errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetrack.datasets import Region
from edgetrack.evaluation.execution.events import GroundingReport
from edgetrack.evaluation.metrics.one_pass import SUCCESS_AT, overlap, success_curve
from edgetrack.evaluation.report.definitions import GROUNDING_DEFINITIONS
from edgetrack.evaluation.report.failure_cases import thumbnail
from edgetrack.evaluation.report.html import evaluation_page
from edgetrack.evaluation.report.tables import grounding_table
from edgetrack.evaluation.types import Floats, Record
from edgetrack.reporting import html
from edgetrack.reporting.charts import Line, line_chart, to_img

MAX_ERRORS = 24  # images per tracker


def grounding_html(report: GroundingReport) -> str:
    """Return the page; the images of the errors are read from the dataset.

    Raises:
        MissingExtra: matplotlib is not installed.
        DatasetError: an image cannot be read.
    """
    truth = np.concatenate([batch.boxes for batch in report.batches])
    pairs = [pair for batch in report.batches for pair in batch.pairs]
    lines, galleries = [], []
    for index, (row, answers) in enumerate(zip(report.rows, report.records, strict=True)):
        iou = overlap(np.concatenate([record.box_array() for record in answers]), truth)
        lines.append(Line(f"{row.accuracy:.3f}  {row.tracker}", SUCCESS_AT, success_curve(iou), index))
        galleries.append(html.gallery(f"Most confident errors: {row.tracker}", _errors(pairs, answers, iou)))
    title = "Accuracy (at 0.5)"
    chart = to_img(line_chart(title, "IoU above", lines, y_label="fraction of sentences"), title)
    parts = [html.table(grounding_table(report.rows)), html.charts("Curve", [chart]), *galleries]
    return evaluation_page(report.provenance, parts, GROUNDING_DEFINITIONS)


def _errors(pairs: Sequence[tuple[Region, str]], records: Sequence[Record], iou: Floats) -> list[str]:
    """Return figures of boxes with IoU < 0.5, highest scores first, then of sentences without an answer."""
    boxes = [box for record in records for box in record.boxes]
    scores = np.concatenate([record.scores for record in records])
    badness = np.where(iou < 0.5, scores + np.array([box is not None for box in boxes]), -1.0)
    figures = []
    for i in np.argsort(-badness, kind="stable")[:MAX_ERRORS].tolist():
        if badness[i] >= 0:
            region, text = pairs[i]
            verdict = f"IoU {iou[i]:.2f}" if boxes[i] else "no answer"
            source = thumbnail(region.read(), [region.box], [boxes[i]])
            figures.append(html.figure(source, f"{text}: {verdict}, score {scores[i]:.2f}"))
    return figures
