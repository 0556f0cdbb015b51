"""An HTTP server that records what is posted."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """A server that responds with the given statuses, then with 204, and records the requests.

    Attributes:
        open: While it is cleared, requests wait.
    """

    daemon_threads = True

    def __init__(self, *statuses: int, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.statuses = list(statuses)
        self.open = threading.Event()
        self.open.set()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/webhook/k3y"

    def stop(self) -> None:
        self.open.set()
        self.shutdown()
        self.server_close()

    def wait_for(self, count: int, *, within_s: float = 10) -> None:
        until_s = time.monotonic() + within_s
        while len(self.bodies) < count and time.monotonic() < until_s:
            time.sleep(0.01)
        assert len(self.bodies) == count


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.open.wait()
        assert self.path == "/api/webhook/k3y"
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.headers.append(dict(self.headers))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...
