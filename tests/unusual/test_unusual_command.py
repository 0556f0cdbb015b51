"""``edgetrack unusual``: alarms on the screen, a state file, and the page of a day."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

import cv2
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.types import Box, Frame
from edgetrack.unusual import Assessment, NormalModel, Region, Threshold
from edgetrack.unusual.day import MAX_MOMENTS, Day
from edgetrack.unusual.page import day_page

QUIET = Threshold(2.0, 24, True, 3600, 7200)


def video(path: Path, frames: int, *, wrong: range = range(0)) -> Path:
    """Write squares that drive right, but left in the frames ``wrong``."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (160, 96))
    for index in range(frames):
        pixels = np.full((96, 160, 3), 90, np.uint8)
        x = (8 * index) % 240 - 30
        x = 150 - x if index in wrong else x
        pixels[60:72, max(x, 0) : max(x + 12, 0)] = (30, 40, 200)
        writer.write(pixels)
    writer.release()
    return path


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["unusual", *map(str, words)], env={"COLUMNS": "200"})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unusual")
    model = NormalModel(block_s=1.5)
    capture = cv2.VideoCapture(str(video(folder / "normal.avi", 460)))
    for index in range(460):
        model.update(Frame(capture.read()[1], index, index / 5))
    model.finish()
    model.save(folder / "state.npz")
    return folder / "state.npz"


def test_unusual_activity_is_printed_and_on_the_page(learned: Path, tmp_path: Path) -> None:
    path, page, state = tmp_path / "a.avi", tmp_path / "day.html", tmp_path / "state.npz"
    state.write_bytes(learned.read_bytes())
    video(path, 180, wrong=range(120, 150))
    code, said, _ = run("--source", path, "--state", state, "--per-day", 2000, "--report", page, "--no-learn")
    assert code == 0
    assert re.search(r"^2[4-9]\.\d s  score \d\.\d+  object .+; usual here: .+ px/s$", said, re.MULTILINE), (
        said
    )
    assert "1 alarm in 1 minute." in said
    assert state.read_bytes() == learned.read_bytes()
    text = page.read_text()
    assert text.count("data:image/jpeg") == 2  # the alarm, and the map of activity
    assert "usual here: right" in text
    assert "<script" not in text


def test_learning_writes_the_state_and_continues_from_it(tmp_path: Path) -> None:
    path, state = video(tmp_path / "a.avi", 120), tmp_path / "state.npz"
    seconds = []
    for _ in range(2):
        code, said, _ = run("--source", path, "--state", state, "--max-frames", 100)
        assert code == 0
        assert "There is too little data for a threshold" in said
        seconds.append(NormalModel.load(state).seconds)
    assert seconds[1] == pytest.approx(2 * seconds[0])
    assert seconds[0] > 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--state", "{folder}/foreign.npz"], "is refused"),
        (["--per-day", "0"], "per_day is 0"),
        (["--report", "{folder}/nowhere/day.html"], "choose another --report"),
        (["--no-learn"], "there is no state to use"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, words: list[str], says: str) -> None:
    video(tmp_path / "a.avi", 5)
    (tmp_path / "foreign.npz").write_bytes(b"foreign")
    given = [word.format(folder=tmp_path) for word in words]
    code, _, error = run("--source", tmp_path / "a.avi", *given)
    assert code == 2
    assert says in error


def seen(time_s: float, score: float) -> tuple[Frame, Assessment]:
    pixels = np.full((48, 64, 3), 120, np.uint8)
    region = Region(Box(4, 5, 20, 10), score, "motion", "object", f"object <b>at</b> {time_s:.0f}")
    return Frame(pixels, 0, time_s), Assessment(time_s, score, (region,))


def test_day_is_kept_in_bounded_memory() -> None:
    day = Day()
    for number in range(40):
        day.update(*seen(60.0 * number, 3 + number % 7), 2.0)
        day.update(*seen(60.0 * number + 1, 1), 2.0)
    day.close()
    assert len(day.minutes) == len(day.alarms) == 40
    assert len(day.moments) == MAX_MOMENTS
    assert [one.alarm.region.score for one in day.moments[:5]] == [9] * 5
    assert day.minutes[3].frames == 2


def test_page_has_the_time_of_day_and_is_escaped() -> None:
    day, model = Day(), NormalModel()
    for number in range(150):
        day.update(*seen(60.0 * number, 4 if number in (30, 100) else 1), 2.0)
    day.close()
    model.activity[4, 5] = 3
    began = datetime.datetime(2026, 5, 4, 22, 45)
    page = day_page(day, model, QUIET, source="camera <0>", began=began)
    assert "camera &lt;0&gt;, 2026-05-04 22:45:00 to 01:15:00" in page
    assert "23:15:00  object &lt;b&gt;at&lt;/b&gt; 1800" in page
    assert "It is extrapolated from 1.0 hours" in page
    for hour in ("22:45:00", "23:00:00", "00:00:00", "01:00:00"):
        assert f'<td class="word">{hour}</td>' in page
    empty = day_page(Day(), model, QUIET, source="nothing", began=None)
    assert "no frame" in empty
