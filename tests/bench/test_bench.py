"""What `edgetrack bench` measures, and its errors."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from typer.testing import CliRunner

from edgetrack.bench.measure import Contestant, Target, absent, busy_neighbor, compare, measure
from edgetrack.cli import app
from edgetrack.errors import ConfigError, SourceError
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Frame, Track

FRAMES = [Frame(np.full((48, 64, 3), 90, np.uint8), i, i / 30) for i in range(12)]
BOX = Target(None, Box(10, 10, 20, 20))


class Sleeper:
    """A custom tracker that takes a given number of milliseconds."""

    def __init__(self, ms: float, order: list[float] | None = None) -> None:
        self.ms = ms
        self.order = [] if order is None else order
        self.updates = 0

    def start(self, frame: Any, *, text: str | None = None, box: Box | None = None) -> Track:
        self.order.append(self.ms)
        return Track(box, 1.0, "tracking", 0)

    def update(self, frame: Any) -> Track:
        time.sleep(self.ms / 1e3)
        self.updates += 1
        return Track(None, 0.0, "lost", 1)


def test_stages_add_up_and_only_updates_count() -> None:
    contestant = Contestant("edgetrack", Tracker(engine=FakeEngine()), {})
    (figures,), ratios = measure([contestant], lambda: FRAMES, BOX, rounds=3, limit=100)
    assert ratios == []
    assert figures.frames == 3 * 11
    stages = figures.stages
    assert set(stages) == {"read", "update", "publish", "whole", "crop", "network", "decode", "python"}
    assert all(0 < s.median <= s.p95 <= s.p99 for s in stages.values())
    parts = sum(stages[name].median for name in ("crop", "network", "decode", "python"))
    assert parts == pytest.approx(stages["update"].median, rel=0.5)
    assert figures.jitter == stages["update"].p99 / stages["update"].median
    assert stages["whole"].median >= stages["update"].median


def test_ratio_is_that_of_the_times_and_turns_alternate() -> None:
    order: list[float] = []
    one, two = (Contestant(f"{ms} ms", Sleeper(ms, order), {}) for ms in (4.0, 12.0))
    figures, (ratio,) = measure([one, two], lambda: FRAMES, BOX, rounds=4, limit=6)
    assert order == [12, 4, 4, 12, 12, 4, 4, 12, 12, 4]
    assert [f.frames for f in figures] == [20, 20]
    assert 1.3 < ratio.ratio < 4.5
    assert ratio.low <= ratio.ratio <= ratio.high
    assert (ratio.name, ratio.base) == ("12.0 ms", "4.0 ms")


def test_confidence_interval_contains_the_truth_in_95_percent() -> None:
    dice, held = np.random.default_rng(0), 0
    for _ in range(2000):
        a, b = np.exp(dice.normal(0, 0.1, 5)), 1.2 * np.exp(dice.normal(0, 0.1, 5))
        ratio = compare("b", "a", list(b), list(a))
        held += ratio.low <= 1.2 <= ratio.high
    assert 0.935 < held / 2000 < 0.965


@pytest.mark.parametrize(
    ("frames", "rounds", "error"), [(FRAMES[:1], 2, SourceError), (FRAMES, 1, ConfigError)]
)
def test_too_few_measurements_are_an_error(frames: list[Frame], rounds: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="at least 2"):
        measure([Contestant("x", Sleeper(0), {})], lambda: frames, BOX, rounds=rounds, limit=9)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--compare", "speed=9"], "expected model=, engine=, precision= or threads="),
        (["--compare", "threads=two"], "expected model="),
        (["--peer", "opencv-nano"], "give --box X,Y,W,H"),
        (["--box", "1,2,3"], "not four numbers"),
        (["--box", "9,9,9,9", "--peer", "fastest"], "'fastest' is unknown"),
        (["--source", "/nowhere.mp4"], "/nowhere.mp4"),
    ],
)
def test_wrong_options_are_named(monkeypatch: pytest.MonkeyPatch, words: list[str], says: str) -> None:
    monkeypatch.setattr(
        "edgetrack.cli.engine_options.EngineOptions.tracker", lambda _: Tracker(engine=FakeEngine())
    )
    monkeypatch.setattr("edgetrack.words.Tokenizer", lambda _: None)
    result = CliRunner().invoke(app, ["bench", *words])
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def test_command_prints_a_table_and_writes_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
    monkeypatch.setattr(
        "edgetrack.cli.engine_options.EngineOptions.tracker", lambda _: Tracker(engine=FakeEngine())
    )
    for i in range(6):
        cv2.imwrite(str(tmp_path / f"{i}.png"), FRAMES[i].pixels)
    out = tmp_path / "out.json"
    words = ["bench", "--source", str(tmp_path), "--box", "10,10,20,20", "--rounds", "2", "--json", str(out)]
    result = CliRunner().invoke(app, [*words, "--compare", "threads=1"])
    assert result.exit_code == 0, result.output
    assert "median ms" in result.output
    assert "edgetrack threads=1" in result.output
    report = json.loads(out.read_text())
    assert report["machine"]["processor"]
    assert [one["name"] for one in report["trackers"]] == ["edgetrack", "edgetrack threads=1"]
    assert report["trackers"][0]["frames"] == 10
    assert report["ratios"][0]["low"] <= report["ratios"][0]["ratio"] <= report["ratios"][0]["high"]


def test_target_is_absent_for_a_third_and_each_state_is_timed() -> None:
    shown = list(absent(lambda: FRAMES, 6)())
    blank = [bool((frame.pixels == 127).all()) for frame in shown]
    assert blank == [False, False, True, True, False, False]
    one = Contestant("red", Tracker(engine=FakeEngine()), {})
    (figures,), _ = measure([one], absent(lambda: FRAMES, 6), BOX, rounds=2, limit=6)
    assert figures.states
    assert all(0 < times.median <= times.p95 for times in figures.states.values())


def test_frames_arrive_at_camera_rate_and_waiting_is_not_measured() -> None:
    one = Contestant("red", Tracker(engine=FakeEngine()), {})
    begun_s = time.perf_counter()
    (figures,), _ = measure([one], lambda: FRAMES[:3], BOX, rounds=2, limit=3, fps=20)
    assert time.perf_counter() - begun_s > 3 * 3 / 20
    assert figures.stages["whole"].median < 1e3 / 20


def test_busy_neighbor_ends_with_its_context() -> None:
    with busy_neighbor() as process:
        assert process.poll() is None
    assert process.poll() is not None
