"""The page server: what it serves, to whom, and that no client can block it."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from edgetrack.errors import ConfigError
from edgetrack.io import page_server
from edgetrack.io.page_server import PageServer, parse_address


@pytest.fixture
def server() -> Iterator[PageServer]:
    pages = {
        "/metrics": lambda: (200, "text/plain", b"a 1\n"),
        "/healthz": lambda: (503, "application/json", b"{}\n"),
    }
    with closing(PageServer(("127.0.0.1", 0), pages, option="--metrics")) as opened:
        yield opened


def ask(
    server: PageServer, path: str, *, method: str = "GET", host: str | None = None
) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    with closing(connection):
        connection.request(method, path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()


def test_pages_are_served_at_their_paths(server: PageServer) -> None:
    assert ask(server, "/metrics") == (200, "text/plain", b"a 1\n")
    assert ask(server, "/metrics?name[]=a") == (200, "text/plain", b"a 1\n")
    assert ask(server, "/healthz") == (503, "application/json", b"{}\n")
    assert ask(server, "/metrics", method="HEAD") == (200, "text/plain", b"")
    assert ask(server, "/")[::2] == (404, b"expected one of /metrics, /healthz\n")
    assert ask(server, "//[")[0] == 404
    assert ask(server, "/metrics", method="POST")[0] == 501


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[", ""])
def test_foreign_host_header_is_forbidden(server: PageServer, host: str) -> None:
    status, _, content = ask(server, "/metrics", host=host)
    assert (status, content) == (403, b"this address only serves this machine\n")


@pytest.mark.parametrize("host", ["localhost:9464", "127.0.0.1", "[::1]:80"])
def test_local_host_headers_are_accepted(server: PageServer, host: str) -> None:
    assert ask(server, "/metrics", host=host)[0] == 200


def test_request_without_host_header_is_accepted(server: PageServer) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as way:
        way.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert way.makefile("rb").read().endswith(b"\r\n\r\na 1\n")


def test_silent_clients_are_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_server._Handler, "timeout", 0.5)
    pages = {"/metrics": lambda: (200, "text/plain", b"a 1\n")}
    with closing(PageServer(("127.0.0.1", 0), pages, option="--metrics")) as server:
        silent = [socket.create_connection(("127.0.0.1", server.server_port), timeout=20) for _ in range(50)]
        for way in silent:
            assert (
                way.recv(1) == b""
            )  # at once if there are too many connections, otherwise after the timeout
            way.close()
        assert ask(server, "/metrics")[0] == 200


def test_client_that_disconnects_early_is_not_an_error(
    server: PageServer, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(20):
        way = socket.create_connection(("127.0.0.1", server.server_port), timeout=20)
        way.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )  # closing resets the connection
        way.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        way.close()
    assert ask(server, "/metrics")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_wildcard_address_accepts_any_host_header() -> None:
    with closing(
        PageServer(("0.0.0.0", 0), {"/": lambda: (200, "text/plain", b"x")}, option="--metrics")
    ) as server:
        assert ask(server, "/", host="gate.local")[0] == 200


def test_port_in_use_is_named_in_the_error(server: PageServer) -> None:
    with pytest.raises(
        ConfigError, match=r"--metrics 127\.0\.0\.1:\d+ cannot be served: Address already in use"
    ):
        PageServer(("127.0.0.1", server.server_port), {}, option="--metrics")
    with pytest.raises(ConfigError, match="cannot be served"):
        PageServer(("192.0.2.1", 0), {}, option="--metrics")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:80", ("::1", 80)),
        ("gate.local:65535", ("gate.local", 65535)),
    ],
)
def test_addresses_are_parsed(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, "--metrics") == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":80",
        "host",
        "host:",
        "host:65536",
        "::1:80",
        "[]:80",
        "a b:80",
        "1.5",
        "-1",
        "٣",
        5000 * "1",
    ],
)
def test_bad_addresses_are_rejected(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--metrics is '.*'; expected a port such as 9464, or HOST:PORT"):
        parse_address(text, "--metrics")
