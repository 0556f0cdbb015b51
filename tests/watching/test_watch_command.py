"""``edgetrack watch``: what it prints, writes and posts, with a scripted tracker in place of the model."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import FakeTracker
from http_receiver import Receiver
from typer.testing import CliRunner, Result

from edgetrack import multi_tracker
from edgetrack.cli import app
from edgetrack.cli.clip_options import ClipOptions
from edgetrack.cli.output_files import Services
from edgetrack.timing import Timing
from edgetrack.types import Box, Frame, Track
from edgetrack.unusual import NormalModel

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("av", reason="needs PyAV: pip install 'edgetrack[mp4]'")

FRAMES, FPS = 40, 30
ZONES = 'units = "relative"\n[[zone]]\nname = "right"\npoints = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]\n'
RULE = "a person enters right"


class Scripted(FakeTracker):
    """A tracker in which a person walks from left to right past a parked car."""

    made: list[Scripted] = []  # noqa: RUF012
    stop_at: int | None = None

    def __init__(self, bundle: object = None, **options: Any) -> None:
        super().__init__(bundle, **options)
        self.asked: list[tuple[str, str, int]] = []
        self.frames = 0
        self.failed: dict[str, Exception] = {}
        self.batch_failure, self.events = None, ()
        self.queries: dict[str, Any] = {}
        self.made.append(self)

    def add(self, text: str, box: object = None) -> None:
        self.asked.append(("add", text, 1))

    def every(self, text: str, max: int, lying: bool) -> None:
        self.asked.append(("every lying" if lying else "every", text, max))
        self.queries[text] = SimpleNamespace(count=1, total=1)

    def update(self, frame: Any, *, deadline_ms: float | None = None) -> Any:
        assert isinstance(frame, Frame)
        self.frames += 1
        if self.frames == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        x = 2.0 * frame.index
        person = Track(
            Box(x, 20, 8, 16), 0.9, "tracking", frame.index, id=2, name="person #2", query="person"
        )
        return {
            "car": Track(Box(90, 20, 20, 16), 0.9, "tracking", frame.index, id=1, name="car"),
            "person #2": person,
        }

    @property
    def timing(self) -> dict[str, Timing]:
        return dict.fromkeys(("car", "person #2"), Timing(0, 0, 0))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for n in range(FRAMES):
        cv2.imwrite(str(folder / f"{n:03d}.png"), np.full((48, 128, 3), 90, np.uint8))
    return folder


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(multi_tracker, "MultiTracker", Scripted)
    monkeypatch.setattr(Scripted, "made", [])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zones.toml").write_text(ZONES)


def watch(*words: str) -> Result:
    return CliRunner().invoke(app, ["watch", *words], env={"COLUMNS": "200"})


def test_alerts_are_printed_written_stored_and_posted(pictures: Path, tmp_path: Path) -> None:
    server = Receiver()
    try:
        done = watch("--source", str(pictures), "--rule", f"tell me when {RULE}", "--zones", "zones.toml", "--max", "3",
                     "--rule", "a person is near the car for 0 seconds", "--output", "out.jsonl", "--output", "out.csv",
                     "--clips", "alerts", "--pre-roll", "0.2", "--post-roll", "0.1",
                     "--webhook", server.url)  # fmt: skip
        assert done.exit_code == 0, done.output
        server.wait_for(5)  # the car has appeared; the zone tells of both
    finally:
        server.stop()
    [tracker] = Scripted.made
    assert tracker.asked == [("add", "car", 1), ("every", "person", 3)]
    # Its center is at 4 + 2 n pixels: at 64, the zone's edge, in frame 30, and 0.2 s inside in frame 36.
    assert re.search(r"alert  0:00:01.2  a person enters right  #2  at 72,20,8,16\n", done.output)
    assert re.search(
        r"alert  0:00:01.2  a person is near the car for 0 seconds  #2, #1  at 74,20,36,16\n", done.output
    )
    assert "count  a person enters right: 1 alert\n" in done.output
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    first, second = (row for row in rows if row.get("event") == "alert")
    assert first == {"frame": 36, "time_s": 1.2, "event": "alert", "query": "person", "name": "person #2", "id": 2,
                     "rule": RULE, "ids": [2], "box": [72, 20, 8, 16]}  # fmt: skip
    assert second["ids"] == [2, 1]
    assert (tmp_path / "out.csv").read_text().count(f",{RULE}\n") == 1
    capture = cv2.VideoCapture("alerts/alert-0001.mp4")
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 10  # 6 before, the alert's own, and 3 after
    posted = [body for body in server.bodies if body["event"] == "alert"]
    assert [(body["rule"], body["box"]) for body in posted] == [
        (RULE, [72, 20, 8, 16]),
        (second["rule"], [74, 20, 36, 16]),
    ]


def test_mqtt_and_publish_options_are_used(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Services] = []

    def opens(services: Services) -> list[Any]:
        opened.append(services)
        return []

    def publishes(services: Services, *_: object) -> dict[str, Any]:
        opened.append(services)
        return {}

    monkeypatch.setattr(Services, "open", opens)
    monkeypatch.setattr(Services, "open_pictures", publishes)
    done = watch("--source", str(pictures), "--rule", "a person falls", "--mqtt", "mqtt://host/yard",
                 "--publish", "rtsp://host/yard", "--webhook", "http://host/",
                 "--rerun", "rerun+http://host/proxy")  # fmt: skip
    assert done.exit_code == 0, done.output
    urls = ("http://host/", "mqtt://host/yard", "rtsp://host/yard", "rerun+http://host/proxy")
    assert opened == [Services(*urls, clips=ClipOptions(of=frozenset(["alert"])))] * 2


def test_rules_are_printed_as_they_are_understood(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\nname = "visit"\nwhen = "when any person exits the zone right"\n'
    )
    done = watch(
        "--rules", "rules.toml", "--zones", "zones.toml", "--rule", "tell me if the red car stops", "--check"
    )
    assert done.exit_code == 0
    assert [line.split("  ", 1)[1].strip() if line.startswith("  ") else line for line in done.output.splitlines()] == [
        "rule  the red car stops", "rule  visit: a person leaves right", 'target  "red car"', 'every  "person"'
    ]  # fmt: skip
    assert Scripted.made == []


def test_config_may_contain_all_options(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "watch.toml").write_text(
        f'source = "{pictures}"\nrule = ["{RULE}"]\nzones = "zones.toml"\noutput = "-"\nmax-frames = 38\n'
    )
    done = watch("--config", "watch.toml")
    assert done.exit_code == 0, done.output
    assert Scripted.made[0].frames == 38


def test_signal_leaves_complete_files(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scripted, "stop_at", 38)
    done = watch("--source", str(pictures), "--rule", RULE, "--zones", "zones.toml", "--clips", "alerts",
                 "--output", "out.jsonl", "--output", "out.mp4")  # fmt: skip
    assert done.exit_code == 130, done.output
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len(lines) == 2 * 37 + 3  # the signal came in frame 38; the zone tells of both, and the rule
    for name in ("out.mp4", "alerts/alert-0001.mp4"):
        assert cv2.VideoCapture(name).get(cv2.CAP_PROP_FRAME_COUNT) == 37


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to watch for: give --rule, --rules or both"),
        (["--rule", "a person flies"], "is not understood at its end; expected a verb"),
        (["--rule", "a person enters left"], "names the zone 'left'; expected a file with [[zone]]"),
        (["--rule", "a person falls", "--rules", "none.toml"], "rules none.toml cannot be read"),
        (["--rule", "a person falls"], "neither --camera nor --source is given"),
        (["--rule", "a person falls", "--source", "none.mp4"], "none.mp4"),
        (["--rule", "a person falls", "--source", ".", "--clips", "zones.toml"], ""),
    ],
)
def test_user_error_is_one_line(words: list[str], said: str) -> None:
    done = watch(*words)
    assert done.exit_code == 2
    assert done.output.startswith("error: ")
    assert said in done.output
    assert done.output.count("\n") == 1


def test_unusual_state_is_learned_and_saved(pictures: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.npz"
    words = ("--source", str(pictures), "--rule", "a person falls", "--unusual", str(state))
    done = watch(*words)
    assert done.exit_code == 0, done.output
    assert "unusual: 0 alerts" in done.output
    assert NormalModel.load(state).seconds == 0  # ten seconds settle the background
    state.write_bytes(b"foreign")
    done = watch(*words)
    assert done.exit_code == 2
    assert "is refused" in done.output
