"""The crops that the tracker truly sees in a user's videos: what integer ranges are measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.engines.base import Engine, Graph
from edgetrack.errors import ConfigError, ExportError
from edgetrack.export.watch import Watch
from edgetrack.io.names import public_name
from edgetrack.io.sources import Source, open_source
from edgetrack.tracker import Tracker
from edgetrack.types import Box

# text, prompt and ground stay in float: they run seldom, and what ground finds decides which target is followed.
QUANTIZED = ("template", "search")
FRAMES = 300  # of each video
EVERY = 10  # frames from one template to the next
CROPS = 64  # of each graph, drawn evenly from all
LEAST = 8
WORDS = ("person", "car", "animal", "red thing", "face", "ball")  # looked for when no text is given
Feeds = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Clip:
    """One video to calibrate on."""

    name: str
    open: Callable[[], AbstractContextManager[Source]]
    words: tuple[str, ...] = WORDS  # in turn, where ``text`` is None


@dataclass
class Calibration:
    """Inputs of the graphs, and where they come from."""

    crops: dict[str, list[Feeds]]
    record: dict[str, Any]  # for the manifest and the report

    def fitting(self, graph: str) -> list[Feeds]:
        """Three of four crops: ranges are measured on these."""
        return [crop for i, crop in enumerate(self.crops[graph]) if i % 4 != 3]

    def held_out(self, graph: str) -> list[Feeds]:
        """One of four crops: errors are measured on these."""
        return self.crops[graph][3::4]


@dataclass
class Recorder:
    """An engine that keeps copies of what its graphs are fed: ``CROPS`` each, by reservoir sampling."""

    engine: Engine
    crops: dict[str, list[Feeds]] = field(default_factory=lambda: {name: [] for name in QUANTIZED})

    def __post_init__(self) -> None:
        self.name, self.precision = self.engine.name, self.engine.precision
        self.reason, self.bundle = self.engine.reason, self.engine.bundle
        self.seen = dict.fromkeys(QUANTIZED, 0)
        self.random = np.random.default_rng(0)

    def graph(self, role: str) -> Graph:
        graph = self.engine.graph(role)
        return _Recorded(graph, role, self) if role in self.crops else graph

    def wait(self) -> None:
        self.engine.wait()

    def close(self) -> None:
        self.engine.close()

    def keep(self, role: str, feeds: Mapping[str, NDArray[Any]]) -> None:
        """Vitter, algorithm R (1985): each of the inputs so far is kept with the same probability."""
        place = len(self.crops[role])
        self.seen[role] += 1
        if place == CROPS:
            place = int(self.random.integers(self.seen[role]))
        if place < CROPS:
            self.crops[role][place : place + 1] = [{name: array.copy() for name, array in feeds.items()}]


class _Recorded:
    def __init__(self, graph: Graph, role: str, recorder: Recorder) -> None:
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self._graph, self._role, self._recorder = graph, role, recorder

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self._recorder.keep(self._role, feeds)
        return self._graph.run(feeds)


def clips_of(places: Sequence[str | Path]) -> list[Clip]:
    """The videos to calibrate on; without any, the drawn scene of the demo."""
    if places:
        return [Clip(public_name(str(place)), lambda place=place: open_source(place)) for place in places]  # type: ignore[misc]
    from edgetrack.demo.scene import CARS, open_demo

    return [Clip("demo scene", open_demo, tuple(car.name for car in CARS))]


def record(
    engine: Engine, clips: Sequence[Clip], *, text: str | None, box: Box | None, watch: Watch
) -> Calibration:
    """Runs the tracker over ``clips`` and keeps what its networks see.

    The target is ``text`` and / or ``box`` in the first frame. Without either, every ``EVERY`` frames one of the
    clip's words is looked for, and where it is not found a random box is followed: a network must hold its range on
    backgrounds too. Every ``EVERY`` frames the target, and what a word finds, become templates.

    Raises:
        ConfigError: a box for more than one clip.
        ExportError: too few crops.
        SourceError, BoxError, PromptError: a clip, the box or the text cannot be used.
    """
    if box is not None and len(clips) > 1:
        raise ConfigError(
            f"--box names a place in one video, but {len(clips)} were given; give one, or use --text"
        )
    recorder, frames = Recorder(engine), 0
    for clip in clips:
        with clip.open() as source:
            total = min(FRAMES, source.frames or FRAMES)
            shown = watch(islice(source, FRAMES), f"recording crops of {Path(clip.name).name}", total)
            frames += _follow(recorder, shown, clip.words if text is None else (text,), text=text, box=box)
    for name, crops in recorder.crops.items():
        if len(crops) < LEAST:
            raise ExportError(
                f"the calibration videos gave {len(crops)} crops for graph {name!r}, expected at least {LEAST}: "
                f"give a video of {LEAST * EVERY} frames or more"
            )
    record = {
        "sources": [Path(clip.name).name for clip in clips],
        "frames": frames,
        "crops": {name: len(crops) for name, crops in recorder.crops.items()},
        "text": text,
        "box": None if box is None else list(box.xywh),
    }
    return Calibration(recorder.crops, record)


def _follow(
    recorder: Recorder, frames: Any, words: Sequence[str], *, text: str | None, box: Box | None
) -> int:
    main, probe, count = Tracker(engine=recorder), Tracker(engine=recorder), 0
    for frame in frames:
        due, word = frame.index % EVERY == 0, words[frame.index // EVERY % len(words)]
        if text is None and box is None and due:
            track = main.start(frame.pixels, text=word)
            if track.status != "tracking":
                track = main.start(frame.pixels, box=_random_box(frame.pixels, recorder.random))
        elif frame.index == 0:
            track = main.start(frame.pixels, text=text, box=box)
        else:
            track = main.update(frame.pixels)
            if due:  # else the start itself has made a template
                probe.start(frame.pixels, text=word)
                if track.box is not None:
                    probe.start(frame.pixels, box=track.box)
        count += 1
    return count


def _random_box(pixels: NDArray[np.uint8], random: np.random.Generator) -> Box:
    height, width = pixels.shape[:2]
    w, h = random.uniform(0.05, 0.4, 2) * (width, height)
    return Box(random.uniform(0, width - w), random.uniform(0, height - h), w, h)
