"""What an export measured, as data: ``report.json`` of a bundle."""

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
    """One file that runs: what it costs and what it gives against float32."""

    file: str
    precision: str
    megabytes: float
    error: float | None = None  # relative output error on held-out crops
    accuracy: float | None = None  # of the tracker in this precision, over float32's
    speed: float | None = None  # how many times as fast as float32, on the CPU of the export

    @classmethod
    def of(cls, file: Path, precision: str, **measured: float | None) -> FileRow:
        """The row of a file, with its size."""
        return cls(file.name, precision, file.stat().st_size / 1e6, **measured)


@dataclass(kw_only=True)
class Report:
    """What one precision, added to a bundle, gave against float32."""

    precision: str
    model: str
    target: str
    measured_on: str  # the target that this machine is taken for
    machine: str
    threads: int
    versions: dict[str, str]
    calibration: dict[str, Any]
    min_auc_ratio: float
    accuracy_kind: str = ""  # "success AUC" on labeled clips, or "agreement" with float32's own boxes
    clips: dict[str, tuple[float, float]] = field(default_factory=dict)  # float32, this precision
    evidence: int = 0  # frames that the accuracy rests on
    ratio: float | None = None  # of the accuracies, this precision over float32
    interval: tuple[float, float] | None = None  # 95 % of that ratio
    latency_ms: dict[str, tuple[float, float]] = field(default_factory=dict)  # by graph: the same
    thresholds: dict[str, tuple[float, float]] = field(default_factory=dict)  # the same
    files: list[FileRow] = field(default_factory=list)
    accepted: bool = False
    kept: bool = False  # the precision in the bundle is the one that was in it before
    why: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One choice of layers, and what the gate said of it."""

    floats: int  # most sensitive layers of each graph that stayed in float
    speed: float
    accuracy: float | None  # None: not measured, because it was not faster
    passed: bool


@dataclass(kw_only=True)
class MaskReport:
    """What INT8 of the mask head gave against float32, on clips with masks."""

    min_jf_ratio: float
    clips: dict[str, tuple[float, float]] = field(default_factory=dict)  # J&F: float32, INT8
    evidence: int = 0  # frames that it rests on
    ratio: float | None = None  # of J&F, INT8 over float32
    interval: tuple[float, float] | None = None  # 95 % of that ratio
    attempts: list[Attempt] = field(default_factory=list)
    accepted: bool = False
    why: str = ""

    def take(self, found: Accuracy) -> None:
        """Fills in what was measured of one choice of layers."""
        self.clips, self.evidence = found.clips, found.frames
        self.ratio, self.interval = found.ratio, found.interval


@dataclass(kw_only=True)
class Int8Report(Report):
    """How INT8 was made, too."""

    methods: dict[str, dict[str, float]]  # by graph and method: relative error on held-out crops
    chosen_methods: dict[str, str]
    kinds: tuple[str, ...]  # of nodes that are quantized
    sensitivity: dict[str, dict[str, float]]  # by graph and layer: relative error with it alone in integers
    in_float: dict[str, list[str]]  # by graph: layers that the search put back
    refused: dict[str, str] = field(default_factory=dict)  # graphs that are not quantized at all, and why
    attempts: list[Attempt] = field(default_factory=list)
    masks: MaskReport | None = None  # None: the head was not tried, see ``refused``


def to_json(reports: Sequence[Report]) -> str:
    """Indented JSON: an object with the report of each precision by its name."""
    values = {report.precision: asdict(report) for report in reports}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
