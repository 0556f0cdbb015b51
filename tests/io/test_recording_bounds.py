"""Recordings that declare sizes they do not hold: rejected before memory of that size is allocated."""

from __future__ import annotations

import io
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from edgetrack.errors import SourceError
from edgetrack.io.recording import Recording
from edgetrack.io.sources import open_source

pytest.importorskip("cv2")
pytest.importorskip("mcap")
import lz4.frame
import zstandard
from mcap.data_stream import RecordBuilder
from mcap.records import Channel, Chunk, Header, Message, Metadata, Schema

MAGIC = b"\x89MCAP0\r\n"
GIB = 1 << 30


def zeros_zstd(size: int, *, says: bool) -> bytes:
    """Compress ``size`` zeros, with the size declared in the frame header or not."""
    packed, step = io.BytesIO(), bytes(1 << 20)
    writer = zstandard.ZstdCompressor().stream_writer(packed, size=size if says else -1, closefd=False)
    for _ in range(size // len(step)):
        writer.write(step)
    writer.close()
    return packed.getvalue()


def recording(path: Path, data: bytes, *, compression: str, size: int, crc: int = 0) -> Path:
    builder = RecordBuilder()
    Header(profile="", library="").write(builder)
    Chunk(
        compression=compression,
        data=data,
        message_start_time=0,
        message_end_time=0,
        uncompressed_crc=crc,
        uncompressed_size=size,
    ).write(builder)
    path.write_bytes(MAGIC + builder.end() + bytes(1))
    return path


def test_chunk_that_declares_gigabytes_is_rejected(tmp_path: Path) -> None:
    path = recording(tmp_path / "b.mcap", b"", compression="zstd", size=4 * GIB)
    with pytest.raises(
        SourceError, match=r"b\.mcap .*a chunk of 4294967296 bytes, expected at most 268435456"
    ):
        Recording(path)


@pytest.mark.parametrize("compression", ["zstd", "zstd says", "lz4"])
def test_chunk_that_declares_too_little_uses_no_extra_memory(tmp_path: Path, compression: str) -> None:
    """Run in a subprocess limited to 2 GiB of address space; the unpacked data would need 3 GiB."""
    kind, _, says = compression.partition(" ")
    data = lz4.frame.compress(bytes(GIB // 2)) * 6 if kind == "lz4" else zeros_zstd(3 * GIB, says=bool(says))
    path = recording(tmp_path / "b.mcap", data, compression=kind, size=1000)
    script = f"""
import resource, sys
import cv2, zstandard, lz4.frame
from edgetrack.io.recording import Recording
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    Recording({str(path)!r})
except OSError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    said, grown = done.stdout.splitlines()
    assert "a chunk whose data does not have the 1000 bytes that its header says" in said
    assert int(grown) < 100_000  # KiB


def test_chunk_of_zeros_has_no_valid_records(tmp_path: Path) -> None:
    size = 1 << 26
    path = recording(tmp_path / "b.mcap", zeros_zstd(size, says=True), compression="zstd", size=size)
    with pytest.raises(SourceError, match="a record 0 of 0 bytes inside a chunk"):
        open_source(path)


@pytest.mark.parametrize(
    ("data", "compression", "size", "crc", "said"),
    [
        (b"\x05" + (1 << 40).to_bytes(8, "little"), "", 9, 0, "a record 5 of 1099511627776 bytes inside"),
        (bytes(20), "", 21, 0, "a chunk whose data does not have the 21 bytes"),
        (bytes(20), "rar", 20, 0, "compressed with 'rar', expected zstd or lz4"),
        (bytes(20), "", 20, zlib.crc32(b"x"), "wrong checksum"),
        (b"nonsense", "zstd", 20, 0, "is damaged near byte"),
        (b"nonsense", "lz4", 20, 0, "is damaged near byte"),
    ],
)
def test_chunk_that_contradicts_its_header_is_rejected(
    tmp_path: Path, data: bytes, compression: str, size: int, crc: int, said: str
) -> None:
    path = recording(tmp_path / "b.mcap", data, compression=compression, size=size, crc=crc)
    with pytest.raises(SourceError, match=said):
        Recording(path)


@pytest.mark.parametrize(
    ("fps", "right"), [("25", 25.0), ("nan", None), ("inf", None), ("0", None), ("-3", None), ("1e9", None)]
)
def test_implausible_frame_rate_is_ignored(tmp_path: Path, fps: str, right: float | None) -> None:
    builder = RecordBuilder()
    Header(profile="", library="").write(builder)
    Metadata(name="edgetrack", metadata={"fps": fps}).write(builder)
    (tmp_path / "f.mcap").write_bytes(MAGIC + builder.end())
    assert Recording(tmp_path / "f.mcap").fps == right


def test_deeply_nested_message_is_rejected(tmp_path: Path) -> None:
    builder = RecordBuilder()
    Header(profile="", library="").write(builder)
    Schema(id=1, data=b"", encoding="jsonschema", name="foxglove.CompressedImage").write(builder)
    Channel(id=1, topic="/camera", message_encoding="json", metadata={}, schema_id=1).write(builder)
    Message(channel_id=1, log_time=0, data=b"[" * 100_000, publish_time=0, sequence=0).write(builder)
    (tmp_path / "n.mcap").write_bytes(MAGIC + builder.end())
    with pytest.raises(SourceError, match="has a message that is not valid JSON"):
        next(Recording(tmp_path / "n.mcap").frames())
