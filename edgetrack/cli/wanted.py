"""The targets and queries of a run, and its zones and rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from edgetrack.cli.base import EXAMPLE, parse_box
from edgetrack.errors import ConfigError

if TYPE_CHECKING:
    from edgetrack.io.sinks import Sink
    from edgetrack.types import Box
    from edgetrack.unusual.watcher import UnusualWatcher
    from edgetrack.watching.watcher import Watcher
    from edgetrack.zones import Zones

    Target = tuple[str | None, Box | None]  # text and box

ALL = ("all ", "every ", "each ")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options --text, --box, --every, --max and --zones, checked; of ``edgetrack watch`` also its rules."""

    targets: list[Target]
    every: list[str] = field(default_factory=list)
    max: int = 8
    zones: Zones | None = None
    watcher: Watcher | None = None
    unusual: UnusualWatcher | None = None
    sinks: tuple[Sink, ...] = ()  # in addition to the outputs
    boxed: bool = False  # whether boxes were given when the run began
    named: bool = False  # whether even a single target has a name, because other cameras have several targets

    @classmethod
    def of(cls, texts: list[str], boxes: list[str], every: list[str], max: int, zones: Path | None) -> Wanted:
        """Check the options before anything is opened."""
        targets = _targets(texts, boxes)
        _check(targets, every)
        areas = None if zones is None else read_zones(zones)
        return cls(targets, every, max, areas, boxed=bool(boxes))

    def changed(self, texts: list[str], every: list[str]) -> Wanted:
        """Return it with other texts and phrases, for a run in progress: boxes refer to its first frame.

        Raises:
            ConfigError: The texts or phrases are wrong, or a box would be left without its text.
        """
        if self.boxed and bool(texts) != bool(self.texts):
            raise ConfigError("a box without a text refers to the first frame; restart the run")
        targets = self.targets if self.boxed and not texts else _targets(texts, [])
        _check(targets, every)
        return replace(self, targets=targets, every=every)

    @property
    def texts(self) -> list[str]:
        """The texts of the targets."""
        return [text for text, _ in self.targets if text is not None]

    @property
    def is_one(self) -> bool:
        """Whether it is one target without zones or rules, which a ``Tracker`` can follow."""
        one = len(self.targets) == 1 and not self.every and not self.named
        return one and self.zones is None and self.watcher is None


def without_all(text: str) -> str:
    """Return the phrase without a word such as "all" at its beginning."""
    start = text.lstrip().lower()
    head = next((word for word in ALL if start.startswith(word)), "")
    rest = text.lstrip()[len(head) :].lstrip() if head else text
    return rest[4:].lstrip() if head and rest.lower().startswith("the ") else rest


def _check(targets: list[Target], every: list[str]) -> None:
    texts = [text for text, _ in targets]
    if not targets and not every:
        raise ConfigError(f"nothing to track: give --text, --box, --every or several, as in: {EXAMPLE}")
    for phrase in every:
        if every.count(phrase) > 1:
            raise ConfigError(f"--every {phrase!r} is given twice; expected a different text for each")
        if phrase in texts:
            raise ConfigError(
                f"{phrase!r} is given as --text and as --every; expected only one of them, or a different text"
            )


def read_zones(path: Path) -> Zones:
    """Read the file of --zones; see ``Zones.read``."""
    from edgetrack.zones import Zones

    return Zones.read(path)


def _targets(texts: list[str], boxes: list[str]) -> list[Target]:
    """Pair texts and boxes, if it is clear which box belongs to which text."""
    if texts and boxes and len(texts) != len(boxes):
        raise ConfigError(
            f"{len(texts)} --text and {len(boxes)} --box are given; expected equal numbers (each text gets the box at "
            "the same position), or only one kind"
        )
    for text in texts:
        if texts.count(text) > 1:
            raise ConfigError(f"--text {text!r} is given twice; expected a different text for each target")
    return list(zip_longest(texts, [parse_box(box) for box in boxes]))
