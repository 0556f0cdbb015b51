"""A TCP proxy in front of a server that can hold back the server's answers, and break connections on one side."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class HeldProxy:
    """Forwards connections to a port of this host; refuses them until ``listen`` is called.

    Answers of the server pass while ``answers`` is set. ``asked`` is set when a client has sent something, ``ended``
    when the server has closed a connection.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.answers, self.asked, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.answers.set()
        self._clients: list[socket.socket] = []
        self._servers: list[socket.socket] = []

    def listen(self) -> None:
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client = self._socket.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._clients.append(client)
                self._servers.append(server)
                threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                server.sendall(said)
                self.asked.set()

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                self.answers.wait()
                with suppress(OSError):  # the client has gone; the server is still listened to
                    client.sendall(said)
        self.ended.set()

    def leave_clients(self) -> None:
        """End the clients' connections; the server does not notice, as when a network fails."""
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.answers.set()
        for one in (self._socket, *self._clients, *self._servers):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
