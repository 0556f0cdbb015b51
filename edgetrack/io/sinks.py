"""Where tracks go: JSON lines, a table, an annotated video, a recording, a window."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from edgetrack.errors import SinkError
from edgetrack.io.files import STDOUT
from edgetrack.types import Frame, Track

KINDS = ".jsonl, .csv, .mp4 or .mcap, or - for JSON lines on standard output"


class Sink(Protocol):
    """Takes one frame and its track at a time; a context manager."""

    @property
    def done(self) -> bool:
        """Whether it wants no more frames, as when its window was closed."""

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None: ...

    def write_all(
        self, frame: Frame, tracks: Mapping[str, Track], *, latencies_ms: Mapping[str, float]
    ) -> None:
        """Takes one frame and the tracks of several targets in it, with what each of them cost."""

    def close(self) -> None: ...
    def __enter__(self) -> Sink: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing:
    """What every sink shares: leaving the ``with`` block closes it, whatever the reason."""

    done = False

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_sink(
    path: str | Path,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    text: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> Sink:
    """Opens an output; its suffix says which kind: ``.jsonl``, ``.csv``, ``.mp4`` or ``.mcap``.

    What is already there is replaced by the first frame. From then on the file is good at every moment: a process
    that is killed, and a disk that is full, leave what was written until then.

    Args:
        path: the file to write; ``-`` for JSON lines on standard output.
        fps: frame rate that a video is named with, and how long its last frame lasts; 30 where the source does not
            know. The times of its frames are those of ``Frame.time_s``.
        size: width and height of a video in pixels; without it the first frame decides.
        text: what is being looked for, written into a video's pictures.
        facts: what a recording says of its origin: target, model, engine, precision.

    Raises:
        SinkError: the suffix is unknown or the place cannot be written.
        MissingExtra: a package that this kind needs is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".jsonl" or str(path) == STDOUT:
        from edgetrack.io.lines import JsonlSink

        return JsonlSink(path)
    if suffix == ".csv":
        from edgetrack.io.lines import CsvSink

        return CsvSink(path)
    if suffix == ".mp4":
        from edgetrack.io.video import VideoSink

        return VideoSink(path, fps=fps or 30.0, size=size, text=text)
    if suffix == ".mcap":
        from edgetrack.io.recorder import McapSink

        return McapSink(path, facts=facts or {})
    raise SinkError(f"output {path} ends in {suffix or 'nothing'!r}; expected {KINDS}")
