"""The report of a grounding set as one HTML page: table, accuracy by IoU, and the most confident errors."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from edgetrack.datasets import Region
from edgetrack.evaluation.execution.events import GroundingReport
from edgetrack.evaluation.metrics.one_pass import SUCCESS_AT, overlap, success_curve
from edgetrack.evaluation.report.definitions import GROUNDING_DEFINITIONS
from edgetrack.evaluation.report.failure_cases import thumbnail
from edgetrack.evaluation.report.html import document, table_html
from edgetrack.evaluation.report.svg import Line, line_chart
from edgetrack.evaluation.report.tables import grounding_table
from edgetrack.evaluation.types import Floats, Record

MAX_ERRORS = 24  # images per tracker


def grounding_html(report: GroundingReport) -> str:
    """Return the page. Reads the images of the errors.

    Raises:
        DatasetError: an image cannot be read.
    """
    truth = np.concatenate([part.boxes for part in report.batches])
    pairs = [pair for part in report.batches for pair in part.pairs]
    lines, galleries = [], []
    for place, (row, answers) in enumerate(zip(report.rows, report.records, strict=True)):
        iou = overlap(np.concatenate([record.box_array() for record in answers]), truth)
        lines.append(Line(f"{row.accuracy:.3f}  {row.tracker}", SUCCESS_AT, success_curve(iou), place))
        galleries.append(f"<h3>{escape(row.tracker)}</h3>{_errors(pairs, answers, iou)}")
    chart = line_chart("Accuracy (at 0.5)", "IoU above", lines, y_label="share of sentences")
    parts = [table_html(grounding_table(report.rows)), f"<h2>Curve</h2><figure>{chart}</figure>"]
    parts += ["<h2>Most confident errors</h2><p>The region white, the answer orange.</p>", *galleries]
    return document(report.provenance, parts, GROUNDING_DEFINITIONS)


def _errors(pairs: Sequence[tuple[Region, str]], records: Sequence[Record], iou: Floats) -> str:
    """Boxes with IoU < 0.5, the highest scores first, then sentences without an answer."""
    boxes = [box for record in records for box in record.boxes]
    scores = np.concatenate([record.scores for record in records])
    badness = np.where(iou < 0.5, scores + np.array([box is not None for box in boxes]), -1.0)
    figures = ""
    for i in np.argsort(-badness, kind="stable")[:MAX_ERRORS].tolist():
        if badness[i] >= 0:
            region, text = pairs[i]
            said = f"IoU {iou[i]:.2f}" if boxes[i] else "no answer"
            caption = escape(f"{text}: {said}, score {scores[i]:.2f}")
            source = thumbnail(region.read(), region.box, boxes[i])
            figures += f'<figure><img src="{source}" alt=""><figcaption>{caption}</figcaption></figure>'
    return f'<div class="charts">{figures}</div>' if figures else "<p>None.</p>"
