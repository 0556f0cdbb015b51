"""Two sensors as one source: each frame brings both pictures, or that of the one that still gives any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType

from edgetrack.io.pairing import SecondSensor
from edgetrack.io.source import Source
from edgetrack.io.states import SourceState
from edgetrack.types import Frame

PATIENT_FRAMES = 3.0  # of color, after which it is missing
_LEAST_S, _MOST_S = 0.1, 1.0  # that these take
_LOOK_S = 0.01  # how often the second sensor is looked at meanwhile
_LATER_S = 1e-3  # the least between the times of two frames


class PairedSource:
    """The frames of a color source, each with the second sensor's of its moment as ``Frame.x``; a context manager.

    Of files, the frames are those of color. When a live color source gives no picture for `PATIENT_FRAMES` frames,
    those of the second sensor come alone (``Frame.color`` is False) until it gives one again.

    Args:
        color: its source, which stays open when this is closed.
        second: of the second sensor; closed with this.
        alone: whether the second sensor's frames may come alone.

    Attributes:
        second: the same.
        on_x_state: called in the thread that asks for frames when the state of a live second sensor has changed.
    """

    def __init__(self, color: Source, second: SecondSensor, *, alone: bool = True) -> None:
        self.second = second
        self.on_x_state: Callable[[SourceState], None] = lambda state: None
        self._color, self._may_be_alone = color, alone
        self._told = SourceState("live")
        self._last: Frame | None = None  # that was given
        self._alone = 0  # frames of the second sensor

    @property
    def dropped(self) -> int:
        """Number of color frames that were skipped; see ``Source.dropped``."""
        return self._color.dropped

    @property
    def summary(self) -> str:
        """How many frames had both, how far apart in time these were, and how many had no color."""
        told = self.second.summary
        return f"{told}; {self._alone} frames without color" if self._alone else told

    @property
    def notes(self) -> list[str]:
        """Irregularities of either source, see ``Source.notes``, and the summary of the pairs."""
        return [*self._color.notes, self.summary, *self.second.source.notes]

    def __iter__(self) -> Iterator[Frame]:
        return self._of_cameras() if self._color.live else self._of_files()

    def _of_files(self) -> Iterator[Frame]:
        for frame in self._color:
            yield replace(frame, x=self.second.of(frame))

    def _of_cameras(self) -> Iterator[Frame]:
        patience_s = min(
            max(PATIENT_FRAMES / (self._color.fps or PATIENT_FRAMES / _MOST_S), _LEAST_S), _MOST_S
        )
        wait_s = patience_s
        while True:
            frame = self._color.within(wait_s)
            self._tell()
            if frame is not None:
                wait_s = patience_s
                self._last = self._after(frame, frame.index + self._alone, frame.time_s)
                yield replace(self._last, x=self.second.of(self._last))
            elif self._color.state.name == "ended":
                return
            elif self._may_be_alone and self._last is not None:
                wait_s = _LOOK_S
                if (x := self.second.newest(since=self._last)) is not None:
                    self._alone += 1
                    self._last = self._after(x, self._last.index + 1, x.time_s)
                    yield self._last

    def _after(self, frame: Frame, index: int, time_s: float) -> Frame:
        """The next frame, with its place among those of both sensors."""
        last = self._last
        if last is None:
            return replace(frame, index=index)
        gap_s = ((frame.captured_ns or 0) - (last.captured_ns or 0)) / 1e9
        return replace(frame, index=index, time_s=max(time_s, last.time_s + _LATER_S), gap_s=max(gap_s, 0.0))

    def _tell(self) -> None:
        state = self.second.source.state
        if state != self._told:
            self._told = state
            self.on_x_state(state)

    def __enter__(self) -> PairedSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.second.close()
