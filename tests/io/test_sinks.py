"""Sinks: exactly what is written, and that no partial results are left."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sink_samples import ABSENT, TRACK, frame, noise, stamps

from edgetrack.errors import SinkError
from edgetrack.io import _mcap_file
from edgetrack.io.overlay import COLORS, draw, draw_all
from edgetrack.io.recording import Recording
from edgetrack.io.sinks import open_sink
from edgetrack.io.window import WindowSink
from edgetrack.types import STATUSES, Box, Track

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")
make_reader = pytest.importorskip("mcap.reader").make_reader


def test_json_line_matches_the_documentation(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with open_sink(path) as sink:
        sink.write(frame(0), TRACK, latency_ms=1.23456)
        # The line is on disk before the sink is closed: another program may follow the file.
        assert path.read_text() == (
            '{"frame": 0, "time_s": 0.0, "status": "tracking", "box": [10.12, 20.0, 30.0, 25.0],'
            ' "score": 0.8765, "basis": "network", "latency_ms": 1.235}\n'
        )
        sink.write(frame(1), ABSENT, latency_ms=2)
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first["frame"] == 0
    assert second == {
        "frame": 1, "time_s": 0.04, "status": "searching", "box": None, "score": 0.1,
        "basis": "network", "latency_ms": 2,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.mp4", "out.mcap"])
def test_sink_without_frames_leaves_existing_files_alone(tmp_path: Path, name: str) -> None:
    with open_sink(tmp_path / name, size=(64, 48)):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / name).write_text("earlier result")
    with open_sink(tmp_path / name, size=(64, 48)):
        pass
    assert (tmp_path / name).read_text() == "earlier result"
    assert len(list(tmp_path.iterdir())) == 1


def test_json_lines_replace_an_earlier_result(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("earlier\n" * 50)
    with open_sink(path) as sink:
        sink.write(frame(), TRACK, latency_ms=1)
    assert len(path.read_text().splitlines()) == 1


def test_video_is_a_standard_file_with_the_box_drawn(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with open_sink(path, fps=25, size=(160, 120), text="red car") as sink:
        for index in range(10):
            sink.write(frame(index), TRACK, latency_ms=1)
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 10  # it has an index
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 10
    assert capture.get(cv2.CAP_PROP_FPS) == 25
    _, pixels = capture.read()
    capture.release()
    plain = np.abs(pixels.astype(int) - 90).max(axis=2) < 25
    assert plain[60:, 80:].all()  # away from box and caption
    assert not plain[43:47, 20:30].all()  # the lower edge of the box


def test_frames_of_another_size_are_kept(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.mp4") as sink:
        for index, size in enumerate([(160, 120), (64, 64), (320, 100)]):
            sink.write(frame(index, size=size), ABSENT, latency_ms=1)
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    capture.release()


def test_drawing_does_not_change_the_frames(tmp_path: Path) -> None:
    picture = frame()
    with open_sink(tmp_path / "out.mp4") as sink:
        sink.write(picture, TRACK, latency_ms=1)
    assert (picture.pixels == 90).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "out.txt",
            r"expected \.jsonl, \.csv, \.mp4, \.mcap, \.ros2\.mcap, \.rrd, \.json \(COCO\), \.mot, \.otb, \.mots",
        ),
        (
            "out",
            r"expected \.jsonl, \.csv, \.mp4, \.mcap, \.ros2\.mcap, \.rrd, \.json \(COCO\), \.mot, \.otb, \.mots",
        ),
        ("y" * 300 + ".jsonl", "File name too long"),
        ("loop.mp4", "Too many levels of symbolic links"),
        ("zero\0.csv", "null byte"),
        ("missing/out.jsonl", "folder .*missing does not exist"),
        ("missing/out.mp4", "folder .*missing does not exist"),
        ("folder.jsonl", "is a folder"),
    ],
)
def test_unwritable_path_is_reported_when_the_sink_is_opened(
    tmp_path: Path, name: str, expected: str
) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(SinkError, match=expected):
        open_sink(tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.jsonl", "loop.mp4"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("kind", ["jsonl", "csv", "mp4", "mcap"])
def test_full_device_raises_a_sink_error(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"full.{kind}").symlink_to("/dev/full")
    with open_sink(tmp_path / f"full.{kind}") as sink, pytest.raises(SinkError, match="No space left"):
        sink.write(frame(), TRACK, latency_ms=1)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("name", ["out.jsonl", "out.mp4"])
def test_folder_without_write_permission_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(SinkError, match="Permission denied"):
        open_sink(tmp_path / "locked" / name)


def test_window_without_a_display_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match=r"edgetrack\[gui\]|no display"):
        WindowSink()


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("box", [None, (0, 0, 1, 1), (-500, -500, 5000, 5000), (150, 110, 9e9, 9e9)])
@pytest.mark.parametrize("size", [(160, 120), (5, 4), (1920, 64)])
def test_any_track_can_be_drawn_on_any_image(
    status: str, box: tuple[float, ...] | None, size: tuple[int, int]
) -> None:
    pixels = frame(size=size).pixels
    draw(pixels, Track(None if box is None else Box.of(box), 0.5, status, 0), "x" * 60)
    assert pixels.shape == (size[1], size[0], 3)
    assert set(COLORS) == {*STATUSES, "tentative", "ended"}


def test_several_targets_have_one_line_each_and_keep_their_colors(tmp_path: Path) -> None:
    tracks = {
        "left": Track(Box(20, 60, 30, 25), 0.5, "tracking", 0),
        "right": Track(Box(100, 60, 30, 25), 0.5, "lost", 0),
    }
    with open_sink(tmp_path / "out.jsonl") as lines, open_sink(tmp_path / "out.mp4") as film:
        for index, shown in enumerate([("left", "right"), ("right",), ()]):
            some = {name: tracks[name] for name in shown}
            for sink in (lines, film):
                sink.write_all(frame(index), some, latencies_ms={"left": 1.5, "right": 2.0})
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["frame"], row["name"], row["latency_ms"]) for row in rows] == [
        (0, "left", 1.5), (0, "right", 2), (1, "right", 2),
    ]  # fmt: skip
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    first, second, third = (capture.read()[1].astype(int) for _ in range(3))
    capture.release()
    edge = (slice(84, 87), slice(104, 126))  # the lower edge of the right box
    assert np.abs(first[edge].mean((0, 1)) - second[edge].mean((0, 1))).max() < 12
    assert np.abs(first[edge].mean((0, 1)) - first[84:87, 24:46].mean((0, 1))).max() > 25
    assert (np.abs(third - 90) < 12).all()  # no target, nothing drawn


@pytest.mark.parametrize("box", [(20, 5, 200, 60), (20, 5, 300, 400), (15, -20, 300, 520), (10, 30, 100, 20)])
def test_captions_do_not_hide_the_score_of_a_box_at_the_top(box: tuple[float, ...]) -> None:
    drawn = []
    for score in (0.11, 0.88):
        pixels = frame(size=(640, 480)).pixels
        draw(pixels, Track(Box.of(box), score, "tracking", 0), "red car")
        drawn.append(pixels.astype(int))
    differ = np.abs(drawn[0] - drawn[1]).max(2) > 100
    assert differ.sum() > 20  # the digits, in ink on the color of the box


@pytest.mark.parametrize("size", [(160, 120), (5, 4), (1920, 64)])
def test_any_number_of_targets_can_be_drawn(size: tuple[int, int]) -> None:
    pixels = frame(size=size).pixels
    colors: dict[str, Any] = {}
    draw_all(pixels, {str(n): Track(Box(n, n, 30, 30), 0.5, "tracking", 0) for n in range(20)}, colors)
    assert len(colors) == 20
    assert len({colors[str(n)] for n in range(8)}) == 8


def test_csv_has_headings_and_the_values_of_the_json_lines(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.csv") as sink:
        sink.write(frame(0), TRACK, latency_ms=1.23456)
        sink.write(frame(1), ABSENT, latency_ms=2)
    assert (tmp_path / "out.csv").read_text() == (
        "frame,time_s,status,score,basis,latency_ms,x,y,w,h\n"
        "0,0.0,tracking,0.8765,network,1.235,10.12,20.0,30.0,25.0\n"
        "1,0.04,searching,0.1,network,2,,,,\n"
    )
    with open_sink(tmp_path / "out.csv") as sink:
        sink.write_all(
            frame(0), {'a "red", car': TRACK, "b": ABSENT}, latencies_ms={'a "red", car': 1, "b": 2}
        )
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["x"]) for row in rows] == [('a "red", car', "10.12"), ("b", "")]


@pytest.mark.parametrize("name", [b"2026-11-28T07:14:05", b"\xff", b"%03d", b"a b\n"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "mp4", "mcap"])
def test_output_may_have_any_name(tmp_path: Path, kind: str, name: bytes) -> None:
    path = tmp_path / f"{os.fsdecode(name)}.{kind}"
    with open_sink(path) as sink:
        sink.write(frame(), TRACK, latency_ms=1)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_size > 50


@pytest.mark.parametrize("given", [(8192, 2), None])
def test_frame_too_large_for_a_video_is_an_error(tmp_path: Path, given: tuple[int, int] | None) -> None:
    with (
        pytest.raises(SinkError, match="8192x2 are too large for MPEG-4"),
        open_sink(tmp_path / "out.mp4", size=given) as sink,
    ):
        sink.write(frame(size=(8192, 2)), ABSENT, latency_ms=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("kind", ["jsonl", "csv", "mp4", "mcap"])
def test_every_output_kind_can_be_piped(tmp_path: Path, kind: str) -> None:
    pipe, copy = tmp_path / f"pipe.{kind}", tmp_path / f"copy.{kind}"
    os.mkfifo(pipe)
    with copy.open("wb") as file:
        reader = subprocess.Popen(["cat", str(pipe)], stdout=file)
        with open_sink(pipe) as sink:
            for index in range(12):
                sink.write(noise(index), TRACK, latency_ms=1)
        assert reader.wait(timeout=20) == 0
    if kind == "mp4":
        assert len(stamps(copy)) == 12
    elif kind == "mcap":
        assert len(list(Recording(copy).steps())) == 12
    else:
        assert len(copy.read_text().splitlines()) == 12 + (kind == "csv")
    assert pipe.is_fifo()


def test_index_of_a_long_recording_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the index in memory small.

    Each chunk has an entry in it: chunks grow with the file, so that only short files have many per megabyte.
    """
    monkeypatch.setattr(_mcap_file, "CHUNK_BYTES", 1 << 12)
    monkeypatch.setattr(_mcap_file, "CHUNK_SHARE", 1 / 16)
    path = tmp_path / "out.mcap"
    with open_sink(path) as sink:
        for index in range(1000):
            sink.write(noise(index), TRACK, latency_ms=1)
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert path.stat().st_size > 1000 * 3000  # with chunks of 4 KB there would be one per frame
    assert 16 < len(summary.chunk_indexes) < 200
