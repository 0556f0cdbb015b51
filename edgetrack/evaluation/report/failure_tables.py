"""Tables and curves of the accuracy lost to failures of sensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgetrack.evaluation.metrics.failures import SensorFailure, sensor_failures
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.types import SENSORS, Sensors
from edgetrack.reporting.charts import Line, line_chart, to_img
from edgetrack.reporting.table import MISSING, Table, number

_NAMES: dict[Sensors, str] = {"color": "color alone", "x": "x alone", "both": "both", "mean": "mean"}


def failure_tables(runs: Sequence[RunMetrics]) -> list[Table]:
    """Return a table for each tracker and mode with pairs, one row per condition; empty without pairs."""
    found = sensor_failures(runs)
    keys = dict.fromkeys((f.tracker, f.mode) for f in found)
    return [_table(key, [f for f in found if (f.tracker, f.mode) == key]) for key in keys]


def _table(key: tuple[str, str], entries: Sequence[SensorFailure]) -> Table:
    shown = [s for s in SENSORS if any(not math.isnan(f.auc[s]) for f in entries)]
    columns = ["failure", "level", *(_NAMES[s] for s in shown)]
    columns += ["drop of color", "drop of both", "against the intact sensor"] if "both" in shown else []
    return Table(f"Sensors: AUC of {', '.join(key)}", columns, [_row(f, shown) for f in entries], words=1)


def _row(f: SensorFailure, shown: Sequence[Sensors]) -> list[str]:
    level = f.level
    row = ["none" if level is None else f.condition.name, "" if level is None else f"{level:g}"]
    row += [number(f.auc[s]) for s in shown]
    if "both" not in shown:
        return row
    drops = ["", ""] if level is None else [_percent(f.drop("color")), _percent(f.drop("both"))]
    beside = "" if f.reference is None else MISSING
    return [*row, *drops, beside if math.isnan(f.beside_reference) else f"{f.beside_reference:+.3f}"]


def _percent(fraction: float) -> str:
    return MISSING if math.isnan(fraction) else f"{100 * fraction:.1f} %"


def degradation_images(runs: Sequence[RunMetrics]) -> list[str]:
    """Draw the AUC over the level of the failure, one chart for each failure with several levels."""
    found, images = sensor_failures(runs), []
    for tracker, mode in dict.fromkeys((f.tracker, f.mode) for f in found):
        mine = [f for f in found if (f.tracker, f.mode) == (tracker, mode)]
        for name in dict.fromkeys(f.condition.name for f in mine if f.level is not None):
            rows = [f for f in mine if f.condition.name == name]
            if len(rows) > 1:
                title = f"{name}, {tracker}, {mode}"
                images.append(to_img(line_chart(title, "severity", _lines(rows), y_label="AUC"), title))
    return images


def _lines(rows: Sequence[SensorFailure]) -> list[Line]:
    steps = np.array([0, *(f.condition.severity for f in rows)], np.float64)
    lines = []
    for index, sensors in enumerate(SENSORS):
        values = np.array([rows[0].whole[sensors], *(f.auc[sensors] for f in rows)])
        if not np.isnan(values).all():
            lines.append(Line(_NAMES[sensors], steps, values, index))
    return lines
