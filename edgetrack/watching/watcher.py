"""Rules over a stream of tracks: the alerts of each frame."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from edgetrack.errors import ConfigError
from edgetrack.events import Event, counted
from edgetrack.types import Box, Frame, Track
from edgetrack.watching.conditions import fallers_of, places_of
from edgetrack.watching.evaluate import Binding, evaluator_of
from edgetrack.watching.rule import Rule, texts_of
from edgetrack.watching.scene import Scene
from edgetrack.watching.singles import FORGET_S
from edgetrack.zones import Zones

Ids = frozenset[int]


class Watcher:
    """Evaluates rules on the tracks of a ``MultiTracker``, and raises alerts when they become true.

    A rule raises one alert for the same objects, until it has stopped being true for them. Times are those of the
    frames: a gap of a live source counts as one second, and a time that jumps back as the previous step. Only boxes
    with status "tracking" count; an "uncertain" one changes nothing.

    Args:
        rules: The rules.
        zones: Zones and lines that the rules refer to.

    Raises:
        ConfigError: There is no rule, two have the same name, one names an unknown zone or line, or a phrase is one
            object in one rule and any object in another.

    Examples:
        >>> rule = edgetrack.Rule.parse("a person is near the red car for 10 seconds")
        >>> watcher = edgetrack.Watcher([rule])
        >>> watcher.queries, watcher.targets
        (('person',), ('red car',))
        >>> for event in watcher.update(tracks, frame):  # doctest: +SKIP
        ...     print(event.time_s, event.rule, event.ids, event.box)
    """

    def __init__(self, rules: Sequence[Rule], zones: Zones | None = None) -> None:
        zones = zones or Zones()
        if not rules:
            raise ConfigError('no rule is given; expected one such as "a person falls"')
        labels = [rule.label for rule in rules]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise ConfigError(f"the rule {twice[0]!r} is given twice; expected another name or condition")
        for rule in rules:
            _check_places(rule, zones)
        self.rules = tuple(rules)
        self._scene = Scene()
        self._evaluators = [evaluator_of(rule.when, zones) for rule in rules]
        self._on: list[set[Ids]] = [set() for _ in rules]  # the bindings for which each rule is true
        self._last: dict[int, tuple[float, Track]] = {}  # the last track with a box, and its time
        self._counts = dict.fromkeys(labels, 0)
        one, any = ([text for rule in rules for text in texts_of(rule.when)[n]] for n in (0, 1))
        self.targets, self.queries = tuple(dict.fromkeys(one)), tuple(dict.fromkeys(any))
        fallers = {subject.text for rule in rules for subject in fallers_of(rule.when)}
        self.lying = tuple(text for text in self.queries if text in fallers)
        if both := set(one) & set(any):
            text = both.pop()
            raise ConfigError(
                f'"the {text}" is in one rule and "a {text}" in another; expected the same in both, because '
                "either a single "
                "object is tracked, or all of them"
            )

    @property
    def counts(self) -> dict[str, int]:
        """Alerts so far by rule."""
        return dict(self._counts)

    @property
    def summary(self) -> dict[str, str]:
        """``counts`` in words."""
        return {label: counted(count, "alert") for label, count in self._counts.items()}

    def update(self, tracks: Mapping[str, Track], frame: Frame) -> tuple[Event, ...]:
        """Process the tracks of the next frame.

        Args:
            tracks: By name, as ``MultiTracker.update`` returns them.
            frame: The frame that they were found in.

        Returns:
            An "alert" for each rule and each group of objects for which it has become true.
        """
        self._scene.update(tracks, frame)
        self._remember()
        events: list[Event] = []
        for number, evaluator in enumerate(self._evaluators):
            bindings = evaluator.update(self._scene)
            before, self._on[number] = self._on[number], {_ids_of(binding) for binding in bindings}
            if fresh := self._on[number] - before:
                events += self._alerts(self.rules[number], bindings, fresh, frame)
        return tuple(events)

    def _alerts(self, rule: Rule, bindings: set[Binding], fresh: set[Ids], frame: Frame) -> Iterator[Event]:
        """Return one alert for each group of objects, in the order of their ids."""
        for binding in sorted(bindings, key=lambda one: [id for _, id in one]):
            ids = _ids_of(binding)
            if ids in fresh:
                fresh.discard(ids)  # "near another person" is symmetric
                yield self._alert(rule, binding, frame)

    def _remember(self) -> None:
        now_s = self._scene.now_s
        for id, sight in self._scene.sights.items():
            self._last[id] = (now_s, sight.track)
        if len(self._last) > len(self._scene.known):
            known = self._scene.known
            self._last = {
                id: last for id, last in self._last.items() if id in known or now_s - last[0] < 2 * FORGET_S
            }

    def _alert(self, rule: Rule, binding: Binding, frame: Frame) -> Event:
        self._counts[rule.label] += 1
        ids = tuple(id for _, id in binding)
        tracks = [self._last[id][1] for id in ids if id in self._last]
        first = tracks[0] if tracks else None
        return Event(
            "alert",
            frame.index,
            frame.time_s,
            None if first is None else first.query,
            "" if first is None else first.name,
            None if first is None else first.id,
            rule=rule.label,
            ids=ids,
            box=_around([track.box for track in tracks if track.box is not None]),
        )


def _ids_of(binding: Binding) -> Ids:
    return frozenset(id for _, id in binding)


def _around(boxes: Sequence[Box]) -> Box | None:
    """Return the smallest box around all."""
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*(box.xyxy for box in boxes), strict=True)
    return Box.from_xyxy(min(lefts), min(tops), max(rights), max(bottoms))


def _check_places(rule: Rule, zones: Zones) -> None:
    """Raise ConfigError if the rule names an unknown zone, line or direction."""
    lines = {line.name: line for line in zones.lines}
    for kind, name, way in places_of(rule.when):
        known = list(lines) if kind == "line" else [zone.name for zone in zones.zones]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            options = (
                near[0] if near else f"one of {', '.join(known)}" if known else f"a file with [[{kind}]]"
            )
            raise ConfigError(f"the rule {rule.label!r} names the {kind} {name!r}; expected {options}")
        if way is not None and way not in lines[name].directions:
            ways = " or ".join(lines[name].directions)
            raise ConfigError(
                f"the rule {rule.label!r} has the direction {way!r} of {name!r}; expected {ways}"
            )
