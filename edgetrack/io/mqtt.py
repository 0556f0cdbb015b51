"""Events and states over MQTT: visits with their best image, retained states, and entities for Home Assistant."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote

from edgetrack import signals
from edgetrack._imports import require
from edgetrack.errors import ConfigError, SinkError, reason_of
from edgetrack.events import Event
from edgetrack.io._outbox import Outbox
from edgetrack.io.lines import event_values
from edgetrack.io.names import split_address
from edgetrack.io.opencv import load_cv2
from edgetrack.io.sinks import Joint
from edgetrack.io.tls import context, distrust
from edgetrack.io.visits import Kind, Visit, Visits
from edgetrack.types import Frame, Track

WAITING = 1000  # limit of queued messages while the broker is away
LONGEST_S = 30  # longest pause between two attempts to connect
LONGEST_TOPIC = 1000  # characters; brokers accept topics of up to 65,535 bytes
LONGEST_SLUG = 64  # characters; Home Assistant accepts ids of up to 255
LARGEST_PX = 640  # longer side of an image
DISCOVERY = "homeassistant"  # default topic in which Home Assistant looks for entities
REFUSED = ("Bad user name or password", "Not authorized", "Banned", "Client identifier not valid")


class MqttSink(Joint):
    """Publishes to a broker without blocking; messages that cannot be sent wait until the broker is back.

    Under the topic of the address: ``events`` (visits begin, are updated and end), ``TARGET/state`` (retained),
    ``TARGET/snapshot`` (the best image of the last visit, JPEG, retained), ``zones`` (events of zones and lines),
    ``alerts`` (of rules and unusual events) and ``available`` (retained; the last will sets it to "offline").

    Args:
        url: ``mqtt://USER:PASSWORD@HOST:PORT/TOPIC``, or ``mqtts`` with TLS.
        warn: Called with a sentence when the broker becomes unreachable, once per outage.
        longest_s: Longest pause between two attempts to connect, in seconds.

    Raises:
        ConfigError: The address is invalid, or EDGETRACK_CA_FILE names a file without certificates.
        MissingExtra: paho-mqtt is not installed.
    """

    def __init__(
        self, url: str, *, warn: Callable[[str], None] = lambda said: None, longest_s: int = LONGEST_S
    ) -> None:
        parts = _checked(url)
        self._mqtt = require("paho.mqtt.client", extra="mqtt")
        self._cv2 = load_cv2()
        self.name = f"mqtt {parts.hostname}:{parts.port or (8883 if parts.scheme == 'mqtts' else 1883)}"
        self._topic = unquote(parts.path).strip("/") or "edgetrack"
        self._warn = warn
        self._error: SinkError | None = None
        self._closed = False
        self._visits = Visits()
        self._targets: dict[str, _Target] = {}
        self._client = client = self._prepared(parts, longest_s)
        self._outbox = Outbox(
            lambda message: client.publish(message.topic, message.payload, qos=1, retain=message.retain),
            client.is_connected,
            limit=WAITING,
        )
        self._outbox.retain(f"{self._topic}/available", b"online")
        client.connect_async(str(parts.hostname), int(self.name.rpartition(":")[2]), keepalive=30)
        self._thread = threading.Thread(target=self._serve, name=f"edgetrack {self.name}", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        """Exchange messages with the broker until the sink is closed; runs in a thread of its own."""
        try:
            self._client.loop_forever(retry_first_connection=True)
        except Exception as error:  # of the library; raised in the caller's thread
            self._error = SinkError(f"{self.name} has failed: {reason_of(error)}")

    def _prepared(self, parts: SplitResult, longest_s: int) -> Any:
        # By its name, a broker knows that a new connection replaces one that it still believes in; otherwise it
        # would send that one's last will minutes later. Brokers must accept 23 letters and digits.
        name = f"edgetrack{uuid.uuid4().hex[:14]}"
        client = self._mqtt.Client(self._mqtt.CallbackAPIVersion.VERSION2, name)
        if parts.username is not None:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            client.tls_set_context(context())
        client.will_set(f"{self._topic}/available", "offline", qos=1, retain=True)
        client.max_queued_messages_set(0)  # we limit the queue ourselves
        client.reconnect_delay_set(1, longest_s)
        client.on_connect = self._connected
        client.on_publish = lambda *_: self._outbox.confirm()
        client.on_connect_fail = lambda *_: self._away(distrust(sys.exc_info()[1]) or "it cannot be reached")
        client.on_disconnect = lambda *told: self._away(str(told[3])) if told[3].is_failure else None
        return client

    @property
    def undelivered(self) -> int:
        """Number of messages that the broker has not accepted."""
        return self._outbox.undelivered

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        if self._error is not None:
            raise self._error
        for kind, visit, track in self._visits.update(frame, tracks):
            self._tell(kind, visit, frame, track)
        for name, track in tracks.items():
            self._target(track.query or name, is_query=track.query is not None)
        for target in self._targets.values():
            self._outbox.retain(f"{target.topic}/state", target.state(tracks, self._visits.open.values()))
        for event in events:
            topic = "alerts" if event.type == "alert" else None if event.zone is None else "zones"
            if topic is not None:  # objects in view are reported as visits
                self._outbox.put(f"{self._topic}/{topic}", json.dumps(event_values(frame, event)).encode())

    def _tell(self, kind: Kind, visit: Visit, frame: Frame | None, track: Track | None) -> None:
        target = self._target(visit.query or visit.name, is_query=visit.query is not None)
        if visit.pixels is not None:
            self._outbox.retain(f"{target.topic}/snapshot", self._jpeg(visit.pixels))
            visit.pixels = None
        said: dict[str, Any] = {"type": kind, **visit.to_dict()}
        if frame is not None:
            said |= {"frame": frame.index, "time_s": round(frame.time_s, 4)}
        if track is not None and track.box is not None:
            said |= {"box": [round(v, 2) for v in track.box.xywh], "score": round(track.score, 4)}
        said |= {"ended": round(time.time(), 3)} if kind == "end" else {}
        self._outbox.put(f"{self._topic}/events", json.dumps(said).encode())

    def _jpeg(self, pixels: Any) -> bytes:
        scale = LARGEST_PX / max(pixels.shape[:2])
        if scale < 1:
            pixels = self._cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=self._cv2.INTER_AREA)
        return bytes(self._cv2.imencode(".jpg", pixels)[1])

    def _target(self, name: str, *, is_query: bool) -> _Target:
        if name not in self._targets:
            slug = _slug(name)
            if any(target.slug == slug for target in self._targets.values()):
                slug = f"{slug}_{zlib.crc32(name.encode()):08x}"
            self._targets[name] = target = _Target(name, slug, f"{self._topic}/{slug}", is_query)
            for topic, config in target.entities(self._topic):
                self._outbox.retain(topic, json.dumps(config).encode())
        return self._targets[name]

    def _connected(self, client: Any, data: object, flags: Any, code: Any, properties: object) -> None:
        """Send what waits, or give up where the broker refuses us; runs in the client's thread."""
        if code.is_failure:
            if str(code) in REFUSED:
                self._error = SinkError(
                    f"{self.name} refuses the connection: {code}; check the user name and password"
                )
                client.disconnect()
            else:
                self._away(str(code))
            return
        self._outbox.enter()

    def _away(self, why: str) -> None:
        if self._outbox.leave():
            self._warn(f"{self.name} accepts no messages ({why}); they are sent when the broker is back")

    def close(self) -> None:
        """End all visits, disconnect, and wait briefly for the broker. May be called twice.

        Raises:
            SinkError: The broker has refused the connection.
        """
        if self._closed:
            return
        self._closed = True
        error, self._error = self._error, None
        if error is None:
            for number in list(self._visits.open):
                self._tell("end", self._visits.open.pop(number), None, None)
            for target in self._targets.values():
                self._outbox.retain(f"{target.topic}/state", target.state({}, ()))
            self._outbox.retain(f"{self._topic}/available", b"offline")
            self._outbox.wait_empty(signals.PATIENCE_S)
        until_s = time.monotonic() + signals.PATIENCE_S
        while self._thread.is_alive() and time.monotonic() < until_s:
            self._client.disconnect()  # has no effect while the library connects
            self._thread.join(0.1)
        if error is not None:
            raise error


