"""The terminal output of a run with several cameras: one live line for all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from edgetrack.cli.status import COLORS, REDRAW_S, LiveLine
from edgetrack.types import Frame, Track

if TYPE_CHECKING:
    from edgetrack.io.states import SourceState
    from edgetrack.meter import Meter


class CameraLine:
    """What the line says about one camera; its thread updates it, and the main thread draws it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed_s = 0.0
        self.text = Text(f" ● {name} connecting", style="dim")

    def update(self, frame: Frame, track: Track, meter: Meter) -> None:
        """Show the status of the target, and the frame rate."""
        self.update_all(frame, {track.name: track}, meter)

    def update_all(self, frame: Frame, tracks: Mapping[str, Track], meter: Meter) -> None:
        """Show a dot for each target, in the color of its status, and the frame rate."""
        now_s = time.monotonic()
        if now_s - self._changed_s < REDRAW_S:
            return
        self._changed_s = now_s
        shown = [track for track in tracks.values() if track.query is None or track.box is not None]
        line = Text(" ")
        for track in shown:
            line.append("●", style=f"bold {COLORS[track.status]}")
        line.append(f" {self._name}").append(f" {meter.recent_fps:.1f} fps", style="dim")
        if meter.dropped:
            line.append(f" dropped {meter.dropped}", style="yellow")
        self.text = line

    def become(self, state: SourceState) -> None:
        """Show that no frames arrive."""
        if state.name != "live":
            self.text = Text(f" ● {self._name} {state.name}", style="yellow")


class CameraLines(LiveLine):
    """The line of a run with several cameras."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        super().__init__(console)
        self.of = {name: CameraLine(name) for name in names}

    def draw(self) -> None:
        """Draw the line again."""
        self.redraw(self._joined)

    def _joined(self) -> Text:
        line = Text(no_wrap=True, overflow="ellipsis")
        for camera in self.of.values():
            line.append_text(camera.text).append("  ")
        return line
