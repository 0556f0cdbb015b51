"""Several targets in one video with one engine: one set of weights in memory, a state for each target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.arrays import Pixels
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine
from edgetrack.errors import ConfigError
from edgetrack.history import History
from edgetrack.opened import (
    Opened,
    Tokens,
    check_deadline,
    check_flag,
    check_name,
    check_text,
    four_of,
    parts_of,
    taken,
    timing_of,
)
from edgetrack.prompt import Tokenizer
from edgetrack.types import Box, Frame, Timing, Track


class MultiTracker(Opened[runtime.MultiTracker]):
    """Follows several targets in the frames of one video; each has a name.

    Those that are followed go through the network together, as many at once as the bundle has a graph for
    (``batches``); the others, and what is left, take turns on the same engine. A target has the track that a
    ``Tracker`` of its own would give it while its box overlaps no other: bit for bit in turn, up to the last bits of
    float32 together.

    Targets are different things: what one of them is on is nobody else's, also for the same text given twice. Where the
    boxes of two come to one place, each gets the place that its looks and its motion fit best; where there is only one
    place, because they hide one another or cannot be told apart, both are "uncertain", and after 12 such frames one of
    them is "lost". Targets whose own boxes overlap when they are added share their place until they part. With
    ``exclusive=False`` all that does not happen: for several names of one thing.

    >>> tracker = MultiTracker()  # doctest: +SKIP
    >>> tracker.add("red car")  # doctest: +SKIP
    'red car'
    >>> tracker.add(box=(10, 20, 30, 40), name="mine")  # doctest: +SKIP
    'mine'
    >>> tracker.update(frame)["mine"].status  # doctest: +SKIP
    'tracking'

    Args:
        bundle, engine, precision, threads, static_check: as for ``Tracker``.
        batch: False: the targets take turns, whatever the bundle has.
        exclusive: False: targets ignore each other, and several may be on one thing.

    Attributes:
        engine: as of ``Tracker``.
        batches: numbers of targets that can go through the network in one run, such as (2, 4); empty: they take turns.

    Raises:
        BundleError, ConfigError, EngineUnavailable, MissingExtra: as for ``Tracker``.
    """

    _instead = (
        "it holds a network and what it has seen of its targets; for other targets on the same network make "
        "edgetrack.MultiTracker(engine=tracker.engine), in another process edgetrack.MultiTracker() there"
    )

    def __init__(
        self,
        bundle: str | Path | Bundle | None = None,
        *,
        engine: str | Engine = "auto",
        precision: str = "auto",
        threads: int | None = None,
        static_check: bool = False,
        batch: bool = True,
        exclusive: bool = True,
    ) -> None:
        check_flag("static_check", static_check)
        check_flag("batch", batch)
        check_flag("exclusive", exclusive)
        self.batches: tuple[int, ...] = ()

        def make(**options: Any) -> runtime.MultiTracker:
            self.batches = self.engine.bundle.batches if batch else ()
            return runtime.MultiTracker(**options, batches=list(self.batches), exclusive=exclusive)

        super().__init__(bundle, engine, precision, threads, make)
        self._tokenizer: Tokenizer | None = None
        self._numbers, self._boxes = count(1), count(1)  # of the next target, and of the next without a text
        self._histories: dict[str, History] = {}
        self._failed: dict[str, Exception] = {}
        self._batch_failure: Exception | None = None
        self._timing: dict[str, Timing] = {}
        self._open_core().set_static_check(static_check)

    def start(
        self,
        frame: Pixels | Frame,
        targets: Iterable[Any] | Mapping[str, Any],
        *,
        time_s: float | None = None,
    ) -> dict[str, Track]:
        """Names all targets, and finds them in the first frame; forgets those before them.

        Args:
            frame: uint8 (H, W, 3) BGR, as for ``Tracker.start``.
            targets: a text or a box for each, such as ``["red car", (10, 20, 30, 40)]``, or with names of your own
                ``{"car": "red car"}``.
            time_s: when the frame was, as for ``Tracker.start``.

        Returns:
            As of ``update``.

        Raises:
            ConfigError: there is no target, or two have the same name.
            FrameError, BoxError, PromptError: bad input; the tracker then still has its targets from before.
            ClosedError: the tracker was closed.
        """
        pixels, time_s = parts_of(frame, time_s)
        with door, self._turn:
            self._open_core()
            with taken(self.engine, pixels):  # all is checked before anything is forgotten
                asked = self._asked(targets)
            self.reset()
            for name, text, box in asked:
                self.add(text, box=box, name=name)
            return self.update(pixels, time_s=time_s)

    def add(self, text: str | None = None, *, box: Any = None, name: str | None = None) -> str:
        """Names a target, by a text, a box or both; it starts with the next frame.

        Args:
            text: what it is, such as "red car"; without ``box`` the whole frame is searched.
            box: where it is in the next frame: a ``Box`` or ``(x, y, w, h)`` in pixels, origin at the top left.
            name: what its tracks are called; without one the text, or else "box 1", "box 2" and so on, of which none
                comes twice.

        Returns:
            The name. One that was removed may be given again: its tracks then have another ``Track.id``.

        Raises:
            ConfigError: neither text nor box, a name that is empty or no string, or a target of this name already.
            BoxError, PromptError: bad input. Whether the box lies in the frame is seen with the frame: ``failed``.
            ClosedError: the tracker was closed.
        """
        given = four_of(box)
        with door, self._turn:
            core = self._open_core()
            tokens = None if text is None else self._tokens(text)
            if name is None:
                name = self._name_of_a_box() if text is None else text
            check_name(name)
            core.add(name, tokens, given)
            self._histories[name] = History(next(self._numbers), name, text)
            return name

    def set_text(self, name: str, text: str) -> None:
        """Describes another target under a name that is there, from the next frame on; looking for it starts anew.

        Its tracks then have another ``Track.id``. One that waits for its first frame is looked for by the text alone.

        Raises:
            ConfigError: there is no target of this name.
            PromptError: bad text; the target stays what it was.
            ClosedError: the tracker was closed.
        """
        check_name(name)
        with door, self._turn:
            self._open_core().set_text(name, *self._tokens(text))
            self._histories[name] = History(next(self._numbers), name, text)

    def warm_up(self) -> None:
        """As ``Tracker.warm_up``, with the graphs of ``batches``."""
        with door, self._turn:
            self._open_core().warm_up()

    def remove(self, name: str) -> None:
        """Forgets a target.

        Raises:
            ConfigError: there is no target of this name.
            ClosedError: the tracker was closed.
        """
        check_name(name)
        with door, self._turn:
            self._open_core().remove(name)
            for known in (self._histories, self._failed, self._timing):
                known.pop(name, None)

    def reset(self) -> None:
        """Forgets all targets: the next frame needs ``add`` or ``start``. The network stays loaded.

        Raises:
            ClosedError: the tracker was closed.
        """
        with door, self._turn:
            for name in self.names:
                self.remove(name)
            self._boxes = count(1)
            self._batch_failure = None

    def update(
        self, frame: Pixels | Frame, *, deadline_ms: float | None = None, time_s: float | None = None
    ) -> dict[str, Track]:
        """Finds every target in the next frame, uint8 (H, W, 3) BGR, as for ``Tracker.start``.

        Args:
            frame: as for ``Tracker.start``.
            deadline_ms: when all answers are wanted, as for ``Tracker.update``: the targets that were added first have
                the network, and those whose turn comes too late coast, for 3 frames in a row at most.
            time_s: when the frame was, as for ``Tracker.start``.

        Returns:
            The track of each target by its name, in the order of ``names``. A target that failed in this frame is
            missing and stands in ``failed``; it is tried again with the next frame, and the others go on.

        Raises:
            FrameError, ConfigError: bad input; the frame does not count for any target.
            NotStartedError: there is no target.
            BundleError, EngineUnavailable: a graph of ``batches``, loaded once so many are followed, is of no use; the
                frame does not count for any target.
            ClosedError: the tracker was closed.
        """
        check_deadline(deadline_ms)
        pixels, time_s = parts_of(frame, time_s)
        with door, self._turn:
            core = self._open_core()
            with taken(self.engine, pixels) as lent:
                results, self._batch_failure = core.update(lent, deadline_ms)
            self._failed = {name: error for name, _, error, _ in results if error is not None}
            self._timing = {name: timing_of(seconds) for name, _, _, seconds in results}
            return {
                name: self._histories[name].add(track, time_s)
                for name, track, _, _ in results
                if track is not None
            }

    @property
    def names(self) -> tuple[str, ...]:
        """The targets, in the order in which they were added."""
        return tuple(self._histories)

    @property
    def tracks(self) -> Mapping[str, Track]:
        """The last track of each target that has had a frame, in the order of ``names``."""
        histories = self._histories.items()
        return MappingProxyType({name: known.latest for name, known in histories if known.latest is not None})

    @property
    def texts(self) -> Mapping[str, str | None]:
        """What each target was last described by; None without a text."""
        return MappingProxyType({name: known.text for name, known in self._histories.items()})

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

    def _asked(self, targets: Any) -> list[tuple[str | None, str | None, Box | None]]:
        """Name, text and box of each target that ``start`` was given."""
        if isinstance(targets, (str, bytes)) or not isinstance(targets, Iterable):
            raise ConfigError(
                f"targets is {targets!r}; expected a list of texts and boxes, such as ['red car', (10, 20, 30, 40)]"
            )
        named = targets.items() if isinstance(targets, Mapping) else ((None, what) for what in targets)
        asked: dict[object, tuple[str | None, str | None, Box | None]] = {}
        for name, what in named:
            text, box = (what, None) if isinstance(what, str) else (None, Box.of(what))
            if text is not None:
                self._tokens(text)
            called = text if name is None else check_name(name)
            if called in asked and called is not None:
                raise ConfigError(
                    f"there are two targets {called!r}; name them: {{'left': ..., 'right': ...}}"
                )
            asked[called or len(asked)] = (name, text, box)
        if not asked:
            raise ConfigError("targets is empty; expected at least one, such as ['red car']")
        return list(asked.values())

    def _name_of_a_box(self) -> str:
        while (name := f"box {next(self._boxes)}") in self._histories:
            pass
        return name

    def _tokens(self, text: str) -> Tokens:
        check_text(text)
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self.engine.bundle)
        return self._tokenizer.encode(text)
