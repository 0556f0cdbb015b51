"""An open source: its frames, which a background thread reads ahead, and its state."""

from __future__ import annotations

import time
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from types import TracebackType

from edgetrack.errors import SourceError
from edgetrack.io._channel import Channel, Reader
from edgetrack.io.reading import Reading
from edgetrack.io.states import Observed, SourceState
from edgetrack.types import Frame

DECODED_AHEAD = 4  # enough to smooth over key frames; each one takes the memory of a whole image
SILENCE_S = 15.0  # a live source that sends nothing for this long, and does not reconnect, counts as gone
POLL_S = 0.25  # interval at which a waiting consumer checks the state of the source


class Source:
    """An open source: a context manager and an iterable of frames, which are read ahead in a thread.

    A file yields every frame that can be decoded. A live source yields the newest frame; frames that arrived while the
    consumer was busy are counted in ``dropped``. A live source whose connection breaks is reconnected, see ``state``
    and ``open_source``. A source that breaks off for good raises ``SourceError`` after its last good frame. Frames come
    once: another loop continues where the last one was left, and raises ``SourceError`` after the end. ``open_source``
    makes it.

    Attributes:
        name (str): The source as shown in messages; a URL without user, password and keys.
        size (tuple[int, int]): Width and height of the first frame in pixels.
        fps (float | None): Frames per second; None if unknown.
        frames (int | None): Approximate number of frames; None if unknown. A video's container may estimate
            it, or count frames that are not shown.
        live (bool): Whether frames arrive at their own pace.
        on_state (Callable[[SourceState], None] | None): Called in the thread that asks for frames when the state of a
            live source has changed.
        on_wait (Callable[[], None] | None): Called in that thread, several times a second, while no frame comes.
    """

    def __init__(
        self,
        frames: Generator[Frame, None, None],
        *,
        name: str,
        fps: float | None,
        count: int | None,
        live: bool,
        reading: Reading | None = None,
        again: Callable[[Reading], Generator[Frame, None, None]] | None = None,
    ) -> None:
        self.name = name
        self.fps = fps
        self.frames = count
        self.live = live
        self.on_state: Callable[[SourceState], None] | None = None
        self.on_wait: Callable[[], None] | None = None
        self._told: SourceState | None = None
        self._last_ns: int | None = None  # capture time of the last frame that was yielded
        self._dropped_before = 0
        self._ended = self._late_start = False
        self._again = again
        self._read(frames, reading or Reading())
        try:
            # Read here, so that an unreadable source fails before anything else is set up.
            self._first: Frame | None = self._next(opening=True)
        except BaseException:
            self.close()
            raise
        if self._first is None:
            self.close()
            raise SourceError(f"{name} has no frames; expected a video, a camera or a folder of images")
        height, width = self._first.pixels.shape[:2]
        self.size: tuple[int, int] = (width, height)

    def _read(self, frames: Generator[Frame, None, None], reading: Reading) -> None:
        """Start reading the frames in a background thread."""
        self._reading = reading
        self._channel: Channel[Frame] = Channel(1 if self.live else DECODED_AHEAD, newest_wins=self.live)
        self._reader = Reader(frames, self._channel, name=f"edgetrack {self.name}")
        self._forget = weakref.finalize(self, _left_open, self._reader, reading, self.name)

    def _read_again(self, again: Callable[[Reading], Generator[Frame, None, None]]) -> None:
        """Abandon a thread that hangs, with its connection, and connect again in another one."""
        self._forget.detach()
        self._reading.canceled = True
        self._channel.close()
        self._dropped_before -= self._channel.dropped
        reading = replace(self._reading, canceled=False, observed=Observed())
        self._read(again(reading), reading)

    @property
    def dropped(self) -> int:
        """Number of frames of a live source that were skipped because newer ones had arrived."""
        return self._channel.dropped - self._dropped_before

    @property
    def broken(self) -> int:
        """Number of pictures that could not be decoded so far; they are skipped."""
        return self._reading.broken

    @property
    def notes(self) -> list[str]:
        """Remarks about the frames so far: broken pictures, decoder warnings, conversions."""
        return self._reading.notes()

    @property
    def state(self) -> SourceState:
        """The state of the source; its name is "live" while frames arrive, for a file as well."""
        if self._ended:
            return SourceState("ended")
        return self._reading.observed.state if self.live else SourceState("live")

    @property
    def reconnects(self) -> int:
        """How often a live source was reconnected so far."""
        return self._reading.reconnects

    def _next(self, *, opening: bool = False) -> Frame | None:
        began_s = time.monotonic()
        while True:
            try:
                return self._take(min(POLL_S, SILENCE_S))
            except TimeoutError:
                self._wait(opening=opening, waited_s=time.monotonic() - began_s)

    def _take(self, timeout_s: float) -> Frame | None:
        frame = self._channel.get(timeout_s=timeout_s)
        self._tell()
        return frame

    def _wait(self, *, opening: bool, waited_s: float) -> None:
        """Handle a source that has delivered no frame for some time.

        Raises:
            SourceError: The source counts as gone.
        """
        if self.on_wait is not None:
            self.on_wait()
        if not self.live:
            return
        self._tell()
        state = self.state
        if self._again is not None and not opening:
            if self._reading.observed.silent_s > SILENCE_S:
                self._read_again(self._again)
        elif waited_s > SILENCE_S and (opening or state.name != "reconnecting"):
            why = state.reason or "is it still connected?"
            raise SourceError(f"{self.name} has sent no image for {SILENCE_S:.0f} s; {why}") from None

    def within(self, seconds: float) -> Frame | None:
        """Return the next frame, or None if none arrives in time; after the last one the state is "ended".

        Raises:
            SourceError: As in a loop over the frames.
        """
        if self._first is not None:
            return self._begin()
        try:
            frame = None if self._ended else self._take(seconds)
            self._ended = frame is None
        except TimeoutError:
            self._wait(opening=False, waited_s=0.0)
            return None
        return None if frame is None else self._after_gap(frame)

    def _tell(self) -> None:
        if self.on_state is None or not self.live:
            return
        state = self.state
        if state != self._told:
            self._told = state
            self.on_state(state)

    def __iter__(self) -> Iterator[Frame]:
        if not self._forget.alive:
            raise SourceError(f"{self.name} is closed; open it again to read from it")
        if self._ended:
            raise SourceError(f"{self.name} has been read to its end; open it again to read it once more")
        return self._rest()

    def start_with_newest(self) -> None:
        """Make a live source begin with its newest frame instead of the one that was read when it was opened.

        That one may be many seconds old when the network has been loaded. It has no effect on files, except for those
        that are played like a camera.
        """
        self._late_start = True

    def _begin(self) -> Frame | None:
        first, self._first = self._first, None
        if first is not None and self._late_start and self.live:
            with suppress(TimeoutError, SourceError):  # a lost connection is reported with the next frame
                first = self._channel.get(timeout_s=0) or first
        self._dropped_before = self._channel.dropped  # frames skipped during setup do not count as dropped
        return None if first is None else self._after_gap(first)

    def _rest(self) -> Iterator[Frame]:
        if (first := self._begin()) is not None:
            yield first
        while (frame := self._next()) is not None:
            yield self._after_gap(frame)
        self._ended = True

    def _after_gap(self, frame: Frame) -> Frame:
        """Add the time since the last frame that was yielded, which is not always the last one that was read."""
        before_ns, self._last_ns = self._last_ns, frame.captured_ns
        if before_ns is None or frame.captured_ns is None:
            return frame
        return replace(frame, gap_s=(frame.captured_ns - before_ns) / 1e9)

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the reader thread and release the device or file. May be called twice."""
        self._forget.detach()
        self._reading.canceled = True
        self._reader.close()


def _left_open(reader: Reader[Frame], reading: Reading, name: str) -> None:
    """Clean up a source that was not closed, when it is garbage collected or the process ends."""
    reading.canceled = True
    reader.close()
    warnings.warn(
        f"source {name} was not closed; open it in a with statement: with open_source(...) as source",
        ResourceWarning,
        stacklevel=2,
    )
