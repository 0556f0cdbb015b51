"""The report of a grounding set as one HTML page: the table, accuracy by IoU, and the surest mistakes as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from edgetrack.datasets import Region
from edgetrack.evaluation.grounding import Expressions, GroundingFigures, grounding_table
from edgetrack.evaluation.metrics import SUCCESS_AT, Floats, overlap, success_curve
from edgetrack.evaluation.moments import pictured
from edgetrack.evaluation.page import document, table_html
from edgetrack.evaluation.records import Record
from edgetrack.evaluation.report import GROUNDING_COUNTS, About
from edgetrack.evaluation.svg import Line, line_chart

MISTAKES = 24  # pictures of a tracker


def grounding_html(
    rows: Sequence[GroundingFigures],
    about: About,
    found: Sequence[Expressions],
    records: Sequence[Sequence[Record]],
) -> str:
    """The page, given the records of each row. Reads the pictures of the mistakes.

    Raises:
        DatasetError: a picture cannot be read.
    """
    truth = np.concatenate([part.boxes for part in found])
    pairs = [pair for part in found for pair in part.pairs]
    lines, galleries = [], []
    for place, (row, answers) in enumerate(zip(rows, records, strict=True)):
        iou = overlap(np.concatenate([record.box_array() for record in answers]), truth)
        lines.append(Line(f"{row.accuracy:.3f}  {row.tracker}", SUCCESS_AT, success_curve(iou), place))
        galleries.append(f"<h3>{escape(row.tracker)}</h3>{_mistakes(pairs, answers, iou)}")
    chart = line_chart("Accuracy (at 0.5)", "IoU above", lines, y_label="share of sentences")
    parts = [table_html(grounding_table(rows)), f"<h2>Curve</h2><figure>{chart}</figure>"]
    parts += ["<h2>The surest mistakes</h2><p>The region white, the answer orange.</p>", *galleries]
    return document(about, parts, GROUNDING_COUNTS)


def _mistakes(pairs: Sequence[tuple[Region, str]], records: Sequence[Record], iou: Floats) -> str:
    """Boxes with IoU < 0.5, the highest scores first, then sentences without an answer."""
    boxes = [box for record in records for box in record.boxes]
    scores = np.concatenate([record.scores for record in records])
    badness = np.where(iou < 0.5, scores + np.array([box is not None for box in boxes]), -1.0)
    figures = ""
    for i in np.argsort(-badness, kind="stable")[:MISTAKES].tolist():
        if badness[i] >= 0:
            region, text = pairs[i]
            said = f"IoU {iou[i]:.2f}" if boxes[i] else "no answer"
            caption = escape(f"{text}: {said}, score {scores[i]:.2f}")
            source = pictured(region.read(), region.box, boxes[i])
            figures += f'<figure><img src="{source}" alt=""><figcaption>{caption}</figcaption></figure>'
    return f'<div class="charts">{figures}</div>' if figures else "<p>None.</p>"
