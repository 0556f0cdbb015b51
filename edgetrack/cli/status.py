"""The terminal output of a run while it runs: a live line, and a record of what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.live import Live
from rich.text import Text

from edgetrack.bundle import Bundle
from edgetrack.cli import log
from edgetrack.cli.base import advise
from edgetrack.meter import Meter
from edgetrack.policy import Policy
from edgetrack.terminal import takes_more
from edgetrack.types import Candidate, Frame, Status, Track

if TYPE_CHECKING:
    from edgetrack.cli.camera_view import CameraLine
    from edgetrack.engines import Engine as OwnEngine
    from edgetrack.peers.guarded import AdapterEngine

    Engine = OwnEngine | AdapterEngine
    Observer = Callable[[Frame, Mapping[str, Track], Meter], None]

COLORS: dict[Status, str] = {
    "tracking": "green",
    "uncertain": "yellow",
    "lost": "red",
    "searching": "cyan",
    "tentative": "dim",
    "ended": "dim",
}
_Line = TypeVar("_Line", bound="LiveLine")
REDRAW_S = 0.1
RECENT_FRAMES = 300  # so that the live percentiles are current
LAGGING_MS = 1000.0  # a stream that is further behind is shown


class LiveLine:
    """One line that is redrawn in place, on a terminal only; elsewhere, or with JSON lines, it does nothing.

    Args:
        console: where to draw.
    """

    def __init__(self, console: Console) -> None:
        drawn = console.is_terminal and not log.is_json()
        self._live = Live(console=console, auto_refresh=False, transient=True) if drawn else None

    def __enter__(self: _Line) -> _Line:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def redraw(self, line: Callable[[], Text]) -> None:
        """Draw what ``line`` returns; it is not called if nothing is drawn."""
        if self._live is not None and takes_more():
            self._live.update(line(), refresh=True)


class StatusLine(LiveLine):
    """The line of a run: the status of its targets, and its figures.

    Args:
        console: where to draw.
        total: number of frames of the source, where it is known.
        live: whether frames can be dropped.
        pairs: whether there is a second sensor: which of the two was used is shown.
    """

    def __init__(self, console: Console, *, total: int | None, live: bool, pairs: bool = False) -> None:
        super().__init__(console)
        self._total, self._pairs = total, pairs
        self._live_source = live
        self._drawn_s = 0.0

    def update(self, frame: Frame, track: Track, meter: Meter) -> None:
        """Redraw the line, at most ten times a second."""
        line = Text().append(f" ● {track.status:<9}", style=f"bold {COLORS[track.status]}")
        line.append(f" score {track.score:.2f}")
        if track.basis != "network":
            line.append(f" {track.basis}", style="dim")
        if self._pairs:
            line.append(f" in {' and '.join(track.modalities) or 'nothing'}", style="dim")
        self._redraw(line, frame, meter)

    def update_all(self, frame: Frame, tracks: Mapping[str, Track], meter: Meter) -> None:
        """Redraw the line for several targets: a dot for each, in the color of its status."""
        line = Text()
        for name, track in tracks.items():
            if track.query is None or track.box is not None:
                line.append(" ● ", style=f"bold {COLORS[track.status]}")
                line.append(name)
        self._redraw(line, frame, meter)

    def _redraw(self, line: Text, frame: Frame, meter: Meter) -> None:
        now_s = time.perf_counter()
        if now_s - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = now_s
        self.redraw(lambda: self._with_figures(line, frame, meter))

    def _with_figures(self, line: Text, frame: Frame, meter: Meter) -> Text:
        of = f"/{self._total}" if self._total else ""
        line.no_wrap, line.overflow = True, "ellipsis"
        number = meter.frames if self._live_source else frame.index + 1  # with a camera, some are skipped
        line.append(f"   frame {number}{of}", style="dim")
        line.append(f"   {meter.recent_fps:5.1f} fps")
        latency = meter.latency_ms(last=RECENT_FRAMES)
        if latency is not None:
            line.append(f"   p50 {latency.p50:.1f} ms  p95 {latency.p95:.1f} ms")
        age = meter.age_ms(last=RECENT_FRAMES)
        if age is not None:
            line.append(f"   age {age.p50:.0f} ms")
        if meter.lag_ms is not None and meter.lag_ms > LAGGING_MS:
            line.append(f"   {meter.lag_ms / 1000:.1f} s behind", style="yellow")
        if self._live_source:
            line.append(f"   dropped {meter.dropped}", style="yellow" if meter.dropped else "dim")
        return line


class Watch:
    """Shows each finished frame, and records after which frame the engine's info changed.

    For example, TensorRT takes over from ONNX Runtime in the middle of a run. Each observer is called for each frame.
    """

    def __init__(self, line: StatusLine | CameraLine, engine: Engine, *observers: Observer) -> None:
        self._candidates: dict[
            str, Sequence[Candidate]
        ] = {}  # the last candidates of targets that are not followed
        self._changes: list[str] = []
        self._line, self._engine, self._observers = line, engine, observers
        self._info = engine.info
        self._reloaded = ""

    def update(self, frame: Frame, track: Track, meter: Meter) -> None:
        """See `StatusLine.update`."""
        for observe in self._observers:
            observe(frame, {track.name: track}, meter)
        self._note_change(frame)
        self._note_candidates(track)
        self._line.update(frame, track, meter)

    def update_all(self, frame: Frame, tracks: Mapping[str, Track], meter: Meter) -> None:
        """See `StatusLine.update_all`."""
        for observe in self._observers:
            observe(frame, tracks, meter)
        self._note_change(frame)
        for track in tracks.values():
            self._note_candidates(track)
        self._line.update_all(frame, tracks, meter)

    @property
    def engines(self) -> list[str]:
        """Each change of the engine; or the stand-in, if the requested engine was never used."""
        if not self._changes and self._info.stand_in:
            return [f"to the end: {self._info.stand_in}"]
        return self._changes

    @property
    def rivals(self) -> dict[str, list[Candidate]]:
        """For each target that is not followed, the objects that its text fits about equally well, if several."""
        bundle = self._engine.bundle
        own = bundle.manifest.thresholds_of(self._engine.precision) if isinstance(bundle, Bundle) else {}
        policy = Policy.of(own)
        found = {name: policy.rivals(candidates) for name, candidates in self._candidates.items()}
        return {
            name: [self._candidates[name][0], *others] if others else [] for name, others in found.items()
        }

    def _note_candidates(self, track: Track) -> None:
        if track.box is not None:
            self._candidates.pop(track.name, None)
        elif track.candidates:
            self._candidates[track.name] = track.candidates

    def _note_change(self, frame: Frame) -> None:
        info = self._engine.info
        if info != self._info:
            self._info = info
            self._changes.append(f"after frame {frame.index}: {info}")
        reloaded = getattr(self._engine, "reloaded", "")
        if reloaded != self._reloaded:
            self._reloaded = reloaded
            advise(f"after frame {frame.index}: {reloaded}", frame=frame.index)
