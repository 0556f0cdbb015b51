"""No command overwrites its input or another output; an unwritable output path is reported before the work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the video extra is not installed")

import cv2
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.cli.overwrites import check_overwrites
from edgetrack.errors import ConfigError, SinkError
from edgetrack.io.files import check_place, write_whole

RUN = ("run", "--box", "1,1,8,8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make two folders of images, and two videos."""
    monkeypatch.chdir(tmp_path)
    for name in ("color", "heat"):
        Path(name).mkdir()
        for number in range(3):
            cv2.imwrite(f"{name}/{number:05d}.png", np.full((40, 60, 3), 90, np.uint8))
    for name in ("color.avi", "heat.avi"):
        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"MJPG"), 5, (160, 96))
        for number in range(6):
            writer.write(np.full((96, 160, 3), 20 * number, np.uint8))
        writer.release()
    Path("link.avi").symlink_to("heat.avi")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        (*RUN, "-s", "color", "--mask", "-o", "color/%05d.png"),
        (*RUN, "-s", "color/%05d.png", "--mask", "-o", "./color/%d.png"),
        (*RUN, "-s", "color", "--x", "heat", "--mask", "-o", "heat/%05d.png"),
        (*RUN, "-s", "color.avi", "--x", "heat.avi", "-o", "heat.avi"),
        ("watch", "--rule", "a person falls", "-s", "color.avi", "-o", "color.avi"),
        ("watch", "--rule", "a person falls", "-s", "color.avi", "--unusual", "color.avi"),
        ("unusual", "-s", "color.avi", "--report", "color.avi"),
        ("unusual", "-s", "color", "--report", "color/00001.png"),
        ("unusual", "-s", "color.avi", "--state", "heat.avi", "--no-learn", "--report", "link.avi"),
        ("align", "color.avi", "heat.avi", "-o", "color.avi"),
        ("align", "color.avi", "heat.avi", "-o", "h.toml", "--picture", "link.avi"),
        ("bench", "-s", "color.avi", "--json", "color.avi"),
        ("replay", "heat.avi", "--json", "heat.avi"),
    ],
)
def test_inputs_are_not_overwritten(folder: Path, words: tuple[str, ...]) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, "which the run reads; give the output another name" in result.stderr) == (
        2,
        True,
    )
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "words",
    [
        (*RUN, "-s", "color.avi", "-o", "a.jsonl", "-o", "./a.jsonl"),
        ("unusual", "-s", "color.avi", "--state", "s.npz", "--report", "s.npz"),
        ("align", "color.avi", "heat.avi", "-o", "a", "--picture", "a"),
    ],
)
def test_two_outputs_with_one_path_are_rejected(folder: Path, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, "is given twice" in result.stderr) == (2, True)


def test_output_next_to_the_input_images_is_allowed(folder: Path) -> None:
    (folder / "masks").mkdir()
    check_overwrites([folder / "masks/%05d.png", folder / "a.mp4", None], [str(folder / "color"), "-", None])
    check_overwrites([folder / "color/mask_%05d.png"], [folder / "color"])
    (folder / "color/mask_00000.png").write_bytes(b"")  # from now on it is one of the input images
    with pytest.raises(ConfigError, match="which the run reads"):
        check_overwrites([folder / "color/mask_%05d.png"], [folder / "color"])


@pytest.mark.parametrize(
    "words",
    [
        ("unusual", "-s", "color.avi", "--state", "none/s.npz"),
        ("unusual", "-s", "color.avi", "--report", "none/r.html"),
        ("unusual", "-s", "color.avi", "--report", "color"),
        ("watch", "-s", "color.avi", "--rule", "a person falls", "--unusual", "none/s.npz"),
        ("align", "color.avi", "heat.avi", "-o", "none/h.toml"),
        ("bench", "-s", "color.avi", "--json", "none/b.json"),
    ],
)
def test_unwritable_output_path_is_rejected_before_the_work(folder: Path, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "cannot be written: " in result.stderr
    assert f"choose another {words[-2]}".replace(" -o", " --output") in result.stderr
    assert result.stdout == ""


def test_file_is_written_entirely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "a.html", tmp_path / "link.html"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, "caf\u00e9 \udcff", option="--report")  # text that is not valid UTF-8
    assert (path.read_text(encoding="utf-8"), link.is_symlink()) == ("caf\u00e9 \\udcff", True)
    assert path.stat().st_mode & 0o777 == 0o640

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SinkError, match="No space left on device; choose another --report"):
        write_whole(path, "after", option="--report")
    assert path.read_text(encoding="utf-8") == "caf\u00e9 \\udcff"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.html", "link.html"]


def test_unwritable_path_says_why(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path, "it is a folder"),
        (tmp_path / "none" / "a", "does not exist"),
        (Path("a\0b"), "zero byte"),
    ):
        with pytest.raises(SinkError, match=why):
            check_place(path, option="--json")
    write_whole(Path("/dev/null"), "a", option="--json")
    assert not Path("/dev/null").is_file()
