"""The work of an evaluation, sequence by sequence: here, in processes of this machine, or (`cluster`) on many."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import EdgetrackError, WorkerError
from edgetrack.evaluation.conditions import open_stream
from edgetrack.evaluation.grounding import Expressions, ground
from edgetrack.evaluation.records import Record
from edgetrack.evaluation.runner import Run, track
from edgetrack.evaluation.streams import SWITCH, Condition, Stream
from edgetrack.evaluation.switching import AT, Switch, switched
from edgetrack.evaluation.trackers import Entrant, open_entrant


@dataclass(frozen=True, slots=True)
class Job:
    """One run over one sequence, or over one part of a grounding set."""

    run: Run
    place: int  # among the clips
    text: str = ""


@dataclass(frozen=True, slots=True)
class Setup:
    """What every worker must know; it travels to other processes."""

    clips: Sequence[Clip] | Sequence[Expressions]
    open_edgetrack: Callable[..., Any]
    peer_weights: Path | None = None
    threads: int = 2
    seed: int = 0
    corrupt_init: bool = False

    def open(self, name: str) -> Entrant:
        """The tracker of that name."""
        return open_entrant(
            name, open_edgetrack=self.open_edgetrack, peer_weights=self.peer_weights, threads=self.threads
        )


class Worker:
    """The trackers of one process; each is opened when its first job comes."""

    def __init__(self, setup: Setup, entrants: Sequence[Entrant] = ()) -> None:
        self._setup = setup
        self._entrants = {entrant.name: entrant for entrant in entrants}

    def do(self, job: Job, on_frame: Callable[[], None] = lambda: None) -> Record:
        """The record of a job.

        Raises:
            EdgetrackError: the tracker or the data gave up; the message begins with the sequence's name.
        """
        name, clip = job.run.tracker, self._setup.clips[job.place]
        try:
            if name not in self._entrants:
                self._entrants[name] = self._setup.open(name)
            entrant = self._entrants[name]
            if isinstance(clip, Expressions):
                return ground(clip, entrant.tracker, fit=entrant.fit, on_frame=on_frame)
            clip, stream = self._staged(job.run.condition, clip, entrant)
            text = "" if job.run.mode == "bbox" else entrant.fit(job.text)
            return track(
                clip, entrant.tracker, mode=job.run.mode, text=text, stream=stream, on_frame=on_frame
            )
        except EdgetrackError as error:
            raise type(error)(f"{clip.name}, {name} {job.run.label}: {error}") from error

    def _staged(self, condition: Condition, clip: Clip, entrant: Entrant) -> tuple[Clip, Stream]:
        setup = self._setup
        clips = [c for c in setup.clips if isinstance(c, Clip)]
        if condition.name == SWITCH:
            clip, text = switched(clip, clips=clips, seed=setup.seed)
            return clip, Switch(int(clip.attributes[AT]), entrant.fit(text))
        options = partial(open_stream, clips=clips, seed=setup.seed, corrupt_init=setup.corrupt_init)
        return clip, options(condition, clip)


def here(jobs: Sequence[Job], worker: Worker, on_frame: Callable[[], None]) -> Iterator[tuple[Job, Record]]:
    """One job after the other in this process."""
    for job in jobs:
        yield job, worker.do(job, on_frame)


_worker: Worker | None = None


def _begin(setup: Setup) -> None:
    global _worker
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # Ctrl-C ends a worker without a word; the first process speaks
    _worker = Worker(setup)


def _do(job: Job) -> Record:
    assert _worker is not None
    return _worker.do(job)


def in_processes(jobs: Sequence[Job], setup: Setup, *, count: int) -> Iterator[tuple[Job, Record]]:
    """The jobs as they are finished, the longest begun first, by ``count`` processes with an engine each.

    Raises:
        WorkerError: a process was killed.
        EdgetrackError: as of `Worker.do`.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(setup,)
    )
    futures: dict[Future[Record], Job] = {}
    try:
        ordered = sorted(jobs, key=lambda job: -len(setup.clips[job.place]))
        futures |= {pool.submit(_do, job): job for job in ordered}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise WorkerError(
            f"one of {count} worker processes ended before its work, as when memory runs out; "
            "finished sequences are kept: add --resume, with fewer --workers"
        ) from error
    finally:
        if not all(future.done() for future in futures):
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
        pool.shutdown(cancel_futures=True)
