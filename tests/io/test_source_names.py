"""Names of sources: unusual ones work, invalid ones give a one-line reason, and no password is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_videos import write_video

from edgetrack.errors import SourceError
from edgetrack.io.names import public_name, without_secrets
from edgetrack.io.sources import open_source

cv2 = pytest.importorskip("cv2")


@pytest.mark.parametrize(
    "name",
    [
        "2026-11-28T07:14:05.mp4",
        "rtsp:x.mp4",
        "file:x.mp4",
        "-i.mp4",
        "100%.mp4",
        "img%03d.mp4",
        "a b;$(x)'\".mp4",
        "ümläut 漢.mp4",
        "x" * 240 + ".mp4",
    ],
)
def test_unusual_names_in_the_current_folder_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_video(tmp_path / "v.mp4", 3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for given in (name, Path(name)):
        with open_source(given) as source:
            assert source.name == name
            assert len(list(source)) == 3


def test_name_that_is_not_text_is_rejected_before_opencv_crashes_on_it(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))
    write_video(tmp_path / "v.mp4", 3).rename(path)
    with pytest.raises(SourceError, match=r"\\udcff\.mp4 is not valid UTF-8"):
        open_source(path)
    with pytest.raises(SourceError, match=r"\\ud800 is not valid UTF-8"):
        open_source("http://127.0.0.1/\ud800")


@contextmanager
def without_rights() -> Iterator[None]:
    """Drop root's permissions for a moment, because root may read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_files_and_folders_without_permission_say_so(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and "pytest" in str(folder):
            folder.chmod(0o755)
    video, folder = write_video(tmp_path / "v.mp4", 3), tmp_path / "pictures"
    folder.mkdir(mode=0o311)
    video.chmod(0o200)
    with without_rights():
        with pytest.raises(SourceError, match=r"v\.mp4 cannot be read: Permission denied"):
            open_source(video)
        with pytest.raises(SourceError, match=r"folder .*pictures cannot be listed: Permission denied"):
            open_source(folder)
    folder.chmod(0o755)
    write_video(folder / "v.mp4", 3)
    folder.chmod(0o200)
    with (
        without_rights(),
        pytest.raises(SourceError, match=r"pictures/v\.mp4 cannot be read: Permission denied"),
    ):
        open_source(folder / "v.mp4")
    folder.chmod(0o755)


def test_system_error_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "empty.mp4").touch()
    cases: list[tuple[str | Path, str]] = [
        ("y" * 300 + ".mp4", "cannot be read: File name too long"),
        (tmp_path / "loop.mp4", r"loop\.mp4 cannot be read: Too many levels of symbolic links"),
        (tmp_path / "gone.mp4", r"gone\.mp4 is a link to nowhere\.mp4, which does not exist"),
        (tmp_path / "empty.mp4" / "x", "cannot be read: Not a directory"),
        (tmp_path / "empty.mp4", "is empty"),
        ("a\0b.mp4", "is not a valid path: embedded null"),
        ("", "has no images"),
    ]
    for source, said in cases:
        with pytest.raises(SourceError, match=said) as caught:
            open_source(source)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 700


def test_command_line_reports_a_bad_source_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    for source in ("loop.mp4", "y" * 300 + ".mp4"):
        words = ["run", "--source", source, "--box", "1,1,9,9", "--output", "o.jsonl"]
        done = subprocess.run(
            [sys.executable, "-m", "edgetrack", *words], cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert done.stderr.startswith("error: ")


SECRETS = {
    "http://admin:s3cr3t@10.0.0.1:80/stream": "http://10.0.0.1:80/stream",
    "rtsp://admin@camera/1": "rtsp://camera/1",
    "http://u:p@s3cr3t@h/x": "http://h/x",
    "http://u:s3/cr3t@h/x": "http://h/x",
    "rtsp://cam/user=admin&password=s3cr3t&channel=1": "rtsp://cam/user=***&password=***&channel=1",
    "rtsp://cam:554/user=admin_password=s3cr3t_channel=1": "rtsp://cam:554/user=***",
    "http://h/video.cgi?usr=s3cr3t&pwd=s3cr3t&res=1": "http://h/video.cgi?usr=***&pwd=***&res=1",
    "https://h/v.mp4?X-Amz-Signature=s3cr3t&t=1": "https://h/v.mp4?X-Amz-Signature=***&t=1",
    "rtsp://host:554/a@2x": "rtsp://host:554/a@2x",
    "rtsp://[fe80::1]:554/a@2x": "rtsp://[fe80::1]:554/a@2x",
    "/videos/user=1 key=2@x.mp4": "/videos/user=1 key=2@x.mp4",
}


@pytest.mark.parametrize("url", SECRETS)
def test_passwords_are_removed_from_names(url: str) -> None:
    assert public_name(url) == SECRETS[url]
    assert "s3cr3t" not in without_secrets(f"connection to {url} failed, see {url}")


def test_unreachable_camera_is_named_without_its_password() -> None:
    for url in ("http://admin:s3cr3t@127.0.0.1:9/x.mp4", "rtsp://127.0.0.1:9/user=a&password=s3cr3t"):
        with pytest.raises(SourceError, match="Connection refused") as caught:
            open_source(url)
        assert "s3cr3t" not in str(caught.value)


def test_opencv_settings_of_the_host_program_are_unchanged(tmp_path: Path) -> None:
    """OpenCV's log level, the environment and the messages of the host's own captures stay as they were."""
    video = write_video(tmp_path / "v.mp4", 3)
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    script = f"""
import os, cv2
before = dict(os.environ)
import edgetrack
level = cv2.utils.logging.getLogLevel()
with edgetrack.open_source({str(video)!r}) as source:
    assert len(list(source)) == 3
try:
    edgetrack.open_source({str(tmp_path / "broken.mp4")!r})
except edgetrack.EdgetrackError:
    pass
assert cv2.utils.logging.getLogLevel() == level
assert dict(os.environ) == before
os.write(2, b"mine:")
cv2.VideoCapture({str(tmp_path / "broken.mp4")!r}, cv2.CAP_FFMPEG)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours, _, hosts = done.stderr.partition("mine:")
    assert ours == ""
    assert hosts != ""


BESIDE = """
import av, edgetrack
try:
    edgetrack.open_source("http://127.0.0.1:9/x.mp4")
except edgetrack.EdgetrackError as error:
    print(error)
"""


def test_decoder_messages_are_captured_next_to_the_ffmpeg_of_pyav() -> None:
    """PyAV brings its own FFmpeg; once the first video is written, both are loaded in the process."""
    pytest.importorskip("av")
    done = subprocess.run(
        [sys.executable, "-c", BESIDE], capture_output=True, text=True, check=True, timeout=60
    )
    assert "Connection refused" in done.stdout
    assert done.stderr == ""
