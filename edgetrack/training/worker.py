"""A process that makes a training loop's next batches while it computes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any, TypeVar

import cv2

from edgetrack.training.resumable import begin_worker

T = TypeVar("T")
_AHEAD = 4  # batches


def started(begin: Callable[[], Callable[[], T]]) -> Callable[[], T]:
    """Start a worker process; return what fetches its next batch.

    Args:
        begin: Called in the worker, which is a fork: it returns what makes the next batch, and may use what is in
            memory here.
    """
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue(_AHEAD)
    context.Process(target=_work, args=(begin, queue), daemon=True).start()

    def following() -> T:
        batch: T = queue.get()
        return batch

    return following


def _work(begin: Callable[[], Callable[[], T]], queue: Any) -> None:
    begin_worker()
    cv2.setNumThreads(0)
    following = begin()
    while True:
        queue.put(following())
