"""What sources read from every kind of video, compared with the frames that ffmpeg decodes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from media import SIZE, ffmpeg, own_frames, street, with_broken_picture
from numpy.typing import NDArray

from edgetrack.errors import SourceError
from edgetrack.io.sources import open_source
from edgetrack.types import Frame

cv2 = pytest.importorskip("cv2")

X264 = ("-c:v", "libx264", "-bf", "2", "-g", "12", "-pix_fmt", "yuv420p")
VARIABLE = ("-vf", "setpts='if(lt(N,12),N/25,0.4801+(N-12)/5)/TB'", "-fps_mode", "vfr")
FIELDS = ("-flags", "+ilme+ildct")
PLAIN: dict[str, tuple[str, ...]] = {
    "h264.mp4": X264,
    "h264.mov": X264,
    "h264.mkv": X264,
    "h264.ts": X264,
    "h264.flv": X264,
    "h264.avi": X264,
    "fragments.mp4": (*X264, "-movflags", "frag_keyframe+empty_moov"),
    "hevc 10 bits.mp4": ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"),
    "h264 10 bits.mkv": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "vp8.webm": ("-c:v", "libvpx", "-deadline", "realtime"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "3"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"),
    "prores.mov": ("-c:v", "prores", "-pix_fmt", "yuv422p10le"),
    "ffv1 4-4-4.mkv": ("-c:v", "ffv1", "-pix_fmt", "yuv444p"),
    "one picture.mp4": (*X264, "-vf", "trim=end_frame=1"),
    "odd size.mkv": ("-vf", "format=bgr0,crop=159:119:0:0", "-c:v", "ffv1", "-pix_fmt", "bgr0"),
    "animation.gif": ("-vf", "format=rgb8"),
    "variable rate.mkv": (*VARIABLE, *X264),
    "variable rate.webm": (*VARIABLE, "-c:v", "libvpx", "-deadline", "realtime"),
    "variable rate.mp4": (*VARIABLE, *X264),
    "top field first.mp4": ("-vf", "tinterlace=interleave_top", *X264, *FIELDS),
    "bottom field first.mkv": ("-vf", "tinterlace=interleave_bottom,setfield=bff", *X264, *FIELDS),
    "fields.ts": ("-c:v", "mpeg2video", "-q:v", "2", *FIELDS, "-vf", "setfield=tff"),
    "fields.mpg": ("-c:v", "mpeg2video", "-q:v", "2", *FIELDS, "-vf", "setfield=bff"),
}


def read(path: Path) -> tuple[list[NDArray[np.uint8]], list[float], list[str]]:
    with open_source(path) as source:
        frames = [(frame.pixels.copy(), frame.time_s) for frame in source]
        return [pixels for pixels, _ in frames], [time_s for _, time_s in frames], source.notes


def same(frames: list[NDArray[np.uint8]], own: NDArray[np.uint8], *, within: float = 1.0) -> None:
    """Require as many frames, of the same size, and each pixel within ``within`` gray levels on average."""
    assert len(frames) == len(own)
    for frame, other in zip(frames, own, strict=True):
        assert frame.shape == other.shape
        assert np.abs(frame.astype(np.int16) - other).mean() < within


@pytest.mark.parametrize("name", PLAIN)
def test_frames_match_those_of_ffmpeg(tmp_path: Path, name: str) -> None:
    path = street(tmp_path / name, *PLAIN[name])
    size = (159, 119) if name.startswith("odd") else SIZE
    frames, times_s, notes = read(path)
    interlaced = "field" in name
    same(
        frames, own_frames(path, size), within=4.0 if "10 bits" in name else 1.0
    )  # chroma is interpolated differently
    assert times_s == sorted(set(times_s))
    assert times_s[0] == pytest.approx(0, abs=0.09)
    assert [("interlaced" in note) for note in notes] == [True] * interlaced


def test_frame_times_follow_the_timestamps(tmp_path: Path) -> None:
    path = street(tmp_path / "v.mkv", *VARIABLE, *X264)
    expected = [i / 25 if i < 12 else 0.48 + (i - 12) / 5 for i in range(24)]
    assert read(path)[1] == pytest.approx(expected, abs=0.002)
    woven = street(tmp_path / "i.mp4", "-vf", "tinterlace=interleave_top", *X264, *FIELDS, frames=12)
    assert read(woven)[1] == pytest.approx([i / 12.5 for i in range(len(read(woven)[0]))], abs=0.002)


SOUND = ("-f", "lavfi", "-i", "sine=duration=6", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac")


@pytest.mark.parametrize("name", ["trimmed.mp4", "trimmed.mov", "trimmed.mkv"])
def test_video_cut_without_reencoding_is_complete(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    ffmpeg("-ss", "0.3", "-i", street(tmp_path / "whole.mp4", *X264), "-c", "copy", path)
    same(read(path)[0], own_frames(path))


@pytest.mark.parametrize("name", ["sound.mkv", "sound.ts", "sound.flv", "sound.mp4"])
def test_audio_may_be_longer_than_the_video(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    ffmpeg("-i", street(tmp_path / "whole.mp4", *X264), *SOUND, path)
    frames, _, notes = read(path)
    same(frames, own_frames(path))
    assert not notes


def test_recording_may_begin_between_key_frames(tmp_path: Path) -> None:
    whole = street(tmp_path / "whole.ts", *X264).read_bytes()
    late = tmp_path / "late.ts"
    late.write_bytes(whole[len(whole) // 3 // 188 * 188 :])
    same(read(late)[0], own_frames(late))


@pytest.mark.parametrize(
    ("shape", "size", "fields"),
    [
        ("16/15", (171, 120), False),
        ("8/9", (142, 120), False),
        ("64/45", (228, 120), True),
        ("100/1", (160, 120), False),
    ],
)
def test_non_square_pixels_become_square(
    tmp_path: Path, shape: str, size: tuple[int, int], fields: bool
) -> None:
    more = FIELDS if fields else ()
    path = street(tmp_path / "wide.mkv", *X264, *more, "-vf", f"setsar={shape}", frames=4)
    scaled = ("-vf", f"scale={size[0]}:{size[1]}:flags=bilinear")
    same(read(path)[0], own_frames(path, size, *scaled), within=6.0)  # testsrc2 consists of edges
    with open_source(path) as source:
        assert source.size == size


def turned(path: Path, degrees: int) -> Path:
    """Return the MP4 with the display matrix that a phone writes when it is held that way."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    one, none = (1 << 16).to_bytes(4, "big"), bytes(4)
    minus, last = (-(1 << 16)).to_bytes(4, "big", signed=True), (1 << 30).to_bytes(4, "big")
    rows = {
        90: (none, one, none, minus, none, none, none, none, last),
        180: (minus, none, none, none, minus, none, none, none, last),
        270: (none, minus, none, one, none, none, none, none, last),
    }
    data[place : place + 36] = b"".join(rows[degrees])
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("fields", [False, True])
def test_phone_video_is_rotated_upright(tmp_path: Path, degrees: int, fields: bool) -> None:
    path = turned(street(tmp_path / "v.mp4", *X264, *(FIELDS if fields else ()), frames=4), degrees)
    size = SIZE if degrees == 180 else (SIZE[1], SIZE[0])
    same(read(path)[0], own_frames(path, size))


