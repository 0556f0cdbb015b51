"""A background process that makes the next batches of a training loop."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import Any, TypeVar

import cv2

from edgetrack.errors import EdgetrackError, SourceError
from edgetrack.training.resumable import begin_worker

T = TypeVar("T")
_AHEAD = 4  # maximum number of batches in the queue


def started(begin: Callable[[], Callable[[], T]]) -> Callable[[], T]:
    """Start a worker process; return a function that fetches its next batch.

    Args:
        begin: Called in the worker; returns the function that makes the next batch. As the worker is a fork, it may
            use objects in this process's memory.

    Raises:
        EdgetrackError: Raised by the returned function if the worker has raised one, or has ended.
    """
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue(_AHEAD)
    process = context.Process(target=_work, args=(begin, queue), daemon=True)
    process.start()

    def following() -> T:
        while True:
            alive = process.is_alive()  # asked first: the last batch may still come
            with suppress(Empty):
                made: T | EdgetrackError = queue.get(timeout=2.0)
                if isinstance(made, EdgetrackError):
                    raise made
                return made
            if not alive:
                raise SourceError(
                    f"the process that prepares batches ended with code {process.exitcode} before the training did: "
                    "see its traceback above"
                )

    return following


def _work(begin: Callable[[], Callable[[], T]], queue: Any) -> None:
    begin_worker()
    cv2.setNumThreads(0)
    try:
        following = begin()
        while True:
            queue.put(following())
    except EdgetrackError as error:  # such as a broken file of a data set: the parent raises it
        queue.put(error)
