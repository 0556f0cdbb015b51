"""Writes all files of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgetrack.evaluation.execution.events import GroundingReport, Report
from edgetrack.evaluation.execution.records import write_texts
from edgetrack.evaluation.report.files import to_json, to_markdown
from edgetrack.evaluation.report.grounding_html import grounding_html
from edgetrack.evaluation.report.html import to_html
from edgetrack.evaluation.report.toolkit_formats import write_results
from edgetrack.evaluation.types import ResultFormat


def write_report(
    report: Report | GroundingReport,
    output: Path,
    *,
    results: Sequence[ResultFormat] = (),
    html: bool = True,
) -> list[Path]:
    """Write report.html, report.json and report.md, and the result files for toolkits.

    Args:
        report: the report of `evaluate`.
        output: the output folder.
        results: formats of toolkits and servers; only the clean runs with the true texts are written in these.
        html: whether to write report.html, which requires matplotlib and reads frames again.

    Returns:
        The written files; a report without metrics has only the files for servers.

    Raises:
        MissingExtra: matplotlib is not installed.
        SourceError: an image cannot be read.
        SinkError: a file cannot be written.
    """
    written = []
    if isinstance(report, Report):
        written = [
            write_results(layout, run, report.clips, report.records[run], output)
            for layout in results
            for run in report.plain_runs
        ]
        if not report.runs:
            return written
    texts = {"report.json": to_json(report), "report.md": to_markdown(report)}
    if html:
        page = grounding_html(report) if isinstance(report, GroundingReport) else to_html(report)
        texts = {"report.html": page, **texts}
    return written + write_texts(output, texts)
