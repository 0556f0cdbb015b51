"""Clips of alerts: their frames, the files next to them, and their use of memory."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.types import Box, Frame, Track

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("av", reason="needs PyAV: pip install 'edgetrack[mp4]'")

from edgetrack.io import clips  # noqa: E402
from edgetrack.io.clips import MOMENTS, ClipSink  # noqa: E402
from edgetrack.io.sinks import Joint, Sink  # noqa: E402
from edgetrack.io.target_events import WithTargetEvents  # noqa: E402
from edgetrack.io.threaded import ThreadedSink  # noqa: E402

TRACKS = {"car #1": Track(Box(8, 8, 16, 16), 0.9, "tracking", 0, id=1, name="car #1", query="car")}


def film(sink: ClipSink, times: list[float], alerts: set[int], first: int = 0) -> None:
    """Write frames with their number in binary: six white or black columns at the bottom."""
    for index, time_s in enumerate(times, first):
        pixels = np.full((96, 64, 3), 90, np.uint8)
        for bit in range(6):
            pixels[80:, 10 * bit : 10 * bit + 10] = 255 * (index >> bit & 1)
        events = [Event("alert", index, time_s, rule="a car stops", ids=(1,), box=Box(8, 8, 16, 16))]
        sink.write_all(
            Frame(pixels, index, time_s),
            TRACKS,
            latencies_ms={},
            events=events if index in alerts else [Event("lost", index)],
        )


def shown(path: Path) -> list[int]:
    """Return the numbers of the frames in a clip."""
    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(sum((read[1][92, 10 * bit + 5].mean() > 127) << bit for bit in range(6)))
    return found


def tenths(count: int) -> list[float]:
    return [n / 10 for n in range(count)]


def test_clip_has_pre_roll_and_post_roll(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "alerts"
    with ClipSink(folder, pre_roll_s=0.5, post_roll_s=1.0, fps=10) as sink:
        film(sink, tenths(50), {20, 45})
    assert sorted(path.name for path in folder.iterdir()) == [
        f"alert-000{n}.{suffix}" for n in (1, 2) for suffix in ("jpg", "jsonl", "mp4")
    ]
    assert shown(folder / "alert-0001.mp4") == list(range(15, 31))
    assert shown(folder / "alert-0002.mp4") == list(range(40, 50))  # the source ended before
    picture = cv2.imread(str(folder / "alert-0001.jpg"))
    assert picture.shape == (96, 64, 3)
    assert [int(picture[92, 10 * bit + 5].mean() > 127) for bit in range(6)] == [0, 0, 1, 0, 1, 0]  # 20
    assert np.ptp(picture[8:24, 8:24]) > 60  # the box is drawn
    assert [json.loads(line) for line in (folder / "alert-0001.jsonl").read_text().splitlines()] == [
        {
            "frame": 20,
            "time_s": 2.0,
            "event": "alert",
            "rule": "a car stops",
            "ids": [1],
            "box": [8, 8, 16, 16],
        }
    ]


def test_alert_during_a_clip_extends_it(tmp_path: Path) -> None:
    with ClipSink(tmp_path, pre_roll_s=0.2, post_roll_s=0.5) as sink:
        film(sink, tenths(30), {10, 14, 19})
    assert shown(tmp_path / "alert-0001.mp4") == list(range(8, 25))
    assert len((tmp_path / "alert-0001.jsonl").read_text().splitlines()) == 3
    assert not (tmp_path / "alert-0002.mp4").exists()


def test_numbering_of_clips_continues(tmp_path: Path) -> None:
    (tmp_path / "alert-0041.jpg").write_bytes(b"old")
    with ClipSink(tmp_path, pre_roll_s=0, post_roll_s=0) as sink:
        film(sink, tenths(5), {3})
    assert shown(tmp_path / "alert-0042.mp4") == [3]
    assert (tmp_path / "alert-0041.jpg").read_bytes() == b"old"


def test_two_runs_may_write_into_one_folder(tmp_path: Path) -> None:
    with (
        ClipSink(tmp_path, pre_roll_s=0, post_roll_s=0) as one,
        ClipSink(tmp_path, pre_roll_s=0, post_roll_s=0) as two,
    ):
        film(one, tenths(5), {3})
        film(two, tenths(5), {2})
        film(one, [time_s + 5 for time_s in tenths(5)], {6}, first=5)
    assert [shown(tmp_path / f"alert-000{number}.mp4") for number in (1, 2, 3)] == [[3], [2], [6]]


def test_line_of_an_alert_is_written_even_if_its_clip_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise SinkError("no room")

    monkeypatch.setattr("edgetrack.io.clips.draw_all", full)
    with ClipSink(tmp_path, pre_roll_s=0, post_roll_s=0) as sink, pytest.raises(SinkError, match="no room"):
        film(sink, tenths(5), {3})
    assert len((tmp_path / "alert-0001.jsonl").read_text().splitlines()) == 1


def test_nothing_is_written_without_an_alert(tmp_path: Path) -> None:
    with ClipSink(tmp_path) as sink:
        film(sink, tenths(5), set())
    assert list(tmp_path.iterdir()) == []


def test_backward_clock_jump_ends_a_clip(tmp_path: Path) -> None:
    with ClipSink(tmp_path, pre_roll_s=0.5, post_roll_s=1.0) as sink:
        film(sink, [10 + t for t in tenths(10)], {8})
        film(sink, tenths(10), {13}, first=10)
    assert shown(tmp_path / "alert-0001.mp4") == list(range(3, 10))
    assert shown(tmp_path / "alert-0002.mp4") == list(range(10, 20))


def test_pre_roll_buffer_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "MOST_BYTES", 5_000)
    with ClipSink(tmp_path, pre_roll_s=60, post_roll_s=0) as sink:
        film(sink, tenths(50), {40})
        held = sum(kept.size for kept in sink._recent)
        assert held == sink._bytes <= 5_000
        assert all(kept.frame.pixels.size == 0 for kept in sink._recent)
    assert 2 <= len(shown(tmp_path / "alert-0001.mp4")) <= 10


def test_unusable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"clips .*file cannot be written"):
        ClipSink(tmp_path / "file")


def followed(sink: Sink, statuses: str) -> None:
    """Write frames of one target at ten per second: t for tracking, u for uncertain, l for lost."""
    names = {"t": "tracking", "u": "uncertain", "l": "lost"}
    for index, letter in enumerate(statuses):
        box = None if letter == "l" else Box(8, 8, 16, 16)
        track = Track(box, 0.9, names[letter], index, id=1, name="red car")
        pixels = np.full((96, 64, 3), 90, np.uint8)
        sink.write(Frame(pixels, index, index / 10), track, latency_ms=1.0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_appearing_and_lost_targets_have_clips(tmp_path: Path) -> None:
    with WithTargetEvents(ClipSink(tmp_path, of=MOMENTS, pre_roll_s=0.25, post_roll_s=0.25)) as sink:
        followed(sink, "uu" + "t" * 18 + "uu" + "lll" + "t" * 10)
    assert names(tmp_path) == [
        "appeared-0001.jpg",
        "appeared-0001.jsonl",
        "appeared-0001.mp4",
        "back-0002.jpg",  # while the clip of the loss lasts
        "lost-0002.jpg",
        "lost-0002.jsonl",
        "lost-0002.mp4",
    ]
    first, second = (
        cv2.VideoCapture(str(tmp_path / f"{name}.mp4")) for name in ("appeared-0001", "lost-0002")
    )
    assert first.get(cv2.CAP_PROP_FRAME_COUNT) == 2 + 1 + 3
    assert second.get(cv2.CAP_PROP_FRAME_COUNT) == 2 + 1 + 3 + 3
    lines = [json.loads(line) for line in (tmp_path / "lost-0002.jsonl").read_text().splitlines()]
    assert [(line["event"], line["name"], line["frame"]) for line in lines] == [
        ("lost", "red car", 22),
        ("back", "red car", 25),
    ]


def test_only_alerts_have_clips_if_so_requested(tmp_path: Path) -> None:
    with WithTargetEvents(ClipSink(tmp_path)) as sink:
        followed(sink, "tttlllttt")
    assert names(tmp_path) == []


def test_events_survive_dropped_frames() -> None:
    gate, told = threading.Event(), list[str]()

    class Hanging(Joint):
        def write_all(self, frame: Frame, tracks: Any, **more: Any) -> None:
            gate.wait(20)
            told.extend(event.type for event in more["events"])

        def close(self) -> None: ...

    thread = ThreadedSink(Hanging(), name="clips", pictures=True)
    with WithTargetEvents(thread) as sink:
        followed(sink, "t" * 10 + "l" + "t" * 10 + "l" + "t" * 10)
        assert sink.dropped == thread.dropped > 10
        gate.set()
    assert told == ["appeared", "lost", "back", "lost", "back"]


def test_count_event_starts_no_clip() -> None:
    assert {"appeared", "lost", "back", "ended", "enters", "leaves", "dwells", "crosses"} == MOMENTS


def test_continuous_events_start_another_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "LONGEST_S", 0.95)
    with ClipSink(tmp_path, pre_roll_s=0.25, post_roll_s=0.35) as sink:
        film(sink, tenths(30), set(range(5, 30, 2)))
    # Events are in frames 5 to 13, 15 to 23, and 25 to 29; each clip has the pre-roll of its first event.
    for number, frames in enumerate((range(3, 16), range(13, 26), range(23, 30)), 1):
        assert shown(tmp_path / f"alert-000{number}.mp4") == list(frames)
    counts = [len((tmp_path / f"alert-000{n}.jsonl").read_text().splitlines()) for n in (1, 2, 3)]
    assert counts == [5, 5, 3]


def test_oldest_clips_are_deleted(tmp_path: Path) -> None:
    mine = [tmp_path / name for name in ("holiday-2019.jpg", "alert-1.mp4", "note.txt", "lost-0001.txt")]
    for path in mine:
        path.write_bytes(bytes(2_000_000))
    for number in (1, 2, 3):
        (tmp_path / f"lost-000{number}.mp4").write_bytes(bytes(400_000))
        (tmp_path / f"lost-000{number}.jpg").write_bytes(bytes(100_000))
    with ClipSink(tmp_path, pre_roll_s=0.2, post_roll_s=0.2, most_mb=1.2) as sink:
        assert sink.notes == ()
        film(sink, tenths(20), {10})
        assert sink.notes == (
            f"clips deleted from {tmp_path} to make room for newer ones: 1; the limit is 1.2 MB",
        )
    clips_left = {name for name in names(tmp_path) if tmp_path / name not in mine}
    assert clips_left == {f"lost-000{n}.{suffix}" for n in (2, 3) for suffix in ("jpg", "mp4")} | {
        f"alert-0004.{suffix}" for suffix in ("jpg", "jsonl", "mp4")
    }
    assert all(path.exists() for path in mine)


def test_last_clip_is_kept_however_large(tmp_path: Path) -> None:
    with ClipSink(tmp_path, pre_roll_s=0.2, post_roll_s=0.1, most_mb=1e-6) as sink:
        film(sink, tenths(40), {10, 20, 30})
    assert {name.split(".")[0] for name in names(tmp_path)} == {"alert-0003"}


def test_clip_of_a_killed_process_is_playable(tmp_path: Path) -> None:
    sink = ClipSink(tmp_path, pre_roll_s=0.5, post_roll_s=5.0)
    film(sink, tenths(20), {10})
    assert len(shown(tmp_path / "alert-0001.mp4")) >= 10  # it has not been closed
    assert (tmp_path / "alert-0001.jsonl").read_text().count("\n") == 1
    sink.close()
    assert shown(tmp_path / "alert-0001.mp4") == list(range(5, 20))


def test_end_of_a_run_waits_only_briefly_for_its_last_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "LAST_S", 0.0)
    sink = ClipSink(tmp_path, pre_roll_s=5.0, post_roll_s=5.0)
    film(sink, tenths(30), {29})
    sink.close()
    assert shown(tmp_path / "alert-0001.mp4") == [0, 1, 2]  # those of the alert's own frame
    assert sink.notes == ("frames left out of the last clip: 27; writing them would take more than 0 s",)
