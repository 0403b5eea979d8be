"""A client for tests: one request over a socket of its own, held ones included, nothing hidden."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import NamedTuple

PATIENCE = 20.0
"""Seconds for any answer: far more than it takes."""


class Answer(NamedTuple):
    """A whole response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Asked:
    """A request that was sent; `answer` waits for what comes back."""

    def __init__(
        self,
        port: int,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.connection = (
            http.client.HTTPConnection(host, port, timeout=PATIENCE)
            if tls is None
            else http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=tls)
        )
        self.connection.request(method, target, body, headers or {})

    def answer(self) -> Answer:
        """The response. The connection is closed after it."""
        with self.connection.getresponse() as response:
            answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        self.connection.close()
        return answer

    def socket(self) -> socket.socket:
        """The connection itself."""
        assert self.connection.sock is not None
        return self.connection.sock


def ask(
    port: int,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Answer:
    """Send one request on a new connection, and read its answer."""
    return Asked(port, method, target, body, headers, tls, host).answer()


def wait_until_held(port: int, target: str, subscribers: int = 1) -> None:
    """Ask a publisher location until its channel has so many subscribers."""
    end = time.monotonic() + PATIENCE
    while (info := json.loads(ask(port, "GET", target, headers={"Accept": "application/json"}).body))["subscribers"] != subscribers:
        assert time.monotonic() < end, info
