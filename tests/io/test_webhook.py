"""Events as HTTP requests to a real server: delivered in order, retried, rejected, and without delaying anything."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fakes
import pytest
from http_receiver import Receiver
from sink_samples import frame

from edgetrack.errors import ConfigError, SinkError
from edgetrack.events import Event
from edgetrack.io.webhook import WebhookSink
from edgetrack.types import Box, Status, Track

FAKE = [sys.executable, str(Path(fakes.__file__).resolve())]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.stop()


def track(status: Status, *, id: int = 1, query: str | None = None) -> Track:
    box = Box(10, 20, 30, 40) if status in ("tracking", "uncertain") else None
    return Track(box, 0.9, status, 0, id=id, name="red car", query=query)


def write(sink: WebhookSink, *statuses: Status) -> None:
    for index, status in enumerate(statuses):
        sink.write(frame(index), track(status), latency_ms=1)


def test_events_are_posted_when_a_target_appears_is_lost_and_comes_back(receiver: Receiver) -> None:
    with WebhookSink(receiver.url) as sink:
        write(sink, "searching", "uncertain", "tracking", "tracking", "uncertain", "lost", "lost", "tracking")
        receiver.wait_for(3)
    assert receiver.bodies == [
        {"sequence": 1, "frame": 2, "time_s": 0.08, "event": "appeared", "name": "red car", "id": 1,
         "box": [10, 20, 30, 40], "score": 0.9},
        {"sequence": 2, "frame": 5, "time_s": 0.2, "event": "lost", "name": "red car", "id": 1},
        {"sequence": 3, "frame": 7, "time_s": 0.28, "event": "back", "name": "red car", "id": 1,
         "box": [10, 20, 30, 40], "score": 0.9},
    ]  # fmt: skip
    assert receiver.headers[0]["Content-Type"] == "application/json"
    assert sink.undelivered == 0


def test_events_of_queries_and_zones_are_posted_once(receiver: Receiver) -> None:
    event = Event("crosses", 0, 0.1, "car", "red car", 1, "gate", "in", count=4)
    with WebhookSink(receiver.url) as sink:
        tracks = {"red car": track("tracking", query="car")}
        sink.write_all(frame(), tracks, latencies_ms={"red car": 1}, events=[event])
        receiver.wait_for(1)
    assert receiver.bodies[0]["direction"] == "in"
    assert receiver.bodies[0]["box"] == [10, 20, 30, 40]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_event_is_retried_until_it_is_accepted(status: int, receiver: Receiver) -> None:
    receiver.statuses = [status, status]
    said: list[str] = []
    with WebhookSink(receiver.url, warn=said.append, pause_s=0.01) as sink:
        write(sink, "tracking", "lost")
        receiver.wait_for(4)
    assert [body["sequence"] for body in receiver.bodies] == [1, 1, 1, 2]
    assert len(said) == 1
    assert said[0].startswith(f"webhook http://127.0.0.1:{receiver.server_port} accepts no events ({status} ")
    assert "k3y" not in said[0]


def test_returning_receiver_gets_the_missed_events() -> None:
    first = Receiver()
    port = first.server_port
    first.stop()
    with WebhookSink(first.url, pause_s=0.05) as sink:
        write(sink, "tracking", "lost", "tracking")
        time.sleep(0.2)
        second = Receiver(port=port)
        second.wait_for(3)
    second.stop()
    assert [body["event"] for body in second.bodies] == ["appeared", "lost", "back"]
    assert sink.undelivered == 0


def test_event_is_delivered_after_more_than_a_thousand_failures(receiver: Receiver) -> None:
    refusals = 1100
    receiver.statuses = refusals * [503]
    with WebhookSink(receiver.url, pause_s=0.0) as sink:
        write(sink, "tracking")
        receiver.wait_for(refusals + 1, within_s=60)
    assert sink.undelivered == 0


def test_an_exception_in_the_thread_is_raised_when_the_sink_closes(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*request: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("http.client.HTTPConnection.request", fail)
    sink = WebhookSink(receiver.url)
    write(sink, "tracking")
    with pytest.raises(ValueError, match="broken"):
        sink.close()


@pytest.mark.parametrize("status", [301, 401, 404])
def test_receiver_that_rejects_events_is_an_error(status: int, receiver: Receiver) -> None:
    receiver.statuses = [status]
    sink = WebhookSink(receiver.url)
    write(sink, "tracking")
    receiver.wait_for(1)
    with pytest.raises(SinkError, match=rf"refuses events: {status} .*expected 2xx"):
        sink.close()
    sink.close()


def test_receiver_that_does_not_answer_delays_nothing(receiver: Receiver) -> None:
    receiver.open.clear()
    said: list[str] = []
    sink = WebhookSink(receiver.url, warn=said.append)
    write(sink, *(("tracking", "lost") * 50))
    assert sink.undelivered == 100
    assert not said  # had a write waited for the answer, the first request would have failed by now
    sink.close()
    assert not receiver.bodies
    assert sink.undelivered == 100


def test_user_and_password_are_sent_but_not_shown(receiver: Receiver) -> None:
    address = receiver.url.replace("http://", "http://me:s3cr%3Et@")
    with WebhookSink(address) as sink:
        write(sink, "tracking")
        receiver.wait_for(1)
    assert receiver.headers[0]["Authorization"] == "Basic bWU6czNjcj50"  # me:s3cr>t
    assert sink.name == f"webhook http://127.0.0.1:{receiver.server_port}"


@pytest.mark.parametrize(
    "url",
    [
        "car",
        "ftp://host/x",
        "http://",
        "http://host:port/",
        "http://h/ä",
        "http://h/a b",
        "http://a..b/",
        f"http://{64 * 'a'}.com/",
        "http://[::1/",
    ],
)
def test_bad_webhook_addresses_are_rejected(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid address; expected one such as http://"):
        WebhookSink(url)


def run(receiver: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = ["--source", "test://street", "--text", "x", "--max-frames", "20", "--webhook", receiver]
    return subprocess.run(
        [*FAKE, "run", *words, "--output", "o.jsonl"], cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_run_posts_its_events(receiver: Receiver, tmp_path: Path) -> None:
    done = run(receiver.url, tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert {"tracking", "lost"} <= {line["status"] for line in lines}
    assert [body["event"] for body in receiver.bodies] == ["appeared", "lost", "back", "lost"]


def test_run_without_its_receiver_continues_and_says_so(tmp_path: Path) -> None:
    gone = Receiver()
    gone.stop()
    done = run(gone.url, tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 20
    assert done.stderr.count("accepts no events (Connection refused); they will be sent again") == 1
    assert "events not delivered to webhook http://127.0.0.1:" in done.stdout
