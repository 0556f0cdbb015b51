"""Reload the targets of a run from its config file on SIGHUP."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from edgetrack.cli.base import advise, complain
from edgetrack.cli.config_file import read_config
from edgetrack.cli.wanted import Wanted
from edgetrack.errors import ConfigError, EdgetrackError

if TYPE_CHECKING:
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.peers.guarded import AdapterTracker
    from edgetrack.tracker import Tracker

    Change = Callable[[Wanted, Wanted], None]

TARGETS = ("text", "every")  # the parameters that can change during a run


class Changes(Protocol):
    """Changes of the targets of a run that other threads or signals have requested."""

    def between_frames(self, change: Change) -> None:
        """Make the requested changes, in the thread that tracks.

        Args:
            change: Switches the tracker from the first argument to the second; if it raises an ``EdgetrackError``, it
                has changed nothing.
        """


class Reload:
    """Reads the file of ``--config`` again on request. A file with an error changes nothing.

    Args:
        context: of the running command.
        path: the file; without one (None), requests are impossible.
        wanted: the current targets of the run.
    """

    def __init__(self, context: typer.Context, path: Path | None, wanted: Wanted) -> None:
        self._context, self._path, self._wanted = context, path, wanted
        self._values: dict[str, Any] = dict(context.default_map or {})
        self._asked = False

    @property
    def on_hangup(self) -> Callable[[], None] | None:
        """The handler of the signal; None if there is no file."""
        return None if self._path is None else self._ask

    def _ask(self) -> None:
        self._asked = True

    def between_frames(self, change: Change) -> None:
        """Read the file if it was requested, and report the result; see `Changes`."""
        if not self._asked or self._path is None:
            return
        self._asked = False
        try:
            values, places = read_config(self._context, self._path)
        except EdgetrackError as error:
            complain(f"{error}; the run continues unchanged")
            return
        try:
            wanted = self._read(values)
            change(self._wanted, wanted)
        except EdgetrackError as error:
            place = places.get("text") or places.get("every") or f"config {self._path}"
            complain(f"{place}: {error}; the run continues unchanged")
            return
        for name in sorted(values.keys() | self._values.keys()):
            if name not in TARGETS and values.get(name) != self._values.get(name) and not self._given(name):
                advise(
                    f"{places.get(name, f'config {self._path}: {name}')} has changed; restart the run to apply it"
                )
        self._wanted, self._values = wanted, self._values | {name: values.get(name) for name in TARGETS}
        _tell(wanted)

    def _read(self, values: dict[str, Any]) -> Wanted:
        texts, every = (self._context.params[n] if self._given(n) else values.get(n) for n in TARGETS)
        boxes = self._context.params["box"] or []  # in the first frame
        if boxes and bool(texts) != bool(self._wanted.texts):
            raise ConfigError("a box without a text refers to the first frame; restart the run")
        read = Wanted.of(texts or [], [] if texts else boxes, every or [], self._wanted.max, None)
        return replace(read, zones=self._wanted.zones)

    def _given(self, name: str) -> bool:
        """Whether the command line gives it, which takes precedence over the file."""
        source = self._context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"


def check_kind(old: Wanted, new: Wanted) -> None:
    """Refuse several targets in a run that was started with one.

    Raises:
        ConfigError: There are now several.
    """
    if old.is_one and not new.is_one:
        raise ConfigError(
            "there are now several targets, but the run was started with one, and its outputs have no "
            "target names; restart the run"
        )


def change_one(tracker: Tracker | AdapterTracker) -> Change:
    """Return a function that changes the text of a tracker with one target."""

    def change(old: Wanted, new: Wanted) -> None:
        check_kind(old, new)
        (before, _), (text, _) = old.targets[0], new.targets[0]
        if text is not None and text != before:
            tracker.set_text(text)

    return change


def change_many(tracker: MultiTracker) -> Change:
    """Return a function that adds and removes targets and queries of a tracker; the others are not touched."""

    def change(old: Wanted, new: Wanted) -> None:
        before, after = {*old.texts, *old.every}, {*new.texts, *new.every}
        turned = (set(old.texts) & set(new.every)) | (
            set(old.every) & set(new.texts)
        )  # from one kind to the other
        added: list[str] = []

        def add(among: Set[str]) -> None:
            for text in new.texts:
                if text in among:
                    added.append(tracker.add(text))
            for phrase in new.every:
                if phrase in among:
                    added.append(tracker.every(phrase, max=new.max).name)

        try:
            add(after - before)
        except EdgetrackError:
            for name in added:
                tracker.remove(name)
            raise
        for name in (before - after) | turned:
            tracker.remove(name)
        add(turned)  # the tracker has known these texts before

    return change


def _tell(wanted: Wanted) -> None:
    from edgetrack import terminal
    from edgetrack.cli.run_view import print_targets

    print_targets(terminal.open_console(), wanted.targets, wanted.every)
