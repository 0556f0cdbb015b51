"""The report of an evaluation of ``every``: a table, and crowds.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgetrack.evaluation.crowds.evaluate import CrowdReport, CrowdResult, total
from edgetrack.evaluation.execution.records import write_text
from edgetrack.evaluation.report.files import plain
from edgetrack.reporting.table import Table, number

DEFINITIONS = (
    "HOTA: geometric mean of detection (DetA) and association accuracy (AssA), averaged over IoU 0.05 to 0.95; IDF1 "
    "and identity switches at IoU 0.5; as TrackEval computes them.",
    "Count error: objects too many or too few in a frame, on average. Objects and ids: different ones in the sequence.",
    "Boxes of tracks that are tracking or uncertain count; frames without labels do not. Of several sequences the "
    "counts add up.",
)
COLUMNS = "tracker|sequence|phrase|HOTA|DetA|AssA|IDF1|switches|count error|objects|ids|frames"


def crowd_table(report: CrowdReport) -> Table:
    """Return a row for each sequence, and one for all of them."""
    rows = []
    for results in report.results:
        rows += [_row(result) for result in (*results, *([total(results)] if len(results) > 1 else []))]
    return Table("All of a kind", COLUMNS.split("|"), rows, words=3)


def write_crowd_report(report: CrowdReport, output: Path) -> list[Path]:
    """Write crowds.json.

    Raises:
        SinkError: it cannot be written.
    """
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
    write_text(output / "crowds.json", json.dumps(plain(content), indent=1) + "\n")
    return [output / "crowds.json"]


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
