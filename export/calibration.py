"""Collect the crops that the tracker really processes in the user's videos, on which INT8 ranges are measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError, ExportError
from edgetrack.export.evidence import Seen, as_records, check_seen, random_box
from edgetrack.export.pairs import FailingColor, open_failing, second_video
from edgetrack.export.watch import Watch
from edgetrack.io.names import public_name
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source
from edgetrack.peers import FrameTracker, Mode
from edgetrack.types import Box, Frame

FRAMES = 300  # frames of each video
EVERY = 10  # frames between two templates
CROPS = 64  # crops of each graph, sampled uniformly from all
FLOOR, FLOOR_FRAMES = 16, 60  # number of these from the drawn demo scene, and frames of the scene
LEAST = 8
WORDS = ("person", "car", "animal", "red thing", "face", "ball")  # searched for if no text is given
_FLAT = 0.01  # a crop whose standard deviation, divided by its largest value, is below this has no content
Feeds = dict[str, NDArray[np.float32]]
Keep = Callable[[str, Mapping[str, NDArray[Any]]], None]  # gets the role of a graph and its inputs


@dataclass(frozen=True, slots=True)
class Clip:
    """One video to calibrate on."""

    name: str
    open: Callable[[], AbstractContextManager[Source | FailingColor]]
    words: tuple[str, ...] = WORDS  # used in turn if ``text`` is None
    pair: bool = False  # whether its frames have the images of a second sensor


class Watched(Protocol):
    """A float32 tracker whose graphs can be observed."""

    @property
    def modes(self) -> tuple[Mode, ...]: ...

    @property
    def paths(self) -> Mapping[str, Path]:
        """Return the graphs that can be observed, by role."""
        ...

    def quantized(self, runs: Mapping[str, int]) -> Sequence[str]:
        """Return the graphs to quantize, given how often each ran; the first is the one whose speed matters most."""
        ...

    def watched(self, keep: Keep) -> AbstractContextManager[Callable[[], FrameTracker]]:
        """Return a context whose value opens trackers that pass the inputs of their graphs to ``keep``."""
        ...


@dataclass
class Calibration:
    """Recorded inputs of the graphs, and their origin."""

    crops: dict[str, list[Feeds]]
    record: dict[str, Any]  # origin, for the manifest and the report
    runs: dict[str, int] = field(default_factory=dict)  # of each graph

    def fitting(self, graph: str) -> list[Feeds]:
        """Return three of every four crops, on which ranges are measured."""
        return [crop for i, crop in enumerate(self.crops[graph]) if i % 4 != 3]

    def held_out(self, graph: str) -> list[Feeds]:
        """Return one of every four crops, on which errors are measured."""
        return self.crops[graph][3::4]


@dataclass
class Reservoir:
    """Copies of graph inputs: ``size`` per graph by reservoir sampling; crops of uniform color are skipped."""

    roles: Collection[str]
    size: int
    crops: dict[str, list[Feeds]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    flat: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(0)

    def keep(self, role: str, feeds: Mapping[str, NDArray[Any]]) -> None:
        """Keep each of the inputs so far with the same probability (algorithm R, Vitter, 1985)."""
        if role not in self.roles:
            return
        if _flat(feeds):
            self.flat += 1
            return
        place = len(self.crops[role])
        self.seen[role] += 1
        if place == self.size:
            place = int(self.random.integers(self.seen[role]))
        if place < self.size:
            self.crops[role][place : place + 1] = [{name: array.copy() for name, array in feeds.items()}]


def clips_of(places: Sequence[str | Path], *, pairs: bool = False) -> list[Clip]:
    """Return the videos to calibrate on; without any, the drawn demo scene.

    With ``pairs``, each video NAME.mp4 with a second sensor's video NAME.x.mp4 beside it counts a second time, as pairs
    of which color fails.
    """
    if not places:
        return [demo_clip()]
    clips = [Clip(public_name(str(place)), lambda place=place: open_source(place)) for place in places]  # type: ignore[misc]
    videos = [path for path in map(Path, places) if pairs and path.is_file() and second_video(path).is_file()]
    return clips + [
        Clip(f"{video} with x", lambda video=video: open_failing(video), pair=True)  # type: ignore[misc]
        for video in videos
    ]


def demo_clip() -> Clip:
    """Return the drawn demo scene, whose words are its cars."""
    from edgetrack.demo.scene import CARS, open_demo

    return Clip("demo scene", open_demo, tuple(car.name for car in CARS))


def record(
    subject: Watched, clips: Sequence[Clip], *, text: str | None, box: Box | None, watch: Watch
) -> Calibration:
    """Run the tracker on ``clips`` and record the inputs of its networks, plus a minimum of crops of the demo scene.

    The target is given by ``text``, ``box`` or both in the first frame that shows something. If neither is given, one
    of the clip's words is searched for every ``EVERY`` frames, and if it is not found, a random box is tracked: ranges
    must also hold on backgrounds. Every ``EVERY`` frames, the target and the objects found by words become templates.
    A tracker that does not accept boxes uses neither random boxes nor templates.

    Raises:
        ConfigError: A box is given for more than one clip.
        ExportError: The clips show too little, or nothing was found in them.
        SourceError, BoxError, PromptError: A clip, the box or the text cannot be used.
    """
    videos = sum(not clip.pair for clip in clips)
    if box is not None and videos > 1:
        raise ConfigError(
            f"--box is a position in one video, but {videos} videos were given; give one video, or use --text"
        )
    floor = [] if clips[0].name == demo_clip().name else [demo_clip()]
    kept = Reservoir(subject.paths, CROPS - FLOOR * len(floor))
    seen = [_watch(subject, kept, clip, FRAMES, text=text, box=box, watch=watch) for clip in clips]
    reads = "nl" in subject.modes
    wanted = () if not reads else (text,) if text is not None else clips[0].words
    named = text is not None or box is not None
    check_seen(seen[:videos], wanted=wanted, named=named, found=reads or box is not None)
    below = Reservoir(subject.paths, FLOOR)
    for clip in floor:
        _watch(subject, below, clip, FLOOR_FRAMES, text=None, box=None, watch=watch)
    crops = {role: kept.crops[role] + below.crops[role] for role in subject.paths}
    roles = subject.quantized(kept.seen)
    for name in roles or list(subject.paths)[:1]:
        if len(crops[name]) < LEAST or not kept.crops[name]:
            raise ExportError(_too_few(name, kept, seen))
    facts = {
        "sources": [Path(clip.name).name for clip in clips],
        "frames": sum(one.frames for one in seen),
        "seen": as_records(seen),
        "crops": {name: len(crops[name]) for name in roles},
        "crops of the demo scene": {name: len(below.crops[name]) for name in roles},
        "crops of one color, left out": kept.flat,
        "text": text,
        "box": None if box is None else list(box.xywh),
    }
    return Calibration(crops, facts, dict(kept.seen))


def _too_few(name: str, kept: Reservoir, seen: Sequence[Seen]) -> str:
    frames, crops = sum(one.usable for one in seen), len(kept.crops[name])
    if crops == 0 and kept.flat == 0:
        return (
            f"graph {name!r} did not run in {frames} frames; the adapter must run it in a session of "
            "onnxruntime that open() creates (run, or run_with_iobinding on arrays in host memory); "
            "otherwise leave out --int8"
        )
    return (
        f"{frames} frames gave {crops} crops for graph {name!r} ({kept.flat} of one color were left out); expected "
        f"at least {LEAST}: give a video of at least {LEAST * EVERY} frames in which the target is visible"
    )


def _watch(
    subject: Watched,
    kept: Reservoir,
    clip: Clip,
    most: int,
    *,
    text: str | None,
    box: Box | None,
    watch: Watch,
) -> Seen:
    seen = Seen(clip.name)
    with clip.open() as source, subject.watched(kept.keep) as open_tracker:
        total = min(most, source.frames or most)
        shown = watch(islice(source, most), f"recording crops of {Path(clip.name).name}", total)
        words = () if "nl" not in subject.modes else clip.words if text is None else (text,)
        probe = open_tracker() if "bbox" in subject.modes else None
        follower = _Follower(open_tracker(), probe, words, seen, kept.random)
        follower.follow(seen.shown(shown), text=text, box=box)
    return seen


@dataclass
class _Follower:
    """Tracks the named target and regularly makes templates of it."""

    main: FrameTracker
    probe: FrameTracker | None  # None: the tracker does not accept boxes, so it has no templates
    words: Sequence[str]  # empty: the tracker does not accept text
    seen: Seen
    random: np.random.Generator
    started: bool = False
    by_chance: bool = False  # whether ``main`` tracks a random box

    def follow(self, frames: Iterable[Frame], *, text: str | None, box: Box | None) -> None:
        for count, frame in enumerate(frames):
            due = count % EVERY == 0
            if text is None and box is None and (due or not self.started):
                self._anew(frame, self.words[count // EVERY % len(self.words)] if self.words else None)
                continue
            if not (self.started or frame.color):
                continue
            start, self.started = not self.started, True
            shown = images_of(frame)
            track = self.main.start(shown, text=text, box=box) if start else self.main.update(shown)
            self._note(track.status == "tracking")
            if self.probe is not None and due and count:  # the start itself makes a template
                if self.words and (text is not None or box is not None) and frame.color:
                    self.probe.start(shown, text=self.words[count // EVERY % len(self.words)])
                if track.box is not None:
                    self.probe.start(shown, box=track.box)

    def _anew(self, frame: Frame, word: str | None) -> None:
        self.started = self.started or word is not None
        self.by_chance = False
        word = word if frame.color else None  # texts are searched for in color
        found = word is not None and self.main.start(images_of(frame), text=word).status == "tracking"
        box = None if found or self.probe is None else random_box(frame.pixels, self.random)
        if box is not None:
            self.main.start(images_of(frame), box=box)
            self.started = self.by_chance = True
        self._note(found or box is not None)

    def _note(self, tracked: bool) -> None:
        if tracked and self.by_chance:
            self.seen.random += 1
        elif tracked:
            self.seen.found += 1


def images_of(frame: Frame) -> NDArray[np.uint8]:
    """Return what a tracker gets: a pair as it is, otherwise the pixels, because adapters take nothing else."""
    return cast("NDArray[np.uint8]", frame) if frame.x is not None else frame.pixels


def _flat(feeds: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether all images among the inputs, (N, 3, H, W), have a uniform color."""
    pictures = [a for a in feeds.values() if a.ndim == 4 and a.shape[1] == 3 and min(a.shape[2:]) > 8]
    return bool(pictures) and all(float(a.std()) <= _FLAT * float(np.abs(a).max()) for a in pictures)
