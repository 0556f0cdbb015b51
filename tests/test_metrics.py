"""The metrics of a run for Prometheus, and its health check; read with the parser of the official Prometheus client."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgetrack import metrics as module
from edgetrack.exposition import Family, exposition
from edgetrack.io.states import SourceState
from edgetrack.meter import Meter
from edgetrack.metrics import RunMetrics
from edgetrack.types import Box, Frame, Status, Track

PIXELS = np.zeros((4, 6, 3), np.uint8)


def source(**facts: Any) -> Any:
    return SimpleNamespace(state=SourceState("live"), broken=0, reconnects=0, **facts)


def track(status: Status, name: str = "red car", query: str | None = None) -> Track:
    return Track(Box(1, 1, 2, 2), 0.75, status, 0, id=1, name=name, query=query)


def feed(metrics: RunMetrics, latencies_ms: list[float], *tracks: Track, **counts: int) -> Meter:
    meter = Meter()
    for latency_ms in latencies_ms:
        meter.too_old, meter.lag_ms = counts.get("too_old", 0), 500.0
        meter.record(*tracks, latency_ms=latency_ms, dropped=counts.get("dropped", 0), age_ms=2 * latency_ms)
        metrics.update(Frame(PIXELS, meter.frames - 1, 0.0), {one.name: one for one in tracks}, meter)
    return meter


def read(page: bytes) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values by sample name and label values, as Prometheus reads them."""
    parser = pytest.importorskip(
        "prometheus_client.parser", reason="needs prometheus_client: pip install 'edgetrack[dev]'"
    )
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in parser.text_string_to_metric_families(page.decode()):
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_labels_of_any_text_are_read_back() -> None:
    odd = 'say "red"\\n\nсиний \\ {a="b"}'
    page = exposition([Family("a_total", "counter", "A.", [({"x": odd, "y": ""}, 3)])])
    assert page.count(b"\n") == 3
    assert read(page)["a_total"] == {(odd, ""): 3.0}


def test_values_are_read_back() -> None:
    given = [0, 10**15 + 1, 0.1, np.float64(1e-9), float("nan"), float("inf")]
    page = exposition([Family("a", "gauge", "A.", [({"n": str(n)}, value) for n, value in enumerate(given)])])
    values = list(read(page)["a"].values())
    np.testing.assert_array_equal(values, [float(value) for value in given])
    assert exposition([Family("a", "gauge", "A.", [])]) == b"\n"


def test_percentiles_and_counts_match_the_frames() -> None:
    metrics = RunMetrics(source())
    feed(metrics, [900.0, *range(1, 101)], track("tracking"), dropped=4, too_old=2)
    found = read(metrics.page())
    assert found["edgetrack_frames_total"] == {(): 101}
    assert found["edgetrack_frames_dropped_total"] == {("newer",): 4, ("too_old",): 2, ("broken",): 0}
    expected = (
        np.percentile(range(1, 101), (50, 95, 99)) / 1000
    )  # without the first frame, which encodes the text
    assert list(found["edgetrack_update_seconds"]) == [("0.5",), ("0.95",), ("0.99",)]
    np.testing.assert_allclose(list(found["edgetrack_update_seconds"].values()), expected)
    assert found["edgetrack_update_seconds_count"] == {(): 100}
    assert found["edgetrack_update_seconds_sum"][()] == pytest.approx(5.05)
    assert found["edgetrack_frame_age_seconds_count"] == {(): 101}
    assert found["edgetrack_frame_lag_seconds"][("0.5",)] == 0.5


def test_percentiles_cover_the_last_minute_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 10)
    metrics = RunMetrics(source())
    feed(metrics, [1.0, *[500.0] * 50, *[20.0] * 10], track("tracking"))
    found = read(metrics.page())
    assert found["edgetrack_update_seconds"][("0.99",)] == 0.02
    assert found["edgetrack_update_seconds_count"] == {(): 60}


def test_target_states_have_durations_and_removed_targets_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = iter(range(1000))
    monkeypatch.setattr(
        module, "time", SimpleNamespace(monotonic=lambda: next(now_s), time=time.time, process_time=float)
    )
    metrics = RunMetrics(source())
    many = [track("tracking", f"car #{n}", "car") for n in range(5)]
    feed(metrics, [1.0], track("tracking"), track("lost", "dog"), *many)
    feed(metrics, [1.0] * 3, track("lost"), *many)
    found = read(metrics.page())
    assert {key for key, on in found["edgetrack_target_state"].items() if on} == {("red car", "lost")}
    assert found["edgetrack_target_score"] == {("red car",): 0.75}
    seconds = found["edgetrack_target_state_seconds_total"]
    assert seconds.keys() == {("red car", "tracking"), ("red car", "lost")}
    assert all(value > 0 for value in seconds.values())


