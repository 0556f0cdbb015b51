"""The report of an evaluation of ``every``: a table, crowds.json, and report.html with the worst sequences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgetrack.evaluation.crowds.evaluate import CrowdReport, CrowdResult, total
from edgetrack.evaluation.execution.records import write_texts
from edgetrack.evaluation.report.failure_cases import thumbnail
from edgetrack.evaluation.report.files import plain
from edgetrack.evaluation.report.html import evaluation_page
from edgetrack.reporting import html
from edgetrack.reporting.table import Table, number

DEFINITIONS = (
    "HOTA: geometric mean of detection (DetA) and association accuracy (AssA), averaged over IoU 0.05 to "
    "0.95; IDF1 and identity switches at IoU 0.5; as TrackEval computes them.",
    "Count error: mean absolute error of the number of objects in a frame. Objects and ids: the number of "
    "different ones in the sequence.",
    "Boxes of tracks with the status tracking or uncertain count; frames without labels do not. For several "
    "sequences, the counts are summed.",
)
MAX_WORST = 12  # sequences per tracker that are shown with an image
PICTURE_WIDTH = 480  # pixels
COLUMNS = "tracker|sequence|phrase|HOTA|DetA|AssA|IDF1|switches|count error|objects|ids|frames"


def crowd_table(report: CrowdReport) -> Table:
    """Return a row for each sequence, and one for all of them."""
    rows = []
    for results in report.results:
        rows += [_row(result) for result in (*results, *([total(results)] if len(results) > 1 else []))]
    return Table("All objects of a kind", COLUMNS.split("|"), rows, words=3)


def write_crowd_report(report: CrowdReport, output: Path, *, page: bool = True) -> list[Path]:
    """Write crowds.json and, unless ``page`` is False, report.html, for which frames of the worst sequences are read.

    Raises:
        DatasetError: a frame cannot be read.
        SinkError: a file cannot be written.
    """
    texts = {"crowds.json": _to_json(report)}
    if page:
        texts = {"report.html": _to_html(report), **texts}
    return write_texts(output, texts)


def worst_first(results: Sequence[CrowdResult]) -> list[CrowdResult]:
    """Return the sequences with wrong boxes, lowest HOTA first."""
    return sorted((one for one in results if one.worst is not None), key=lambda one: one.counts.hota)


def _to_json(report: CrowdReport) -> str:
    content: dict[str, Any] = asdict(report.provenance)
    content["definitions"] = DEFINITIONS
    content["trackers"] = [
        {
            "tracker": results[0].tracker,
            **_figures(total(results)),
            "sequences": [_sequence(one) for one in results],
        }
        for results in report.results
    ]
    return json.dumps(plain(content), indent=1) + "\n"


def _to_html(report: CrowdReport) -> str:
    parts = [html.table(crowd_table(report))]
    for results in report.results:
        worst = worst_first(results)
        note = (
            f"{min(len(worst), MAX_WORST)} of {len(worst)} sequences with wrong boxes, lowest HOTA first; "
            "for each, the frame with the most missed and false boxes: true boxes in white, boxes of the "
            "tracks in orange."
        )
        title = f"Worst sequences: {results[0].tracker}"
        parts += [html.gallery(title, [*map(_figure, worst[:MAX_WORST])]), html.paragraph(note, quiet=True)]
    return evaluation_page(report.provenance, parts, DEFINITIONS)


def _figure(result: CrowdResult) -> str:
    counts, worst = result.counts, result.worst
    assert worst is not None
    truth, found = ([box.xywh for box in boxes] for boxes in (worst.truth, worst.found))
    caption = (
        f"{result.sequence}, {result.text}: HOTA {number(counts.hota)}, IDF1 {number(counts.idf1)}, "
        f"{counts.switches} switches, count error {number(counts.mean_count_error, digits=2)}. Frame "
        f"{worst.index + 1}: {len(worst.found)} found, {len(worst.truth)} present, {worst.wrong} wrong"
    )
    return html.figure(thumbnail(worst.read(), truth, found, width=PICTURE_WIDTH), caption)


def _row(result: CrowdResult) -> list[str]:
    counts = result.counts
    shares = (counts.hota, counts.detection, counts.association_accuracy, counts.idf1)
    cells = [result.tracker, result.sequence, result.text, *(number(share) for share in shares)]
    cells += [str(counts.switches), number(counts.mean_count_error, digits=2)]
    return [*cells, str(counts.objects), str(counts.ids), str(counts.frames)]


def _sequence(result: CrowdResult) -> dict[str, Any]:
    return {"sequence": result.sequence, "phrase": result.text, **_figures(result)}


def _figures(result: CrowdResult) -> dict[str, Any]:
    counts = result.counts
    return {
        "HOTA": counts.hota,
        "DetA": counts.detection,
        "AssA": counts.association_accuracy,
        "IDF1": counts.idf1,
        "switches": counts.switches,
        "count error": counts.mean_count_error,
        "objects": counts.objects,
        "ids": counts.ids,
        "frames": counts.frames,
        "milliseconds": result.milliseconds,
    }
