"""Several targets in one video with one engine: one set of weights in memory, a state for each target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edgetrack._native import runtime
from edgetrack.arrays import Pixels
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine
from edgetrack.errors import ConfigError
from edgetrack.prompt import Tokenizer
from edgetrack.tracker import core_options, shared_engine, taken, timing_of, track_of
from edgetrack.types import Box, Timing, Track


class MultiTracker:
    """Follows several targets in the frames of one video; each has a name.

    Those that are followed go through the network together, as many at once as the bundle has a graph for
    (``batches``); the others, and what is left, take turns on the same engine. A target has the track that a
    ``Tracker`` of its own would give it: bit for bit in turn, up to the last bits of float32 together. Those that look
    at the whole frame (while searching, and now and then while following) share one picture of it.

    >>> tracker = MultiTracker()  # doctest: +SKIP
    >>> tracker.add(text="red car")  # doctest: +SKIP
    'red car'
    >>> tracker.add(box=(10, 20, 30, 40), name="mine")  # doctest: +SKIP
    'mine'
    >>> tracker.update(frame)["mine"].status  # doctest: +SKIP
    'tracking'

    Args:
        bundle, engine, precision, threads: as for ``Tracker``.
        batch: False: the targets take turns, whatever the bundle has.

    Attributes:
        engine: as of ``Tracker``.
        batches: numbers of targets that can go through the network in one run, such as (2, 4); empty: they take turns.

    Raises:
        BundleError, ConfigError, EngineUnavailable, MissingExtra: as for ``Tracker``.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle | None = None,
        *,
        engine: str | Engine = "auto",
        precision: str = "auto",
        threads: int = 2,
        batch: bool = True,
    ) -> None:
        self.engine = shared_engine(bundle, engine, precision, threads)
        self._tokenizer: Tokenizer | None = None
        self.batches: tuple[int, ...] = self.engine.bundle.batches if batch else ()
        self._core = runtime.MultiTracker(**core_options(self.engine), batches=list(self.batches))
        self._failed: dict[str, Exception] = {}
        self._batch_failure: Exception | None = None
        self._timing: dict[str, Timing] = {}

    def add(self, *, text: str | None = None, box: Any = None, name: str | None = None) -> str:
        """Names a target, by a text, a box or both; it starts with the next frame.

        Args:
            text: what it is, such as "red car"; without ``box`` the whole frame is searched.
            box: where it is in the next frame: a ``Box`` or ``(x, y, w, h)`` in pixels, origin at the top left.
            name: what its tracks are called; without one the text, or else "box 1", "box 2" and so on.

        Returns:
            The name.

        Raises:
            ConfigError: neither text nor box, a name that is empty or no string, or a target of this name already.
            BoxError, PromptError: bad input. Whether the box lies in the frame is seen with the frame: ``failed``.
        """
        given = None if box is None else Box.of(box).xywh
        if text is not None and self._tokenizer is None:
            self._tokenizer = Tokenizer(self.engine.bundle)
        tokens = None if text is None or self._tokenizer is None else self._tokenizer.encode(text)
        taken = self.names
        if name is None:
            numbered = (f"box {number}" for number in range(1, len(taken) + 2))
            name = text if text is not None else next(one for one in numbered if one not in taken)
        _check_name(name)
        self._core.add(name, tokens, given)
        return name

    def remove(self, name: str) -> None:
        """Forgets a target.

        Raises:
            ConfigError: there is no target of this name.
        """
        _check_name(name)
        self._core.remove(name)
        self._failed.pop(name, None)
        self._timing.pop(name, None)

    @property
    def names(self) -> tuple[str, ...]:
        """The targets, in the order in which they were added."""
        return tuple(self._core.names())

    def update(self, frame: Pixels) -> dict[str, Track]:
        """Finds every target in the next frame, uint8 (H, W, 3) BGR, as for ``Tracker.start``.

        Returns:
            The track of each target by its name, in the order of ``names``. A target that failed in this frame is
            missing and stands in ``failed``; it is tried again with the next frame, and the others go on.

        Raises:
            FrameError: bad input; the frame does not count for any target.
            NotStartedError: there is no target.
            BundleError, EngineUnavailable: a graph of ``batches``, loaded once so many are followed, is of no use; the
                frame does not count for any target.
        """
        with taken(self.engine, frame) as pixels:
            results, self._batch_failure = self._core.update(pixels)
        self._failed = {name: error for name, _, error, _ in results if error is not None}
        self._timing = {name: timing_of(seconds) for name, _, _, seconds in results}
        return {name: track_of(track) for name, track, _, _ in results if track is not None}

    @property
    def failed(self) -> Mapping[str, Exception]:
        """What went wrong in the last ``update``, by target: empty when all is well."""
        return MappingProxyType(self._failed)

    @property
    def timing(self) -> Mapping[str, Timing]:
        """What each target cost in the last ``update``: of a network that ran for several, an equal share.

        The one that made the shared picture of the whole frame has its time.
        """
        return MappingProxyType(self._timing)

    @property
    def batch_failure(self) -> Exception | None:
        """Why targets took turns in the last ``update`` that ``batches`` has a graph for; None where none did.

        The engine failed to run that graph. It is tried again with the next frame.
        """
        return self._batch_failure


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ConfigError(f"name is {name!r}, a {type(name).__name__}; expected a string such as 'red car'")
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(
                f"name {name!r} is no Unicode text; expected a string such as 'red car'"
            ) from error
