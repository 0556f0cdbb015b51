"""The tables of a report as rows of text: the terminal, the Markdown and the page show the same ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from edgetrack.evaluation.figures import RunFigures, SequenceFigures
from edgetrack.evaluation.occlusion import LENGTHS
from edgetrack.evaluation.streams import CLEAN
from edgetrack.types import STATUSES

NONE = "-"
MORE_TITLE = "More figures"
MAIN = "tracker|target given by|AUC|OS50|OS75|P20|NP20|F|AUROC|ECE|frame 1|ms"
MORE = (
    "tracker|target given by|AO|official AUC|Pr|Re|ECE adaptive|frame 1: hits|AUC of those|false present|"
    "found again|after|ms p95"
)
OCCLUSION = (
    "tracker|target given by|hidden for|bursts|found again|held before|of those found|after|AUC in|AUC after"
)
TOLD = "tracker|target given by|text|AUC|difference"
MASKS = "tracker|target given by|J&F|J mean|J recall|J decay|F mean|F recall|F decay"
SWITCHED = "tracker|target given by|goes on in the|switches|held|within 30|frames until held"
HIDDEN = "|".join(("tracker|target given by|hidden for", *STATUSES))


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first ``words`` columns are words, the others numbers."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    words: int = 2


def main_table(runs: Sequence[RunFigures], *, title: str = "Results") -> Table:
    """One row a run."""
    return Table(title, MAIN.split("|"), [_main_row(figures) for figures in runs])


def _main_row(figures: RunFigures) -> list[str]:
    ope = figures.ope
    shown = (ope.auc, ope.os50, ope.os75, ope.precision20, ope.norm_precision20, figures.long_term.f_score)
    there = sum(not math.isnan(row.first_iou) for row in figures.sequences)
    first = f"{figures.first_hits}/{there}" if figures.run.mode == "nl" else "given"
    cells = [number(v) for v in (*shown, figures.auroc, figures.ece)]
    return [figures.run.tracker, figures.run.label, *cells, first, number(figures.update_ms, digits=1)]


def more_table(runs: Sequence[RunFigures]) -> Table:
    """What the main table has no room for, one row a run."""
    rows = []
    for f in runs:
        text = f.run.mode == "nl"
        cells = [f.ope.ao, f.official_auc, f.long_term.precision, f.long_term.recall, f.ece_adaptive]
        cells += [f.grounding, f.auc_grounded] if text else [math.nan, math.nan]
        cells += [f.false_present, f.redetected]
        last = [number(f.redetection_frames, digits=0), number(f.update_p95_ms, digits=1)]
        rows.append([f.run.tracker, f.run.label, *map(number, cells), *last])
    return Table(MORE_TITLE, MORE.split("|"), rows)


def occlusion_tables(runs: Sequence[RunFigures]) -> list[Table]:
    """What bursts did, and what the trackers said meanwhile: a row for each run with bursts; none without one."""
    did, said = [], []
    for f in runs:
        if (o := f.occlusion) is not None:
            plain = replace(f.run, condition=CLEAN).label
            row = [f.run.tracker, plain, str(LENGTHS[f.run.condition.severity - 1])]
            cells = [str(o.bursts), number(o.reacquired), str(o.held), number(o.reacquired_held)]
            did.append([*row, *cells, number(o.delay, digits=0), number(o.auc_burst), number(o.auc_after)])
            said.append([*row, *(number(o.hidden.get(s, 0.0) if o.bursts else math.nan) for s in STATUSES)])
    titles = ("Occlusion bursts", OCCLUSION, did), ("Said while the target is hidden", HIDDEN, said)
    return [Table(title, columns.split("|"), rows) for title, columns, rows in titles if rows]


def switch_tables(runs: Sequence[RunFigures]) -> list[Table]:
    """How long new targets took to be held: a row for each run and kind of switch; none without one."""
    rows = []
    for f in runs:
        for s in f.switches:
            cells = [s.kind, str(s.count), number(s.held), number(s.held30), number(s.delay, digits=0)]
            rows.append([f.run.tracker, replace(f.run, condition=CLEAN).label, *cells])
    return [Table("Another text in mid-stream", SWITCHED.split("|"), rows, words=3)] if rows else []


def control_tables(runs: Sequence[RunFigures]) -> list[Table]:
    """What other texts than the true ones do to the AUC; none where no other was told."""
    rows = []
    for f in runs:
        true = [o for o in runs if o.run == replace(f.run, control="none")]
        if f.run.control != "none" and true:
            change = f"{f.ope.auc - true[0].ope.auc:+.3f}"
            rows.append([f.run.tracker, f.run.mode, f.run.control, number(f.ope.auc), change])
    return [Table("Other texts beside the true ones", TOLD.split("|"), rows, words=3)] if rows else []


def mask_tables(runs: Sequence[RunFigures]) -> list[Table]:
    """J&F of the boxes, filled, and of the true ones; none where the data set has no masks."""
    found = [(f.run.tracker, f.run.label, f.masks) for f in runs if f.masks is not None]
    if not found:
        return []
    best = next(f.true_box_masks for f in runs if f.true_box_masks is not None)
    rows = [[*words, *map(number, astuple(m))] for *words, m in [*found, ("the true boxes", "", best)]]
    return [Table("Boxes as masks", MASKS.split("|"), rows)]


def sequence_table(figures: RunFigures) -> Table:
    """One row a sequence."""
    columns = ["sequence", "frames", "AUC", "OS50", "P20", "frame-1 IoU", *STATUSES, "false present"]
    rows = [_sequence_row(row, given=figures.run.mode != "nl") for row in figures.sequences]
    return Table(f"{figures.run.tracker}: {figures.run.label}", columns, rows, words=1)


def _sequence_row(row: SequenceFigures, *, given: bool) -> list[str]:
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


def number(value: float, *, digits: int = 3) -> str:
    """The value with so many digits, or a dash where there is none."""
    return NONE if math.isnan(value) else f"{value:.{digits}f}"
