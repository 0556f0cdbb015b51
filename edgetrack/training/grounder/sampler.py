"""An endless stream of batches of scenes with questions, made by worker processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.network.candidates import COUNT, GRID
from edgetrack.training.grounder import captions, phrases, regions
from edgetrack.training.grounder.cache import Cache, read_annotations
from edgetrack.training.grounder.candidates import CHANNELS
from edgetrack.training.grounder.questions import Question, Random
from edgetrack.training.grounder.records import Record, load
from edgetrack.training.grounder.scene import Scene, side_by_side, whole

_HELD_OUT = 20  # one of this many images is held out from training
# Weight of each kind of question. Places, sizes and relations are rare because geometry resolves them at run time.
_WEIGHTS: dict[str, float] = {
    "by_class": 2.4, "absent_class": 1.6, "by_place": 0.5, "by_size": 0.3, "by_relation": 0.6, "by_color": 4.5,
    "by_caption": 4.5, "by_mention": 2.8, "by_crop": 3.0, "by_category": 2.5, "by_drawing": 8.0, "of_another": 2.0,
    "by_region": 9.0, "of_another_region": 2.0,
}  # fmt: skip
_OF_OTHERS = (
    "of_another",
    "by_region",
    "of_another_region",
)  # only where the sources have captions or regions


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of images, and its weight among the scenes."""

    folder: Path
    weight: float


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """B scenes and Q questions; question i is about scene ``of[i]``."""

    boxes: NDArray[np.float32]  # (B, K, 4)
    logits: NDArray[np.float32]  # (B, K, 80)
    features: NDArray[np.float32]  # (B, K, 96)
    level: NDArray[np.int64]  # (B, K)
    pooled: NDArray[np.float16]  # (B, K, C, G, G)
    valid: NDArray[np.float32]  # (B, K)
    of: NDArray[np.int64]  # (Q,)
    meant: NDArray[np.float32]  # (Q, K)
    vague: NDArray[np.float32]  # (Q,)
    phrases: list[str]
    nouns: list[str]
    kinds: list[str]


def held_out(record: Record) -> bool:
    """Return whether an image is for validation."""
    return bool(record.row % _HELD_OUT == 7)


class Sampler:
    """Draws scenes from the records and generates questions about them."""

    def __init__(
        self, sources: list[Source], cache: Path, teachers: Path, seed: int, *, validation: bool = False
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.records: list[list[Record]] = []
        self.caches: list[list[Cache]] = []
        weights = []
        for source in sources:
            name = source.folder.name
            if not (cache / f"{name}.0.done.npy").exists():
                continue
            records = [r for r in load(source.folder, cache, teachers) if held_out(r) == validation]
            if not records:
                continue
            count = len(read_annotations(source.folder))
            views = [v for v in range(9) if (cache / f"{name}.{v}.done.npy").exists()]
            self.records.append(records)
            self.caches.append([Cache(cache, name, v, count) for v in (views[:1] if validation else views)])
            weights.append(source.weight)
        self.share = np.array(weights) / sum(weights)
        written = [c for records in self.records for r in records for c in r.captions]
        told = [region for records in self.records for r in records for region in r.regions]
        asks: dict[str, Callable[[Scene, Random], Question | None]] = {
            name: getattr(phrases, name, None) or getattr(captions, name)
            for name in _WEIGHTS
            if name not in _OF_OTHERS
        }
        if written:
            asks["of_another"] = captions.of_another(written)
        if told:
            asks["by_region"] = regions.by_region
            asks["of_another_region"] = regions.of_another_region(told)
        self.asks = asks

    def _whole(self, count: int) -> Scene:
        while True:
            i = int(self.random.choice(len(self.share), p=self.share))
            record = self.records[i][int(self.random.integers(len(self.records[i])))]
            caches = self.caches[i]
            cache = caches[int(self.random.integers(len(caches)))]
            if cache.arrays["done"][record.row] and cache.arrays["valid"][record.row].sum() >= 4:
                return whole(record, cache, count)

    def scene(self) -> Scene:
        """Return a scene of one image, or of two to four side by side."""
        parts = int(self.random.choice((1, 2, 4), p=(0.55, 0.25, 0.2)))
        if parts == 1:
            return self._whole(COUNT)
        return side_by_side([self._whole(COUNT) for _ in range(parts)], COUNT, self.random)

    def questions(self, scene: Scene, count: int) -> list[Question]:
        """Return at most ``count`` different questions; the weights of the kinds decide how often each is drawn."""
        names = list(self.asks)
        chance = np.array([_WEIGHTS[n] for n in names])
        order = self.random.choice(len(names), size=4 * count, p=chance / chance.sum())
        asked: dict[str, Question] = {}
        for i in order:
            question = self.asks[names[int(i)]](scene, self.random)
            if question is not None:
                asked.setdefault(question.phrase, question)
            if len(asked) == count:
                break
        return list(asked.values())

    def batch(self, scenes: int, count: int) -> Batch:
        """Return ``scenes`` scenes with at most ``count`` questions each."""
        made: list[Scene] = []
        asked: list[Question] = []
        of: list[int] = []
        while len(made) < scenes:
            scene = self.scene()
            questions = self.questions(scene, count)
            if questions:
                of += [len(made)] * len(questions)
                asked += questions
                made.append(scene)

        def stacked(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
            out = np.zeros((scenes, COUNT, *shape), dtype)
            for row, scene in zip(out, made, strict=True):
                row[: len(scene.boxes)] = getattr(scene, name)
            return out

        valid = np.zeros((scenes, COUNT), np.float32)
        for row, scene in zip(valid, made, strict=True):
            row[: len(scene.boxes)] = 1
        meant = np.full((len(asked), COUNT), -1, np.float32)
        for row, question in zip(meant, asked, strict=True):
            row[: len(question.meant)] = question.meant
        return Batch(
            stacked("boxes", (4,), np.float32), stacked("logits", (80,), np.float32),
            stacked("features", (96,), np.float32), stacked("level", (), np.int64),
            stacked("pooled", (CHANNELS, GRID, GRID), np.float16), valid, np.array(of), meant,
            np.array([q.vague for q in asked], np.float32), [q.phrase for q in asked], [q.noun for q in asked],
            [q.kind for q in asked],
        )  # fmt: skip
