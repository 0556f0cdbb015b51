"""``edgetrack replay``: what agrees, what differs, and where."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeTracker
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edgetrack.bundle import Bundle
from edgetrack.cli import app
from edgetrack.io import open_sink
from edgetrack.io.recording import Recording
from edgetrack.replay.compare import agreement, compare
from edgetrack.replay.report import GAP_PX
from edgetrack.types import STATUSES, Box, Frame, Track

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
pytest.importorskip("mcap", reason="the mcap extra is not installed")
COUNT, SIZE, START = 10, (240, 320), (40, 60, 48, 40)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a red square that moves over noise, followed by the shipped model."""
    folder = tmp_path_factory.mktemp("recorded")
    ground = cv2.resize(np.random.default_rng(0).integers(90, 160, (12, 16, 3)).astype(np.uint8), SIZE[::-1])
    for index in range(COUNT):
        picture = ground.copy()
        x, y, w, h = START[0] + 3 * index, START[1] + index, *START[2:]
        picture[y : y + h, x : x + w] = (0, 0, 255)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    box = ",".join(map(str, START))
    arguments = [
        "run",
        "-s",
        str(folder),
        "--box",
        box,
        "-t",
        "red square",
        "--engine",
        "ort",
        "--precision",
        "fp32",
    ]
    done = CliRunner().invoke(app, [*arguments, "-o", str(folder / "a.mcap")])
    assert done.exit_code == 0, done.output
    return folder / "a.mcap"


def replay(*arguments: str | Path) -> tuple[int, str]:
    """Return the exit code and the output, on one line."""
    done = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


def rewritten(recording: Path, path: Path, *, shift: float = 0.0, begin: int = 0, **facts: str) -> Path:
    """Write the same frames, with other boxes from ``begin`` on and other facts."""
    read = Recording(recording)
    with open_sink(path, facts={**read.facts, **facts}) as sink:
        for frame, track in read.steps():
            box = track.box
            if box is not None and frame.index >= begin:
                box = Box(box.x + shift, *box.xywh[1:])
            sink.write(frame, Track(box, track.score, track.status, track.index), latency_ms=1)
    return path


def test_recording_says_what_made_it(recorded: Path) -> None:
    facts, manifest = Recording(recorded).facts, Bundle.open().manifest
    assert (facts["model"], facts["model digest"]) == (manifest.name, manifest.digest)
    assert (facts["engine"], facts["precision"], facts["text"]) == ("ort", "fp32", "red square")
    assert Recording(recorded).target == ("red square", Box(*START))
    tracks = [track for _, track in Recording(recorded).steps()]
    assert len(tracks) == COUNT
    assert all(
        t.box is not None and t.box.iou(Box(40 + 3 * i, 60 + i, 48, 40)) > 0.5 for i, t in enumerate(tracks)
    )


def test_replay_with_the_same_setup_agrees(recorded: Path, tmp_path: Path) -> None:
    code, said = replay(recorded, "--precision", "fp32", "--json", tmp_path / "a.json", "--min-iou", "0.999")
    assert (
        code,
        "agrees: 0 of 10 frames (0.0 %) have an IoU below 0.999; at most 0 % are allowed" in said,
    ) == (
        0,
        True,
    ), said
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["candidate_with_reference"] == {
        "frames": 10, "mean_iou": 1.0, "lowest_iou": 1.0, "diverging": 0, "same_status": 10,
    }  # fmt: skip
    assert 0.9 < report["reference_with_recorded"]["lowest_iou"] <= 1, "JPEG changes little"
    assert (report["first_divergence"], report["picture"], report["complete"]) == (None, None, True)
    assert len(report["frames"]) == COUNT
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.nightly
def test_replay_with_another_engine_agrees(recorded: Path) -> None:
    pytest.importorskip("openvino", reason="the openvino extra is not installed")
    code, said = replay(recorded, "--engine", "openvino", "--min-iou", "0.9")
    assert code == 0, said
    assert f"reference edgetrack-256 {Bundle.open().manifest.version}" in said
    assert ", openvino fp32" in said


