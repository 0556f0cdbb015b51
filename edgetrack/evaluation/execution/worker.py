"""Runs jobs one after another in this process, or in several processes of this machine (`ray`: several machines)."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack import signals
from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import EdgetrackError, WorkerError
from edgetrack.evaluation.execution.plan import Job
from edgetrack.evaluation.execution.tracking import Frames, finish, ground, track
from edgetrack.evaluation.metrics.prompt_switching import SWITCH_FRAME
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.perturbations.prompt_switching import PromptSwitch, splice
from edgetrack.evaluation.perturbations.registry import open_perturbation
from edgetrack.evaluation.trackers.registry import TrackerEntry, open_entry
from edgetrack.evaluation.types import SWITCH, Condition, ExpressionBatch, FirstMask, Record

Done = tuple[Job, Record]


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """The settings of a worker, which are sent to other processes."""

    clips: Sequence[Clip] | Sequence[ExpressionBatch]
    open_edgetrack: Callable[..., Any]
    peer_weights: Path | None = None
    threads: int = 2
    seed: int = 0
    corrupt_init: bool = False
    first_mask: FirstMask = ""

    def open(self, name: str) -> TrackerEntry:
        """Open the tracker of that name."""
        return open_entry(
            name, open_edgetrack=self.open_edgetrack, peer_weights=self.peer_weights, threads=self.threads
        )


class Worker:
    """The trackers of one process; each one is opened for its first job."""

    def __init__(self, setup: WorkerSetup, entries: Sequence[TrackerEntry] = ()) -> None:
        self._setup = setup
        self._entries = {entry.name: entry for entry in entries}

    def frames(self, job: Job) -> Frames[Record]:
        """Run a job frame by frame.

        Raises:
            EdgetrackError: the tracker failed, or the data is invalid; the message begins with the sequence's name.
        """
        name, clip = job.run.tracker, self._setup.clips[job.index]
        try:
            if name not in self._entries:
                self._entries[name] = self._setup.open(name)
            entry = self._entries[name]
            if isinstance(clip, ExpressionBatch):
                return (yield from ground(clip, entry.tracker, fit=entry.fit))
            clip, perturbation = self._perturbed(job.run.condition, clip, entry)
            text = "" if job.run.mode == "bbox" else entry.fit(job.text)
            return (
                yield from track(
                    clip,
                    entry.tracker,
                    mode=job.run.mode,
                    text=text,
                    perturbation=perturbation,
                    first_mask=self._setup.first_mask,
                    sensors=job.run.sensors,
                    pairs=entry.pairs,
                )
            )
        except EdgetrackError as error:
            raise type(error)(f"{clip.name}, {name} {job.run.label}: {error}") from error

    def do(self, job: Job) -> Record:
        """Run a job; `frames` describes the errors."""
        return finish(self.frames(job))

    def _perturbed(self, condition: Condition, clip: Clip, entry: TrackerEntry) -> tuple[Clip, Perturbation]:
        setup = self._setup
        clips = [c for c in setup.clips if isinstance(c, Clip)]
        if condition.name == SWITCH:
            clip, text = splice(clip, clips=clips, seed=setup.seed)
            return clip, PromptSwitch(int(clip.attributes[SWITCH_FRAME]), entry.fit(text))
        return clip, open_perturbation(
            condition, clip, clips=clips, seed=setup.seed, corrupt_init=setup.corrupt_init
        )


def in_this_process(jobs: Sequence[Job], worker: Worker) -> Iterator[Done | None]:
    """Run one job after another; yield None after each frame and the record after each job."""
    for job in jobs:
        record = yield from worker.frames(job)
        yield job, record


_worker: Worker | None = None


def _begin(setup: WorkerSetup) -> None:
    global _worker
    # Ctrl-C ends a worker silently; the main process reports it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signals.end_with_parent()
    _worker = Worker(setup)


def _do(job: Job) -> Record:
    assert _worker is not None
    return _worker.do(job)


def in_processes(jobs: Sequence[Job], setup: WorkerSetup, *, count: int) -> Iterator[Done]:
    """Run jobs in ``count`` processes with an engine each, longest first, and yield them as they finish.

    Raises:
        WorkerError: a process was killed.
        EdgetrackError: see `Worker.frames`.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(setup,)
    )
    futures: dict[Future[Record], Job] = {}
    try:
        ordered = sorted(jobs, key=lambda job: -len(setup.clips[job.index]))
        futures |= {pool.submit(_do, job): job for job in ordered}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise WorkerError(
            f"one of {count} worker processes died before its work was done; the memory may have run out; "
            "finished sequences are kept: add --resume, and use fewer --workers"
        ) from error
    finally:
        if not all(future.done() for future in futures):
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
        pool.shutdown(cancel_futures=True)
