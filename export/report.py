"""The measurements of an export as data: ``report.json`` of a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgetrack.export.accuracy import Accuracy

FILE_NAME = "report.json"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file used by engines: its size, and its accuracy and speed relative to float32."""

    file: str
    precision: str
    megabytes: float
    error: float | None = None  # relative output error on held-out crops
    accuracy: float | None = None  # of the tracker in this precision, relative to float32
    speed: float | None = None  # speedup over float32, on the CPU of the export

    @classmethod
    def of(cls, file: Path, precision: str, **measured: float | None) -> FileRow:
        """Return the row of a file, with its size."""
        return cls(file.name, precision, file.stat().st_size / 1e6, **measured)


@dataclass(kw_only=True)
class Report:
    """Results of one precision added to a bundle, compared with float32."""

    precision: str
    model: str
    target: str
    measured_on: str  # the detected target of this machine
    machine: str
    threads: int
    versions: dict[str, str]
    calibration: dict[str, Any]
    min_auc_ratio: float
    accuracy_kind: str = ""  # "success AUC" on labeled clips, or "agreement" with float32's own boxes
    clips: dict[str, tuple[float, float]] = field(default_factory=dict)  # float32, this precision
    evidence: int = 0  # number of frames behind the accuracy
    ratio: float | None = None  # ratio of accuracies, this precision over float32
    interval: tuple[float, float] | None = None  # 95 % of that ratio
    latency_ms: dict[str, tuple[float, float]] = field(default_factory=dict)  # by graph; same pair as clips
    thresholds: dict[str, tuple[float, float]] = field(default_factory=dict)  # by name; same pair as clips
    files: list[FileRow] = field(default_factory=list)
    accepted: bool = False
    kept: bool = False  # whether the bundle keeps its previous version of this precision
    why: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One selection of layers, and its result at the gate."""

    floats: int  # number of most sensitive layers per graph that stayed in float
    speed: float
    accuracy: float | None  # None: not measured, because the variant was not faster
    passed: bool


@dataclass(kw_only=True)
class MaskReport:
    """Results of the mask head in INT8, compared with float32, on clips with masks."""

    min_jf_ratio: float
    clips: dict[str, tuple[float, float]] = field(default_factory=dict)  # J&F: float32, INT8
    evidence: int = 0  # number of frames behind it
    ratio: float | None = None  # ratio of J&F, INT8 over float32
    interval: tuple[float, float] | None = None  # 95 % of that ratio
    attempts: list[Attempt] = field(default_factory=list)
    accepted: bool = False
    why: str = ""

    def take(self, found: Accuracy) -> None:
        """Fill in the measurements of one selection of layers."""
        self.clips, self.evidence = found.clips, found.frames
        self.ratio, self.interval = found.ratio, found.interval


@dataclass(kw_only=True)
class Int8Report(Report):
    """A report that also says how INT8 was made."""

    methods: dict[str, dict[str, float]]  # by graph and method: relative error on held-out crops
    chosen_methods: dict[str, str]
    kinds: tuple[str, ...]  # kinds of nodes that are quantized
    sensitivity: dict[str, dict[str, float]]  # by graph and layer: relative error with it alone in integers
    in_float: dict[str, list[str]]  # by graph: layers that the search returned to float
    refused: dict[str, str] = field(default_factory=dict)  # graphs that are not quantized at all, and why
    attempts: list[Attempt] = field(default_factory=list)
    masks: MaskReport | None = None  # None: the head was not quantized, see ``refused``


def to_json(reports: Sequence[Report]) -> str:
    """Return indented JSON: an object with the report of each precision by name."""
    values = {report.precision: asdict(report) for report in reports}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
