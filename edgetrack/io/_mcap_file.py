"""An MCAP file that is written during the run, for any kind of messages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgetrack._imports import require
from edgetrack.errors import SinkError
from edgetrack.io.files import OutputFile
from edgetrack.io.names import printable

FACTS = "edgetrack"  # name of the metadata record
CHUNK_BYTES = 1 << 18  # minimum size of a chunk before compression
LARGEST_CHUNK = 1 << 23
# The index, with an entry per chunk, stays in memory until the end, so the size of chunks grows with the file.
CHUNK_SHARE = 1 / 1024


class McapFile:
    """Wraps the writer of the ``mcap`` library, and decides when chunks are written.

    If the process is killed, at most the last `CHUNK_BYTES` are missing, or the last thousandth of the file if that is
    more.

    Args:
        path: the file; ``start`` replaces it.
        extra: the extra that installs ``mcap``, for the error message.

    Raises:
        MissingExtra: ``mcap`` is not installed.
        SinkError: the path cannot be written.
    """

    def __init__(self, path: str | Path, *, extra: str = "mcap") -> None:
        self._library = require("mcap.writer", extra=extra)
        self._file = OutputFile(path)
        self._stream = _Stream(self._file)
        self._writer: Any = None
        self._waiting = 0  # bytes of messages that are not in a chunk yet

    def check(self) -> None:
        """Raise the earlier write error, if there was one: data after a gap could not be read."""
        self._stream.check()

    def start(self, facts: Mapping[str, str], *, profile: str = "") -> None:
        """Write the header, and ``facts`` as the metadata record `FACTS`.

        Raises:
            SinkError: the file does not take it.
        """
        self._writer = self._library.Writer(self._stream, chunk_size=1 << 40)  # ``settle_due`` decides when
        self._writer.start(profile=profile, library=f"edgetrack {facts.get('edgetrack', '')}".strip())
        self._writer.add_metadata(FACTS, {key: printable(value) for key, value in facts.items()})
        self._stream.settle()

    def register_schema(self, name: str, encoding: str, content: bytes) -> int:
        """Register a schema and return its number."""
        return int(self._writer.register_schema(name, encoding, content))

    def register_channel(self, topic: str, encoding: str, schema: int) -> int:
        """Register a channel for messages of that schema and return its number."""
        return int(self._writer.register_channel(topic, encoding, schema))

    def add(self, channel: int, nanoseconds: int, index: int, data: bytes) -> None:
        """Add a message to a channel, with its time and the number of its frame."""
        self._waiting += len(data)
        self._writer.add_message(channel, nanoseconds, data, nanoseconds, index)

    def settle_due(self) -> None:
        """Write the added messages, if they are enough for a chunk.

        Raises:
            SinkError: the file does not take it; it ends with what it took until then.
        """
        if self._waiting >= min(max(CHUNK_BYTES, self._stream.tell() * CHUNK_SHARE), LARGEST_CHUNK):
            self._writer.flush()
            self._stream.settle()
            self._waiting = 0

    def close(self) -> None:
        """Write the rest and the index. May be called twice.

        Raises:
            SinkError: the file does not take it.
        """
        writer, self._writer = self._writer, None
        try:
            if writer is not None and not self._stream.failed:
                writer.finish()
                self._stream.settle()
        finally:
            self._file.close()


class _Stream:
    """The stream that the library writes to; ``settle`` passes its content on, completely or not at all."""

    def __init__(self, file: OutputFile) -> None:
        self._error: SinkError | None = None
        self._file = file
        self._pending = bytearray()
        self._settled = 0

    def write(self, data: bytes) -> None:
        self._pending += data

    def tell(self) -> int:
        return self._settled + len(self._pending)

    def flush(self) -> None:
        """Do nothing: the library calls this at the end of each chunk, and so do we."""

    @property
    def failed(self) -> bool:
        """Whether a write has failed."""
        return self._error is not None

    def check(self) -> None:
        """Raise the earlier write error, if there was one: data after a gap could not be read."""
        if self._error is not None:
            raise self._error

    def settle(self) -> None:
        """Write what was added since the last call.

        Raises:
            SinkError: the file does not take it; it ends with what it took until then.
        """
        self.check()
        try:
            self._file.append(bytes(self._pending))
        except SinkError as error:
            self._error = error
            raise
        self._settled += len(self._pending)
        self._pending.clear()
