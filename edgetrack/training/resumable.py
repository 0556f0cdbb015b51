"""What takes minutes or hours may be ended at any moment: what it has done is kept, and it goes on from there."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from edgetrack import signals

_LIMIT_S = (
    60.0  # from a signal to the end: a step on a slow processor takes seconds, and so does a checkpoint
)


@contextmanager
def resumable(kept: Path, command: str) -> Generator[None, None, None]:
    """Within it, every signal that would end the process raises `KeyboardInterrupt`, once, so that work can be saved.

    Then it prints how to go on, and ends the process as the command does after Ctrl-C, with 130.

    Args:
        kept: The file from which the work goes on; without it nothing is printed.
        command: What resumes the work.
    """
    with signals.interruptible(limit_s=_LIMIT_S):
        try:
            yield
        except KeyboardInterrupt:
            if kept.is_file():
                with suppress(OSError):  # the terminal may be what has gone
                    print(f"stopped; {kept} is saved, resume with: {command}", flush=True)
            raise SystemExit(signals.EXIT_INTERRUPTED) from None


@contextmanager
def replacing(path: Path) -> Generator[Path, None, None]:
    """Give the name of a file to write, which takes the place of ``path`` once it is complete.

    A signal waits until it is; a process that is killed before leaves ``path`` as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with undisturbed():
        yield part
        part.replace(path)


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """Within it no signal interrupts; one that has come raises its `KeyboardInterrupt` at the end."""
    with signals.held():
        yield
    if signals.stopping():
        raise KeyboardInterrupt


@contextmanager
def appended(path: Path) -> Generator[tuple[int, TextIO], None, None]:
    """Open a file of lines to go on with it: how many it has, and where to write; each new line is there at once.

    Half a line at the end, of a process that was killed or found the disk full, is cut off.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as lines:
        lines.seek(0)
        count = whole = 0
        for line in lines:
            if line.endswith(b"\n"):
                count, whole = count + 1, whole + len(line)
        lines.truncate(whole)
    with path.open("a", encoding="utf-8", buffering=1) as text:
        yield count, text


def begin_worker() -> None:
    """In a forked worker process: leave signals to the parent, and end when it ends, however it does."""
    signals.leave_to_parent()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
