"""Streams of a server in another process: an event stream and a WebSocket over sockets of their own, for tests without a loop."""

from __future__ import annotations

import http.client
import json
from typing import Any

from tests.support.eventstream import Event, Parser
from tests.support.plain_http import PATIENCE
from tests.support.websocket import request

Heard = tuple[str, str]
"""What was heard: the data of a message, ``gap`` or ``end``; and the id to resume by, with ``end`` the close code: 1006 without a close
frame, nothing for an event stream."""


class EventSource:
    """An event stream that has begun."""

    def __init__(self, port: int, target: str, since: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.request("GET", target, headers={"Accept": "text/event-stream", **({"Last-Event-ID": since} if since else {})})
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.status
        self._parser = Parser()
        self._events: list[Event] = []

    def hear(self) -> Heard:
        while not self._events:
            try:
                piece = self._response.read1(65536)
            except (ConnectionError, http.client.IncompleteRead):
                piece = b""
            if not piece:
                return ("end", "")
            self._events += self._parser.feed(piece)
        event = self._events.pop(0)
        return ("gap" if event.name == "gap" else event.data, event.id)

    def close(self) -> None:
        self._response.close()
        self._connection.close()


class WebSocket:
    """A WebSocket with the subprotocol ``hbpush.json`` that is open."""

    def __init__(self, port: int, target: str, since: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.connect()
        assert self._connection.sock is not None
        query = f"?since={since}" if since else ""
        self._connection.sock.sendall(request(path=f"{target}{query}".encode(), sec_websocket_protocol=b"hbpush.json"))
        self._file = self._connection.sock.makefile("rb")
        status = self._file.readline()
        assert status.startswith(b"HTTP/1.1 101 "), status
        while self._file.readline() != b"\r\n":
            pass

    def hear(self) -> Heard:
        try:
            first, size = self._read(2)
            if size == 126:
                size = int.from_bytes(self._read(2), "big")
            payload = self._read(size)
        except ConnectionError:
            return ("end", "1006")
        if first == 0x88:
            return ("end", str(int.from_bytes(payload[:2], "big")))
        said: dict[str, Any] = json.loads(payload)
        return ("gap", "") if "gap" in said else (said["data"], said["id"])

    def _read(self, size: int) -> bytes:
        read = self._file.read(size)
        if len(read) < size:
            raise ConnectionError("the connection ended within a frame, or without a close frame")
        return read

    def close(self) -> None:
        self._file.close()
        self._connection.close()
