"""Events and states over MQTT, with a real broker: what is published and retained, outages, and errors."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest
from mqtt_broker import Broker, Listener, wait
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.errors import ConfigError, SinkError
from edgetrack.events import Event
from edgetrack.io.mqtt import MqttSink
from edgetrack.types import Box, Frame, Status, Track

paho = pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt: pip install 'edgetrack[mqtt]'")
cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

PIXELS = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if shutil.which("mosquitto") is None:
        pytest.skip("needs a broker: apt-get install mosquitto")
    broker = Broker(tmp_path_factory.mktemp("mqtt"))
    yield broker
    broker.kill()


@pytest.fixture
def listener(server: Broker) -> Iterator[Listener]:
    heard = Listener(server)
    yield heard
    heard.close()


def frame(index: int = 0) -> Frame:
    return Frame(PIXELS, index, index / 25)


def track(
    status: Status, score: float = 0.9, *, id: int = 1, query: str | None = None, x: float = 40
) -> Track:
    box = Box(x, 30, 40, 20) if status in ("tracking", "uncertain") else None
    return Track(box, score, status, 0, id=id, name=f"car #{id}" if query else "Red car!", query=query)


def test_a_visit_is_published_with_its_best_picture(server: Broker, listener: Listener) -> None:
    with MqttSink(server.url) as sink:
        for index, status in enumerate(("searching", "tracking", "uncertain", "lost", "tracking")):
            sink.write(frame(index), track(status), latency_ms=1)
    wait(lambda: listener.last("yard/gate/available") == b"offline")
    assert [event["type"] for event in listener.events()] == ["new", "end", "new", "end"]
    new, end, *_ = listener.events()
    assert new["id"] == end["id"] != listener.events()[2]["id"]
    assert (new["name"], new["track"], new["frame"], new["box"]) == ("Red car!", 1, 1, [40, 30, 40, 20])
    assert new["best"]["score"] == 0.9
    assert end["ended"] >= new["began"] > 1.7e9
    states = [json.loads(payload) for topic, payload in listener.heard if topic == "yard/gate/red_car/state"]
    assert states[:3] == [
        {"present": False, "status": "searching"},
        {"present": True, "status": "tracking"},
        {"present": True, "status": "uncertain"},
    ]
    picture = cv2.imdecode(np.frombuffer(listener.last("yard/gate/red_car/snapshot"), np.uint8), 1)
    assert picture.shape == (41, 61, 3)
    assert sink.undelivered == 0


def test_states_and_entities_are_retained_for_later_subscribers(server: Broker) -> None:
    with MqttSink(server.url) as sink:
        sink.write_all(
            frame(),
            {"Red car!": track("tracking"), "car #7": track("tracking", id=7, query="car")},
            latencies_ms={},
            events=[Event("crosses", 0, 0.1, "car", "car #7", 7, "line", "in", count=4)],
        )
        wait(lambda: sink.undelivered == 0)  # what an earlier sink has left there is replaced
        late = Listener(server)
        wait(
            lambda: (
                "yard/gate/car/state" in late.retained and late.retained["yard/gate/available"] == b"online"
            )
        )
        late.close()
        entities = {
            topic: json.loads(p) for topic, p in late.retained.items() if topic.startswith("homeassistant/")
        }
    assert json.loads(late.retained["yard/gate/car/state"]) == {"present": True, "count": 1}
    assert late.retained["yard/gate/car/snapshot"][:2] == b"\xff\xd8"
    assert set(entities) == {
        "homeassistant/binary_sensor/yard_gate/red_car/config",
        "homeassistant/image/yard_gate/red_car/config",
        "homeassistant/sensor/yard_gate/car/config",
        "homeassistant/image/yard_gate/car/config",
    }
    for entity in entities.values():
        assert entity["availability_topic"] == "yard/gate/available"
        assert entity.get("state_topic", entity.get("image_topic")) in late.retained
    assert len({entity["unique_id"] for entity in entities.values()}) == 4
    afterwards = Listener(server)
    wait(lambda: {"yard/gate/available", "yard/gate/car/state"} <= afterwards.retained.keys())
    assert afterwards.retained["yard/gate/available"] == b"offline"
    assert json.loads(afterwards.retained["yard/gate/car/state"]) == {"present": False, "count": 0}
    afterwards.close()


def test_zones_and_alerts_have_topics_and_the_last_will_sets_offline(
    server: Broker, listener: Listener
) -> None:
    with MqttSink(server.url) as sink:
        events = [
            Event("crosses", 0, 0.1, "car", "car #1", 1, "line", "in", count=4),
            Event("appeared", 0, 0.1, "car", "car #1", 1),  # which is told as a visit
            Event("alert", 0, 0.1, "car", "car #1", 1, rule="a car stops", ids=(1,), box=Box(1, 2, 3, 4)),
        ]
        sink.write_all(frame(), {"Red car!": track("searching")}, latencies_ms={}, events=events)
        wait(lambda: bool(listener.events("yard/gate/alerts")))
        sink._client.socket().shutdown(socket.SHUT_RDWR)  # as when the process is killed
        wait(lambda: listener.last("yard/gate/available") == b"offline")
    assert [event["direction"] for event in listener.events("yard/gate/zones")] == ["in"]
    [alert] = listener.events("yard/gate/alerts")
    assert (alert["rule"], alert["ids"], alert["box"]) == ("a car stops", [1], [1, 2, 3, 4])
    assert listener.events() == []


def test_events_and_states_of_an_outage_are_published_after_it(tmp_path: Path, server: Broker) -> None:
    broker, said = Broker(tmp_path), list[str]()

    def state(listener: Listener) -> bytes:
        topic = "yard/gate/red_car/state"
        return listener.last(topic) or listener.retained.get(topic, b"{}")

    with MqttSink(broker.url, warn=said.append, longest_s=1) as sink:
        sink.write(frame(), track("searching"), latency_ms=1)
        wait(lambda: sink.undelivered == 0)
        broker.kill()
        wait(lambda: bool(said))
        began_s = time.monotonic()
        for index, status in enumerate(("tracking", "lost", "tracking")):
            sink.write(frame(index), track(status), latency_ms=1)
        assert time.monotonic() - began_s < 10  # waiting for the server would take forever
        assert sink.undelivered == 3
        broker.start()
        listener = Listener(broker)
        wait(lambda: sink.undelivered == 0)
        wait(lambda: json.loads(state(listener)).get("present") is True)
        listener.close()
    broker.kill()
    assert len(said) == 1
    assert said[0].startswith(f"mqtt 127.0.0.1:{broker.port} accepts no messages (")


def test_a_wrong_password_is_an_error_that_does_not_show_it(tmp_path: Path, server: Broker) -> None:
    broker = Broker(tmp_path, user="me:secret")
    url = broker.url.replace("mqtt://", "mqtt://me:wr0ng@")
    refused = MqttSink(url)
    wait(lambda: refused._error is not None)
    with pytest.raises(
        SinkError, match="refuses the connection: Not authorized; check the user name"
    ) as caught:
        refused.write(frame(), track("tracking"), latency_ms=1)
    with pytest.raises(SinkError):
        refused.close()
    assert "wr0ng" not in str(caught.value)
    with MqttSink(broker.url.replace("mqtt://", "mqtt://me:secret@")) as sink:
        sink.write(frame(), track("tracking"), latency_ms=1)
        wait(lambda: sink.undelivered == 0)
    broker.kill()


def test_a_long_sentence_has_a_short_topic(server: Broker, listener: Listener) -> None:
    names = {letter: f"a {70_000 * letter}" for letter in "bc"}
    with MqttSink(server.url) as sink:
        for number, name in enumerate(names.values()):
            sink.write(frame(), replace(track("tracking", id=number), name=name), latency_ms=1)
    wait(lambda: listener.last("yard/gate/available") == b"offline")
    topics = {topic.split("/")[2] for topic, _ in listener.heard if topic.endswith("/state")}
    assert {topic[:55] for topic in topics} == {f"a_{53 * letter}" for letter in names}
    assert {len(topic) for topic in topics} == {64}
    assert {event["name"] for event in listener.events()} == set(names.values())


def test_an_exception_in_the_thread_is_raised_when_the_sink_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*how: object, **more: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(paho.Client, "loop_forever", fail)
    sink = MqttSink("mqtt://127.0.0.1:9/gate")
    with pytest.raises(SinkError, match=r"mqtt 127.0.0.1:9 has failed: ValueError: broken"):
        sink.close()


@pytest.mark.parametrize(
    "url",
    [
        "host",
        "http://host",
        "mqtt://",
        "mqtt://host:x",
        "mqtt://host/a/+",
        "mqtt://host/a%23",
        "mqtt://host?a",
        "mqtt://a..b/gate",
        f"mqtt://{64 * 'a'}.com/gate",
        "mqtt://[::1/gate",
        f"mqtt://host/{1001 * 'a'}",
    ],
)
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected one such as mqtt://"):
        MqttSink(url)


def test_a_run_reports_undelivered_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "edgetrack.cli.engine_options.EngineOptions.tracker", lambda self: fakes.FakeTracker()
    )
    words = ["run", "--source", "test://street", "--text", "red car", "--max-frames", "12"]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        done = CliRunner().invoke(app, [*words, "--mqtt", f"mqtt://me:secret@{place}"])
    said = " ".join(done.output.split())
    assert done.exit_code == 0, said
    assert (
        f"note: mqtt {place} accepts no messages (it cannot be reached); they are sent when the broker is back"
        in said
    )
    assert f"events not delivered to mqtt {place}: " in said
    assert "secret" not in said
