"""Tracking of several targets in one video with one engine: one set of weights, and one state per target."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.arrays import Pixels
from edgetrack.bundle import Bundle
from edgetrack.engines.base import Engine
from edgetrack.errors import ConfigError
from edgetrack.grounders import Grounder, Grounding
from edgetrack.mask import check_masks
from edgetrack.named_queries import NamedQueries
from edgetrack.opened import check_deadline, check_flag, check_name, check_on_ambiguous, parts_of, taken
from edgetrack.types import Box, Frame, Track


class MultiTracker(NamedQueries):
    """Follow several targets in one video, each under a name, and all objects that a phrase names.

    ``add`` names one target. ``every`` follows all objects that a phrase names; each of them has a track of its own.

    Targets that are being followed run through the network in batches of the sizes for which the bundle has graphs
    (``batches``); the rest run one by one on the same engine. While its box overlaps no other, a target gets the same
    track as from its own ``Tracker``: bit for bit without batches, and up to the last bits of float32 with them.

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
        masks: As for ``Tracker``; if the masks of two targets overlap, each pixel belongs to one of them.
        grounder: As for ``Tracker``, for every target with a text. ``every`` always uses the model's own networks.

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
        "it holds a network and the states of its targets; for other targets on the same network create "
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
        self._frames = 0  # so far
        self._batch_failure: Exception | None = None
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
        pixels, x, time_s, _ = parts_of(frame, None, time_s)
        with door, self._turn:
            self._open_core()
            with taken(self.engine, pixels, x):  # all is checked before anything is forgotten
                asked = self._asked(targets)
            self.reset()
            for name, text, box in asked:
                self.add(text, box=box, name=name)
            return self.update(pixels, x=x, time_s=time_s)

    def warm_up(self) -> None:
        """Load and run every network, those for ``batches`` included; see ``Tracker.warm_up``."""
        with door, self._turn:
            self._open_core().warm_up()

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
            x: The second sensor's image, as for ``Tracker.update``. Queries use color only.
            deadline_ms: Latency budget for all targets together, as for ``Tracker.update``. Targets that were added
                first get inference first; those that would exceed the budget coast, for at most 3 frames in a row.
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
        end_s = None if deadline_ms is None else time.perf_counter() + deadline_ms / 1e3
        pixels, x, time_s, gap = parts_of(frame, x, time_s)
        with door, self._turn:
            core = self._open_core()
            results: list[Any] = []
            with taken(self.engine, pixels, x) as lent:
                if gap:
                    core.note_gap()
                if self._histories or not self._queries:
                    results, self._batch_failure = core.update(lent, deadline_ms, time_s)
                self._note(results)
                self._look(lent, self._frames, time_s, end_s)
            self._frames += 1
            return {**self._tracks_of_targets(results, time_s), **self._tracks_of_queries()}

    @property
    def batch_failure(self) -> Exception | None:
        """Error because of which targets ran one by one in the last ``update`` in spite of ``batches``, or None.

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
