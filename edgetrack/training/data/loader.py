"""Worker processes that make batches of samples and pass them on through a bounded queue."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import cv2
import numpy as np

from edgetrack.errors import ConfigError, DatasetError, EdgetrackError, SourceError
from edgetrack.training.data.mixture import NOTHING, Mixture
from edgetrack.training.data.pictures import Picture
from edgetrack.training.data.sources.images import load_pictures
from edgetrack.training.data.sources.videos import Videos, load_videos
from edgetrack.training.data.split import Material
from edgetrack.training.resumable import begin_worker

Batch = dict[str, Any]
_PATIENCE_S = 120.0
KINDS = ("tracking", "grounding")
_VALIDATION_SEED = 0


@dataclass(frozen=True)
class Plan:
    """Sizes of the batches of ``tracking`` and ``grounding`` samples, which workers make alternately.

    A size of 0 omits that kind.
    """

    tracking: int = 32
    grounding: int = 16

    def __post_init__(self) -> None:
        if self.tracking < 0 or self.grounding < 0 or self.tracking + self.grounding == 0:
            raise ConfigError(
                f"batch sizes are tracking={self.tracking}, grounding={self.grounding}; "
                "expected 0 or more, and at least one above 0; raise one of them"
            )


def collate(samples: Sequence[dict[str, Any]]) -> Batch:
    """Stack samples: arrays along a new first axis, captions into a list."""
    return {
        key: [sample[key] for sample in samples]
        if isinstance(samples[0][key], str)
        else np.stack([sample[key] for sample in samples])
        for key in samples[0]
    }


def batches(material: Material, plan: Plan, seed: int) -> Iterator[tuple[str, Batch]]:
    """Yield ("tracking" | "grounding", batch) endlessly and alternately, in this process."""
    tracking = material.mixture.tracking(material.pictures, material.videos, seed)
    grounding = material.mixture.grounding(material.pictures, seed + 1)
    while True:
        if plan.tracking:
            yield "tracking", collate([tracking.sample() for _ in range(plan.tracking)])
        if plan.grounding:
            yield "grounding", collate([grounding.sample() for _ in range(plan.grounding)])


def _work(
    material: Material, plan: Plan, seed: int, queues: dict[str, Any], count: int | None = None
) -> None:
    """Put ``count`` batches, or endless ones, into the queues of their kinds."""
    begin_worker()
    cv2.setNumThreads(0)
    try:
        for kind, batch in islice(batches(material, plan, seed), count):
            queues[kind].put(batch)
    except EdgetrackError as error:  # such as a broken file of a data set: `Workers.next` raises it
        for waiting in queues.values():
            waiting.put(error)


class Validation(NamedTuple):
    """The process that makes batches for validation, their queues, and the number of batches per kind."""

    process: ForkProcess
    queues: dict[str, Any]
    counts: dict[str, int]


def _taken(waiting: Any, kind: str, processes: Sequence[ForkProcess]) -> Batch:
    """Return the next batch of a queue that ``processes`` fill."""
    waited = 0.0
    while waited < _PATIENCE_S:
        alive = any(process.is_alive() for process in processes)  # before the queue
        try:  # after a worker's death its last batch may still be in the queue
            batch: Batch | EdgetrackError = waiting.get(timeout=2.0)
            if isinstance(batch, EdgetrackError):
                raise batch
            return batch
        except queue.Empty:
            waited += 2.0
            if not alive:
                break
    raise SourceError(
        f"no {kind} batch after {waited:.0f} s from {len(processes)} data workers; expected one "
        f"within {_PATIENCE_S:.0f} s; see their traceback above, and request batches of both kinds in turn"
    )


class Workers:
    """Running worker processes, as a context manager; without ``with``, call `close` at the end."""

    def __init__(
        self, processes: list[ForkProcess], queues: dict[str, Any], validation: Validation | None = None
    ) -> None:
        self._processes = processes
        self._queues = queues
        self._validation = validation

    def next(self, kind: str) -> Batch:
        """Return the next batch of ``"tracking"`` or ``"grounding"`` samples; for its keys see the samplers.

        Raises:
            SourceError: All workers have died, or none delivers in time.
            DatasetError: A worker found a damaged file in a data set.
        """
        return _taken(self._queues[kind], kind, self._processes)

    def held_out(self) -> dict[str, list[Batch]]:
        """Return the validation batches of each kind, the same in each run; none without ``held_out``.

        Raises:
            SourceError: The process that makes them has died.
            DatasetError: It found a damaged file in a data set.
        """
        if self._validation is None:
            return {}
        process, queues, counts = self._validation
        try:
            return {
                kind: [_taken(queues[kind], kind, [process]) for _ in range(count)]
                for kind, count in counts.items()
            }
        except DatasetError as error:
            raise DatasetError(f"of the samples held out for validation: {error}") from error

    def close(self) -> None:
        """Stop the workers."""
        processes = self._processes + ([self._validation.process] if self._validation else [])
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start_workers(
    n: int = 1,
    seed: int = 0,
    *,
    plan: Plan | None = None,
    depth: int = 4,
    root: str | Path | None = None,
    pictures: Sequence[Picture] | None = None,
    videos: Videos | None = None,
    folders: Sequence[str] = (),
    mixture: Mixture = NOTHING,
    held_out: float = 0.0,
    validation: int = 0,
) -> Workers:
    """Load the data once (unless given), and fork ``n`` workers that share it.

    Call this before anything starts threads, such as a torch computation: threads do not survive a fork.

    Args:
        n: Number of worker processes.
        seed: Random seed; worker ``i`` uses ``seed + 1000 * i``.
        plan: Batch sizes.
        depth: Maximum number of batches of each kind in the queue.
        root: Data folder, see `edgetrack.training.data.paths.data_root`.
        pictures: Images, instead of those under ``root``.
        videos: Videos, instead of those under ``root``; none if only ``pictures`` are given.
        folders: Folders with more images, see `edgetrack.training.data.sources.read_folder`.
        mixture: Official data sets to use as well; with an empty ``root``, only they are used.
        held_out: Fraction of images and videos that the workers never use, see `edgetrack.training.data.split`.
        validation: Number of batches of each kind to make from these.
    """
    if n < 1:
        raise ConfigError(f"n is {n}; expected at least 1 data worker; raise it")
    if pictures is None and mixture.sources and root == "":
        pictures = ()
    elif pictures is None:
        pictures = load_pictures(root, folders=folders)
        videos = videos or load_videos(root)
    plan, material = plan or Plan(), Material(pictures, videos, mixture)
    if plan.grounding and not pictures:
        mixture.grounding(pictures, seed)  # without sentences this fails here instead of in a worker
    held = None
    if held_out:
        material, held = material.parted(held_out)
    context = multiprocessing.get_context("fork")
    queues = {kind: context.Queue(depth) for kind in KINDS}
    processes = [
        context.Process(target=_work, args=(material, plan, seed + 1000 * i, queues), daemon=True)
        for i in range(n)
    ]
    made = _validation(held, plan, validation) if held and validation else None
    for process in (*processes, *([made.process] if made else [])):
        process.start()
    return Workers(processes, queues, made)


def _validation(material: Material, plan: Plan, count: int) -> Validation:
    """Start to make ``count`` batches of each kind in ``plan``, with the same seed in all runs."""
    context = multiprocessing.get_context("fork")
    counts = {kind: count for kind in KINDS if getattr(plan, kind)}
    queues = {kind: context.Queue() for kind in counts}
    total = sum(counts.values())
    process = context.Process(
        target=_work, args=(material, plan, _VALIDATION_SEED, queues, total), daemon=True
    )
    return Validation(process, queues, counts)
