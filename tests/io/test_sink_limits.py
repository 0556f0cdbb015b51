"""Sinks on a full disk: data that does not fit is omitted, and what was written stays valid."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sink_samples import TRACK, noise, stamps

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("mcap.reader")


from edgetrack.errors import SinkError
from edgetrack.io.recording import Recording
from edgetrack.io.sinks import Sink, open_sink
from edgetrack.io.sources import open_source


@pytest.fixture
def small_files() -> Iterator[Callable[[int | None], None]]:
    """Return a function that limits the size of files.

    A write beyond the limit is truncated first and then fails, as on a full disk.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int | None) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before if size is None else (size, before[1]))

    yield limit
    limit(None)


def fill(sink: Sink, limit: Callable[[int | None], None], size: int) -> tuple[int, list[int]]:
    """Write frames until some fail, then make room; return the number of frames and the ones that failed."""
    failed: list[int] = []
    limit(size)
    index = 0
    while len(failed) < 3:
        try:
            sink.write(noise(index), TRACK, latency_ms=1)
        except SinkError:
            failed.append(index)
        index += 1
        assert index < 2000
    limit(None)
    return index, failed


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_line_that_does_not_fit_is_left_out_entirely(
    tmp_path: Path, kind: str, small_files: Callable[[int | None], None]
) -> None:
    path = tmp_path / f"out.{kind}"
    with open_sink(path) as sink:
        count, failed = fill(sink, small_files, 5000)
        for index in range(count, count + 5):  # there is room again
            sink.write(noise(index), TRACK, latency_ms=1)
    content = path.read_text()
    assert content.endswith("\n")
    if kind == "jsonl":
        found = [json.loads(line)["frame"] for line in content.splitlines()]
    else:
        found = [int(row["frame"]) for row in csv.DictReader(content.splitlines())]
    assert found == [index for index in range(count + 5) if index not in failed]
    assert len(found) > 20


def test_video_on_a_full_disk_ends_with_the_last_frame_that_fits(
    tmp_path: Path, small_files: Callable[[int | None], None]
) -> None:
    path = tmp_path / "out.mp4"
    sink = open_sink(path, fps=25)
    _, failed = fill(sink, small_files, 60_000)
    sink.close()
    shown = stamps(path)
    assert 3 < len(shown) == failed[0] - 1  # reported with the next frame, without delay
    assert shown == pytest.approx([index / 25 for index in range(len(shown))])
    assert path.stat().st_size < 60_000
    with open_source(path) as source:  # this reader accepts the file, too
        assert len(list(source)) == len(shown)


def test_recording_on_a_full_disk_ends_with_the_last_chunk_that_fits(
    tmp_path: Path, small_files: Callable[[int | None], None]
) -> None:
    path = tmp_path / "out.mcap"
    sink = open_sink(path, facts={"source": "caf\udce9.mp4"})  # a name that is not valid Unicode
    fill(sink, small_files, 500_000)
    sink.close()
    recording = Recording(path)
    steps = list(recording.steps())
    assert [shown.index for shown, _ in steps] == list(range(len(steps)))
    assert len(steps) > 20
    assert not recording.complete
    assert recording.facts["source"] == r"caf\udce9.mp4"
