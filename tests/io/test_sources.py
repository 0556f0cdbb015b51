"""Sources: what is read, in which order, and what is reported when it cannot be read."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from small_videos import cv2, reader_threads, write_video

from edgetrack.errors import SourceError
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source
from edgetrack.types import Frame

CLIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "clips"


def collect(source: Source, seen: list[int]) -> None:
    for frame in source:
        seen.append(frame.index)  # a comprehension would lose the frames before an error


def ticking(count: int, *, every_s: float, fail: bool = False) -> Generator[Frame, None, None]:
    for index in range(count):
        time.sleep(every_s)
        yield Frame(np.full((4, 6, 3), index, np.uint8), index, index * every_s)
    if fail:
        raise SourceError("the cable is out")


def test_video_yields_every_frame_in_order(tmp_path: Path) -> None:
    with open_source(write_video(tmp_path / "v.mp4")) as source:
        assert (source.size, source.fps, source.frames, source.live) == ((64, 48), 25.0, 12, False)
        frames = list(source)
    assert [f.index for f in frames] == list(range(12))
    assert [f.time_s for f in frames] == pytest.approx([i / 25 for i in range(12)])
    assert [float(f.pixels.mean()) for f in frames] == pytest.approx([10 + 15 * i for i in range(12)], abs=5)
    assert all(f.pixels.flags.c_contiguous and f.pixels.dtype == np.uint8 for f in frames)
    assert source.dropped == 0
    assert not reader_threads()


def test_slow_consumer_misses_no_frame_of_a_file() -> None:
    with Source(ticking(20, every_s=0), name="file", fps=None, count=20, live=False) as source:
        seen = []
        for frame in source:
            time.sleep(0.002)
            seen.append(frame.index)
    assert seen == list(range(20))


def test_live_source_yields_the_newest_frame() -> None:
    with Source(ticking(40, every_s=0.002), name="camera", fps=None, count=None, live=True) as source:
        seen = []
        for frame in source:
            time.sleep(0.02)
            seen.append(frame.index)
    assert seen == sorted(seen)
    assert seen[-1] == 39
    assert source.dropped > 0
    assert len(seen) + source.dropped <= 40


def test_consumer_that_stops_early_leaves_no_thread() -> None:
    with Source(ticking(10_000, every_s=0), name="file", fps=None, count=None, live=False) as source:
        assert next(iter(source)).index == 0
    source.close()
    assert not reader_threads()


def test_reader_error_comes_after_the_last_good_frame() -> None:
    seen: list[int] = []
    with (
        Source(ticking(5, every_s=0, fail=True), name="file", fps=None, count=None, live=False) as source,
        pytest.raises(SourceError, match="the cable is out"),
    ):
        collect(source, seen)
    assert seen == [0, 1, 2, 3, 4]
    assert not reader_threads()


def test_silent_live_source_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.io.source.SILENCE_S", 0.05)
    with pytest.raises(SourceError, match=r"camera 9 has sent no image"):
        Source(ticking(1, every_s=0.4), name="camera 9", fps=None, count=None, live=True)


def test_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100):
        cv2.imwrite(str(tmp_path / f"img{number}.png"), np.full((8, 10, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._img1.png").write_bytes(b"resource fork")
    with open_source(tmp_path, fps=10) as source:
        assert (source.frames, source.size, source.fps) == (4, (10, 8), 10)
        assert [(int(f.pixels[0, 0, 0]), f.time_s) for f in source] == [
            (1, 0),
            (9, 0.1),
            (10, 0.2),
            (100, 0.3),
        ]


def test_single_image_is_a_source_of_one_frame(tmp_path: Path) -> None:
    for name in ("a1.png", "a2.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 10, 3), np.uint8))
    with open_source(tmp_path / "a1.png") as source:
        assert len(list(source)) == 1


def test_broken_image_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 10, 3), np.uint8))
    (tmp_path / "2.png").write_bytes(b"\x89PNG but no more")
    with open_source(tmp_path) as source, pytest.raises(SourceError, match=r"2\.png is not an image"):
        list(source)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gone.mp4", "does not exist"), ("empty", "has no images"), ("text.mp4", "is not a video")],
)
def test_unreadable_source_is_a_one_line_error(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    with pytest.raises(SourceError, match=expected) as caught:
        open_source(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not reader_threads()


def test_missing_camera_is_named_by_number_or_digits() -> None:
    with pytest.raises(SourceError, match="camera 63 cannot be opened"):
        open_source(63)
    with pytest.raises(SourceError, match="camera 63 cannot be opened"):
        open_source("63")


@pytest.mark.parametrize(
    ("source", "said"),
    [(-1, "camera -1 cannot be opened; expected 0"), (None, "source is None"), (True, "source is True")],
)
def test_invalid_source_is_rejected_before_opencv_sees_it(source: object, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        open_source(source)


def test_unreachable_stream_says_what_to_check() -> None:
    with pytest.raises(
        SourceError, match=r"http://127\.0\.0\.1:9/x\.mp4 cannot be opened: .*refused; check that the server"
    ):
        open_source("http://127.0.0.1:9/x.mp4")


def test_fps_of_a_folder_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="fps is 0"):
        open_source(tmp_path, fps=0)


@pytest.mark.skipif(not CLIPS.exists(), reason="real clips are not here")
def test_real_video_is_read_to_its_end() -> None:
    with open_source(CLIPS / "car-detection.mp4") as source:
        assert (source.size, source.fps, source.frames) == ((768, 432), 12.5, 377)
        assert sum(1 for _ in source) == 377


@pytest.mark.skipif(not CLIPS.exists(), reason="real clips are not here")
def test_truncated_video_says_where_it_ends(tmp_path: Path) -> None:
    whole = (CLIPS / "car-detection.mp4").read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(whole[: len(whole) // 2])
    seen: list[int] = []
    with (
        open_source(half) as source,
        pytest.raises(SourceError, match=r"ends early, after \d+ of 377 frames"),
    ):
        collect(source, seen)
    assert 100 < len(seen) < 300
