"""Combines several sinks; if one fails, the others continue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from edgetrack import signals
from edgetrack.events import Event
from edgetrack.io._jpeg import share
from edgetrack.io.sinks import Closing, Sink
from edgetrack.types import Frame, Track

Prepare = Callable[[Frame, Mapping[str, Track]], tuple[Frame, Mapping[str, Track]]]


class Outputs(Closing):
    """A sink that passes each frame to others. A failure is reported immediately; that sink gets no more frames.

    It is done when one of the sinks is done (a window was closed), or when no sink is left.

    Args:
        sinks: the initial sinks.
        on_failure: called with each exception that a sink raised in ``write`` or ``close``.
        prepare: converts the frame and the tracks by name of the run to those that the sinks get.

    Attributes:
        failures: the sinks that have failed so far, each with its exception.
    """

    def __init__(
        self,
        sinks: Sequence[Sink] = (),
        *,
        on_failure: Callable[[Exception], None] | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        self.failures: list[tuple[Sink, Exception]] = []
        self._sinks = list(sinks)
        self._on_failure = on_failure
        self._prepare = prepare or (lambda frame, tracks: (frame, tracks))

    def add(self, *sinks: Sink) -> None:
        """Add sinks, which ``close`` closes with the others."""
        self._sinks += sinks

    @property
    def done(self) -> bool:  # type: ignore[override]
        """Whether the sink takes no more frames."""
        return any(sink.done for sink in self._sinks) or bool(self.failures and not self._sinks)

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        """Never raises `Exception`; see ``failures``."""
        shown, tracks = self._prepared(frame, {"": track})
        self._each(lambda sink: sink.write(shown, tracks[""], latency_ms=latency_ms))

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        """Never raises `Exception`; see ``failures``."""
        shown, tracks = self._prepared(frame, tracks)
        self._each(lambda sink: sink.write_all(shown, tracks, latencies_ms=latencies_ms, events=events))

    def _prepared(self, frame: Frame, tracks: Mapping[str, Track]) -> tuple[Frame, Mapping[str, Track]]:
        shown, tracks = self._prepare(frame, tracks)
        share(shown)
        return shown, tracks

    def _each(self, work: Callable[[Sink], None]) -> None:
        for sink in list(self._sinks):
            try:
                work(sink)
            except Exception as error:
                self._sinks.remove(sink)
                with suppress(Exception):  # the first exception is the cause
                    sink.close()
                self._failed(sink, error)

    def _failed(self, sink: Sink, error: Exception) -> None:
        self.failures.append((sink, error))
        if self._on_failure is not None:
            self._on_failure(error)

    def close(self) -> None:
        """Close every sink, even if others fail. Never raises `Exception`; see ``failures``."""
        with signals.held():
            while self._sinks:
                sink = self._sinks.pop(0)
                try:
                    sink.close()
                except Exception as error:
                    self._failed(sink, error)
