"""What several exports of one model to INT8 or float16 have in common, made once for the tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from edgetrack.types import Box

if TYPE_CHECKING:  # both need onnx
    from edgetrack.export.calibration import Calibration
    from edgetrack.export.fp16 import Graphs


def recorded_once(record: Callable[..., Calibration]) -> Callable[..., Calibration]:
    """``record`` of ``edgetrack.export.calibration`` that follows each named target of one model once."""
    known: dict[object, Calibration] = {}

    def recorded(
        subject: Any, clips: Sequence[Any], *, text: str | None, box: Box | None, watch: Any
    ) -> Calibration:
        key = subject.name, len(clips), text, box
        if key not in known:
            known[key] = record(subject, clips, text=text, box=box, watch=watch)
        return known[key]

    return recorded


def once_a_role(make: Callable[[Any, str, Any], Graphs]) -> Callable[[Any, str, Any], Graphs]:
    """``edgetrack.export.fp16.Graphs`` that rewrites each graph of one model once."""
    known: dict[str, Graphs] = {}

    def graphs(bundle: Any, role: str, gate: Any) -> Graphs:
        if role not in known:
            known[role] = make(bundle, role, gate)
        return known[role]

    return graphs
