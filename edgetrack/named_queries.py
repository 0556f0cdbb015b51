"""The queries of a `MultiTracker`: phrases of which it tracks all objects, in addition to its targets."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from edgetrack._exit import door
from edgetrack.events import Event
from edgetrack.named_targets import NamedTargets
from edgetrack.opened import Taken, check_flag, check_name, color_of
from edgetrack.query import PhraseDetector, Query, checked_rules, size_of
from edgetrack.types import Track


class NamedQueries(NamedTargets):
    """An open tracker whose targets and queries have names.

    Args:
        opened: as for ``Opened``.
    """

    def __init__(self, *opened: Any) -> None:
        super().__init__(*opened)
        self._queries: dict[str, Query] = {}

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

        A detector searches the whole frame ten times per second, independently of the targets; in between, a motion
        model moves the boxes. Each object has an id that no other target or object of this tracker ever gets, and a
        track in the result of ``update``, under a name such as "red car #3". An object that is lost and comes back
        within ``keep_s`` seconds keeps its id if it looks the same and is near where it was lost.

        Args:
            text: Description of the objects, such as "red car": one phrase, in the singular.
            name: Name of the query; None for its text.
            max: Objects that are tracked at a time, 1 to 16; further ones have to wait.
            confirm: ``(k, n)``: an object gets its id when k of n consecutive passes have found it.
            interval_s: Seconds between detector passes; 0 for as often as possible.
            keep_s: Seconds after which a lost object is "ended". Seconds are measured by the frames' times; frames
                without a time count as 30 per second.
            lying: Also find objects that lie on their side, such as people who have fallen: while an object is
                missing or lies, every second pass runs on the frame rotated by 90 degrees to the left or right. Needs
                frames in host memory.

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
            self._open_core()
            if name in self._queries:
                self._queries[name]._describe(text, self._native_text(text))
            else:
                super().set_text(name, text)

    def remove(self, name: str) -> None:
        """Forget a target or a query.

        Raises:
            ConfigError: There is neither a target nor a query of this name.
            ClosedError: The tracker was closed.
        """
        check_name(name)
        with door, self._turn:
            self._open_core()
            if name in self._queries:
                self._queries.pop(name)._release()
                self._failed.pop(name, None)
            else:
                super().remove(name)

    @property
    def queries(self) -> Mapping[str, Query]:
        """The queries created by ``every``, by name."""
        return MappingProxyType(self._queries)

    @property
    def events(self) -> tuple[Event, ...]:
        """Events of the objects of queries in the last ``update``, in the order of ``queries``."""
        return tuple(event for query in self._queries.values() for event in query.events)

    def _look(self, lent: Taken, index: int, time_s: float | None, end_s: float | None) -> None:
        """Process frame ``index`` for each query; one that fails is listed in ``failed``.

        Args:
            lent: the frame, in the form for the C++ trackers.
            index: of the frame, from 0 on.
            time_s: of the frame, if known.
            end_s: time of the deadline of this update, in seconds of ``time.perf_counter``; None without one.
        """
        color = color_of(lent) if self._queries else lent
        for name, query in self._queries.items():
            left_s = None if end_s is None else end_s - time.perf_counter()
            try:
                query._update(color, size_of(color), index, time_s, left_s)
            except Exception as error:
                self._failed[name] = error

    def _tracks_of_queries(self) -> dict[str, Track]:
        """Return the tracks of queries that did not fail in this frame, each with an equal share of the time."""
        found = {}
        for name, query in self._queries.items():
            if name in self._failed:
                continue
            for track in query.tracks:
                found[track.name] = track
                self._timing[track.name] = query._share
        return found

    def _has(self, name: str) -> bool:
        return name in self._queries or super()._has(name)
