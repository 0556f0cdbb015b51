"""Wraps the tracker of an adapter with the checks of ``edgetrack.Tracker``."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.crop import check_packed
from edgetrack.engines.info import EngineInfo
from edgetrack.errors import AdapterError, BoxError, ConfigError, EdgetrackError, NotStartedError
from edgetrack.peers import FrameTracker, Mode
from edgetrack.peers.bundle import AdapterBundle
from edgetrack.types import STATUSES, Box, Frame, Track

ENGINE = "adapter"  # name of the engine, because an adapter runs its graphs itself


@dataclass(frozen=True, slots=True)
class AdapterEngine:
    """Stand-in for the engine of an adapter, with the facts of ``edgetrack.Tracker.engine``."""

    bundle: AdapterBundle
    precision: str
    info: EngineInfo
    name: str = ENGINE

    def wait(self) -> None:
        """Return immediately, because nothing runs in the background."""

    def close(self) -> None:
        """Do nothing; the adapter's resources are released with its tracker."""


class AdapterTracker:
    """The tracker of an adapter, with the checks of ``edgetrack.Tracker``.

    Attributes:
        engine: facts about the engine: ``name``, ``precision``, ``info`` and ``bundle``.
        modes: ways to give the target: "nl" (text), "bbox" (box), "nlbbox" (both).

    Args:
        tracker: the tracker returned by ``Adapter.open``.
    """

    def __init__(self, tracker: FrameTracker, modes: tuple[Mode, ...], engine: AdapterEngine) -> None:
        self.engine, self.modes = engine, modes
        self._tracker, self._started = tracker, False

    def start(
        self,
        frame: NDArray[np.uint8] | Frame,
        text: str | None = None,
        *,
        box: Any = None,
        x: NDArray[np.uint8] | Frame | None = None,
    ) -> Track:
        """Set the target in the first frame, uint8 (H, W, 3) BGR, and forget any previous target.

        Args:
            frame: the first frame.
            text: text of the target.
            box: box of the target, ``(x, y, w, h)`` in pixels.
            x: image of the second sensor, of the frame's size, if the tracker takes pairs (``takes_x``).

        Raises:
            FrameError, BoxError: the frame or box is invalid.
            ConfigError: the adapter does not support this way to give the target.
            AdapterError: the adapter failed, or did not return a ``Track``.
        """
        pixels, given = _pixels(frame), None if box is None else Box.of(box)
        self._check_target(text, given)
        if given is not None:
            height, width = pixels.shape[:2]
            if not (0 <= given.center[0] < width and 0 <= given.center[1] < height):
                raise BoxError(
                    f"box {given.xywh} has its center outside the frame of {width}x{height} pixels; "
                    "expected (x, y, w, h) in pixels"
                )
        pair = self._pair(x)
        track = self._checked("start", lambda: self._tracker.start(pixels, text=text, box=given, **pair))
        self._started = True
        return track

    def update(
        self,
        frame: NDArray[np.uint8] | Frame,
        *,
        deadline_ms: float | None = None,
        x: NDArray[np.uint8] | Frame | None = None,
    ) -> Track:
        """Find the target in the next frame, uint8 (H, W, 3) BGR; ``x`` as in ``start``.

        Raises:
            FrameError: the frame is invalid.
            ConfigError: a deadline is given, which adapters do not support.
            NotStartedError: no target is set.
            AdapterError: the adapter failed, or did not return a ``Track``.
        """
        if deadline_ms is not None:
            raise ConfigError(
                f"deadline_ms has no effect: {self._name} is an adapter's tracker, which does not coast; leave it out"
            )
        if not self._started:
            raise NotStartedError("update() before start(); call start(frame, ...) first")
        pixels, pair = _pixels(frame), self._pair(x)
        return self._checked("update", lambda: self._tracker.update(pixels, **pair))

    def set_text(self, text: str) -> None:
        """Set the text of another target, from the next frame on.

        Raises:
            ConfigError: the adapter takes no text.
            NotStartedError: no target is set.
            AdapterError: the adapter failed.
        """
        if "nl" not in self.modes and "nlbbox" not in self.modes:
            raise ConfigError(f"{self._name} takes no text; start it with a box")
        if not self._started:
            raise NotStartedError("set_text() before start(); call start(frame, ...) first")
        self._guarded("set_text", lambda: self._tracker.set_text(text))

    def close(self) -> None:
        """Release the tracker, with its own ``close`` if it has one."""
        close = getattr(self._tracker, "close", None)
        if close is not None:
            self._guarded("close", close)

    def __enter__(self) -> AdapterTracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def takes_x(self) -> bool:
        """Return whether the tracker takes ``x``, the image of a second sensor, in addition to the frame."""
        return bool(getattr(self._tracker, "takes_x", False))

    def _pair(self, x: NDArray[np.uint8] | Frame | None) -> dict[str, Any]:
        """Return ``x`` as a keyword argument for the adapter's tracker, or nothing."""
        if x is None and getattr(self._tracker, "needs_x", False):
            raise ConfigError(
                f"{self._name} tracks in pairs of images, but got only one; expected x=, the image of the other "
                "sensor, in start() and update() of the Python API"
            )
        if x is not None and not self.takes_x:
            raise ConfigError(f"x has no effect: {self._name} takes one image; leave it out")
        return {} if x is None else {"x": _pixels(x)}

    @property
    def _name(self) -> str:
        return self.engine.bundle.manifest.name

    def _check_target(self, text: str | None, box: Box | None) -> None:
        if text is None and box is None:
            raise ConfigError("nothing to track; give start() a text, a box (x, y, w, h), or both")
        wanted: Mode = "nlbbox" if text is not None and box is not None else "bbox" if text is None else "nl"
        if wanted not in self.modes:
            ways = {"nl": "a text", "bbox": "a box", "nlbbox": "a text with a box"}
            raise ConfigError(
                f"{self._name} takes {' or '.join(ways[mode] for mode in self.modes)}, but was given {ways[wanted]}"
            )

    def _checked(self, step: str, call: Callable[[], Track]) -> Track:
        track = self._guarded(step, call)
        if not isinstance(track, Track) or not (track.box is None or isinstance(track.box, Box)):
            raise AdapterError(
                f"{step}() of {self._name} returned {track!r:.200}; expected an edgetrack.Track"
            )
        if track.status not in STATUSES or not math.isfinite(track.score):
            raise AdapterError(
                f"{step}() of {self._name} returned status {track.status!r} and score {track.score!r}; expected one of "
                f"{', '.join(STATUSES)}, and a number from 0 to 1"
            )
        return track

    def _guarded(self, step: str, call: Callable[[], Any]) -> Any:
        return guarded(f"{step}() of {self._name}", call)


def _pixels(frame: NDArray[np.uint8] | Frame) -> NDArray[np.uint8]:
    return check_packed(frame.pixels if isinstance(frame, Frame) else frame)


def guarded(what: str, call: Callable[[], Any]) -> Any:
    """Call a function of an adapter and return its result.

    Raises:
        AdapterError: it raised an exception other than EdgetrackError; the message names the line.
    """
    try:
        return call()
    except EdgetrackError:
        raise
    except Exception as error:  # the user's code may raise anything
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise AdapterError(
            f"{what} failed with {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        ) from error