def test_anamorphic_rotated_video_is_stretched_along_the_right_axis(tmp_path: Path) -> None:
    path = turned(street(tmp_path / "v.mp4", *X264, "-vf", "setsar=4/3", frames=2), 90)
    with open_source(path) as source:
        assert source.size == (120, round(160 * 4 / 3))


def test_broken_frame_is_skipped_and_reported(tmp_path: Path) -> None:
    path = street(tmp_path / "v.avi", *PLAIN["mjpeg.avi"])
    whole = own_frames(path)
    with_broken_picture(path, 7, b"00dc")
    with open_source(path) as source:
        same([frame.pixels.copy() for frame in source], np.delete(whole, 7, axis=0))
        assert source.broken == 1
        assert source.notes[0] == "1 frame could not be decoded and was left out"
        assert "mjpeg" in source.notes[1]


def test_damage_that_the_decoder_conceals_is_reported(tmp_path: Path) -> None:
    path = street(tmp_path / "v.ts", *X264)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 564] = bytes(564)
    path.write_bytes(data)
    frames, _, notes = read(path)
    assert len(frames) == len(own_frames(path))
    assert any("the decoder reported errors" in note for note in notes)


@pytest.mark.parametrize(
    "name", ["h264.mp4", "h264.mov", "h264.mkv", "vp8.webm", "mjpeg.avi", "h264.flv", "fragments.mp4"]
)
def test_truncated_file_ends_with_an_error(tmp_path: Path, name: str) -> None:
    fast = ("-movflags", "+faststart") if name in ("h264.mp4", "h264.mov") else ()
    path = street(tmp_path / name, *PLAIN[name], *fast)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    seen: list[Frame] = []
    with (
        open_source(path) as source,
        pytest.raises(SourceError, match=r"ends early, after \d+ of \d+ frames; is the file complete\?"),
    ):
        seen.extend(source)
    assert 5 < len(seen) < 24


def test_file_without_its_index_says_so(tmp_path: Path) -> None:
    path = street(tmp_path / "v.mp4", *X264)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"v\.mp4 is truncated: at least \d+ bytes are missing"):
        open_source(path)


def test_interlaced_video_without_pyav_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = street(tmp_path / "v.mp4", *X264, *FIELDS, frames=4)
    if not any("interlaced" in note for note in read(path)[2]):
        pytest.skip(f"OpenCV {cv2.__version__} converts interlaced video")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SourceError, match=r"is interlaced video.*run: pip install av"):
        open_source(path)


def test_video_that_becomes_interlaced_continues(tmp_path: Path) -> None:
    """Television switches like this between a film and the news."""
    film = street(tmp_path / "film.ts", "-c:v", "mpeg2video", "-q:v", "2")
    news = street(tmp_path / "news.ts", *PLAIN["fields.ts"])
    both = tmp_path / "both.ts"
    both.write_bytes(film.read_bytes() + news.read_bytes())
    own = own_frames(both)
    frames, _, notes = read(both)
    same(frames, own)
    assert any("interlaced" in note for note in notes)
