"""Several sinks as one: one that fails leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from edgetrack import signals
from edgetrack.events import Event
from edgetrack.io.sinks import Closing, Sink
from edgetrack.types import Frame, Track

Prepare = Callable[[Frame, Mapping[str, Track]], tuple[Frame, Mapping[str, Track]]]


class Outputs(Closing):
    """A sink that hands each frame to others. Who fails is told of at once, and gets no more; the others go on.

    It wants no more frames when one of them does not (a window was closed), or when none is left.

    Args:
        sinks: what to begin with.
        on_failure: called with what a sink raised, in ``write`` or in ``close``.
        prepare: makes the frame and the tracks by name that the sinks get out of those of the run.

    Attributes:
        failures: the sinks that have failed so far, with what each has raised.
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
        """Add sinks, which are closed with the others."""
        self._sinks += sinks

    @property
    def done(self) -> bool:  # type: ignore[override]
        """Whether no more frames are wanted."""
        return any(sink.done for sink in self._sinks) or bool(self.failures and not self._sinks)

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        """Never raises `Exception`; see ``failures``."""
        shown, tracks = self._prepare(frame, {"": track})
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
        shown, tracks = self._prepare(frame, tracks)
        self._each(lambda sink: sink.write_all(shown, tracks, latencies_ms=latencies_ms, events=events))

    def _each(self, work: Callable[[Sink], None]) -> None:
        for sink in list(self._sinks):
            try:
                work(sink)
            except Exception as error:
                self._sinks.remove(sink)
                with suppress(Exception):  # what it raised first is what went wrong
                    sink.close()
                self._failed(sink, error)

    def _failed(self, sink: Sink, error: Exception) -> None:
        self.failures.append((sink, error))
        if self._on_failure is not None:
            self._on_failure(error)

    def close(self) -> None:
        """Closes every sink, whatever the others do. Never raises `Exception`; see ``failures``."""
        with signals.held():
            while self._sinks:
                sink = self._sinks.pop(0)
                try:
                    sink.close()
                except Exception as error:
                    self._failed(sink, error)