@dataclass(frozen=True)
class _Target:
    """A target or a query, with its names for the broker and for Home Assistant."""

    name: str
    slug: str
    topic: str
    is_query: bool

    def state(self, tracks: Mapping[str, Track], visits: Any) -> bytes:
        mine = [visit for visit in visits if (visit.query or visit.name) == self.name]
        if self.is_query:
            return json.dumps({"present": bool(mine), "count": len(mine)}).encode()
        track = tracks.get(self.name)
        return json.dumps(
            {"present": bool(mine), "status": "ended" if track is None else track.status}
        ).encode()

    def entities(self, base: str) -> list[tuple[str, dict[str, Any]]]:
        """Topic and configuration of each entity, as Home Assistant's discovery expects them."""
        node = _slug(base)
        shared = {
            "availability_topic": f"{base}/available",
            "device": {"identifiers": [f"edgetrack_{node}"], "name": base, "manufacturer": "edgetrack"},
        }
        state = {"state_topic": f"{self.topic}/state", "json_attributes_topic": f"{self.topic}/state"}
        if self.is_query:
            kind, own = (
                "sensor",
                {**state, "value_template": "{{ value_json.count }}", "state_class": "measurement"},
            )
        else:
            template = "{{ 'ON' if value_json.present else 'OFF' }}"
            kind, own = "binary_sensor", {**state, "value_template": template, "device_class": "occupancy"}
        picture = {"image_topic": f"{self.topic}/snapshot", "content_type": "image/jpeg"}
        return [
            (
                f"{DISCOVERY}/{kind}/{node}/{self.slug}/config",
                {"name": self.name, "unique_id": f"edgetrack_{node}_{self.slug}", **own, **shared},
            ),
            (
                f"{DISCOVERY}/image/{node}/{self.slug}/config",
                {
                    "name": f"{self.name} picture",
                    "unique_id": f"edgetrack_{node}_{self.slug}_picture",
                    **picture,
                    **shared,
                },
            ),
        ]


def _slug(name: str) -> str:
    """Return a form of the name that is valid in a topic and in Home Assistant's ids."""
    slug, unique = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"), f"{zlib.crc32(name.encode()):08x}"
    return f"{slug[: LONGEST_SLUG - 9]}_{unique}" if len(slug) > LONGEST_SLUG else slug or unique


def with_camera(url: str, camera: str) -> str:
    """Return the address with the name of a camera after its topic.

    Raises:
        ConfigError: The address is invalid.
    """
    parts = _checked(url)
    return parts._replace(path=f"{parts.path.rstrip('/') or '/edgetrack'}/{camera}").geturl()


def _checked(url: str) -> SplitResult:
    parts = split_address(url, ("mqtt", "mqtts"))
    topic = "" if parts is None else unquote(parts.path)
    wrong = any(c in topic for c in "+#\0") or len(topic) > LONGEST_TOPIC or not topic.isprintable()
    if parts is None or parts.query or parts.fragment or wrong:
        raise ConfigError(
            "the address of the broker is invalid; expected one such as "
            "mqtt://USER:PASSWORD@192.168.1.5/edgetrack/gate"
        )
    return parts
