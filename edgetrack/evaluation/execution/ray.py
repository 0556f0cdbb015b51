"""Runs jobs on a Ray cluster. Each sequence is a task; if its machine fails, it is restarted on another one.

Every machine needs this version of edgetrack and the dataset at the same path; relative paths are resolved from the
folder in which the evaluation was started. Records are sent back to that machine, the only one that writes files.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from edgetrack._imports import require
from edgetrack.errors import ConfigError, EdgetrackError, WorkerError
from edgetrack.evaluation.execution.plan import Job
from edgetrack.evaluation.execution.worker import Done, Worker, WorkerSetup
from edgetrack.evaluation.types import Record

MAX_RETRIES = 5  # retries of one sequence
CONNECT_TIMEOUT_S = 10.0

# The workers of this process are kept, because Ray runs many tasks in it and opening an engine takes time.
_workers: dict[str, Worker] = {}


def _do(setup: WorkerSetup, evaluation: str, folder: str, job: Job) -> Record:
    if evaluation not in _workers:
        with contextlib.suppress(OSError):  # a machine without that folder can still use absolute paths
            os.chdir(folder)
        _workers.clear()
        _workers[evaluation] = Worker(setup)
    return _workers[evaluation].do(job)


def on_ray(jobs: Sequence[Job], setup: WorkerSetup, *, address: str) -> Iterator[Done]:
    """Yield the jobs as they finish.

    Args:
        jobs: the jobs.
        setup: setup of the workers, sent to every machine once.
        address: address of the cluster's head node as ``ray start --head`` prints it, or "auto" on a machine of the
            cluster.

    Raises:
        MissingExtra: Ray is not installed.
        ConfigError: no cluster answers at the address.
        WorkerError: a sequence was not finished even after `MAX_RETRIES` retries.
        EdgetrackError: see `Worker.frames`.
    """
    ray = require("ray", extra="ray")
    try:
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"no Ray cluster answers at {address} ({reason[:200]}); start one with: ray start --head"
        ) from error
    try:
        yield from _results(ray, jobs, setup)
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at the address; Ray itself would keep trying for many minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()


def _results(ray: Any, jobs: Sequence[Job], setup: WorkerSetup) -> Iterator[Done]:
    shared, evaluation, folder = ray.put(setup), uuid4().hex, str(Path.cwd())
    task = ray.remote(num_cpus=setup.threads, max_retries=MAX_RETRIES, retry_exceptions=[OSError])(_do)
    ordered = sorted(jobs, key=lambda job: -len(setup.clips[job.index]))
    waiting = {task.remote(shared, evaluation, folder, job): job for job in ordered}
    while waiting:
        [done], _ = ray.wait(list(waiting), num_returns=1)
        job = waiting.pop(done)
        try:
            yield job, ray.get(done)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, EdgetrackError):
                raise error.cause from None
            raise
        except ray.exceptions.RayError as error:
            name = setup.clips[job.index].name
            raise WorkerError(
                f"{name} was started {MAX_RETRIES + 1} times, and its machine or process died each time "
                f"({error}); finished sequences are kept: add --resume when the cluster works again"
            ) from error