def test_source_is_reported_with_the_time_in_each_state() -> None:
    camera = source()
    metrics = RunMetrics(camera)
    time.sleep(0.05)
    camera.state, camera.reconnects = SourceState("reconnecting", "timeout", "no answer", 1, 0.5), 3
    metrics.become(camera.state)
    found = read(metrics.page())
    assert found["edgetrack_source_state"] == {
        **{(name,): 0 for name in ("connecting", "live", "stalled", "ended", "failed")},
        ("reconnecting",): 1,
    }
    assert found["edgetrack_source_reconnects_total"] == {(): 3}
    assert found["edgetrack_source_state_seconds_total"][("live",)] >= 0.05
    assert found["edgetrack_source_state_seconds_total"][("failed",)] == 0


def test_parts_of_a_run_are_queried_for_each_page() -> None:
    metrics, outputs = RunMetrics(source()), {"gate.mp4": 0}
    metrics.begin(
        {"model": "edgetrack-256"},
        queries=lambda: {"person": 2},
        dropped=lambda: outputs,
        undelivered=lambda: {"webhook http://host": 7},
        failed=lambda: 1,
    )
    feed(metrics, [1.0], track("tracking", "person #1", "person"))
    outputs["gate.mp4"] = 5
    found = read(metrics.page())
    assert found["edgetrack_info"] == {("edgetrack-256",): 1}
    assert found["edgetrack_query_objects"] == {("person",): 2}
    assert found["edgetrack_output_frames_dropped_total"] == {("gate.mp4",): 5}
    assert found["edgetrack_events_undelivered"] == {("webhook http://host",): 7}
    assert found["edgetrack_outputs_failed"] == {(): 1}
    assert found["process_resident_memory_bytes"][()] > 10e6
    assert found["process_open_fds"][()] >= 3


def health(metrics: RunMetrics) -> dict[str, Any]:
    live, said = metrics.health()
    found: dict[str, Any] = json.loads(said)
    assert found["live"] is live
    assert (found["why"] is None) is live
    return found


def test_health_says_why_a_run_is_not_live(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = source()
    metrics = RunMetrics(camera)
    assert health(metrics)["why"] == "no frame has been tracked yet"
    feed(metrics, [1.0], track("tracking"))
    assert health(metrics) | {"last_frame_s": 0} == {
        "live": True, "why": None, "source": "live", "code": None, "last_frame_s": 0
    }  # fmt: skip
    camera.state = SourceState("reconnecting", "refused", "Connection refused", 2, 1.0)
    found = health(metrics)
    assert found["why"] == "source reconnecting in 1.0 s (attempt 2): Connection refused"
    assert (found["source"], found["code"]) == ("reconnecting", "refused")
    camera.state = SourceState("live")
    monkeypatch.setattr(module, "HUNG_S", 0.01)
    time.sleep(0.02)
    assert health(metrics)["why"] == "the source is live, and no frame has been tracked for 0 s"


@pytest.mark.parametrize(("slow", "answer"), [("dropped", {}), ("quantile", [0.0] * 3), ("exposition", b"")])
def test_frame_does_not_wait_for_a_page(slow: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, begun, go_on = RunMetrics(source()), threading.Event(), threading.Event()
    feed(metrics, [1.0, 1.0], track("tracking"))

    def hang(*_: Any) -> Any:
        begun.set()
        go_on.wait(20)
        return answer

    if slow == "dropped":
        metrics.begin({}, queries=dict, dropped=hang, undelivered=dict, failed=int)
    elif slow == "quantile":
        monkeypatch.setattr(np, "quantile", hang)
    else:
        monkeypatch.setattr(module, "exposition", hang)
    reader = threading.Thread(target=metrics.page, daemon=True)
    reader.start()
    try:
        assert begun.wait(20)
        done = threading.Thread(target=feed, args=(metrics, [1.0] * 5, track("lost")), daemon=True)
        done.start()
        done.join(20)
        assert not done.is_alive()
        assert reader.is_alive()
    finally:
        go_on.set()
        reader.join(20)
