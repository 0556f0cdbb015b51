"""The frame loop: which calls it makes, what it counts, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fakes import FakeTracker
from pipeline_fakes import FakeMultiTracker, Frames, ListSink

from edgetrack.errors import BoxError, ConfigError, SinkError, SourceError
from edgetrack.io.outputs import Outputs
from edgetrack.meter import Meter
from edgetrack.pipeline import run, run_many
from edgetrack.types import Box, Frame, Track


def test_start_is_called_once_then_update_and_every_sink_gets_every_frame() -> None:
    tracker, sinks, seen = FakeTracker(), [ListSink(), ListSink()], []
    summary = run(
        Frames(20, dropped=3), tracker, sinks, text="red car", box=Box(1, 2, 3, 4),
        on_frame=lambda frame, track, meter: seen.append((frame.index, meter.frames)),
    )  # fmt: skip
    assert tracker.calls == [("start", "red car", Box(1, 2, 3, 4))] + [("update", None, None)] * 19
    assert [row[0] for row in sinks[0].rows] == list(range(20))
    assert sinks[0].rows == sinks[1].rows
    assert seen == [(i, i + 1) for i in range(20)]
    assert summary.statuses == {"searching": 4, "tracking": 12, "uncertain": 2, "lost": 2}
    assert (summary.frames, summary.dropped, summary.interrupted, summary.problem) == (20, 3, False, None)


def test_times_of_the_tracker_and_of_the_whole_loop() -> None:
    summary = run(Frames(12), FakeTracker(delay_s=0.005), text="x")
    assert summary.latency_ms is not None
    assert summary.start_ms >= 5
    assert 5 <= summary.latency_ms.p50 <= summary.latency_ms.p95 <= summary.latency_ms.p99
    assert summary.seconds >= 0.06
    assert summary.fps == pytest.approx(12 / summary.seconds)


def test_percentiles_equal_those_of_numpy() -> None:
    meter = Meter()
    for latency_ms in [1000.0, *range(1, 101)]:  # the first is the start, which is told apart
        meter.record(Track(None, 0, "lost", 0), latency_ms=latency_ms, dropped=0)
    latency = meter.latency_ms()
    assert latency is not None
    assert (latency.p50, latency.p95, latency.p99) == pytest.approx((50.5, 95.05, 99.01))
    recent = meter.latency_ms(last=10)
    assert recent is not None
    assert recent.p50 == pytest.approx(95.5)


def test_max_frames_and_a_closed_window_end_the_run() -> None:
    assert run(Frames(20), FakeTracker(), text="x", max_frames=5).frames == 5
    assert run(Frames(20), FakeTracker(), [ListSink(enough=7), ListSink()], text="x").frames == 7


def test_ctrl_c_ends_the_run_with_a_summary() -> None:
    sink = ListSink()
    summary = run(Frames(4, error=KeyboardInterrupt()), FakeTracker(), [sink], text="x")
    assert (summary.frames, summary.interrupted, len(sink.rows)) == (4, True, 4)


def test_source_error_is_in_the_summary() -> None:
    summary = run(Frames(4, error=SourceError("it broke")), FakeTracker(), text="x")
    assert (summary.frames, summary.problem, summary.interrupted) == (4, "it broke", False)


def test_source_without_frames_and_other_errors_are_raised() -> None:
    with pytest.raises(SourceError, match="it broke"):
        run(Frames(0, error=SourceError("it broke")), FakeTracker(), text="x")
    with pytest.raises(BoxError, match="outside"):
        run(Frames(4), FakeTracker(), box=Box(100, 100, 5, 5))


def test_single_frame_has_no_percentiles() -> None:
    assert run(Frames(1), FakeTracker(), text="x").latency_ms is None


def test_run_without_a_target_is_rejected() -> None:
    with pytest.raises(ConfigError, match="nothing to track"):
        run(Frames(1), FakeTracker())
    with pytest.raises(ConfigError, match="max_frames is 0"):
        run(Frames(1), FakeTracker(), text="x", max_frames=0)


def test_several_targets_are_counted_separately_and_failures_reported_once() -> None:
    sink, told, seen = ListSink(), [], []
    summary = run_many(
        Frames(6), FakeMultiTracker(fails={1, 2, 5}), [sink],
        on_failure=lambda name, error: told.append((name, str(error))),
        on_frame=lambda frame, tracks, meter: seen.append((frame.index, list(tracks), meter.frames)),
    )  # fmt: skip
    assert [row[:2] for row in sink.rows if row[1] == "b"] == [(0, "b"), (3, "b"), (4, "b")]
    assert [row[2] for row in sink.rows if row[1] == "a"] == [3, 4, 5, 6, 7, 8]
    assert told == [("b", "it failed at 1"), ("b", "it failed at 5")]
    assert summary.failed == {"b": "it failed at 5"}
    assert summary.frames == 6
    assert summary.statuses == {"searching": 6, "tracking": 3, "uncertain": 0, "lost": 0}
    assert (summary.targets["a"].frames, summary.targets["b"].frames) == (6, 3)
    assert summary.targets["a"].latency_ms is not None
    assert summary.targets["a"].latency_ms.p50 == 6
    assert seen[1] == (1, ["a"], 2)


def test_run_is_an_error_if_every_target_fails_at_once() -> None:
    sink = ListSink()
    with pytest.raises(BoxError, match="it failed at 0"):
        run_many(Frames(6), FakeMultiTracker(fails={0}, alone=True), [sink])
    assert sink.rows == []
    summary = run_many(Frames(4), FakeMultiTracker(fails={2}, alone=True), [sink])
    assert (summary.frames, summary.failed) == (4, {})


def test_several_targets_end_like_one() -> None:
    assert run_many(Frames(20), FakeMultiTracker(fails=set()), max_frames=5).frames == 5
    assert run_many(Frames(4, error=KeyboardInterrupt()), FakeMultiTracker(fails=set())).interrupted
    with pytest.raises(ConfigError, match="max_frames is 0"):
        run_many(Frames(1), FakeMultiTracker(fails=set()), max_frames=0)


def test_failing_sink_leaves_the_others_alone() -> None:
    """It is closed and reported at once; without a listener its error is raised at the end."""
    bad, good, told = ListSink(fails_at=3), ListSink(), []
    outputs = Outputs([bad, good], on_failure=lambda error: told.append((str(error), len(good.rows))))
    summary = run(Frames(8), FakeTracker(), [outputs], text="x")
    assert (summary.frames, len(bad.rows), len(good.rows)) == (8, 3, 8)
    assert told == [("full at 3", 3)]
    assert bad.closed
    assert not good.closed
    assert [sink for sink, _ in outputs.failures] == [bad]
    bad, good = ListSink(fails_at=3), ListSink()
    with pytest.raises(SinkError, match="full at 3"):
        run(Frames(8), FakeTracker(), [bad, good], text="x")
    assert len(good.rows) == 8


def test_run_ends_when_all_sinks_have_failed() -> None:
    outputs = Outputs([ListSink(fails_at=3), ListSink(fails_at=5)])
    assert run(Frames(20), FakeTracker(), [outputs], text="x").frames == 6
    assert [str(error) for _, error in outputs.failures] == ["full at 3", "full at 5"]


def test_every_sink_is_closed_and_each_error_kept() -> None:
    sinks = [ListSink(fails_to_close=True), ListSink(fails_at=0, fails_to_close=True), ListSink()]
    with Outputs(sinks) as outputs:
        run(Frames(2), FakeTracker(), [outputs], text="x")
    assert all(sink.closed for sink in sinks)
    assert [(sink, str(error)) for sink, error in outputs.failures] == [
        (sinks[1], "full at 0"), (sinks[0], "not closed"),
    ]  # fmt: skip


class LiveFrames:
    """A live source whose frames have these ages, at intervals of 0.4 s."""

    dropped = 0

    def __init__(self, *ages_ms: float) -> None:
        self._ages_ms = ages_ms

    def __iter__(self) -> Iterator[Frame]:
        for index, age_ms in enumerate(self._ages_ms):
            captured_ns = time.monotonic_ns() - round(age_ms * 1e6)
            pixels = np.full((40, 60, 3), index, np.uint8)
            yield Frame(pixels, index, index * 0.4, captured_ns=captured_ns, gap_s=0.4 * (index > 0))


class Gaps(FakeTracker):
    """A tracker that records the gap before each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []

    def update(self, frame: Any, **options: Any) -> Track:
        self.gaps.append(round(frame.gap_s, 3))
        return super().update(frame, **options)


