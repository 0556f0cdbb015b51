"""Converts the report of an evaluation to report.json and report.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from edgetrack.evaluation.execution.events import GroundingReport, Provenance, Report
from edgetrack.evaluation.metrics.failures import sensor_failures
from edgetrack.evaluation.metrics.robustness import degradation, robustness
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.report import tables
from edgetrack.evaluation.report.definitions import DEFINITIONS, GROUNDING_DEFINITIONS
from edgetrack.evaluation.report.failure_tables import failure_tables
from edgetrack.evaluation.report.robustness_tables import robustness_details, robustness_tables
from edgetrack.evaluation.types import REAL_TIME
from edgetrack.reporting.table import Table


def to_json(report: Report | GroundingReport) -> str:
    """Return all metrics as JSON; NaN becomes null."""
    content: dict[str, Any] = asdict(report.provenance)
    if isinstance(report, GroundingReport):
        content["grounding"] = [asdict(row) for row in report.rows]
    else:
        found = robustness(report.runs)
        content["definitions"] = DEFINITIONS
        content["runs"] = [_run(metrics) for metrics in report.runs]
        content["robustness"] = [asdict(r) for r in found]
        content["sensors"] = [asdict(f) for f in sensor_failures(report.runs)]
        content["degradation"] = [asdict(d) for d in degradation(found)]
    return json.dumps(plain(content), indent=1) + "\n"


def to_markdown(report: Report | GroundingReport) -> str:
    """Return the tables, and the facts that are needed to reproduce them, as Markdown."""
    about = report.provenance
    if isinstance(report, GroundingReport):
        shown: list[Table] = [tables.grounding_table(report.rows)]
        definitions: Sequence[str] = GROUNDING_DEFINITIONS
    else:
        shown = [*summary_tables(report.runs), *detailed_tables(report.runs)]
        definitions = DEFINITIONS
    parts = ["# Evaluation", f"Made {about.made} on {about.dataset}.", f"```bash\n{about.command}\n```"]
    parts += [*about.notes, *(table.to_markdown() for table in shown)]
    parts.append("## Definitions\n\n" + "\n".join(f"- {line}" for line in definitions))
    parts += [_facts(title, facts) for title, facts in facts_of(about)]
    return "\n\n".join(parts) + "\n"


def summary_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return the most important tables: clean runs, then the effects of perturbations."""
    clean = [metrics for metrics in runs if metrics.run.condition.name == "clean"]
    timed = [metrics for metrics in runs if metrics.run.condition.name == REAL_TIME]
    found = [tables.main_table(clean), tables.more_table(clean)]
    found += tables.control_tables(clean) + tables.mask_tables(clean)
    found += [tables.main_table(timed, title="Real time")] if timed else []
    found += failure_tables(runs) + tables.truth_tables(clean)
    return found + tables.occlusion_tables(runs) + tables.switch_tables(runs) + robustness_tables(runs)


def detailed_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return tables of perturbations by severity, of all runs if some are perturbed, and of all clean sequences."""
    clean = [metrics for metrics in runs if metrics.run.condition.name == "clean"]
    every = [tables.main_table(runs, title="Every run")] if len(clean) < len(runs) else []
    return robustness_details(runs) + every + [tables.sequence_table(metrics) for metrics in clean]


def facts_of(about: Provenance) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the facts that are needed to reproduce a report, by heading."""
    trackers = [(f"Tracker {name}", facts) for name, facts in about.trackers.items()]
    return [*trackers, ("Settings", about.settings), ("Machine", about.machine)]


def plain(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by None, and arrays by lists."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _run(metrics: RunMetrics) -> dict[str, Any]:
    content = asdict(metrics)
    del content["records"]  # they have separate files
    for row in content["sequences"]:
        del row["iou"], row["curves"]  # long per-frame values, and curves of few frames
    return content


def _facts(title: str, facts: Mapping[str, Any]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {name}: {value}" for name, value in facts.items())
