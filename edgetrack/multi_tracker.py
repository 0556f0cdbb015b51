"""Several targets in one video with one engine: one set of weights in memory, a state for each target."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
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
from edgetrack.events import Event
from edgetrack.grounders import Grounder, Grounding
from edgetrack.history import History
from edgetrack.mask import check_masks, mask_of
from edgetrack.opened import (
    Opened,
    check_deadline,
    check_flag,
    check_name,
    check_on_ambiguous,
    color_of,
    four_of,
    parts_of,
    place_of,
    taken,
)
from edgetrack.query import PhraseDetector, Query, checked_rules, size_of
from edgetrack.timing import Timing, timing_of
from edgetrack.types import Box, Candidate, Frame, Track


class MultiTracker(Opened[runtime.MultiTracker]):
    """Follow several targets in one video, each under a name, and all objects that a phrase names.

    ``add`` names one target. ``every`` follows all objects that a phrase names; each of them has a track of its own.

    Targets that are being followed go through the network in batches, as large as the bundle has graphs for
    (``batches``); the rest take turns on the same engine. While its box overlaps no other, a target gets the track
    that a ``Tracker`` of its own would give it: bit for bit in turns, up to the last bits of float32 in batches.

    Targets are different objects: an object belongs to one target only, even if the same text is given twice. When
    the boxes of two targets meet, each keeps the position that fits its appearance and motion best. If only one
    position is left, because they occlude each other or look alike, both become "uncertain", and after 12 such frames
    one of them becomes "lost". Targets whose given boxes overlap may share a position until they part.
    ``exclusive=False`` turns this off: use it to give one object several names.

    Args:
        bundle: As for ``Tracker``.
        engine: As for ``Tracker``.
        precision: As for ``Tracker``.
        threads: As for ``Tracker``.
        static_check: As for ``Tracker``.
        on_ambiguous: As for ``Tracker``, for every target with a text.
        words: As for ``Tracker``.
        strict: As for ``Tracker``.
        batch: Run the network for several targets at once; False makes them take turns.
        exclusive: Give each object to one target only; False lets targets ignore each other.
        masks: As for ``Tracker``; where the masks of two targets meet, each pixel belongs to one of them.
        grounder: As for ``Tracker``, for every target with a text. ``every`` finds by the model itself.

    Attributes:
        engine (Engine): As for ``Tracker``.
        batches (tuple[int, ...]): Batch sizes in use, such as (2, 4); empty if targets take turns.

    Raises:
        BundleError, ConfigError, PromptError, EngineUnavailable, MissingExtra: As for ``Tracker``.

    Examples:
        >>> tracker = edgetrack.MultiTracker()  # doctest: +SKIP
        >>> tracker.add("red car")  # doctest: +SKIP
        'red car'
        >>> tracker.add(box=(10, 20, 30, 40), name="mine")  # doctest: +SKIP
        'mine'
        >>> tracker.update(frame)["mine"].status  # doctest: +SKIP
        'tracking'
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
        on_ambiguous: str = "best",
        words: str | Path | Mapping[str, str] | None = None,
        strict: bool = False,
        batch: bool = True,
        exclusive: bool = True,
        masks: bool | str = False,
        grounder: str | Path | Grounder | Grounding | None = None,
    ) -> None:
        check_flag("static_check", static_check)
        outlines, logits = check_masks(masks)
        waits = check_on_ambiguous(on_ambiguous)
        check_flag("batch", batch)
        check_flag("exclusive", exclusive)
        self.batches: tuple[int, ...] = ()

        def make(**options: Any) -> runtime.MultiTracker:
            self.batches = self.engine.bundle.batches if batch else ()
            return runtime.MultiTracker(**options, batches=list(self.batches), exclusive=exclusive)

        super().__init__(bundle, engine, precision, threads, words, strict, grounder, make)
        self._numbers, self._boxes = count(1), count(1)  # of the next target, and of the next without a text
        self._histories: dict[str, History] = {}
        self._queries: dict[str, Query] = {}
        self._frames = 0  # so far
        self._failed: dict[str, Exception] = {}
        self._batch_failure: Exception | None = None
        self._timing: dict[str, Timing] = {}
        self._open_core().set_static_check(static_check)
        self._open_core().wait_if_ambiguous(waits)
        with door:
            self._open_core().set_masks(outlines, logits)

    def start(
        self,
        frame: Pixels | Frame,
        targets: Iterable[Any] | Mapping[str, Any],
        *,
        time_s: float | None = None,
    ) -> dict[str, Track]:
        """Set all targets and find them in the first frame; previous targets are forgotten.

        Args:
            frame: Image, uint8 (H, W, 3), BGR, as for ``Tracker.start``.
            targets: A text or a box for each, such as ``["red car", (10, 20, 30, 40)]``, or with names of your own,
                ``{"car": "red car"}``.
            time_s: Time of the frame, as for ``Tracker.start``.

        Returns:
            The track of each target by name, as ``update`` returns them.

        Raises:
            ConfigError: There is no target, or two have the same name.
            FrameError, BoxError, PromptError: Bad input; the tracker keeps its previous targets.
            ClosedError: The tracker was closed.
        """
        pixels, time_s, _ = parts_of(frame, time_s)
        with door, self._turn:
            self._open_core()
            with taken(self.engine, pixels):  # all is checked before anything is forgotten
                asked = self._asked(targets)
            self.reset()
            for name, text, box in asked:
                self.add(text, box=box, name=name)
            return self.update(pixels, time_s=time_s)

    def add(self, text: str | None = None, *, box: Any = None, name: str | None = None) -> str:
        """Add a target by a text, a box or both; it starts with the next frame.

        Args:
            text: What the target is, such as "red car"; without ``box`` the whole frame is searched.
            box: Where it is in the next frame: a ``Box`` or ``(x, y, w, h)`` in pixels, origin at the top left.
            name: Name of the target; None for its text or, without a text, "box 1", "box 2" and so on.

        Returns:
            The name. The name of a removed target may be used again; its tracks then have a new ``Track.id``.

        Raises:
            ConfigError: Neither text nor box was given, the name is not a non-empty string, or it is taken.
            BoxError, PromptError: Bad input. A box outside the frame is reported by ``failed`` after the next frame.
            ClosedError: The tracker was closed.
        """
        given = four_of(box)
        with door, self._turn:
            core = self._open_core()
            tokens = None if text is None else self._native_text(text)
            if name is None:
                name = self._name_of_a_box() if text is None else text
            self._check_free(name)
            core.add(name, tokens, given)
            self._histories[name] = History(next(self._numbers), name, text)
            return name

    def every(
        self,
        text: str,
        *,
        name: str | None = None,
        max: int = 8,
        confirm: tuple[int, int] = (3, 5),
        interval_s: float = 0.1,
        keep_s: float = 5.0,
        lying: bool = False,
    ) -> Query:
        """Follow all objects that a phrase names, from the next frame on.

        The whole frame is looked at ten times a second, beside the targets; between looks the objects move on at the
        velocity that they had. Each has an id that no other target or object of this tracker ever gets, and a track in
        what ``update`` returns, under a name such as "red car #3". An object that is lost and comes back within
        ``keep_s`` seconds keeps its id if it looks the same and is near where it was lost.

        Args:
            text: What they are, such as "red car": one phrase, in the singular.
            name: Name of the query; None for its text.
            max: Objects that are followed at a time, 1 to 16; further ones have to wait.
            confirm: ``(k, n)``: an object gets its id when k of n looks in a row have found it.
            interval_s: Seconds from one look to the next; 0 looks at every frame that it can.
            keep_s: Seconds after which a lost object is "ended". Seconds are those of the frames' times; frames without
                a time count as 30 a second.
            lying: Find who lies, too, which detectors of upright people do not: while an object is missed or lies,
                every second look is at the frame turned by a quarter, to the left or to the right. Needs frames in
                host memory.

        Returns:
            The query: its ``tracks``, ``events``, ``count`` and ``total`` are those of the last frame.

        Raises:
            ConfigError: The name is taken, or a number is out of range.
            PromptError: Bad text.
            MissingExtra: SciPy, which assigns detections to tracks, is not installed.
            ClosedError: The tracker was closed.
        """
        check_flag("lying", lying)
        rules = checked_rules(max, confirm, interval_s=interval_s, keep_s=keep_s)
        with door, self._turn:
            core = self._open_core()
            tokens = self._native_text(text)
            name = text if name is None else name
            self._check_free(name)
            self._queries[name] = Query(
                PhraseDetector(core, tokens, rules.most),
                name,
                text,
                rules,
                interval_s=interval_s,
                concurrent=bool(getattr(self.engine, "concurrent", False)),
                ids=self._numbers,
                lying=lying,
            )
            return self._queries[name]

    def set_text(self, name: str, text: str) -> None:
        """Describe another target under an existing name, from the next frame on; the search starts over.

        Its tracks then have a new ``Track.id``. A target that still waits for its first frame loses its box. The tracks
        of a query end with the next frame.

        Raises:
            ConfigError: There is no target of this name.
            PromptError: Bad text; the target stays what it was.
            ClosedError: The tracker was closed.
        """
        check_name(name)
        with door, self._turn:
            core = self._open_core()
            if name in self._queries:
                self._queries[name]._describe(text, self._native_text(text))
                return
            core.set_text(name, self._native_text(text))
            self._histories[name] = History(next(self._numbers), name, text)

    def choose(self, name: str, candidate: Candidate | Box | Sequence[float]) -> None:
        """Say which candidate a target is; see ``Tracker.choose``.

        Raises:
            ConfigError: There is no target of this name.
            NotStartedError: The target waits for its first frame.
            BoxError, ClosedError: As for ``Tracker.choose``.
        """
        check_name(name)
        place = place_of(candidate)
        with door, self._turn:
            self._open_core().choose(name, place)

    def correct(self, name: str, box: Box | Sequence[float]) -> None:
        """Say where a target is in the next frame; see ``Tracker.correct``.

        Raises:
            ConfigError: There is no target of this name.
            NotStartedError: The target waits for its first frame.
            BoxError, ClosedError: As for ``Tracker.correct``.
        """
        check_name(name)
        place = Box.of(box).xywh
        with door, self._turn:
            self._open_core().correct(name, place)

    def warm_up(self) -> None:
        """Load and run every network, those for ``batches`` included; see ``Tracker.warm_up``."""
        with door, self._turn:
            self._open_core().warm_up()

    def remove(self, name: str) -> None:
        """Forget a target or a query.

        Raises:
            ConfigError: There is neither a target nor a query of this name.
            ClosedError: The tracker was closed.
        """
        check_name(name)
        with door, self._turn:
            core = self._open_core()
            if name in self._queries:
                self._queries.pop(name)._release()
                self._failed.pop(name, None)
                return
            core.remove(name)
            for known in (self._histories, self._failed, self._timing):
                known.pop(name, None)

    def reset(self) -> None:
        """Forget all targets and queries: the next frame needs ``add``, ``every`` or ``start``.

        The network stays loaded.

        Raises:
            ClosedError: The tracker was closed.
        """
        with door, self._turn:
            for name in (*self.names, *self._queries):
                self.remove(name)
            self._boxes = count(1)
            self._batch_failure = None

    def update(
        self,
        frame: Pixels | Frame | None = None,
        *,
        x: Pixels | Frame | None = None,
        deadline_ms: float | None = None,
        time_s: float | None = None,
    ) -> dict[str, Track]:
        """Find every target in the next frame.

        Args:
            frame: Image, uint8 (H, W, 3), BGR, as for ``Tracker.start``.
            x: The second sensor's picture, as for ``Tracker.update``. Queries look at color alone.
            deadline_ms: Latency budget for all targets together, as for ``Tracker.update``. Targets that were added
                first get inference first; those whose turn comes too late coast, for at most 3 frames in a row.
            time_s: Time of the frame in seconds, as for ``Tracker.update``.

        Returns:
            The track of each target by name, in the order of ``names``, then those of each query by id. A target or a
            query that failed in this frame is missing and listed in ``failed``; it is retried in the next frame, and
            the others go on.

        Raises:
            FrameError, ConfigError: Bad input; the frame does not count for any target.
            NotStartedError: There is neither a target nor a query.
            BundleError, EngineUnavailable: A graph of ``batches``, which is loaded when it is first needed, cannot be
                used; the frame does not count for any target.
            ClosedError: The tracker was closed.
        """
        check_deadline(deadline_ms)
        began_s = time.perf_counter()
        pixels, time_s, gap = parts_of(frame, time_s)
        with door, self._turn:
            core = self._open_core()
            results: list[Any] = []
            with taken(self.engine, pixels, x) as lent:
                if gap:
                    core.note_gap()
                if self._histories or not self._queries:
                    results, self._batch_failure = core.update(lent, deadline_ms, time_s)
                self._failed = {name: error for name, _, error, _, _ in results if error is not None}
                self._timing = {name: timing_of(seconds) for name, _, _, seconds, _ in results}
                color = color_of(lent) if self._queries else lent
                for name, query in self._queries.items():
                    spent_s = time.perf_counter() - began_s
                    left_s = None if deadline_ms is None else deadline_ms / 1e3 - spent_s
                    try:
                        query._update(color, size_of(color), self._frames, time_s, left_s)
                    except Exception as error:
                        self._failed[name] = error
            self._frames += 1
            tracks = {
                name: self._histories[name].add(track, time_s, mask_of(mask))
                for name, track, _, _, mask in results
                if track is not None
            }
            return {**tracks, **self._tracks_of_queries()}

    def _tracks_of_queries(self) -> dict[str, Track]:
        """Of those that did not fail in this frame; each track has an equal share of its query's time."""
        found = {}
        for name, query in self._queries.items():
            if name in self._failed:
                continue
            for track in query.tracks:
                found[track.name] = track
                self._timing[track.name] = query._share
        return found

    @property
    def queries(self) -> Mapping[str, Query]:
        """The queries that ``every`` made, by name."""
        return MappingProxyType(self._queries)

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened to what queries follow in the last ``update``, in the order of ``queries``."""
        return tuple(event for query in self._queries.values() for event in query.events)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the targets, in the order in which they were added; those of queries are in ``queries``."""
        return tuple(self._histories)

    @property
    def tracks(self) -> Mapping[str, Track]:
        """The last track of each target by name; a target that waits for its first frame has none."""
        histories = self._histories.items()
        return MappingProxyType({name: known.latest for name, known in histories if known.latest is not None})

    @property
    def texts(self) -> Mapping[str, str | None]:
        """The text of each target by name; None without one."""
        return MappingProxyType({name: known.text for name, known in self._histories.items()})

    @property
    def failed(self) -> Mapping[str, Exception]:
        """Errors of the last ``update`` by name; empty if no target failed."""
        return MappingProxyType(self._failed)

    @property
    def timing(self) -> Mapping[str, Timing]:
        """Time spent on each target in the last ``update``; a batch is divided equally among its targets.

        The input that targets share while searching the whole frame counts for the first of them.
        """
        return MappingProxyType(self._timing)

    @property
    def batch_failure(self) -> Exception | None:
        """Error that made targets take turns in the last ``update`` although ``batches`` has a graph for them, or None.

        The engine failed to run that graph. It is retried in the next frame.
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
                self._native_text(text)
            called = text if name is None else check_name(name)
            if called in asked and called is not None:
                raise ConfigError(
                    f"there are two targets {called!r}; name them: {{'left': ..., 'right': ...}}"
                )
            asked[called or len(asked)] = (name, text, box)
        if not asked:
            raise ConfigError("targets is empty; expected at least one, such as ['red car']")
        return list(asked.values())

    def _check_free(self, name: object) -> None:
        """Raises ConfigError unless it is a name that neither a target nor a query has."""
        if check_name(name) in self._queries or name in self._histories:
            raise ConfigError(
                f"there is a target {name!r} already; give this one another name, or call remove({name!r}) first"
            )

    def _name_of_a_box(self) -> str:
        while (name := f"box {next(self._boxes)}") in self._histories:
            pass
        return name
