"""Rules on tracks that edgetrack recorded in real clips, compared with events annotated by a person."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

import edgetrack


@pytest.fixture(autouse=True)
def importable(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))


@pytest.mark.parametrize("number", range(3))
def test_every_event_is_found_and_no_other(number: int) -> None:
    from watch_events import read_clips, results_of

    clip = read_clips()[number]
    results = results_of(clip, clip.frames())
    assert [r.rule for r in results if r.found < r.events] == []
    assert [r.rule for r in results if r.false] == []
    assert sum(r.events for r in results) >= 10


@pytest.mark.parametrize(("shift_s", "found"), [(-0.4, 2), (1.0, 2), (-2.5, 0), (2.5, 0)])
def test_too_early_or_too_late_alert_is_false(shift_s: float, found: int) -> None:
    """The clock of the frames is shifted relative to the ground truth."""
    from watch_events import read_clips, results_of

    clip = next(clip for clip in read_clips() if clip.name == "car-detection")
    shifted = ((replace(frame, time_s=frame.time_s + shift_s), tracks) for frame, tracks in clip.frames())
    up = next(r for r in results_of(clip, shifted) if r.rule == "a car crosses middle going up")
    assert (up.found, up.false) == (found, 2 - found)


def test_recorded_tracks_belong_to_these_clips(shared_data: Path) -> None:
    """Their sizes and frame times match; tracking them again takes minutes: benchmarks/watch.py --clips."""
    pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
    from watch_events import RECORDED, read_clips

    for clip in read_clips():
        with edgetrack.open_source(shared_data / "clips" / f"{clip.name}.mp4") as source:
            assert source.size == clip.size
            seen = {round(frame.time_s, 3) for frame in islice(source, 12)}
        lines = (RECORDED / f"{clip.name}.jsonl").read_text().splitlines()
        assert {json.loads(line)[0] for line in lines[:4]} <= seen
