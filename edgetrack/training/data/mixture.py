"""Mixes the project's own images with official data sets, by weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from edgetrack.datasets import RegionSet, SequenceSet, open_dataset
from edgetrack.errors import ConfigError
from edgetrack.training.data.official.clips import RegionClips, SequenceClips, Source
from edgetrack.training.data.official.samplers import ClipGroundingSampler, ClipTrackingSampler
from edgetrack.training.data.pictures import Picture
from edgetrack.training.data.sources.videos import Videos
from edgetrack.training.data.synthetic.grounding import GroundingSampler
from edgetrack.training.data.synthetic.tracking import TrackingSampler
from edgetrack.training.recipe import DatasetEntry

LEAST = 8  # minimum number of images or sequences for validation


class Sampler(Protocol):
    """Returns one sample per call; for its keys see the samplers."""

    def sample(self) -> dict[str, Any]: ...


class Weighted:
    """Draws each sample from one of several samplers, in proportion to their weights."""

    def __init__(self, samplers: Sequence[tuple[float, Sampler]], seed: int) -> None:
        weights = np.array([weight for weight, _ in samplers])
        self._shares = weights / weights.sum()
        self._samplers = [sampler for _, sampler in samplers]
        self._random = np.random.default_rng((seed, len(samplers)))

    def sample(self) -> dict[str, Any]:
        return self._samplers[int(self._random.choice(len(self._samplers), p=self._shares))].sample()


@dataclass(frozen=True)
class Mixture:
    """Official data sets with their weights, and ``own``, the weight of the project's own images."""

    sources: tuple[tuple[float, Source], ...] = ()
    own: float = 1.0

    @classmethod
    def open(cls, entries: Sequence[DatasetEntry], own: float = 1.0) -> Mixture:
        """Open the data sets of a recipe.

        Raises:
            DatasetError: A data set is missing, or its lists are damaged.
        """
        sources: list[tuple[float, Source]] = []
        for entry in entries:
            found = open_dataset(entry.name, entry.path, entry.split)
            if isinstance(found, SequenceSet):
                sources.append((entry.weight, SequenceClips(found.without(entry.skip))))
            else:
                assert isinstance(found, RegionSet), "a recipe cannot use images with phrases"
                sources.append((entry.weight, RegionClips(found)))
        return cls(tuple(sources), own)

    def parted(self, held_out: Callable[[str], bool]) -> tuple[Mixture, Mixture]:
        """Return the mixture for training, and that for validation: the sources with enough held-out data.

        Raises:
            ConfigError: All of a data set is held out.
        """
        sides: tuple[list[tuple[float, Source]], list[tuple[float, Source]]] = ([], [])
        for weight, source in self.sources:
            train, held = source.parted(held_out)
            if train is None:
                raise ConfigError(
                    f"data set {len(sides[0]) + 1} of the recipe has {len(source)} sequences or images, but all that "
                    "can be used are held out; expected some to train on: change held_out, or leave out this data set"
                )
            sides[0].append((weight, train))
            if held is not None and len(held) >= LEAST:
                sides[1].append((weight, held))
        return replace(self, sources=tuple(sides[0])), replace(self, sources=tuple(sides[1]))

    def tracking(self, pictures: Sequence[Picture], videos: Videos | None, seed: int) -> Sampler:
        """Return a sampler of tracking samples from ``pictures``, ``videos`` and every data set."""
        if not self.sources:
            return TrackingSampler(pictures, videos, seed)
        made = [(w, ClipTrackingSampler(s, seed + 10 * i)) for i, (w, s) in enumerate(self.sources, 1)]
        own = [(self.own, TrackingSampler(pictures, videos, seed))] if pictures else []
        return Weighted([*own, *made], seed)

    def grounding(self, pictures: Sequence[Picture], seed: int) -> Sampler:
        """Return a sampler of grounding samples from ``pictures`` and the data sets with sentences.

        Raises:
            ConfigError: There is no image, and no data set has sentences.
        """
        if not self.sources:
            return GroundingSampler(pictures, seed)
        made = [
            (w, ClipGroundingSampler(s, seed + 10 * i)) for i, (w, s) in enumerate(self.sources, 1) if s.text
        ]
        own = [(self.own, GroundingSampler(pictures, seed))] if pictures else []
        if not own and not made:
            raise ConfigError(
                "no data set of the recipe has sentences, and data is empty; expected at least one of them, "
                "for grounding; add one of lasot, tnl2k, otb99-lang, coco, refcoco to [[datasets]]"
            )
        return Weighted([*own, *made], seed)


NOTHING = Mixture()
