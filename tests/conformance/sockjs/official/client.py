"""What the official suite of the SockJS protocol speaks to a server with: requests whose bytes it sees, and WebSockets.

Names and behaviour are what the suite asks for: bodies are str, a character a byte; `AsyncRequest.read` gives one chunk, empty for the
last. Every wait ends after a second, but for that of a WebSocket.
"""

from __future__ import annotations

import http.client
import os
import socket
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 1.0
PIECE = 1 << 20

CLOSE = 8
TEXT = 1


class Headers(dict[str, str]):
    """Names in any case; None for what is not there."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in pairs.items()})

    def __getitem__(self, name: str) -> str | None:  # type: ignore[override]
        return super().get(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Response:
    """The head of an answer, and its ``body`` once it was read."""

    def __init__(self, version: str, status: int, headers: Headers) -> None:
        self.http = version
        self.status = status
        self.headers = headers
        self.body = ""

    def __getitem__(self, name: str) -> str | None:
        return self.headers[name]


class RawHttpConnection:
    """A connection, for any number of requests."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), PATIENCE)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        timeout: float = 1,
        http: str = "1.1",
    ) -> Response:
        parts = urlsplit(url)
        content = (body or "").encode() if method == "POST" or body is not None else None
        lines = [f"{method} {parts.path}{'?' + parts.query if parts.query else ''} HTTP/{http}", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if content is not None:
            lines.append(f"Content-Length: {len(content)}")
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + (content or b""))
        version, status, _ = self._line().split(" ", 2)
        found = {}
        while line := self._line():
            name, _, value = line.partition(":")
            found[name] = value.strip()
        return Response(version.removeprefix("HTTP/"), int(status), Headers(found))

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode("latin-1"))

    def read(self, size: int | None = None) -> str:
        """So many characters, or what has come."""
        return (self._socket.recv(PIECE) if size is None else self._exactly(size)).decode("latin-1")

    def read_till_eof(self) -> str:
        rest = ""
        while piece := self.read():
            rest += piece
        return rest

    def read_chunk(self) -> str:
        return self.read(int(self._line(), 16) + 2)[:-2]

    def closed(self) -> bool:
        """True when the server has ended the connection. Raises when it has not."""
        if self._socket.recv(1):
            raise AssertionError("the connection is not closed")
        return True

    def close(self) -> None:
        self._socket.close()

    def _line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            line += self._exactly(1)
        return line.decode("latin-1").rstrip("\r\n")

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = self._socket.recv(size - len(found))
            if not piece:
                raise AssertionError("the connection was closed")
            found += piece
        return found


class AsyncRequest:
    """A request whose answer is read piece by piece."""

    def __init__(self, method: str, url: str, **how: Any) -> None:
        self._connection = RawHttpConnection(url)
        response = self._connection.request(method, url, **how)
        self.status, self.headers = response.status, response.headers

    def __getitem__(self, name: str) -> str | None:
        return self.headers[name]

    def read(self) -> str:
        length = self.headers.get("content-length")
        if self.headers.get("transfer-encoding") == "chunked":
            return self._connection.read_chunk()
        return self._connection.read(None if length is None else int(length))

    def close(self) -> None:
        self._connection.close()


class OldRequest:
    """A POST that is sent, and whose answer nobody has waited for."""

    def __init__(self, url: str, load: bool) -> None:
        parts = urlsplit(url)
        assert not load
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        self._connection.request("POST", parts.path, headers={"Content-Length": "0"})

    def close(self) -> None:
        self._connection.close()


def ask(method: str, url: str, **how: Any) -> Response:
    """One request on a connection of its own, and its whole answer."""
    connection = RawHttpConnection(url)
    response = connection.request(method, url, **how)
    headers = response.headers
    if headers.get("transfer-encoding") == "chunked":
        while piece := connection.read_chunk():
            response.body += piece
    elif (length := headers.get("content-length")) is not None:
        response.body = connection.read(int(length))
    elif headers.get("connection", "").lower() == "close":
        response.body = connection.read_till_eof()
    elif response.status not in (101, 204, 304):
        raise AssertionError(f"{response.status}: nothing tells where the body ends")
    connection.close()
    return response


def GET(url: str, **how: Any) -> Response:  # noqa: N802 - the suite's name
    return ask("GET", url, **how)


def POST(url: str, **how: Any) -> Response:  # noqa: N802 - the suite's name
    return ask("POST", url, **how)


def OPTIONS(url: str, **how: Any) -> Response:  # noqa: N802 - the suite's name
    return ask("OPTIONS", url, **how)


def GET_async(url: str, **how: Any) -> AsyncRequest:  # noqa: N802 - the suite's name
    return AsyncRequest("GET", url, **how)


def POST_async(url: str, **how: Any) -> AsyncRequest:  # noqa: N802 - the suite's name
    return AsyncRequest("POST", url, **how)


def old_POST_async(url: str, load: bool = True) -> OldRequest:  # noqa: N802 - the suite's name
    return OldRequest(url, load)


class WebSocketConnectionClosedException(Exception):
    """Of the module websocket: the peer has ended the connection."""


class Socket:
    """A WebSocket. ``code`` and ``reason`` are of the peer's close frame."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = RawHttpConnection(url.replace("ws", "http", 1))
        self._connection._socket.settimeout(10)
        key = b64encode(os.urandom(16)).decode()
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
        answer = self._connection.request("GET", f"http://{parts.netloc}{parts.path}", headers=headers)
        assert answer.status == 101, answer.status

    def send(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def frame(self) -> tuple[int, bytes]:
        """The next one: its opcode, and its payload. Raises WebSocketConnectionClosedException at the end of the connection."""
        try:
            first, size = self._connection._exactly(2)
            if size == 126:
                size = int.from_bytes(self._connection._exactly(2))
            opcode, payload = first & 15, self._connection._exactly(size)
            if opcode == CLOSE:
                self._send(CLOSE, payload)
            return opcode, payload
        except AssertionError:
            raise WebSocketConnectionClosedException from None

    def recv(self) -> str | None:
        """The next text; None for a close frame."""
        opcode, payload = self.frame()
        return None if opcode == CLOSE else payload.decode()

    def close(self) -> None:
        self._connection.close()

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        assert len(payload) < 126
        self._connection._socket.sendall(bytes((0x80 | opcode, 0x80 | len(payload))) + mask + masked)


def create_connection(url: str, on_close: object = None) -> Socket:
    """Of the module websocket."""
    return Socket(url)


class WebSocket8Client(Socket):
    """The suite's other client, which raises what a close frame says."""

    class ConnectionClosedException(Exception):
        code = 0
        reason = ""

    def recv(self) -> str:
        opcode, payload = self.frame()
        if opcode != CLOSE:
            return payload.decode()
        closed = self.ConnectionClosedException()
        closed.code, closed.reason = int.from_bytes(payload[:2]), payload[2:].decode()
        raise closed
