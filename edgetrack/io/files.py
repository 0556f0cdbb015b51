"""Files that results are appended to: only complete records, even if the disk is full or a reader is slow."""

from __future__ import annotations

import os
import select
import stat
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from edgetrack import signals
from edgetrack.errors import ReaderGone, SinkError

STDOUT = "-"


def check_place(path: Path, *, option: str) -> None:
    """Check early that a file can be written, before the work for it is done.

    Raises:
        SinkError: Its folder does not exist, it is a folder itself, or this process may not write there.
    """
    folder = path.parent
    why = None
    if "\0" in str(path):
        why = "a file name cannot contain a zero byte"
    elif path.is_dir():
        why = "it is a folder"
    elif not folder.is_dir():
        why = f"folder {folder} does not exist"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        why = "it is read-only"
    if why is not None:
        raise SinkError(f"{path} cannot be written: {why}; choose another {option}")


def write_whole(path: Path, content: str | bytes, *, option: str) -> None:
    """Replace a file completely, or leave it unchanged; a link is followed, and stays.

    Raises:
        SinkError: The file cannot be written; the message suggests another value for ``option``.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    part: Path | None = None
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():  # a pipe or a device
            target.write_bytes(data)
            return
        part = target.with_name(
            f".{uuid4().hex}"
        )  # without the file's name, which may have the maximum length already
        part.write_bytes(data)
        if target.exists():
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        part.replace(target)
    except (OSError, ValueError) as error:  # ValueError: a name that the system cannot have
        if part is not None:
            with suppress(OSError):
                part.unlink()
        reason = getattr(error, "strerror", None) or str(error)
        raise SinkError(f"{path} cannot be written: {reason}; choose another {option}") from error


class OutputFile:
    """A file, pipe or device that records are appended to; each record is written when ``append`` returns.

    The first record replaces the previous content of a regular file. A record that cannot be written completely is
    removed, so that the file ends with the previous one. A file that was created here and got no record is deleted.

    Attributes:
        regular: whether it is a file on disk, which can be truncated and overwritten.

    Args:
        path: where to write; ``-`` is standard output, which is always appended to.

    Raises:
        SinkError: no file can be written there; later `ReaderGone`, if nobody reads standard output anymore.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = "standard output" if str(path) == STDOUT else f"output {path}"
        self._path = None if str(path) == STDOUT else Path(path)
        self._created = False
        try:
            self._descriptor = os.dup(1) if self._path is None else self._open(self._path)
            self.regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        except (OSError, ValueError) as error:  # ValueError: a name that the system cannot have
            raise self.failure(error) from error
        self._began = False

    def _open(self, path: Path) -> int:
        if path.is_dir():
            raise SinkError(f"{self.name} is a folder; expected a file name such as {path / 'out.jsonl'}")
        if not path.parent.is_dir():
            raise SinkError(f"{self.name} cannot be written: folder {path.parent} does not exist")
        flags = os.O_WRONLY | os.O_APPEND
        with suppress(FileNotFoundError):
            return os.open(path, flags)
        self._created = True
        return os.open(path, flags | os.O_CREAT, 0o666)

    def append(self, record: bytes) -> None:
        """Append a record completely, or write nothing.

        Raises:
            SinkError: the record cannot be written.
        """
        written = 0
        try:
            if self.regular and not self._began and self._path is not None:
                os.ftruncate(self._descriptor, 0)
            while written < len(record):
                written += self._write(memoryview(record)[written:])
        except OSError as error:
            self._take_back(written)
            raise self.failure(error) from error
        self._began = True

    def _write(self, data: memoryview) -> int:
        with signals.breakable():
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # a pipe or terminal that another program has made nonblocking
                select.select([], [self._descriptor], [])
                return 0

    def patch(self, offset: int, data: bytes) -> None:
        """Overwrite existing content; the size stays the same.

        Raises:
            SinkError: the data cannot be written, or this is not a regular file.
        """
        try:
            import fcntl

            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, 0)  # otherwise Linux appends all writes
            os.pwrite(self._descriptor, data, offset)
        except OSError as error:
            raise self.failure(error) from error

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return os.fstat(self._descriptor).st_size if self._began else 0

    def cut(self, size: int) -> None:
        """Truncate the file to ``size`` if that is possible."""
        with suppress(OSError):
            if self.regular:
                os.ftruncate(self._descriptor, size)
                os.lseek(self._descriptor, size, os.SEEK_SET)

    def _take_back(self, written: int) -> None:
        if written:
            self.cut(os.fstat(self._descriptor).st_size - written)

    def failure(self, error: Exception) -> SinkError:
        """Return the exception to raise for an error of the operating system."""
        if isinstance(error, SinkError):
            return error
        broken = isinstance(error, BrokenPipeError)
        reason = "its reader has left" if broken else getattr(error, "strerror", None) or str(error)
        kind = ReaderGone if broken and self._path is None else SinkError
        return kind(f"{self.name} cannot be written: {reason}")

    def close(self) -> None:
        """Close the file. May be called twice.

        Raises:
            SinkError: the operating system reports only now that something was not written.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            os.close(descriptor)
        except OSError as error:
            raise self.failure(error) from error
        finally:
            if self._created and not self._began and self._path is not None:
                self._path.resolve().unlink(missing_ok=True)  # it may be the target of a link
