"""The report as one HTML page that asks for nothing else: charts are SVG, pictures are data URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.execution.events import SHARED_TIMING_NOTE, Provenance, Report
from edgetrack.evaluation.metrics.one_pass import NORM_PRECISION_AT, PRECISION_AT, SUCCESS_AT, exists
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.report.definitions import DEFINITIONS
from edgetrack.evaluation.report.failure_cases import FailureCase, draw_failures, find_failures
from edgetrack.evaluation.report.files import detailed_tables, facts_of, summary_tables
from edgetrack.evaluation.report.pareto import Point, chart
from edgetrack.evaluation.report.radar import attribute_radars, corruption_radar
from edgetrack.evaluation.report.svg import STATUS_COLOURS, Line, line_chart, reliability_diagram, strip
from edgetrack.evaluation.types import Floats
from edgetrack.reporting.table import Table, number

MAX_ILLUSTRATED = 40  # sequences with pictures, those with the lowest AUC: a page must still open
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1c1c1c; background: #fff;
  max-width: 1180px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { margin-bottom: .2rem; } h2 { margin: 2.4rem 0 .6rem; border-bottom: 1px solid #ddd; }
h3 { margin: 1.8rem 0 .1rem; } p, ul { margin: .3rem 0 .8rem; } .quiet { color: #666; }
pre { background: #f4f4f4; padding: .7rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 12.5px; margin: .4rem 0; }
th, td { padding: .22rem .45rem; border-bottom: 1px solid #e4e4e4; text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; } th { border-bottom-color: #888; } .word { text-align: left; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; } figure { margin: 0; }
.strip { display: grid; grid-template-columns: 190px auto; gap: 0 1rem; align-items: center; margin: .3rem 0; }
.strip svg { max-width: 100%; } .cases { display: flex; flex-wrap: wrap; gap: .6rem; margin: .3rem 0 .8rem 206px; }
figcaption { font-size: 12px; color: #444; max-width: 232px; } .key { display: inline-block; width: .8em; height: .8em;
  margin: 0 .3em 0 1em; vertical-align: -.05em; } details { margin-top: 1rem; } summary { cursor: pointer; }
svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #333; }
svg .title { font-weight: 600; font-size: 14px; }
svg .grid { stroke: #e2e2e2; } svg .ideal { stroke: #999; stroke-dasharray: 4 4; } svg .ground { fill: #f7f7f7; }
svg .iou { fill: none; stroke: #0072b2; stroke-width: 1.5; } svg .bin { fill: #0072b2; fill-opacity: .55; }
"""


def to_html(report: Report) -> str:
    """Return the page. Reads the frames of the failure cases from the sequences.

    Raises:
        SourceError: a sequence cannot be read.
    """
    runs, about, clips = report.runs, report.provenance, report.clips
    clean = [figures for figures in runs if figures.run.condition.name == "clean"]
    parts = [
        *map(table_html, summary_tables(runs)),
        _charts(clean, timed=SHARED_TIMING_NOTE not in about.notes),
    ]
    parts += [_reliability(clean), _radars(runs, clips)]
    parts += [
        _sequences(clean, clips),
        _detail("Figures of every run and sequence", map(table_html, detailed_tables(runs))),
    ]
    return document(about, parts, DEFINITIONS)


def document(about: Provenance, parts: Sequence[str], counts: Sequence[str]) -> str:
    """A whole page: where the figures come from, the ``parts``, what ``counts``, and what is needed to repeat it."""
    title = f"Evaluation on {about.dataset}"
    head = [f"<h1>{escape(title)}</h1>", f'<p class="quiet">{escape(about.made)}</p>']
    head += [f"<pre>{escape(about.command)}</pre>", *(f"<p>{escape(note)}</p>" for note in about.notes)]
    listed = "".join(f"<li>{escape(line)}</li>" for line in counts)
    tail = [f"<h2>Definitions</h2><ul>{listed}</ul>"]
    tail += [_facts(title, facts) for title, facts in facts_of(about)]
    meta = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    meta += f"<style>{STYLE}</style>"
    body = "\n".join((*head, *parts, *tail))
    return f'<!doctype html>\n<html lang="en"><head>{meta}</head>\n<body>\n{body}\n</body></html>\n'


def _charts(clean: Sequence[RunMetrics], *, timed: bool) -> str:
    """Curves; then accuracy over time, where milliseconds are speeds."""
    size = "center error, fractions of the target's size"
    figures = (
        ("Success (AUC)", "IoU above", SUCCESS_AT, "success", "auc"),
        ("Precision (at 20 px)", "center error, pixels", PRECISION_AT, "precision", "precision20"),
        ("Normalized precision (at 0.2)", size, NORM_PRECISION_AT, "norm_precision", "norm_precision20"),
    )
    charts = [_curve(clean, *figure) for figure in figures]
    return _figures("Curves", charts + (_against_time(clean) if timed else []))


