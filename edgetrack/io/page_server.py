"""A small HTTP server in background threads, for pages that a program generates."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from edgetrack.errors import ConfigError

Page = tuple[int, str, bytes]  # status, content type, content
MOST = 8  # simultaneous readers; further connections are closed
TIMEOUT_S = 5.0  # for readers that send or accept nothing
POLL_S = 0.1  # longest time that closing takes
LOOPBACK = "127.0.0.1"
_LOCAL = {"localhost", LOOPBACK, "::1"}


def parse_address(text: str, option: str) -> tuple[str, int]:
    """Return host and port of ``[HOST:]PORT``; the default host is the loopback interface.

    Raises:
        ConfigError: It is not an address; the message names ``option``.
    """
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    number = port.isascii() and port.isdecimal() and len(port) < 6 and int(port) < 65536
    good = number and bool(bare) == bool(colon)
    if not good or (":" in host and bare == host) or not bare.isprintable() or " " in bare:
        raise ConfigError(
            f"{option} is {text!r}; expected a port such as 9464, or HOST:PORT such as 0.0.0.0:9464"
        )
    return bare or LOOPBACK, int(port)


class PageServer(ThreadingHTTPServer):
    """Serves each page under its path until it is closed.

    On the loopback interface, only requests for a local host name are answered, which prevents DNS rebinding.

    Args:
        address: Host and port; port 0 takes a free one.
        pages: Functions that generate the pages, by path; called in threads of the server.
        option: The option that starts the server, for error messages.

    Raises:
        ConfigError: The address cannot be used.
    """

    daemon_threads = True
    allow_reuse_address = True  # a restarted run does not wait for old connections

    def __init__(
        self, address: tuple[str, int], pages: Mapping[str, Callable[[], Page]], *, option: str
    ) -> None:
        host, port = address
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages = pages
        self._free = threading.BoundedSemaphore(MOST)
        try:
            super().__init__(address, _Handler)
        except (OSError, UnicodeError) as error:  # UnicodeError: an invalid host name
            why = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"{option} {host}:{port} cannot be served: {why}; choose another port, or a host of this machine"
            ) from error
        self.local = self.server_address[0] in _LOCAL
        threading.Thread(
            target=self.serve_forever, args=(POLL_S,), name=f"edgetrack {option}", daemon=True
        ).start()

    @property
    def url(self) -> str:
        """The address without a path."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def server_bind(self) -> None:
        """Bind without the reverse DNS lookup of ``HTTPServer``, which may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "edgetrack", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore readers that disconnect."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop serving, without waiting for pages that are being sent."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = TIMEOUT_S
    server_version, sys_version = "edgetrack", ""

    def do_GET(self) -> None:
        if self.server.local and not _is_local(self.headers.get("Host", "localhost")):
            self._send((403, "text/plain", b"this address only serves this machine\n"))
            return
        make = self.server.pages.get(self.path.partition("?")[0])
        known = ", ".join(self.server.pages)
        self._send((404, "text/plain", f"expected one of {known}\n".encode()) if make is None else make())

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, page: Page) -> None:
        status, kind, content = page
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal for the run."""


def _is_local(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in _LOCAL
    except ValueError:
        return False
