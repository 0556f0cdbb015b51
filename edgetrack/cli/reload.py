"""Reload the targets of a run from its config file on SIGHUP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from edgetrack.cli.base import advise, complain
from edgetrack.cli.camera_targets import check_tables, config_of, is_given, own_values, place_of, placed
from edgetrack.cli.config_file import Config, read_config
from edgetrack.cli.wanted import Wanted
from edgetrack.errors import ConfigError, EdgetrackError

if TYPE_CHECKING:
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.peers.guarded import AdapterTracker
    from edgetrack.tracker import Tracker

    Change = Callable[[Wanted, Wanted], None]
    ChangeOf = Callable[[str | None, Wanted, Wanted], None]

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
        wanted: the current targets of each camera; of the only source, with None as its name.
    """

    def __init__(
        self, context: typer.Context, path: Path | None, wanted: Mapping[str | None, Wanted]
    ) -> None:
        self._context, self._path, self._wanted = context, path, wanted
        self._config = config_of(context)
        self._asked = False

    @property
    def on_hangup(self) -> Callable[[], None] | None:
        """The handler of the signal; None if there is no file."""
        return None if self._path is None else self._ask

    def _ask(self) -> None:
        self._asked = True

    def between_frames(self, change: Change) -> None:
        """Read the file if it was requested, change the targets of the only source, and report; see `Changes`."""
        self.apply(lambda _, old, new: change(old, new))

    def apply(self, hand: ChangeOf, check: ChangeOf = lambda *_: None) -> None:
        """Read the file if it was requested, change the targets of each camera, and report.

        Args:
            hand: Gets the name of a camera, None for the only source, and its targets before and after.
            check: Gets the same before anything is changed; if it raises an ``EdgetrackError``, nothing is.
        """
        if not self._asked or self._path is None:
            return
        self._asked = False
        try:
            config = read_config(self._context, self._path)
            check_tables(self._context, config, [name for name in self._wanted if name is not None])
            wanted = {name: self._read(config, name, old) for name, old in self._wanted.items()}
            for step in (check, hand):
                for name, new in wanted.items():
                    with placed(place_of(config, name)):
                        step(name, self._wanted[name], new)
        except EdgetrackError as error:
            complain(f"{error}; the run continues unchanged")
            return
        self._advise(config)
        self._wanted = wanted
        _tell(wanted)

    def _read(self, config: Config, name: str | None, old: Wanted) -> Wanted:
        own = {} if name is None else own_values(self._context, config, name)
        now = [
            own.get(
                key, self._context.params[key] if is_given(self._context, key) else config.values.get(key)
            )
            or []
            for key in TARGETS
        ]
        with placed(place_of(config, name)):
            return old.changed(*now)

    def _advise(self, config: Config) -> None:
        """Say which options have changed that cannot change during a run."""
        old, new = self._config.flat, config.flat
        for name in sorted(old.keys() | new.keys()):
            key = name.rpartition(".")[2]
            if key in TARGETS or old.get(name) == new.get(name) or is_given(self._context, key):
                continue
            place = config.places.get(name, f"config {self._path}: {name}")
            advise(f"{place} has changed; restart the run to apply it")


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


def _tell(wanted: Mapping[str | None, Wanted]) -> None:
    from edgetrack import terminal
    from edgetrack.cli.run_view import print_wanted

    print_wanted(terminal.open_console(), wanted)
