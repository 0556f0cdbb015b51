"""What an export measured, as data: ``report.json`` of a bundle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

FILE_NAME = "report.json"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file that runs: what it costs and what it gives against float32."""

    file: str
    precision: str
    megabytes: float
    error: float | None = None  # relative output error on held-out crops
    accuracy: float | None = None  # of the tracker in this precision, over float32's
    speed: float | None = None  # how many times as fast as float32


@dataclass(frozen=True, slots=True)
class Attempt:
    """One choice of layers, and what the gate said of it."""

    floats: int  # most sensitive layers of each graph that stayed in float
    speed: float
    accuracy: float | None  # None: not measured, because it was not faster
    passed: bool


@dataclass
class Report:
    """The INT8 part of an export."""

    model: str
    target: str
    machine: str
    threads: int
    versions: dict[str, str]
    calibration: dict[str, Any]
    min_auc_ratio: float
    methods: dict[str, dict[str, float]]  # by graph and method: relative error on held-out crops
    chosen_methods: dict[str, str]
    kinds: tuple[str, ...]  # of nodes that are quantised
    sensitivity: dict[
        str, dict[str, float]
    ]  # by graph and layer: relative error with this layer alone in integers
    in_float: dict[str, list[str]]  # by graph: layers that the search put back
    attempts: list[Attempt] = field(default_factory=list)
    accuracy_kind: str = ""  # "success AUC" on labelled clips, or "agreement" with float32's own boxes
    clips: dict[str, tuple[float, float]] = field(default_factory=dict)  # float32, INT8
    latency_ms: dict[str, tuple[float, float]] = field(default_factory=dict)  # by graph: float32, INT8
    thresholds: dict[str, tuple[float, float]] = field(default_factory=dict)  # float32, INT8
    files: list[FileRow] = field(default_factory=list)
    accepted: bool = False
    why: str = ""

    def to_json(self) -> str:
        """The report as indented JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
