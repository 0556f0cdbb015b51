"""What `export --int8` and `--fp16` record of the drawn scene, recorded once for the tests of one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgetrack.export.calibration import Calibration
from edgetrack.types import Box


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
