"""Measuring trackers: metrics, perturbations, protocols and reports, as in ``edgetrack eval``.

The subpackages from bottom to top: ``types``, ``metrics``, ``perturbations``, ``trackers``, ``execution``, ``report``,
``phrases``. Each imports only from those before it. Names are loaded on first use (PEP 562), so that importing one
metric loads nothing else.

>>> from edgetrack.evaluation import Request, evaluate, write_report
>>> request = Request("lasot", Path("/data/LaSOT"), Path("out"), split="test")  # doctest: +SKIP
>>> *_, report = evaluate(request, open_edgetrack=edgetrack.open_tracker)  # doctest: +SKIP
>>> write_report(report, request.output)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgetrack.evaluation.execution.evaluate import evaluate
    from edgetrack.evaluation.execution.events import (
        FramesDone,
        GroundingReport,
        Planned,
        Progress,
        Provenance,
        Report,
        RunDone,
        SequenceDone,
    )
    from edgetrack.evaluation.execution.request import Request
    from edgetrack.evaluation.metrics.grounding import GroundingMetrics
    from edgetrack.evaluation.metrics.one_pass import OnePassMetrics, one_pass_metrics
    from edgetrack.evaluation.metrics.runs import RunMetrics, SequenceMetrics
    from edgetrack.evaluation.perturbations.registry import conditions
    from edgetrack.evaluation.phrases.evaluate import PhraseReport, evaluate_phrases
    from edgetrack.evaluation.phrases.report import write_phrase_report
    from edgetrack.evaluation.phrases.types import PhraseModel
    from edgetrack.evaluation.report.write import write_report
    from edgetrack.evaluation.types import Condition, Record, Run

__all__ = [
    "Condition",
    "FramesDone",
    "GroundingMetrics",
    "GroundingReport",
    "OnePassMetrics",
    "PhraseModel",
    "PhraseReport",
    "Planned",
    "Progress",
    "Provenance",
    "Record",
    "Report",
    "Request",
    "Run",
    "RunDone",
    "RunMetrics",
    "SequenceDone",
    "SequenceMetrics",
    "conditions",
    "evaluate",
    "evaluate_phrases",
    "one_pass_metrics",
    "write_phrase_report",
    "write_report",
]

_HOMES = {
    "execution.evaluate": ("evaluate",),
    "execution.events": (
        "FramesDone",
        "GroundingReport",
        "Planned",
        "Progress",
        "Provenance",
        "Report",
        "RunDone",
        "SequenceDone",
    ),
    "execution.request": ("Request",),
    "metrics.grounding": ("GroundingMetrics",),
    "metrics.one_pass": ("OnePassMetrics", "one_pass_metrics"),
    "metrics.runs": ("RunMetrics", "SequenceMetrics"),
    "perturbations.registry": ("conditions",),
    "phrases.evaluate": ("PhraseReport", "evaluate_phrases"),
    "phrases.report": ("write_phrase_report",),
    "phrases.types": ("PhraseModel",),
    "report.write": ("write_report",),
    "types": ("Condition", "Record", "Run"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
