"""A real MQTT broker for tests, which can be killed and started again, and a client that subscribes to all topics."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgetrack._imports import require


class Broker:
    """mosquitto on its own port, which can be killed and restarted; it stores nothing on disk."""

    def __init__(self, folder: Path, *, user: str = "", pem: Path | None = None) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        lines = [f"listener {self.port} 127.0.0.1", f"allow_anonymous {'false' if user else 'true'}"]
        if user:
            words = ["mosquitto_passwd", "-c", "-b", str(folder / "users"), *user.split(":")]
            subprocess.run(words, check=True, capture_output=True)
            lines += [f"password_file {folder / 'users'}", "user root"]
        if pem is not None:
            lines += [f"certfile {pem}", f"keyfile {pem}", "user root"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self.start()

    def start(self) -> None:
        words = ["mosquitto", "-c", str(self._folder / "mosquitto.conf")]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as way:
            return way.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/yard/gate"


def wait(ready: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < until_s
        time.sleep(0.01)


class Listener:
    """Collects all messages from now on in ``heard``, and retained ones of earlier in ``retained``."""

    def __init__(self, broker: Broker) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.retained: dict[str, bytes] = {}
        paho = require("paho.mqtt.client", extra="mqtt")
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        subscribed: list[int] = []
        self._client.on_subscribe = lambda *_: subscribed.append(1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        wait(lambda: bool(subscribed))

    def _hear(self, client: object, data: object, message: Any) -> None:
        if message.retain:
            self.retained[message.topic] = message.payload
        else:
            self.heard.append((message.topic, message.payload))

    def events(self, topic: str = "yard/gate/events") -> list[dict[str, Any]]:
        return [json.loads(payload) for name, payload in list(self.heard) if name == topic]

    def last(self, topic: str) -> bytes:
        return next((payload for name, payload in reversed(list(self.heard)) if name == topic), b"")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