def _against_time(clean: Sequence[RunMetrics]) -> list[str]:
    """A chart for each way in which the target was given: names of all ways would not fit into one."""
    charts = []
    for mode in dict.fromkeys(f.run.mode for f in clean):
        points = [
            Point(f.run.tracker, f.update_ms, f.ope.auc, place)
            for place, f in enumerate(clean)
            if (f.run.mode, f.run.control) == (mode, "none") and np.isfinite((f.update_ms, f.ope.auc)).all()
        ]
        if points:
            charts.append(chart(f"Accuracy against time, {mode}", points))
    return charts


def _reliability(clean: Sequence[RunMetrics]) -> str:
    drawn = [reliability_diagram(f"{f.run.tracker}, {f.run.label}", f.reliability, _note(f)) for f in clean]
    return _figures("Calibration", drawn)


def _figures(title: str, drawings: Sequence[str]) -> str:
    shown = "".join(f"<figure>{drawing}</figure>" for drawing in drawings)
    return f'<h2>{escape(title)}</h2><div class="charts">{shown}</div>' if drawings else ""


def _radars(runs: Sequence[RunMetrics], clips: Sequence[Clip]) -> str:
    clean = [figures for figures in runs if figures.run.condition.name == "clean"]
    drawn = [drawing for drawing in (corruption_radar(runs), *attribute_radars(clean, clips)) if drawing]
    return _figures("Strengths and weaknesses", drawn)


def _curve(clean: Sequence[RunMetrics], title: str, label: str, at: Floats, curve: str, figure: str) -> str:
    """All runs in one chart, the best first."""
    lines = []
    for place, f in enumerate(clean):
        name = f"{number(getattr(f.ope, figure))}  {f.run.tracker}, {f.run.label}"
        lines.append(Line(name, at, getattr(f.curves, curve), place))
    lines.sort(key=lambda line: line.name, reverse=True)  # by the figure, which comes first
    return line_chart(title, label, lines)


def _note(figures: RunMetrics) -> str:
    return f"ECE {number(figures.ece)}, AUROC {number(figures.auroc)}"


def _sequences(clean: Sequence[RunMetrics], clips: Sequence[Clip]) -> str:
    """Strips of all runs, one sequence after the other, the hardest first."""
    means = [float(np.mean([f.sequences[place].ope.auc for f in clean])) for place in range(len(clips))]
    order = sorted(range(len(clips)), key=means.__getitem__)
    keys = "".join(f'<span class="key" style="background:{c}"></span>{s}' for s, c in STATUS_COLOURS.items())
    parts = [
        "<h2>Sequence by sequence</h2>",
        "<p>The hardest first. The line is the IoU over time, 0 to 1; the band below it is the reported status:",
        f"{keys}. Grey: the target is absent. Images: failure cases, true box white, the tracker's orange.</p>",
    ]
    parts += [
        _sequence(clean, clips[place], place, pictured=rank < MAX_ILLUSTRATED)
        for rank, place in enumerate(order)
    ]
    return "\n".join(parts)


def _sequence(clean: Sequence[RunMetrics], clip: Clip, place: int, *, pictured: bool) -> str:
    there = exists(clip.boxes)
    cases: list[list[FailureCase]] = [
        find_failures(f.records[place], f.sequences[place].iou, clip.boxes) if pictured else [] for f in clean
    ]
    drawn = draw_failures(clip, (case for row in cases for case in row))
    parts = [f'<h3>{escape(clip.name)}</h3><p class="quiet">{escape(clip.text)}</p>']
    for f, row in zip(clean, cases, strict=True):
        figures = f.sequences[place]
        name = f"{escape(f.run.tracker)}, {f.run.label}<br>AUC <b>{number(figures.ope.auc)}</b>"
        parts.append(
            f'<div class="strip"><div>{name}</div>{strip(figures.iou, f.records[place].statuses, there)}</div>'
        )
        shown = "".join(
            f'<figure><img src="{drawn[m]}" alt=""><figcaption>{escape(m.caption)}</figcaption></figure>'
            for m in row
        )
        parts.append(f'<div class="cases">{shown}</div>' if shown else "")
    return "\n".join(parts)


def table_html(table: Table) -> str:
    """The table under a heading of its own."""

    def cells(row: Sequence[str], tag: str) -> str:
        words = [' class="word"' if place < table.words else "" for place in range(len(row))]
        return "".join(f"<{tag}{word}>{escape(cell)}</{tag}>" for word, cell in zip(words, row, strict=True))

    rows = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in table.rows)
    head = f"<tr>{cells(table.columns, 'th')}</tr>"
    return f'<h2>{escape(table.title)}</h2><div class="wide"><table>{head}{rows}</table></div>'


def _detail(title: str, parts: Any) -> str:
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def _facts(title: str, facts: Mapping[str, Any]) -> str:
    cells = [(escape(name), escape(str(value))) for name, value in facts.items()]
    rows = "".join(
        f'<tr><td class="word">{name}</td><td class="word">{value}</td></tr>' for name, value in cells
    )
    return f'<h2>{escape(title)}</h2><div class="wide"><table>{rows}</table></div>'
