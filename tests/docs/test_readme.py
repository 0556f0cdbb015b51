"""The README works: its commands and its snippet run unchanged, on a video of the demo scene."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")

RAW = "https://raw.githubusercontent.com/edgetrack/edgetrack/main"
BLOB = "https://github.com/edgetrack/edgetrack/blob/main"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with drive.mp4: two seconds of the demo's street."""
    from edgetrack.demo.scene import FPS, HEIGHT, WIDTH, Scene

    folder = tmp_path_factory.mktemp("readme")
    video = cv2.VideoWriter(str(folder / "drive.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for frame in Scene().frames():
        if frame.index == 60:
            break
        video.write(frame.pixels)
    video.release()
    return folder


def blocks(repository: Path, language: str) -> list[str]:
    text = (repository / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_commands_of_the_readme_run(repository: Path, folder: Path) -> None:
    """A camera is replaced by the video, because a test machine has none; the make targets run in CI."""
    lines = [line for block in blocks(repository, "bash") for line in block.splitlines()]
    commands = [
        line.replace("--camera 0", "--source drive.mp4") for line in lines if line.startswith("edgetrack ")
    ]
    assert len(commands) >= 2
    for command in commands:
        words = shlex.split(command, comments=True)
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert len((folder / "track.jsonl").read_text().splitlines()) == 60
    assert (folder / "track.mp4").stat().st_size > 10_000


def test_snippet_of_the_readme_runs(repository: Path, folder: Path) -> None:
    for block in blocks(repository, "python"):
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 60
        assert "searching" in done.stdout or "tracking" in done.stdout


def test_make_targets_of_the_readme_exist(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text()
    goals = re.findall(r"^make (\w+)", "\n".join(blocks(repository, "bash")), re.MULTILINE)
    assert {"demo", "test"} <= set(goals)
    assert all(re.search(rf"^{goal}:", makefile, re.MULTILINE) for goal in goals)


def test_images_and_links_work_on_pypi(repository: Path) -> None:
    """PyPI shows the README alone: all links are absolute, to files and headings of this repository."""
    text = (repository / "README.md").read_text()
    images = re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", text)
    assert images
    for address in images:
        assert (path := address.removeprefix(f"{RAW}/")) != address, address
        assert (repository / path).is_file(), address
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)", text)
    assert len(links) > 15
    for address in links:
        path, _, anchor = address.removeprefix(f"{BLOB}/").partition("#")
        assert path != address, f"{address} is no file of the repository"
        assert (repository / path).is_file(), address
        assert not anchor, "anchors would have to be checked"


def test_first_screen_shows_install_run_and_license(repository: Path) -> None:
    """A visitor sees about 40 lines without scrolling."""
    screen = "\n".join((repository / "README.md").read_text().splitlines()[:40])
    assert 'pip install "edgetrack[video]"' in screen
    assert (
        screen.index("![")
        < screen.index("pip install")
        < screen.index("edgetrack run")
        < screen.index("import edgetrack")
    )
    assert "Code and weights are licensed under Apache-2.0" in screen
    assert len(re.findall(r"^make ", (repository / "README.md").read_text(), re.MULTILINE)) == 2
