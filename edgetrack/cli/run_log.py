"""The reports of a run as JSON lines: its start, states of sources, alerts, and its end. See `edgetrack.cli.log`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from edgetrack.cli import log
from edgetrack.io.lines import event_values
from edgetrack.meter import Latency, Summary
from edgetrack.types import Box

if TYPE_CHECKING:
    from edgetrack.cli.status import Engine
    from edgetrack.events import Event
    from edgetrack.io.source import Source
    from edgetrack.io.states import SourceState
    from edgetrack.types import Frame

LEVELS: dict[str, log.Level] = {"stalled": "warning", "reconnecting": "warning", "failed": "error"}


def log_heading(
    source: Source,
    engine: Engine,
    targets: Sequence[tuple[str | None, Box | None]],
    every: Sequence[str] = (),
    grounder: str | None = None,
    served: str | None = None,
    camera: str | None = None,
) -> None:
    """Log the event "started"; the arguments are those of `edgetrack.cli.run_view.print_heading`."""
    width, height = source.size
    log.write(
        "info",
        "started",
        camera=camera,
        source=source.name,
        width=width,
        height=height,
        fps=source.fps,
        frames=source.frames,
        **_targets(targets, every),
        model=engine.bundle.manifest.name,
        engine=engine.name,
        precision=engine.precision,
        engine_info=str(engine.info),
        grounder=grounder,
        metrics=served,
    )


def log_targets(
    targets: Sequence[tuple[str | None, Box | None]], every: Sequence[str], *, camera: str | None = None
) -> None:
    """Log the event "targets": those that a reloaded config file has given to all cameras, or to one."""
    log.write("info", "targets", camera=camera, **_targets(targets, every))


def log_state(state: SourceState, *, source: str, camera: str | None = None) -> None:
    """Log the event "source": a live source has another state."""
    log.write(
        LEVELS.get(state.name, "info"),
        "source",
        camera=camera,
        source=source,
        state=state.name,
        code=state.code,
        reason=state.reason or None,
        attempt=state.attempt or None,
        retry_in_s=round(state.retry_in_s, 3) if state.attempt else None,
    )


def log_alert(frame: Frame, event: Event) -> None:
    """Log the event "alert", with the keys that it has in outputs."""
    values = event_values(frame, event)
    values.pop("event")
    log.write("info", "alert", **values)


def log_summary(
    summary: Summary,
    outputs: Sequence[Path],
    *,
    live: bool,
    engines: Sequence[str] = (),
    notes: Sequence[tuple[str, str]] = (),
    camera: str | None = None,
) -> None:
    """Log a "note" for each irregularity, and the event "ended".

    Args:
        summary: Of the run.
        outputs: Files that were written.
        live: Whether the source was live.
        engines: The engines in use, if they were not the one in "started" all the time.
        notes: Irregularities, each with what it is about: "source" or "output".
        camera: Name of the camera, in a run of several.
    """
    for about, said in notes:
        log.write("warning", "note", camera=camera, about=about, message=said)
    targets = {name: {"states": _counted(own), **_times(own)} for name, own in summary.targets.items()}
    log.write(
        "info",
        "ended",
        camera=camera,
        interrupted=summary.interrupted,
        frames=summary.frames,
        seconds=round(summary.seconds, 3),
        fps=round(summary.fps, 2),
        states=None if targets else _counted(summary),
        first_frame_ms=round(summary.start_ms, 1),
        **_times(summary),
        targets=targets or None,
        counts=summary.counts or None,
        engines=list(engines) or None,
        dropped={"newer": summary.dropped, "too_old": summary.too_old} if live else None,
        written=[str(path) for path in outputs],
    )


def log_looks(looks_ms: Sequence[float]) -> None:
    """Log the event "grounder": the number of its passes, and their times in milliseconds."""
    log.write(
        "info",
        "grounder",
        passes=len(looks_ms),
        p50_ms=round(median(looks_ms), 1),
        max_ms=round(max(looks_ms), 1),
    )


def _targets(targets: Sequence[tuple[str | None, Box | None]], every: Sequence[str]) -> dict[str, Any]:
    said = [{"text": text, "box": None if box is None else list(box.xywh)} for text, box in targets]
    return {"targets": said, "every": list(every) or None}


def _counted(summary: Summary) -> dict[str, int]:
    return {status: count for status, count in summary.statuses.items() if count}


def _times(summary: Summary) -> dict[str, dict[str, float]]:
    said = {"latency_ms": summary.latency_ms, "age_ms": summary.age_ms}
    return {name: _rounded(value) for name, value in said.items() if value is not None}


def _rounded(latency: Latency) -> dict[str, float]:
    return {name: round(value, 1) for name, value in asdict(latency).items()}
