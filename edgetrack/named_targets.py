"""The targets of a `MultiTracker` by name: adding, describing, correcting and removing them, and their last tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.errors import ConfigError
from edgetrack.history import History
from edgetrack.mask import mask_of
from edgetrack.opened import Opened, check_name, four_of, place_of
from edgetrack.timing import Timing, timing_of
from edgetrack.types import Box, Candidate, Track


class NamedTargets(Opened[runtime.MultiTracker]):
    """An open tracker whose targets have names.

    Args:
        opened: as for ``Opened``.
    """

    def __init__(self, *opened: Any) -> None:
        super().__init__(*opened)
        self._numbers, self._boxes = count(1), count(1)  # of the next target, and of the next without a text
        self._histories: dict[str, History] = {}
        self._failed: dict[str, Exception] = {}
        self._timing: dict[str, Timing] = {}

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

    def set_text(self, name: str, text: str) -> None:
        """Describe another target under an existing name, from the next frame on; the search starts over.

        Its tracks then have a new ``Track.id``. A target that still waits for its first frame loses its box.

        Raises:
            ConfigError: There is no target of this name.
            PromptError: Bad text; the target stays what it was.
            ClosedError: The tracker was closed.
        """
        check_name(name)
        with door, self._turn:
            core = self._open_core()
            core.set_text(name, self._native_text(text))
            self._histories[name] = History(next(self._numbers), name, text)

    def choose(self, name: str, candidate: Candidate | Box | Sequence[float]) -> None:
        """Select a candidate as a target; see ``Tracker.choose``.

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
        """Set the box of a target in the next frame; see ``Tracker.correct``.

        Raises:
            ConfigError: There is no target of this name.
            NotStartedError: The target waits for its first frame.
            BoxError, ClosedError: As for ``Tracker.correct``.
        """
        check_name(name)
        place = Box.of(box).xywh
        with door, self._turn:
            self._open_core().correct(name, place)

    def remove(self, name: str) -> None:
        """Forget a target.

        Raises:
            ConfigError: There is no target of this name.
            ClosedError: The tracker was closed.
        """
        check_name(name)
        with door, self._turn:
            self._open_core().remove(name)
            for known in (self._histories, self._failed, self._timing):
                known.pop(name, None)

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

    def _note(self, results: list[Any]) -> None:
        """Record which targets failed in this frame, and the time of each."""
        self._failed = {name: error for name, _, error, _, _ in results if error is not None}
        self._timing = {name: timing_of(seconds) for name, _, _, seconds, _ in results}

    def _tracks_of_targets(self, results: list[Any], time_s: float | None) -> dict[str, Track]:
        return {
            name: self._histories[name].add(track, time_s, mask_of(mask))
            for name, track, _, _, mask in results
            if track is not None
        }

    def _check_free(self, name: object) -> None:
        """Raise ConfigError unless it is a name that neither a target nor a query has."""
        if self._has(check_name(name)):
            raise ConfigError(
                f"a target {name!r} already exists; give this one another name, or call remove({name!r}) first"
            )

    def _has(self, name: str) -> bool:
        return name in self._histories

    def _name_of_a_box(self) -> str:
        while (name := f"box {next(self._boxes)}") in self._histories:
            pass
        return name
