"""Detectors that find the target of a text, instead of the model's own networks: ``Tracker(grounder=...)``.

A grounder runs in its own thread and engine while the tracker continues. It is an OWLv2, OWL-ViT or Grounding DINO
bundle written by ``edgetrack export``, an edgetrack model, a detector in an ONNX file with a TOML file that describes
it, or any object with the method of ``Grounder``.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgetrack._exit import door
from edgetrack.errors import ConfigError
from edgetrack.grounders.calibration import AS_IT_IS, Platt
from edgetrack.types import Box


class Grounded(NamedTuple):
    """A box found by a grounder."""

    box: Box  # in pixels of the frame
    scores: Sequence[float]  # for each phrase, the probability that the box is right, 0..1


MOST = 64  # maximum number of boxes per pass
_LOOKS = 512  # number of passes whose durations are kept
LEAST = 0.01  # lowest useful score


def likeliest(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Grounded]:
    """Return the results of a network, best first: at most ``MOST``, with a score of ``LEAST`` or more.

    Args:
        boxes: x, y, w, h in pixels (P, 4); boxes that are empty or not finite are ignored.
        scores: Scores for each phrase, 0..1, (P, N).
    """
    best = scores.max(1)
    order = np.argsort(-best, kind="stable")[:MOST]
    return [
        Grounded(Box(*map(float, boxes[n])), [float(v) for v in scores[n]])
        for n in order[best[order] >= LEAST]
        if np.isfinite(boxes[n]).all() and (boxes[n, 2:] > 0).all()
    ]


@runtime_checkable
class Grounder(Protocol):
    """Finds phrases in a frame. An optional method ``check(phrases)`` raises PromptError for those it cannot find."""

    def find(self, frame: NDArray[np.uint8], phrases: Sequence[str]) -> Sequence[Grounded]:
        """Return boxes for ``phrases`` in any order, with duplicates, which the caller suppresses.

        It is called in a background thread, one call at a time, and may cache data of a phrase.

        Args:
            frame: uint8 (H, W, 3), BGR; it belongs to the callee.
            phrases: Plain noun phrases such as "red car": the target's, then those of landmarks and of excluded
                objects.
        """
        ...


@dataclass(frozen=True)
class Grounding:
    """A grounder, and how a tracker uses it. Numbers of frames are at 30 FPS, for any frame rate.

    Attributes:
        grounder: The detector.
        name: Its name in messages.
        platt: The conversion of its scores to probabilities.
        latency: Frames between the one that it searches and the one in which its result is applied, 1 to 18,000.
        interval: Frames between two verifications of a followed target, 1 to 18,000. While no target is followed, the
            next search starts after the result of the previous one.
        waits: Whether the tracker waits for a result that takes longer than ``latency``. A video then gives the same
            tracks every time and on every machine. Otherwise no frame is delayed, as needed for a live camera, and
            the result is applied when it is ready.
        looks_ms: Durations of the last passes, in milliseconds.
    """

    grounder: Grounder
    name: str = "grounder"
    platt: Platt = AS_IT_IS
    latency: int = 15
    interval: int = 60
    waits: bool = True
    looks_ms: deque[float] = field(
        default_factory=lambda: deque(maxlen=_LOOKS), init=False, repr=False, compare=False
    )
    _turn: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)  # if trackers share it

    def __post_init__(self) -> None:
        if not isinstance(self.grounder, Grounder):
            raise ConfigError(
                f"grounder is {self.grounder!r:.200}, which has no method find(frame, phrases); expected the folder of "
                "a bundle, or an edgetrack.grounders.Grounder"
            )
        for name, value in (("latency", self.latency), ("interval", self.interval)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 18_000:
                raise ConfigError(f"{name} is {value!r}; expected a whole number of frames, 1 to 18000")
        if not isinstance(self.waits, bool):
            raise ConfigError(f"waits is {self.waits!r}; expected True or False")

    def check(self, phrases: Sequence[str]) -> None:
        """Raise PromptError for a phrase that the grounder cannot find."""
        check: Callable[[Sequence[str]], None] | None = getattr(self.grounder, "check", None)
        if check is not None:
            check(phrases)

    def hand_to(self, core: Any) -> None:
        """Let a C++ tracker without targets use it."""
        core.set_grounder(self.find, self.latency, self.interval, self.waits)

    def find(
        self, frame: NDArray[np.uint8], phrases: Sequence[str]
    ) -> list[tuple[tuple[float, float, float, float], list[float]]]:
        """Return the results in the form for the C++ trackers: boxes as four numbers, scores as probabilities."""
        with door, self._turn:
            begun = time.perf_counter()
            found = self.grounder.find(frame, phrases)
            self.looks_ms.append(1000 * (time.perf_counter() - begun))
        return [(Box.of(box).xywh, [self.platt(float(score)) for score in scores]) for box, scores in found]


def open_grounder(
    source: str | Path | Grounder | Grounding,
    *,
    latency: int = 15,
    interval: int = 60,
    waits: bool = True,
    threads: int | None = None,
) -> Grounding:
    """Open a grounder for ``Tracker(grounder=...)`` and ``MultiTracker(grounder=...)``, which may share it.

    Args:
        source: Folder of an OWLv2, OWL-ViT or Grounding DINO bundle from ``edgetrack export``, name or folder of an
            edgetrack model, a TOML file (``edgetrack.grounders.declaration``), or an object with the method of
            ``Grounder``.
        latency: As in ``Grounding``.
        interval: As in ``Grounding``.
        waits: As in ``Grounding``.
        threads: CPU threads for its networks; None for 2, or 1 on a single core.

    Raises:
        BundleError: The bundle is missing, damaged, or of a tracker that cannot search by text.
        ConfigError: An argument is invalid, or a TOML file is not as described.
        MissingExtra: A package is missing.
    """
    if isinstance(source, Grounding):
        return source
    grounder: Any = source
    name, platt = type(source).__name__, AS_IT_IS
    if isinstance(source, (str, Path)):
        from edgetrack.grounders.bundles import open_bundle

        grounder, name, platt = open_bundle(source, threads)
    return Grounding(grounder, name, platt, latency, interval, waits)


def grounding_of(
    grounder: str | Path | Grounder | Grounding | None, *, strict: bool, threads: int | None
) -> Grounding | None:
    """Return the opened argument ``grounder`` of a tracker.

    Raises:
        ConfigError: As for ``open_grounder``, or ``strict``, which has no effect then.
    """
    if grounder is None:
        return None
    if strict:
        raise ConfigError(
            "strict has no effect: a grounder finds words that the model was not trained on; leave it out"
        )
    return open_grounder(grounder, threads=threads)
