"""The terminal: it can do no harm to a command, and what is printed can do no harm to it.

A reader that leaves, a disk that is full, a terminal that closes or knows no Unicode: the command goes on. Names and
texts come from files of strangers: control characters in them are shown, not obeyed.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
import traceback
import unicodedata
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from edgetrack import signals

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

# What is printed where a terminal has no such character.
MARKS = {
    "●": "*",
    "·": "-",
    "…": "...",
    "\N{MULTIPLICATION SIGN}": "x",
    "✓": "+",
    "\N{EN DASH}": "-",
    "—": "-",
}
ENCODING_ERRORS = "edgetrack.marks"
QUIET = {errno.EPIPE, errno.EBADF}  # the reader has left, or there never was one: both are meant


def escape(text: str) -> str:
    r"""The text with a ``\x1b`` for what would move, color or turn around; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" or not _obeyed(c) else _spelled(c) for c in text)


def one_line(text: str) -> str:
    """The same, without line breaks: no name can pretend to be a line of ours."""
    return escape(text).replace("\n", "\\n").replace("\t", " ")


def _obeyed(character: str) -> bool:
    """Whether a terminal acts on it: control characters, separators of lines, what turns the direction of writing."""
    turns = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return turns or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no Unicode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    left = error.object[error.start : error.end]
    return "".join(MARKS.get(c) or _spelled(c) for c in left), error.end


codecs.register_error(ENCODING_ERRORS, _replace)


class _Stream(io.TextIOWrapper):
    """Standard output or error; once it cannot be written, what follows is dropped."""

    lost: OSError | None = None

    def write(self, text: str) -> int:
        try:
            with signals.breakable():
                return super().write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        try:
            with signals.breakable():
                super().flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost = self.lost or error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())  # where what is still in the buffers goes
        os.close(null)


def guard() -> None:
    """Makes standard output and error safe to print to, for this process; for the command alone, at its start."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: or the first file that is opened would be taken for it
            os.open(os.devnull, os.O_RDONLY)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        raw = io.FileIO(number, "w", closefd=False) if stream is None else stream.buffer
        encoding = "utf-8" if stream is None else stream.encoding
        buffered = io.BufferedWriter(raw) if stream is None else raw
        os.set_blocking(number, True)  # another program may have changed it
        safe = _Stream(buffered, encoding, ENCODING_ERRORS, line_buffering=True, write_through=number == 2)
        setattr(sys, name, safe)
    sys.excepthook = _report


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody has foreseen, escaped as well."""
    sys.stderr.write(escape("".join(traceback.format_exception(kind, error, trace))))


def takes_more() -> bool:
    """Whether standard output takes a line at once: one that was stopped or whose connection hangs would block."""
    try:
        return bool(select.select([], [sys.stdout.fileno()], [], 0)[1])
    except (OSError, ValueError):  # it has no descriptor, or is closed
        return True


def take_lost() -> OSError | None:
    """Why standard output could not be written, once; None where it could, or where nobody is there to read it."""
    stream = sys.stdout
    stream.flush()
    if not isinstance(stream, _Stream):
        return None
    error, stream.lost = stream.lost, None
    return None if error is None or error.errno in QUIET else error


def give_stdout_away() -> None:
    """Leaves standard output to results: what is printed there from now on goes to standard error.

    Whoever wants the old one has made a duplicate of it.
    """
    sys.stdout.flush()
    os.dup2(2, 1)


def open_console(*, stderr: bool = False) -> Console:
    """Where to print: text as it is, without markup, and with control characters shown."""
    from rich.console import Console
    from rich.segment import Segment

    class Safe(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            # Once it is laid out: what the library adds to style and place it is not in the text.
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else escape(text), style, control)

    return Safe(stderr=stderr, markup=False, emoji=False, highlight=False)
