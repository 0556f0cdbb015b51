"""Reads an MCAP recording: its frames, their tracks, and the target of the run that made it."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from edgetrack._imports import require
from edgetrack.errors import MALFORMED, SourceError
from edgetrack.io._chunks import unpacked
from edgetrack.io._mcap_file import FACTS
from edgetrack.io.pictures import Levels, decoded
from edgetrack.io.reading import Reading
from edgetrack.io.recorder import IMAGE, LABELS, TRACK, X
from edgetrack.types import BASES, STATUSES, Box, Frame, Track

FASTEST = 10_000.0  # frames per second; no camera is faster
LARGEST_RECORD = 1 << 30  # bytes; so that a corrupt length is not allocated


class Recording:
    """A recording on disk. Each iteration reads it from beginning to end.

    The index at its end is not used, because the file of a killed process does not have it.

    Attributes:
        name: The path, as shown in messages.
        reading: Problems with its images.
        facts: Metadata from `edgetrack.io.recorder.McapSink`; empty for a file of another program.
        complete: Whether the file had its end when it was last read to the end; None before that.

    Raises:
        SourceError: The file is missing, or not an MCAP file.
        MissingExtra: The extra ``mcap`` is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self.name = str(path)
        self.complete: bool | None = None
        self.reading = Reading()
        self._levels = Levels(self.reading)
        self._library = require("mcap.stream_reader", extra="mcap")
        self._records = require("mcap.records", extra="mcap")
        self.facts: dict[str, str] = self._read_facts()

    @property
    def fps(self) -> float | None:
        """Frame rate of the recorded source, if it was known."""
        try:
            fps = float(self.facts["fps"])
        except MALFORMED:
            return None
        return fps if 0 < fps <= FASTEST else None

    @property
    def target(self) -> tuple[str | None, Box | None]:
        """The text and the box of the target.

        Raises:
            SourceError: The file has neither, as one of another program.
        """
        text, box = self.facts.get("text"), self.facts.get("box")
        if text is None and box is None:
            raise SourceError(
                f"{self.name} does not say what was tracked; expected a file of edgetrack run --output "
                "FILE.mcap "
                "with one target"
            )
        try:
            return text, None if box is None else Box.of(json.loads(box))
        except MALFORMED as error:  # includes BoxError
            raise SourceError(f"{self.name} has the box {box!r}, which is invalid ({error})") from error

    def frames(self) -> Generator[Frame, None, None]:
        """Yield every color frame, decoded: uint8 (H, W, 3) BGR, time in seconds since the first one.

        Raises:
            SourceError: There is none, one cannot be read, or, after the last good one, the file is truncated.
        """
        for frame, _ in self._steps(paired=False):
            yield frame
        if not self.complete:
            raise SourceError(f"{self.name} is truncated: its end is missing, as after a run that was killed")

    def steps(self) -> Iterator[tuple[Frame, Track]]:
        """Yield every frame, with that of the second sensor, and the track that was recorded for it.

        A last frame without a track is skipped.

        Raises:
            SourceError: There is none, or one cannot be read.
        """
        for frame, track in self._steps(paired=True):
            assert track is not None
            yield frame, track

    def _steps(self, *, paired: bool) -> Iterator[tuple[Frame, Track | None]]:
        index, began, topics = 0, None, set[str]()
        color: Frame | None = None
        x: Frame | None = None
        for topic, schema, nanoseconds, message in self._messages():
            if topic == X and not paired:
                continue
            if schema == IMAGE:
                topics.add(topic)
                if len(topics - {X}) > 1:
                    raise SourceError(
                        f"{self.name} has images in {' and '.join(sorted(topics))}; expected one camera"
                    )
                began = nanoseconds if began is None else began
                picture = Frame(self._pixels(message, index), index, (nanoseconds - began) / 1e9)
                color, x = (color, picture) if topic == X else (picture, x)
                if not paired:
                    index += 1
                    yield picture, None
            elif schema == TRACK and (color or x) and paired:
                yield self._with_gap(_pair(color, x), message), self._track(message, index)
                index, color, x = index + 1, None, None
        if began is None:
            raise SourceError(f"{self.name} has no image; expected {IMAGE} messages in JSON")

    def _messages(self) -> Iterator[tuple[str, str, int, Mapping[str, Any]]]:
        """Yield topic, schema, time in nanoseconds and content of each message with a known schema."""
        schemas: dict[int, str] = {}
        channels: dict[int, Any] = {}
        for record in self._read():
            if isinstance(record, self._records.Schema):
                schemas[record.id] = record.name
            elif isinstance(record, self._records.Channel):
                channels[record.id] = record
            elif isinstance(record, self._records.Message):
                channel = channels.get(record.channel_id)
                schema = schemas.get(channel.schema_id) if channel is not None else None
                if channel is None or schema not in (IMAGE, TRACK) or channel.topic == LABELS:
                    continue
                if channel.message_encoding != "json":
                    raise SourceError(
                        f"{self.name} has {schema} encoded as {channel.message_encoding}; expected JSON, "
                        "as edgetrack run --output FILE.mcap writes it"
                    )
                yield channel.topic, schema, record.log_time, self._json(record)

    def _json(self, record: Any) -> Mapping[str, Any]:
        try:
            content = json.loads(record.data)
        except MALFORMED as error:
            raise SourceError(
                f"{self.name} has a message that is not valid JSON ({error}); is the file damaged?"
            ) from error
        return content if isinstance(content, dict) else {}

    def _read(self) -> Iterator[Any]:
        """Yield all records up to the end of the file; damage before that is an error."""
        self.complete = None
        with self._open() as file:
            records = self._library.StreamReader(
                file, emit_chunks=True, validate_crcs=True, record_size_limit=LARGEST_RECORD
            ).records
            while True:
                try:
                    record = next(records)
                except StopIteration:
                    self.complete = True
                    return
                except (
                    Exception
                ) as error:  # with damaged bytes the library raises anything, such as OverflowError
                    if file.tell() > 8 and not file.read(1):
                        self.complete = False
                        return
                    raise self._damaged(file, error) from error
                try:
                    chunk = isinstance(record, self._records.Chunk)
                    found = list(unpacked(record)) if chunk else [record]
                except Exception as error:
                    raise self._damaged(file, error) from error
                yield from found

    def _damaged(self, file: BinaryIO, error: Exception) -> SourceError:
        place = file.tell()
        return SourceError(
            f"{self.name} is not an MCAP file, or is damaged near byte {place} ({error}); copy it again"
        )

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise SourceError(f"{self.name} cannot be read: {error.strerror}") from error

    def _read_facts(self) -> dict[str, str]:
        for record in self._read():
            if isinstance(record, self._records.Metadata) and record.name == FACTS:
                return dict(record.metadata)
            if isinstance(record, self._records.Message):
                break
        return {}

    def _pixels(self, message: Mapping[str, Any], index: int) -> Any:
        try:
            packed = b64decode(message["data"], validate=True)
        except MALFORMED as error:
            raise SourceError(f"{self.name}: image {index} is not valid base64 ({error})") from error
        try:
            return self._levels.to_8_bits(decoded(packed, "it"))
        except SourceError as error:
            picture = f"image {index} ({message.get('format')!r})"
            raise SourceError(f"{self.name}: OpenCV cannot decode {picture}: {error}") from error

    def _with_gap(self, frame: Frame, message: Mapping[str, Any]) -> Frame:
        gap_s = message.get("gap_s", 0.0)  # older recordings have none
        if not isinstance(gap_s, (int, float)) or not 0 <= gap_s < math.inf:
            raise SourceError(
                f"{self.name}: image {frame.index} comes after a gap of {gap_s!r} s; is the file damaged?"
            )
        return replace(frame, gap_s=float(gap_s)) if gap_s else frame

    def _track(self, message: Mapping[str, Any], index: int) -> Track:
        try:
            box, status = message["box"], message["status"]
            place = None if box is None else Box.of([box[key] for key in "xywh"])
            basis = BASES[BASES.index(message.get("basis", "network"))]  # older recordings have none
            return Track(place, float(message["score"]), STATUSES[STATUSES.index(status)], index, basis)
        except MALFORMED as error:
            raise SourceError(f"{self.name}: the track of image {index} is malformed ({error!r})") from error


def _pair(color: Frame | None, x: Frame | None) -> Frame:
    """Return the frame that was tracked, from the images that there are."""
    if color is not None:
        return replace(color, x=x)
    assert x is not None
    return replace(x, x=x, color=False)
