"""The session that the first README of hbpush shows, byte for byte: publish, read, wait, publish, delivered."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hbpush
from tests.support.process import ROOT, Daemon

TIMEOUT = 20.0
DATE = rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"

INFO = (
    b"HTTP/1.1 %b\r\nServer: hbpush/" + hbpush.__version__.encode() + b"\r\nDate: <DATE>\r\n%bContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\nqueued messages: %d\r\nlast requested: %d sec. ago\r\nactive subscribers: %d\r\nlast message id: <ID>"
)
MESSAGE = (
    b"HTTP/1.1 200 OK\r\nServer: hbpush/" + hbpush.__version__.encode() + b"\r\nDate: <DATE>\r\nLast-Modified: <DATE>\r\nEtag: <N>\r\n"
    b"Vary: If-None-Match, If-Modified-Since\r\nCache-Control: no-cache\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
)


class Client:
    """One connection, with the requests of curl and the bytes of the answers."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._stream = self._socket.makefile("rb")
        self._host = f"127.0.0.1:{port}"

    def ask(self, method: str, target: str, headers: tuple[str, ...] = (), body: bytes = b"") -> None:
        length = (f"Content-Length: {len(body)}",) if body else ()
        lines = (f"{method} {target} HTTP/1.1", f"Host: {self._host}", "User-Agent: curl/7.88.1", "Accept: */*", *headers, *length, "", "")
        self._socket.sendall("\r\n".join(lines).encode() + body)

    def answer(self) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._stream.readline()
            assert line, head
            head += line
        length = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
        assert length, head
        return head + self._stream.read(int(length[1]))

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


def plain(answer: bytes) -> bytes:
    """An answer without what differs from run to run."""
    answer = re.sub(DATE, b"<DATE>", answer)
    answer = re.sub(rb"\b\d{10}:\d+$", b"<ID>", answer)
    answer = re.sub(rb"Etag: \d+\r\n", b"Etag: <N>\r\n", answer)
    return re.sub(rb"requested: \d sec", b"requested: 0 sec", answer)


@pytest.fixture
def clients() -> Iterator[tuple[Client, Client]]:
    """A publisher's and a subscriber's connection to a server with the default configuration of the checkout."""
    with Daemon(f"--config={Path(ROOT, 'conf', 'default.yaml')}", "--port=0") as daemon:
        # In the second in which it starts, the ids of a memory store are longer.
        time.sleep(1 - time.time() % 1)
        publisher, subscriber = Client(daemon.port), Client(daemon.port)
        yield publisher, subscriber
        publisher.close()
        subscriber.close()


def test_session_of_the_first_readme(clients: tuple[Client, Client]) -> None:
    publisher, subscriber = clients

    publisher.ask("POST", "/publisher/test", ("Content-Type: text/plain",), b"Hello world!")
    assert plain(publisher.answer()) == INFO % (b"202 Accepted", b"", 101, 1, -1, 0)

    subscriber.ask("GET", "/subscriber/test")
    message = subscriber.answer()
    assert plain(message) == MESSAGE % (b"text/plain", 12, b"Hello world!")
    assert b"\r\nEtag: 0\r\n" in message

    modified = re.search(rb"\r\nLast-Modified: ([^\r]+)", message)
    assert modified
    subscriber.ask("GET", "/subscriber/test", (f"If-Modified-Since: {modified[1].decode()}", "If-None-Match: 0"))
    end = time.monotonic() + TIMEOUT
    waiting = b""
    while not waiting.endswith(b"active subscribers: 1\r\nlast message id: <ID>"):
        assert time.monotonic() < end, waiting
        publisher.ask("GET", "/publisher/test")
        waiting = plain(publisher.answer())
    assert waiting == INFO % (b"200 OK", b"Vary: Accept\r\nCache-Control: no-cache\r\n", 100, 1, 0, 1)

    publisher.ask("POST", "/publisher/test", ("Content-Type: application/json",), b'{"msg":"Hello world!"}')
    assert plain(publisher.answer()) == INFO % (b"201 Created", b"", 100, 2, 0, 1)
    assert plain(subscriber.answer()) == MESSAGE % (b"application/json", 22, b'{"msg":"Hello world!"}')
