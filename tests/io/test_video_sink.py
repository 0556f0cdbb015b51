"""MP4 files: they play while they are being written, keep the source's timing, and contain the whole image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sink_samples import ABSENT, TRACK, frame, noise, stamps

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")
pytest.importorskip("mcap.reader")


from edgetrack.cli.output_files import output_notes  # noqa: E402
from edgetrack.io.sinks import open_sink  # noqa: E402
from edgetrack.io.threaded import ThreadedSink  # noqa: E402
from edgetrack.io.video import VideoSink  # noqa: E402


def length_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return container.duration / 1e6


@pytest.mark.parametrize("complete", [False, True])
def test_video_is_playable_while_it_is_written(tmp_path: Path, complete: bool) -> None:
    path = tmp_path / "out.mp4"
    sink = open_sink(path, fps=25)
    for index in range(30):
        sink.write(noise(index), TRACK, latency_ms=1)
    if complete:
        sink.close()
    copy = tmp_path / "copy.mp4"  # what a killed process leaves
    copy.write_bytes(path.read_bytes())
    count = 30 if complete else 29
    assert stamps(copy) == pytest.approx([index / 25 for index in range(count)])
    capture = cv2.VideoCapture(str(copy))
    assert sum(capture.read()[0] for _ in range(40)) == count
    capture.release()
    sink.close()


def test_video_is_as_long_as_its_source(tmp_path: Path) -> None:
    """Write thirty frames per second, then five; folders and cameras are treated the same."""
    path = tmp_path / "out.mp4"
    times = [100 + (index / 30 if index < 30 else 1 + (index - 30) / 5) for index in range(60)]
    with open_sink(path, fps=30) as sink:
        for index, time_s in enumerate(times):
            sink.write(replace(frame(index), time_s=time_s), TRACK, latency_ms=1)
    assert stamps(path) == pytest.approx([time_s - 100 for time_s in times], abs=1e-4)
    assert length_s(path) == pytest.approx(6.8 + 1 / 30, abs=0.01)


def test_clock_jump_does_not_stop_a_video(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    times = [0, 0.04, 0.04, -5, -4.96, 1e9, 1e9 + 0.04, float("nan"), 3, 3.04]
    with open_sink(path, fps=25) as sink:
        for index, time_s in enumerate(times):
            sink.write(replace(frame(index), time_s=time_s), TRACK, latency_ms=1)
    assert stamps(path) == pytest.approx([index / 25 for index in range(len(times))], abs=1e-3)


@pytest.mark.parametrize("size", [(321, 243), (1, 1), (64, 3), (8191, 2)])
def test_video_has_every_row_and_column(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "out.mp4"
    with open_sink(path, size=size) as sink:
        sink.write(frame(size=size), ABSENT, latency_ms=1)
    with av.open(str(path)) as container:
        [picture] = container.decode(video=0)
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize(("size", "codec"), [((64, 48), "h264"), ((63, 48), "mpeg4"), ((64, 47), "mpeg4")])
def test_video_plays_in_browsers(tmp_path: Path, size: tuple[int, int], codec: str) -> None:
    path = tmp_path / "out.mp4"
    with VideoSink(path, fps=30) as sink:
        sink.write(frame(size=size), ABSENT, latency_ms=1)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == codec
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
    assert [f"not {size[0]}x{size[1]}" in note for note in sink.notes] == [True] * (codec != "h264")


def test_video_has_a_key_frame_every_two_seconds(tmp_path: Path) -> None:
    """A player can seek to key frames."""
    path = tmp_path / "out.mp4"
    with open_sink(path, fps=10) as sink:
        for index in range(45):
            sink.write(replace(frame(index), time_s=index / 10), TRACK, latency_ms=1)
    with av.open(str(path)) as container:
        keys = [
            float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.is_keyframe
        ]
    assert keys == pytest.approx([0, 2, 4])


def test_missing_encoder_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    sink = ThreadedSink(VideoSink(tmp_path / "out.mp4", fps=30), name="out.mp4", pictures=True)
    with sink:
        sink.write(frame(), TRACK, latency_ms=1)
    (note,) = output_notes({"out.mp4": sink})
    assert "is MPEG-4 Part 2, which browsers do not play" in note
    assert "run: pip install --force-reinstall av" in note
