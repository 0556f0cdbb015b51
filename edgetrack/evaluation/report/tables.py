"""The tables of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, replace

from edgetrack.evaluation.metrics.grounding import GroundingMetrics
from edgetrack.evaluation.metrics.runs import RunMetrics, SequenceMetrics
from edgetrack.evaluation.perturbations.occlusion import BURST_LENGTHS
from edgetrack.evaluation.types import CLEAN
from edgetrack.reporting.table import Table, number
from edgetrack.types import STATUSES

MORE_TITLE = "More metrics"
MAIN = "tracker|prompt|AUC|OS50|OS75|P20|NP20|F|AUROC|ECE|first frame|ms"
MORE = (
    "tracker|prompt|AO|official AUC|Pr|Re|ECE adaptive|first frame|AUC of those|false present|"
    "re-detected|after|ms p95"
)
OCCLUSION = (
    "tracker|prompt|hidden for|bursts|re-detected|held before|of those re-detected|after|AUC during|AUC after"
)
ABLATION = "tracker|prompt|text|AUC|difference"
MASKS = "tracker|prompt|J&F|J mean|J recall|J decay|F mean|F recall|F decay"
EITHER = "tracker|prompt|MSR|MPR at 20 px|at 5 px"
SWITCHING = "tracker|prompt|switch to|switches|held|within 30|frames until held"
HIDDEN = "|".join(("tracker|prompt|hidden for", *STATUSES))
GROUNDING = "tracker|sentences|acc@0.5|acc@0.3|acc@0.7|mean IoU|answered|ms"


def main_table(runs: Sequence[RunMetrics], *, title: str = "Results") -> Table:
    """Return the main table, one row per run."""
    return Table(title, MAIN.split("|"), [_main_row(figures) for figures in runs])


def _main_row(figures: RunMetrics) -> list[str]:
    ope = figures.ope
    shown = (ope.auc, ope.os50, ope.os75, ope.precision20, ope.norm_precision20, figures.long_term.f_score)
    there = sum(not math.isnan(row.first_iou) for row in figures.sequences)
    first = f"{figures.first_hits}/{there}" if figures.run.mode == "nl" else "given"
    cells = [number(v) for v in (*shown, figures.auroc, figures.ece)]
    return [figures.run.tracker, figures.run.label, *cells, first, number(figures.update_ms, digits=1)]


def more_table(runs: Sequence[RunMetrics]) -> Table:
    """Return the table of further metrics, one row per run."""
    rows = []
    for f in runs:
        text = f.run.mode == "nl"
        cells = [f.ope.ao, f.official_auc, f.long_term.precision, f.long_term.recall, f.ece_adaptive]
        cells += [f.grounding, f.auc_grounded] if text else [math.nan, math.nan]
        cells += [f.false_present, f.redetected]
        last = [number(f.redetection_frames, digits=0), number(f.update_p95_ms, digits=1)]
        rows.append([f.run.tracker, f.run.label, *map(number, cells), *last])
    return Table(MORE_TITLE, MORE.split("|"), rows)


def occlusion_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return tables of the effects of occlusion bursts and the status during them; empty without such runs."""
    effects, statuses = [], []
    for f in runs:
        if (o := f.occlusion) is not None:
            plain = replace(f.run, condition=CLEAN).label
            row = [f.run.tracker, plain, str(BURST_LENGTHS[f.run.condition.severity - 1])]
            cells = [str(o.bursts), number(o.reacquired), str(o.held), number(o.reacquired_held)]
            effects.append(
                [*row, *cells, number(o.delay, digits=0), number(o.auc_burst), number(o.auc_after)]
            )
            statuses.append(
                [*row, *(number(o.hidden.get(s, 0.0) if o.bursts else math.nan) for s in STATUSES)]
            )
    titles = ("Occlusion bursts", OCCLUSION, effects), ("Status while the target is hidden", HIDDEN, statuses)
    return [Table(title, columns.split("|"), rows) for title, columns, rows in titles if rows]


def switch_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return a table of prompt switches, one row per run and kind of switch; empty without such runs."""
    rows = []
    for f in runs:
        for s in f.switches:
            cells = [s.kind, str(s.count), number(s.held), number(s.held30), number(s.delay, digits=0)]
            rows.append([f.run.tracker, replace(f.run, condition=CLEAN).label, *cells])
    return [Table("Prompt switching", SWITCHING.split("|"), rows, words=3)] if rows else []


def control_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return a table of the AUC with other texts than the true ones; empty without such runs."""
    rows = []
    for f in runs:
        true = [o for o in runs if o.run == replace(f.run, control="none")]
        if f.run.control != "none" and true:
            change = f"{f.ope.auc - true[0].ope.auc:+.3f}"
            rows.append([f.run.tracker, f.run.mode, f.run.control, number(f.ope.auc), change])
    return [Table("Text ablation", ABLATION.split("|"), rows, words=3)] if rows else []


def mask_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return a table of J&F of masks, filled boxes and true boxes; empty if the dataset has no masks."""
    found = [(f.run.tracker, f.run.label, f.masks) for f in runs if f.masks is not None]
    if not found:
        return []
    best = next(f.true_box_masks for f in runs if f.true_box_masks is not None)
    for f in runs:
        for what, m in (("boxes filled", f.filled_boxes), ("ellipses in the boxes", f.ellipses)):
            if m is not None:
                found.append((f"{f.run.tracker}, {what}", f.run.label, m))
    rows = [[*words, *map(number, astuple(m))] for *words, m in [*found, ("the true boxes", "", best)]]
    title = "Masks" if any(f.filled_boxes is not None for f in runs) else "Boxes as masks"
    return [Table(title, MASKS.split("|"), rows)]


def truth_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return a table of metrics by the better of two true boxes; empty if the dataset has only one."""
    rows = [
        [f.run.tracker, f.run.label, *map(number, astuple(f.either))] for f in runs if f.either is not None
    ]
    return [Table("Boxes in both images", EITHER.split("|"), rows)] if rows else []


def sequence_table(figures: RunMetrics) -> Table:
    """Return a table with one row per sequence."""
    columns = ["sequence", "frames", "AUC", "OS50", "P20", "first-frame IoU", *STATUSES, "false present"]
    rows = [_sequence_row(row, given=figures.run.mode != "nl") for row in figures.sequences]
    return Table(f"{figures.run.tracker}: {figures.run.label}", columns, rows, words=1)


def _sequence_row(row: SequenceMetrics, *, given: bool) -> list[str]:
    cells = [
        row.name,
        str(row.frames),
        number(row.ope.auc),
        number(row.ope.os50),
        number(row.ope.precision20),
    ]
    cells.append("given" if given else number(row.first_iou, digits=2))
    cells += [str(row.statuses[status]) for status in STATUSES]
    return [*cells, number(row.false_present, digits=2)]


def grounding_table(rows: Sequence[GroundingMetrics]) -> Table:
    """Return the table of a grounding set, one row per tracker."""
    cells = [
        [
            row.tracker,
            str(row.sentences),
            *map(number, (row.accuracy, row.accuracy30, row.accuracy70, row.mean_iou, row.answered)),
            number(row.start_ms, digits=1),
        ]
        for row in rows
    ]
    return Table("Grounding", GROUNDING.split("|"), cells, words=1)