def test_too_old_frames_are_counted_and_not_tracked() -> None:
    sink, tracker = ListSink(), Gaps()
    source = LiveFrames(0, 500, 500, 500, 10, 900, 20)
    summary = run(source, tracker, [sink], text="x", max_age_ms=300)
    assert [row[0] for row in sink.rows] == [0, 4, 6]
    assert (summary.frames, summary.too_old, summary.dropped) == (3, 4, 0)
    assert tracker.gaps == [1.6, 0.8]  # what was skipped belongs to the gap
    assert summary.age_ms is not None
    assert summary.age_ms.p99 < 300


def test_files_have_no_age_and_are_never_too_old() -> None:
    summary = run(Frames(5), FakeTracker(), text="x", max_age_ms=0.001)
    assert (summary.frames, summary.too_old, summary.age_ms) == (5, 0, None)


def test_source_with_only_too_old_frames_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.pipeline.HOPELESS_S", 0.0)
    with pytest.raises(SourceError, match=r"no frame was younger than 50 ms .*raise --max-age-ms"):
        run(LiveFrames(200, 200), FakeTracker(), text="x", max_age_ms=50)


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf")])
def test_bad_age_is_named(bad: float) -> None:
    with pytest.raises(ConfigError, match=r"max_age_ms is .*expected a positive number"):
        run(Frames(1), FakeTracker(), text="x", max_age_ms=bad)


def test_several_targets_share_the_age_of_a_frame() -> None:
    summary = run_many(LiveFrames(5, 400, 5), FakeMultiTracker(fails=set()), max_age_ms=300)
    assert (summary.frames, summary.too_old) == (2, 1)
    assert summary.age_ms is not None
