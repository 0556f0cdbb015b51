"""Worker processes that make batches of samples and hand them over through a bounded queue."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from edgetrack.errors import ConfigError, EdgetrackError, SourceError
from edgetrack.training.data.mixture import NOTHING, Mixture
from edgetrack.training.data.pictures import Picture
from edgetrack.training.data.sources import load_pictures
from edgetrack.training.data.videos import Videos, load_videos

Batch = dict[str, Any]
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Plan:
    """What the workers make: batches of ``tracking`` or ``grounding`` samples, one of each kind in turn.

    A size of 0 leaves that kind out.
    """

    tracking: int = 32
    grounding: int = 16

    def __post_init__(self) -> None:
        if self.tracking < 0 or self.grounding < 0 or self.tracking + self.grounding == 0:
            raise ConfigError(
                f"batch sizes are tracking={self.tracking}, grounding={self.grounding}; "
                "expected none below 0 and at least one above; raise one of them"
            )


def collate(samples: Sequence[dict[str, Any]]) -> Batch:
    """Stacks samples: arrays along a new first axis, captions into a list."""
    return {
        key: [sample[key] for sample in samples]
        if isinstance(samples[0][key], str)
        else np.stack([sample[key] for sample in samples])
        for key in samples[0]
    }


def batches(
    pictures: Sequence[Picture], videos: Videos | None, plan: Plan, seed: int, mixture: Mixture = NOTHING
) -> Iterator[tuple[str, Batch]]:
    """Endless ("tracking" | "grounding", batch), in turn, in this process."""
    tracking = mixture.tracking(pictures, videos, seed)
    grounding = mixture.grounding(pictures, seed + 1)
    while True:
        if plan.tracking:
            yield "tracking", collate([tracking.sample() for _ in range(plan.tracking)])
        if plan.grounding:
            yield "grounding", collate([grounding.sample() for _ in range(plan.grounding)])


def _work(
    pictures: Sequence[Picture],
    videos: Videos | None,
    plan: Plan,
    seed: int,
    mixture: Mixture,
    queues: dict[str, Any],
) -> None:
    cv2.setNumThreads(0)
    try:
        for kind, batch in batches(pictures, videos, plan, seed, mixture):
            queues[kind].put(batch)
    except EdgetrackError as error:  # such as a broken file of a data set: `Workers.next` raises it
        for waiting in queues.values():
            waiting.put(error)


class Workers:
    """Running producers: a context manager; outside of ``with`` call `close` at the end."""

    def __init__(self, processes: list[ForkProcess], queues: dict[str, Any]) -> None:
        self._processes = processes
        self._queues = queues

    def next(self, kind: str) -> Batch:
        """The next batch of ``"tracking"`` or ``"grounding"`` samples, see the samplers for its keys.

        Raises:
            SourceError: no worker is alive any more, or none delivers.
            DatasetError: a worker met a broken file of a data set.
        """
        waited = 0.0
        while waited < _PATIENCE_S:
            try:
                batch: Batch | EdgetrackError = self._queues[kind].get(timeout=2.0)
                if isinstance(batch, EdgetrackError):
                    raise batch
                return batch
            except queue.Empty:
                waited += 2.0
                if not any(process.is_alive() for process in self._processes):
                    break
        raise SourceError(
            f"no {kind} batch after {waited:.0f} s from {len(self._processes)} data workers; expected one "
            f"within {_PATIENCE_S:.0f} s; read their traceback above, and take batches of both kinds in turn"
        )

    def close(self) -> None:
        """Stops the workers."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
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
) -> Workers:
    """Loads the data once (unless given), forks ``n`` workers that share it, and starts them.

    Call it before anything starts threads (such as a torch computation): a fork does not carry them over.

    Args:
        n: worker processes.
        seed: of all draws; worker ``i`` draws from ``seed + 1000 * i``.
        plan: batch sizes.
        depth: batches of each kind that may wait.
        root: data folder, see `edgetrack.training.data.roots.data_root`.
        pictures: stills, instead of loading those under ``root``.
        videos: videos, instead of those under ``root``; none when only ``pictures`` are given.
        folders: more stills, see `edgetrack.training.data.sources.read_folder`.
        mixture: official data sets to draw from, too; with an empty ``root``, from them alone.
    """
    if n < 1:
        raise ConfigError(f"n is {n}; expected at least 1 data worker; raise it")
    if pictures is None and mixture.sources and root == "":
        pictures = ()
    elif pictures is None:
        pictures = load_pictures(root, folders=folders)
        videos = videos or load_videos(root)
    plan = plan or Plan()
    if plan.grounding and not pictures:
        mixture.grounding(pictures, seed)  # fails here, not in a worker, when nothing has sentences
    context = multiprocessing.get_context("fork")
    queues = {kind: context.Queue(depth) for kind in ("tracking", "grounding")}
    processes = [
        context.Process(
            target=_work,
            args=(pictures, videos, plan, seed + 1000 * i, mixture, queues),
            daemon=True,
        )
        for i in range(n)
    ]
    for process in processes:
        process.start()
    return Workers(processes, queues)
