"""The report of an evaluation as report.json and report.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.evaluation import tables
from edgetrack.evaluation.figures import RunFigures
from edgetrack.evaluation.grounding import GroundingFigures, grounding_table
from edgetrack.evaluation.records import write_text
from edgetrack.evaluation.robustness import degradation, robustness
from edgetrack.evaluation.robustness_tables import robustness_details, robustness_tables
from edgetrack.evaluation.streams import REAL_TIME
from edgetrack.evaluation.tables import Table

WHAT_COUNTS = (
    "AUC is the mean of 21 success rates, IoU strictly above 0, 0.05 ... 1, of each sequence, then over sequences.",
    "Frame 1 and frames without the target are left out; a frame for which the tracker gives no box counts as IoU 0.",
    "Official AUC follows the toolkits instead: the truth on frame 1, a missing box repeats the one before, and an "
    "absent frame is a miss.",
    "OS50 and OS75: share of frames with IoU > 0.5 and > 0.75 (GOT-10k: SR). P20: centres at most 20 px apart; NP20: "
    "at most 0.2 of the target's size apart. AO: mean IoU.",
    "F, Pr and Re: VOT long-term, at the threshold with the best F, a frame without a box is not reported.",
    'AUROC and ECE (15 bins): the score against "the target is there and IoU >= 0.5", all frames but the first, '
    "absent ones included.",
    "Frame 1: in text mode, sequences in which the first box has IoU >= 0.5. False present: absent frames reported as "
    "tracking.",
    "Real time: frames come at a fixed rate, those that come while the tracker is at work are dropped, and each frame "
    "counts with the newest word that was ready when it came.",
    "Occlusion bursts: a patch of another picture hides the whole target. Found again: IoU >= 0.5 within 30 frames "
    "after the burst; held before: IoU >= 0.5 in the frame before it. AUC in the burst, and of the 50 frames after it.",
    "Another text in mid-stream: the new target is held from the first of 5 frames in a row with IoU >= 0.5 on; 100 "
    "frames are watched.",
    "Robustness: mean AUC over corruptions and severities, and (clean - mean) / clean. Error ratio: the sum of 1 - AUC "
    "over the reference's; below 1, the reference errs more.",
    "J&F (DAVIS): IoU with the mask and accuracy of its contour, first and last frame left out, each box filled and "
    "taken for a mask.",
    "ms: median of an update, decoding of the video left out.",
)


SHARED = "Milliseconds were taken with workers side by side on a machine; they are no speeds."
GROUNDING_COUNTS = (
    "acc@0.5: share of sentences whose box has IoU >= 0.5 with the region's; one without a box is a miss.",
)


@dataclass(frozen=True, slots=True)
class About:
    """Where the figures come from."""

    command: str  # that made them
    made: str  # date and time, UTC
    dataset: str  # kind, place and number of sequences
    settings: Mapping[str, Any]
    trackers: Mapping[str, Mapping[str, str]]  # facts by name
    machine: Mapping[str, str]
    notes: tuple[str, ...] = ()  # what a reader must know of these figures


def write_reports(runs: Sequence[RunFigures], about: About, output: Path) -> list[Path]:
    """Writes the two files and returns their paths.

    Raises:
        SinkError: one cannot be written.
    """
    files = [output / "report.json", output / "report.md"]
    write_text(files[0], to_json(runs, about))
    write_text(files[1], to_markdown(runs, about))
    return files


def to_json(runs: Sequence[RunFigures], about: About) -> str:
    """Every figure; nan becomes null."""
    found = robustness(runs)
    content = {
        **asdict(about),
        "what_counts": WHAT_COUNTS,
        "runs": [_run(figures) for figures in runs],
        "robustness": [asdict(r) for r in found],
        "degradation": [asdict(d) for d in degradation(found)],
    }
    return json.dumps(_plain(content), indent=1) + "\n"


def to_markdown(runs: Sequence[RunFigures], about: About) -> str:
    """The tables, and what is needed to make them again."""
    parts = ["# Evaluation", f"Made {about.made} on {about.dataset}.", f"```bash\n{about.command}\n```"]
    parts += about.notes
    parts += [_markdown(table) for table in (*summary_tables(runs), *detailed_tables(runs))]
    parts.append("## What counts\n\n" + "\n".join(f"- {line}" for line in WHAT_COUNTS))
    parts += [_facts(f"Tracker {name}", facts) for name, facts in about.trackers.items()]
    parts += [_facts("Settings", about.settings), _facts("Machine", about.machine)]
    return "\n\n".join(parts) + "\n"


def write_grounding(rows: Sequence[GroundingFigures], about: About, output: Path) -> list[Path]:
    """Writes the report of a grounding set, as the same two files.

    Raises:
        SinkError: one cannot be written.
    """
    files = [output / "report.json", output / "report.md"]
    content = {**asdict(about), "grounding": [asdict(row) for row in rows]}
    write_text(files[0], json.dumps(_plain(content), indent=1) + "\n")
    parts = ["# Evaluation", f"Made {about.made} on {about.dataset}.", f"```bash\n{about.command}\n```"]
    parts += [*about.notes, _markdown(grounding_table(rows))]
    parts += GROUNDING_COUNTS
    parts += [_facts(f"Tracker {name}", facts) for name, facts in about.trackers.items()]
    parts += [_facts("Settings", about.settings), _facts("Machine", about.machine)]
    write_text(files[1], "\n\n".join(parts) + "\n")
    return files


def summary_tables(runs: Sequence[RunFigures]) -> list[Table]:
    """What is looked at first: undisturbed runs, then what disturbances do."""
    clean = [figures for figures in runs if figures.run.condition.name == "clean"]
    timed = [figures for figures in runs if figures.run.condition.name == REAL_TIME]
    found = [tables.main_table(clean), tables.more_table(clean)]
    found += tables.control_tables(clean) + tables.mask_tables(clean)
    found += [tables.main_table(timed, title="Real time")] if timed else []
    return found + tables.occlusion_tables(runs) + tables.switch_tables(runs) + robustness_tables(runs)


def detailed_tables(runs: Sequence[RunFigures]) -> list[Table]:
    """Disturbances by severity, every run where there are disturbed ones, and every sequence of the others."""
    clean = [figures for figures in runs if figures.run.condition.name == "clean"]
    every = [tables.main_table(runs, title="Every run")] if len(clean) < len(runs) else []
    return robustness_details(runs) + every + [tables.sequence_table(figures) for figures in clean]


def _run(figures: RunFigures) -> dict[str, Any]:
    content = asdict(figures)
    del content["records"]  # they have files of their own
    for row in content["sequences"]:
        del row["iou"], row["curves"]  # of each frame, and of few frames
    return content


def _markdown(table: Table) -> str:
    rule = ["---"] * table.words + ["---:"] * (len(table.columns) - table.words)
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    lines = [" | ".join(row) for row in (table.columns, rule, *rows)]
    return f"## {table.title}\n\n" + "\n".join(f"| {line} |" for line in lines)


def _facts(title: str, facts: Mapping[str, Any]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _plain(value: Any) -> Any:
    """With None for nan and infinity, which JSON lacks, and lists for arrays."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value
