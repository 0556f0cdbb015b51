"""Safe output: a failing terminal does not affect a command, and printed text cannot manipulate the terminal.

A command continues if the reader exits, the disk is full, or the terminal closes or does not support Unicode. Names and
texts may come from untrusted files, so control characters in them are shown instead of sent.
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

# Replacements if a terminal does not have a character.
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
QUIET = {errno.EPIPE, errno.EBADF}  # the reader has exited, or there never was one: both are intended


def escape(text: str) -> str:
    r"""Replace characters that move, color or reverse text by escapes such as ``\x1b``; keep line breaks and tabs."""
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" or not _obeyed(c) else _spelled(c) for c in text)


def one_line(text: str) -> str:
    """Do the same with line breaks, so that a name cannot imitate a line of edgetrack's output."""
    return escape(text).replace("\n", "\\n").replace("\t", " ")


def _obeyed(character: str) -> bool:
    """Return whether a terminal interprets a character: control, line separator, or text direction."""
    turns = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return turns or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not valid Unicode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    left = error.object[error.start : error.end]
    return "".join(MARKS.get(c) or _spelled(c) for c in left), error.end


codecs.register_error(ENCODING_ERRORS, _replace)


class _Stream(io.TextIOWrapper):
    """Standard output or error; after a write has failed, further output is dropped."""

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
        os.dup2(null, self.fileno())  # discards the contents of the buffers
        os.close(null)


def guard() -> None:
    """Make standard output and error of this process safe to print to; call it only at the start of the command."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed; otherwise, the first opened file would get its number
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
    """Print an unexpected exception, escaped as well."""
    sys.stderr.write(escape("".join(traceback.format_exception(kind, error, trace))))


def takes_more() -> bool:
    """Return whether standard output accepts a line without blocking, as a stopped terminal would."""
    try:
        return bool(select.select([], [sys.stdout.fileno()], [], 0)[1])
    except (OSError, ValueError):  # it has no file descriptor, or is closed
        return True


def take_lost() -> OSError | None:
    """Return once why writing to standard output failed; None if it did not fail or has no reader."""
    stream = sys.stdout
    stream.flush()
    if not isinstance(stream, _Stream):
        return None
    error, stream.lost = stream.lost, None
    return None if error is None or error.errno in QUIET else error


def give_stdout_away() -> None:
    """Reserve standard output for results: from now on, printed text goes to standard error.

    Code that needs the original must have duplicated it before.
    """
    sys.stdout.flush()
    os.dup2(2, 1)


def open_console(*, stderr: bool = False) -> Console:
    """Return a console that prints text without markup and with control characters escaped."""
    from rich.console import Console
    from rich.segment import Segment

    class Safe(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            # After the layout, because the library's own styling and positioning is not in the text.
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else escape(text), style, control)

    return Safe(stderr=stderr, markup=False, emoji=False, highlight=False)
