"""One call for a whole video: open the source, track through it and close it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

from edgetrack.arrays import Pixels
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine
from edgetrack.errors import ConfigError, SourceError
from edgetrack.grounders import Grounder, Grounding
from edgetrack.io.sources import open_source
from edgetrack.opened import check_deadline, check_text, four_of
from edgetrack.outlining import Masks
from edgetrack.pipeline import FrameTracker
from edgetrack.tracker import Tracker
from edgetrack.types import Frame, Track

PLACES = (int, str, Path)  # the argument that opens a source
SourceLike = int | str | Path | Iterable[Frame | Pixels] | Callable[[], Frame | Pixels | None]


def track(
    source: SourceLike,
    text: str | None = None,
    *,
    box: Any = None,
    bundle: str | Path | Bundle | None = None,
    engine: str | Engine = "auto",
    precision: str = "auto",
    threads: int | None = None,
    static_check: bool = False,
    on_ambiguous: str = "best",
    words: str | Path | Mapping[str, str] | None = None,
    strict: bool = False,
    masks: Masks = False,
    grounder: str | Path | Grounder | Grounding | None = None,
    tracker: FrameTracker | None = None,
    deadline_ms: float | None = None,
    fps: float = 30.0,
) -> Generator[tuple[Frame, Track], None, None]:
    """Track a target through a source, from its first frame to its last.

    The source is opened when the first frame is requested. It is closed after the last one, on an error, when the loop
    is left, and by the generator's ``close()``. An open ``Source`` or ``tracker`` that you pass stays open.

    Args:
        source: A camera's index, a path or a URL, as for ``open_source``; or your own frames: an iterable, or a
            function that returns the next frame and None at the end. Each frame is a ``Frame`` or anything that
            ``Tracker.start`` takes. Without a time of their own, frames of an iterable are ``1 / fps`` apart, and
            frames of a function get the seconds since the first one was requested.
        text: What the target is, such as "red car"; without ``box`` it is searched for.
        box: Where it is in the first frame, ``(x, y, w, h)`` in pixels.
        bundle: As for ``Tracker``.
        engine: As for ``Tracker``.
        precision: As for ``Tracker``.
        threads: As for ``Tracker``.
        static_check: As for ``Tracker``.
        on_ambiguous: As for ``Tracker``.
        words: As for ``Tracker``.
        strict: As for ``Tracker``.
        masks: As for ``Tracker``.
        grounder: As for ``Tracker``.
        tracker: Use this tracker instead of a new one; the loop may call its ``set_text`` or ``start``.
        deadline_ms: Latency budget for each frame but the first, see ``Tracker.update``.
        fps: Frame rate of a folder of images, or of an iterable.

    Examples:
        >>> for frame, track in edgetrack.track("drive.mp4", text="red car"):  # doctest: +SKIP
        ...     print(track.index, track.status, track.box)

    Yields:
        Each frame with its track, as ``Tracker.start`` and ``update`` return it. ``frame.pixels`` of a source are valid
        until the next frame is requested.

    Raises:
        ConfigError, BoxError, PromptError, BundleError, EngineUnavailable, MissingExtra: As for ``Tracker``, or
            ``tracker`` comes with an argument that it would ignore.
        SourceError, FrameError: While looping: the source cannot be read, ends early, or yields something else.
    """
    if text is None and box is None:
        raise ConfigError("nothing to track; give a text such as 'red car', a box (x, y, w, h), or both")
    if text is not None:
        check_text(text)
    four_of(box)
    check_deadline(deadline_ms)
    _check(source, fps)
    own = {
        "bundle": bundle is not None,
        "engine": engine != "auto",
        "precision": precision != "auto",
        "threads": threads is not None,
        "static_check": static_check is not False,
        "on_ambiguous": on_ambiguous != "best",
        "words": words is not None,
        "strict": strict is not False,
        "masks": masks is not False,
        "grounder": grounder is not None,
    }
    if tracker is not None and any(own.values()):
        ignored = ", ".join(name for name, given in own.items() if given)
        raise ConfigError(
            f"got a tracker and {ignored}, but the tracker has its own; leave out one of the two"
        )
    if tracker is not None:
        return _follow(_opened(source, fps), tracker, text, box, deadline_ms)
    fresh = Tracker(
        bundle,
        engine=engine,
        precision=precision,
        threads=threads,
        static_check=static_check,
        on_ambiguous=on_ambiguous,
        words=words,
        strict=strict,
        masks=masks,
        grounder=grounder,
    )
    return _follow(_opened(source, fps), fresh, text, box, deadline_ms, close=fresh.close)


def _check(source: object, fps: object) -> None:
    if not (isinstance(fps, Real) and not isinstance(fps, bool) and 0 < float(fps) < math.inf):
        raise ConfigError(f"fps is {fps!r}; expected a positive number of frames per second")
    if isinstance(source, (bytes, dict)) or not (isinstance(source, (*PLACES, Iterable)) or callable(source)):
        raise SourceError(
            f"source is a {type(source).__name__}; expected a camera's index, a path, a URL, an iterable of frames or "
            "a function that returns the next one"
        )


def _follow(
    frames: Generator[Frame, None, None],
    tracker: FrameTracker,
    text: str | None,
    box: Any,
    deadline_ms: float | None,
    close: Callable[[], None] = lambda: None,
) -> Generator[tuple[Frame, Track], None, None]:
    started = False
    try:
        for frame in frames:
            given: Any = frame if isinstance(tracker, Tracker) else frame.pixels
            if started:
                track = tracker.update(given, deadline_ms=deadline_ms)
            else:
                track = tracker.start(given, text=text, box=box)
            started = True
            yield frame, track if track.time_s is not None else replace(track, time_s=frame.time_s)
    finally:
        frames.close()
        close()


def _opened(source: SourceLike, fps: float) -> Generator[Frame, None, None]:
    """Yield the frames of a source, which stays open meanwhile."""
    if isinstance(source, PLACES):
        with open_source(source, fps=fps) as opened:
            yield from opened
        return
    items: Iterable[Any] = source if isinstance(source, Iterable) else _called(source)
    began_s, index = time.monotonic(), -1
    for index, item in enumerate(items):
        time_s = index / fps if items is source else time.monotonic() - began_s
        yield item if isinstance(item, Frame) else Frame(item, index, time_s)
    if index < 0:
        raise SourceError("the source has no frames; expected at least one")


def _called(read: Callable[[], Frame | Pixels | None]) -> Iterator[Frame | Pixels]:
    while (item := read()) is not None:
        yield item
