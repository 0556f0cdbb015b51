"""The terminal output of an evaluation: progress with the remaining time, then the tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from edgetrack.cli.tables import print_table, print_written
from edgetrack.evaluation.anomalies.evaluate import AnomalyReport, evaluate_anomalies
from edgetrack.evaluation.anomalies.report import anomaly_table, event_table, write_anomaly_report
from edgetrack.evaluation.crowds.evaluate import CrowdReport, evaluate_crowds
from edgetrack.evaluation.crowds.report import DEFINITIONS, crowd_table, write_crowd_report
from edgetrack.evaluation.execution import events
from edgetrack.evaluation.execution.evaluate import evaluate
from edgetrack.evaluation.execution.events import GroundingReport, Report
from edgetrack.evaluation.execution.request import OpenTracker, Request
from edgetrack.evaluation.phrases.evaluate import PhraseReport, evaluate_phrases
from edgetrack.evaluation.phrases.report import report_tables, write_phrase_report
from edgetrack.evaluation.report.files import summary_tables
from edgetrack.evaluation.report.tables import MORE_TITLE, grounding_table
from edgetrack.evaluation.report.write import write_report
from edgetrack.reporting.charts import require_matplotlib

AnyReport = Report | GroundingReport | PhraseReport | CrowdReport | AnomalyReport


def open_progress(console: Console) -> Progress:
    """Return a progress bar with frames and remaining time; it vanishes at the end, and shows only on a terminal.

    If there is not enough room, the description is truncated, not the numbers.
    """
    return Progress(
        TextColumn(
            "{task.description}",
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            markup=False,
        ),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn("frames, left"),
        TimeRemainingColumn(),
        console=console,
        expand=True,
        transient=True,
        disable=not console.is_terminal,
    )


def show_progress(
    console: Console, stream: Iterable[events.Progress | AnyReport], *, html: bool = True
) -> AnyReport:
    """Show the progress of an evaluation, a line for each finished run, and return its report.

    Raises:
        MissingExtra: the charts of the report cannot be drawn; raised before any work.
    """
    with open_progress(console) as progress:
        bar = progress.add_task("", total=None)
        for event in stream:
            if isinstance(event, events.Planned):
                if html and event.scored:
                    require_matplotlib()
                progress.update(bar, total=event.frames)
            elif isinstance(event, events.FramesDone):
                progress.advance(bar, event.count)
            elif isinstance(event, events.SequenceDone):
                title = f"{event.run.tracker} {event.run.label}: {event.sequence}"
                progress.update(bar, description=title)
            elif isinstance(event, events.RunDone):
                console.print(_run_line(event), soft_wrap=True)
            else:
                return event
    raise AssertionError("an evaluation ends with its report")


def evaluate_and_print(
    console: Console, request: Request, *, open_edgetrack: OpenTracker, html: bool = True
) -> Report | GroundingReport:
    """Evaluate, show the progress, print the tables, and write all files of the report."""
    try:
        report = show_progress(console, evaluate(request, open_edgetrack=open_edgetrack), html=html)
    except KeyboardInterrupt:
        console.print("stopped; finished sequences are kept: add --resume to continue", soft_wrap=True)
        raise
    assert isinstance(report, (Report, GroundingReport))
    print_report(console, report)
    files = write_report(report, request.output, results=request.results, html=html)
    print_written(console, *files)
    return report


def evaluate_phrases_and_print(
    console: Console, request: Request, *, open_edgetrack: OpenTracker, html: bool = True
) -> PhraseReport:
    """Evaluate images with phrases, show the progress, print the tables, and write all files of the report."""
    stream = evaluate_phrases(request, open_edgetrack=open_edgetrack)
    report = show_progress(console, stream, html=False)  # the page has no charts
    assert isinstance(report, PhraseReport)
    for table in report_tables(report):
        print_table(console, table)
    for note in report.provenance.notes:
        console.print(note, soft_wrap=True)
    print_written(console, *write_phrase_report(report, request.output, page=html))
    return report


def evaluate_crowds_and_print(
    console: Console, request: Request, *, open_multi: OpenTracker, html: bool = True
) -> CrowdReport:
    """Evaluate sequences with many objects, show the progress, print the table, and write the report."""
    stream = evaluate_crowds(request, open_multi=open_multi)
    report = show_progress(console, stream, html=False)  # the page has no charts
    assert isinstance(report, CrowdReport)
    print_table(console, crowd_table(report))
    for line in DEFINITIONS:
        console.print(line, soft_wrap=True, style="dim")
    print_written(console, *write_crowd_report(report, request.output, page=html))
    return report


def evaluate_anomalies_and_print(console: Console, request: Request, *, html: bool) -> AnomalyReport:
    """Evaluate detectors of unusual events, show the progress, print the tables, and write the report."""
    if html:
        require_matplotlib()
    report = show_progress(console, evaluate_anomalies(request), html=False)
    assert isinstance(report, AnomalyReport)
    print_table(console, anomaly_table(report))
    print_table(console, event_table(report))
    for note in report.provenance.notes:
        console.print(note, soft_wrap=True)
    print_written(console, *write_anomaly_report(report, request.output, page=html))
    return report


def print_report(console: Console, report: Report | GroundingReport) -> None:
    """Print the most important tables, and the notes."""
    if isinstance(report, GroundingReport):
        print_table(console, grounding_table(report.rows))
    elif report.runs:
        for table in summary_tables(report.runs):
            if table.title != MORE_TITLE:  # it is in the files
                print_table(console, table)
    else:
        return
    for note in report.provenance.notes:
        console.print(note, soft_wrap=True)


def _run_line(done: events.RunDone) -> str:
    auc = "not scored" if done.metrics is None else f"AUC {done.metrics.ope.auc:.3f}"
    return f"{done.run.tracker} {done.run.label}: {done.sequences} sequences, {auc}"
