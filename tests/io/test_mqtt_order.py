"""The order of MQTT messages where the broker answers late, or a connection breaks while messages are under way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from held_proxy import HeldProxy
from mqtt_broker import Broker, Listener, wait

from edgetrack.io.mqtt import MqttSink
from edgetrack.types import Box, Frame, Status, Track

pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt: pip install 'edgetrack[mqtt]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if shutil.which("mosquitto") is None:
        pytest.skip("needs a broker: apt-get install mosquitto")
    broker = Broker(tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[HeldProxy]:
    proxy = HeldProxy(broker.port)
    yield proxy
    proxy.close()


def write(sink: MqttSink, status: Status) -> None:
    box = Box(40, 30, 40, 20) if status == "tracking" else None
    track = Track(box, 0.9, status, 0, id=1, name="car")
    sink.write(Frame(np.zeros((120, 160, 3), np.uint8), 0, 0.0), track, latency_ms=1)


def test_messages_published_while_connecting_follow_the_queued_ones(broker: Broker, proxy: HeldProxy) -> None:
    said: list[str] = []
    listener = Listener(broker)
    with MqttSink(f"mqtt://127.0.0.1:{proxy.port}/yard/gate", warn=said.append, longest_s=1) as sink:
        wait(lambda: bool(said))
        write(sink, "tracking")
        proxy.answers.clear()
        proxy.listen()
        wait(proxy.asked.is_set)
        write(sink, "lost")
        proxy.answers.set()
        wait(lambda: sink.undelivered == 0)
    wait(lambda: listener.last("yard/gate/available") == b"offline")
    listener.close()
    assert [event["type"] for event in listener.events()] == ["new", "end"]


def test_a_state_that_is_sent_again_does_not_replace_a_newer_one(broker: Broker, proxy: HeldProxy) -> None:
    said: list[str] = []
    listener = Listener(broker)
    proxy.listen()
    with MqttSink(f"mqtt://127.0.0.1:{proxy.port}/yard/gate", warn=said.append, longest_s=1) as sink:
        write(sink, "searching")
        wait(lambda: sink.undelivered == 0)
        proxy.answers.clear()
        write(sink, "lost")
        wait(lambda: b'"lost"' in listener.last("yard/gate/car/state"))
        proxy.leave_clients()
        wait(lambda: bool(said))
        write(sink, "searching")
        proxy.answers.set()
        wait(lambda: sink.undelivered == 0)
        late = Listener(broker)
        wait(lambda: "yard/gate/car/state" in late.retained)
        late.close()
    listener.close()
    assert json.loads(late.retained["yard/gate/car/state"])["status"] == "searching"


def test_a_reconnection_ends_the_half_open_connection(broker: Broker, proxy: HeldProxy) -> None:
    said: list[str] = []
    proxy.listen()
    with MqttSink(f"mqtt://127.0.0.1:{proxy.port}/yard/gate", warn=said.append, longest_s=1) as sink:
        wait(lambda: sink.undelivered == 0)
        proxy.leave_clients()
        wait(lambda: bool(said))
        wait(proxy.ended.is_set)  # by the broker, which has sent the last will of that connection
        listener = Listener(broker)
        topic = "yard/gate/available"
        wait(lambda: (listener.last(topic) or listener.retained.get(topic)) == b"online")
        listener.close()
