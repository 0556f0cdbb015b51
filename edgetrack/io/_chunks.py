"""Unpacks the chunks of an MCAP file within limits: sizes in a file are checked before memory is allocated."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

from edgetrack._imports import require

LARGEST = 1 << 28  # unpacked bytes; a small file can declare any size, but recorders write a few million


def unpacked(chunk: Any) -> Iterator[Any]:
    """Yield the schemas, channels and messages of a chunk.

    Raises:
        ValueError: The chunk is larger than ``LARGEST``, does not have the declared size, or is damaged.
    """
    if chunk.uncompressed_size > LARGEST:
        raise ValueError(f"a chunk of {chunk.uncompressed_size} bytes, expected at most {LARGEST}")
    data = chunk.data
    if chunk.compression:
        data = _open(chunk.compression, BytesIO(data)).read(chunk.uncompressed_size + 1)
    if len(data) != chunk.uncompressed_size:
        raise ValueError(
            f"a chunk whose data does not have the {chunk.uncompressed_size} bytes that its header says"
        )
    if chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc:
        raise ValueError("a chunk with a wrong checksum")
    return _records(data)


def _open(compression: str, packed: BinaryIO) -> Any:
    if compression == "zstd":
        return (
            require("zstandard", extra="mcap")
            .ZstdDecompressor()
            .stream_reader(packed, read_across_frames=True)
        )
    if compression == "lz4":
        return require("lz4.frame", extra="mcap").open(packed)
    raise ValueError(f"a chunk compressed with {compression!r}, expected zstd or lz4")


def _records(data: bytes) -> Iterator[Any]:
    stream = require("mcap.data_stream", extra="mcap").ReadDataStream(BytesIO(data))
    kinds, opcodes = require("mcap.records", extra="mcap"), require("mcap.opcode", extra="mcap").Opcode
    while stream.count < len(data):
        opcode, length = stream.read1(), stream.read8()
        end = stream.count + length
        if opcode == 0 or end > len(data):
            raise ValueError(f"a record {opcode} of {length} bytes inside a chunk")
        if opcode == opcodes.MESSAGE:
            yield kinds.Message.read(stream, length)
        elif opcode == opcodes.CHANNEL:
            yield kinds.Channel.read(stream)
        elif opcode == opcodes.SCHEMA:
            yield kinds.Schema.read(stream)
        stream.read(end - stream.count)
