"""Support for long tasks that can be interrupted at any time and resumed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from edgetrack import signals

_LIMIT_S = 60.0  # from a signal to the exit: on a slow processor, a step and a checkpoint take seconds each


@contextmanager
def resumable(kept: Path, command: str) -> Generator[None, None, None]:
    """In this context, the first signal that would end the process raises `KeyboardInterrupt`, so that work is saved.

    Then it prints how to resume, and exits with status 130, as the command does after Ctrl-C.

    Args:
        kept: The file from which work is resumed; if it does not exist, nothing is printed.
        command: The command that resumes the work.
    """
    with signals.interruptible(limit_s=_LIMIT_S):
        try:
            yield
        except KeyboardInterrupt:
            if kept.is_file():
                with suppress(OSError):  # the terminal may be gone
                    print(f"stopped; {kept} is saved; resume with: {command}", flush=True)
            raise SystemExit(signals.EXIT_INTERRUPTED) from None


@contextmanager
def replacing(path: Path) -> Generator[Path, None, None]:
    """Yield the path of a temporary file, which replaces ``path`` once it is complete.

    Signals are deferred until then. If the process is killed before, ``path`` stays unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with undisturbed():
        yield part
        part.replace(path)


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """Defer signals; one that arrives meanwhile raises its `KeyboardInterrupt` at the end."""
    with signals.held():
        yield
    if signals.stopping():
        raise KeyboardInterrupt


@contextmanager
def appended(path: Path) -> Generator[tuple[int, TextIO], None, None]:
    """Open a text file to append lines; yield the number of its lines, and the file. Each line is flushed at once.

    An incomplete last line, from a process that was killed or a full disk, is removed.
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
    """Prepare a forked worker process: it leaves signals to the parent, and ends with it in any case."""
    signals.leave_to_parent()
    signals.end_with_parent()