def test_first_difference_is_shown(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = rewritten(recorded, tmp_path / "b.mcap", shift=60.0, begin=6)
    code, said = replay(other, "--recorded", "--json", "b.json")
    assert code == 1, said
    assert "first divergence: frame 7, IoU 0.00" in said
    assert "written b-divergence.png" in said
    assert "diverges: 4 of 10 frames (40.0 %) have an IoU below 0.5; at most 0 % are allowed" in said
    report = json.loads((tmp_path / "b.json").read_text())
    assert (report["first_divergence"], report["diverging_share"], report["reference"]) == (6, 0.4, None)
    assert [row["iou"] < 0.5 for row in report["frames"]] == [False] * 6 + [True] * 4
    picture = cv2.imread("b-divergence.png")
    assert picture.shape == (SIZE[0], 2 * SIZE[1] + GAP_PX, 3)
    left, right = picture[:, : SIZE[1]], picture[:, SIZE[1] + GAP_PX :]
    changed = np.abs(left.astype(int) - right).max(axis=2) > 60
    [*_, (_, track)] = zip(range(7), (said for _, said in Recording(other).steps()), strict=False)
    assert track.box is not None
    x, y = round(track.box.x + track.box.w), round(track.box.y + track.box.h)
    assert changed[y - 4 : y + 5, x - 4 : x + 5].any(), "the recorded box is drawn strongly on the left only"
    assert replay(other, "--recorded", "--allow", "0.4", "--picture", tmp_path / "c.png")[0] == 0
    assert (tmp_path / "c.png").exists()
    code, said = replay(other, "--recorded", "--picture", tmp_path / "gone/c.png")
    assert (code, "c.png cannot be written" in said) == (2, True), said


def test_user_errors_are_reported(recorded: Path, tmp_path: Path) -> None:
    foreign = rewritten(recorded, tmp_path / "f.mcap", **{"model digest": "0" * 64})
    with open_sink(tmp_path / "empty.mcap", facts={}) as sink:
        sink.write(Frame(np.zeros((9, 9, 3), np.uint8), 0, 0), Track(None, 0, "lost", 0), latency_ms=1)
    for arguments, complaint in (
        ([recorded], "change something, as in: --precision int8"),
        ([tmp_path / "gone.mcap", "--recorded"], "gone.mcap cannot be read: No such file"),
        ([tmp_path / "empty.mcap", "--recorded"], "does not say what was tracked"),
        ([foreign, "--engine", "openvino"], "--recorded --against BUNDLE"),
        ([recorded, "--precision", "bf16"], "cannot run precision 'bf16'"),
        ([recorded, "--engine", "abacus"], "engine 'abacus' is unknown"),
        ([recorded, "--against", tmp_path / "nothing"], "is neither a folder nor a shipped model"),
    ):
        code, said = replay(*arguments)
        assert (code, complaint in said) == (2, True), said
    assert replay(foreign, "--recorded", "--against", "edgetrack-256")[0] == 0


boxes = st.none() | st.builds(Box, *[st.floats(-50, 50)] * 2, *[st.floats(1, 50)] * 2)
tracks = st.builds(Track, boxes, st.floats(0, 1), st.sampled_from(STATUSES), st.just(0))


@given(tracks, tracks)
def test_agreement_is_symmetric_and_bounded(a: Track, b: Track) -> None:
    assert 0 <= agreement(a, b) <= 1 + 1e-9
    assert agreement(a, b) == pytest.approx(agreement(b, a))
    assert agreement(a, a) == pytest.approx(1)
    if (a.box is None) != (b.box is None):
        assert agreement(a, b) == 0


def test_which_tracks_are_compared() -> None:
    """The fake goes through its states with the frames; a delayed one lags behind."""
    frames = [Frame(np.full((40, 60, 3), i, np.uint8), i, i / 25) for i in range(10)]
    recorded = Track(None, 0.1, "lost", 0)
    late = FakeTracker()
    late.calls.append(("update", None, None))
    found = compare([(f, recorded) for f in frames], late, FakeTracker(), text="x", box=None, min_iou=0.5)
    assert [t.status for t in found.reference] == ["searching"] * 2 + ["tracking"] * 6 + ["uncertain", "lost"]
    assert found.statuses() == {
        ("searching", "tracking"): 1, ("tracking", "uncertain"): 1, ("uncertain", "lost"): 1, ("lost", "searching"): 1,
    }  # fmt: skip
    assert [i for i, iou in enumerate(found.ious) if iou < 0.5] == [1, 8]
    assert (found.first, found.diverging, found.figures().same_status) == (1, 0.2, 6)
    assert found.pixels is not None
    assert (found.pixels == 1).all()
    alone = compare([(f, recorded) for f in frames], FakeTracker(), None, text="x", box=None, min_iou=0.5)
    assert alone.reference == [recorded] * 10
    assert alone.as_recorded().mean_iou == 1
