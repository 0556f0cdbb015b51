"""Events as HTTP requests: "appeared", "lost", "back", alerts and others are posted until the receiver accepts them."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import random
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, unquote

from edgetrack import signals
from edgetrack.errors import ConfigError, SinkError, reason_of
from edgetrack.events import Event
from edgetrack.io._channel import Channel
from edgetrack.io.lines import event_values
from edgetrack.io.names import split_address
from edgetrack.io.sinks import Joint
from edgetrack.io.target_events import TargetEvents
from edgetrack.io.tls import context, distrust
from edgetrack.types import Frame, Track

WAITING = 1000  # limit of queued events while the receiver is away; older ones are dropped
TIMEOUT_S = 5.0
LONGEST_S = 30.0  # longest pause between two attempts
PASSING = (408, 425, 429)  # temporary errors of a receiver, as are all from 500 on


class WebhookSink(Joint):
    """Posts each event as a JSON object, in the order of the events, from a background thread.

    The keys are those of JSON lines, ``sequence`` (1 for the first event; the same in each attempt), and for a track in
    view, ``box`` and ``score``. A target, too, has the events "appeared", "lost" and "back" here.

    Args:
        url: Where to post; ``http`` or ``https``, with user and password if needed.
        warn: Called with a sentence when the receiver becomes unreachable, once per outage.
        pause_s: Seconds to the second attempt; each further one takes twice as long, up to 30 s.
        camera: Name of the camera, which each event then has.

    Raises:
        ConfigError: The address is invalid, or EDGETRACK_CA_FILE names a file without certificates.
    """

    def __init__(
        self,
        url: str,
        *,
        warn: Callable[[str], None] = lambda said: None,
        pause_s: float = 0.5,
        camera: str | None = None,
    ) -> None:
        self._url = _checked(url)
        self._tls = context() if self._url.scheme == "https" else None
        port = "" if self._url.port is None else f":{self._url.port}"
        self.name = f"webhook {self._url.scheme}://{self._url.hostname}{port}"  # the path may contain a key
        self._warn, self._pause_s = warn, pause_s
        self._targets = TargetEvents()
        self._camera = {} if camera is None else {"camera": camera}
        self._queue: Channel[bytes] = Channel(WAITING, newest_wins=True)
        self._sequence = itertools.count(1)
        self._taken = self._delivered = 0
        self._error: Exception | None = None
        self._warned = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"edgetrack {self.name}", daemon=True)
        self._thread.start()

    @property
    def undelivered(self) -> int:
        """Number of events that the receiver has not accepted."""
        return self._taken - self._delivered

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
        for event in (*events, *self._targets.events(tracks.values())):
            values = {**self._camera, "sequence": next(self._sequence), **event_values(frame, event)}
            track = tracks.get(event.name)
            if track is not None and track.box is not None and event.type != "alert":  # it has its own
                values |= {"box": [round(v, 2) for v in track.box.xywh], "score": round(track.score, 4)}
            self._taken += 1
            self._queue.put(json.dumps(values).encode())

    def close(self) -> None:
        """Try each queued event once more. May be called twice.

        Raises:
            SinkError: The receiver has refused the events.
        """
        self._closing.set()
        self._queue.end()
        self._thread.join(signals.PATIENCE_S)
        self._queue.close()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        while (body := self._queue.get(timeout_s=None)) is not None:
            try:
                self._deliver(body)
            except Exception as error:  # raised in the caller's thread
                self._error = error
                self._queue.close()

    def _deliver(self, body: bytes) -> None:
        pause_s = self._pause_s
        while True:
            problem = self._post(body)
            if problem is None:
                self._delivered += 1
                self._warned = False
                return
            if not self._warned:
                self._warned = True
                self._warn(f"{self.name} accepts no events ({problem}); they will be sent again")
            if self._closing.wait(pause_s * random.uniform(0.5, 1.0)):
                return
            pause_s = min(2 * pause_s, LONGEST_S)

    def _post(self, body: bytes) -> str | None:
        """Post once; return the reason if that failed temporarily.

        Raises:
            SinkError: The receiver will never accept it.
        """
        connection = _connect(self._url, self._tls)
        try:
            connection.request("POST", _path(self._url), body, _headers(self._url))
            with connection.getresponse() as response:
                status, said = response.status, f"{response.status} {response.reason}"
        except (OSError, http.client.HTTPException) as error:
            return distrust(error) or getattr(error, "strerror", None) or reason_of(error)
        finally:
            connection.close()
        if 200 <= status < 300:
            return None
        if status in PASSING or status >= 500:
            return said
        raise SinkError(
            f"{self.name} refuses events: {said}; expected 2xx: check the address, user name and password"
        )


def _checked(url: str) -> SplitResult:
    parts = split_address(url, ("http", "https"))
    if parts is None or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError(
            "the webhook is not a valid address; expected one such as http://192.168.1.5:8123/api/webhook/car"
        )
    return parts


def _connect(url: SplitResult, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    host, port = str(url.hostname), url.port
    if tls is None:
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=tls)


def _path(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _headers(url: SplitResult) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "User-Agent": "edgetrack"}
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers
