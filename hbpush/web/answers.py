"""Ready responses: bytes made with one formatting, and the one place that turns errors into HTTP statuses."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

import hbpush
from hbpush.errors import (
    ChannelExists,
    ChannelGone,
    ChannelNotFound,
    HbpushError,
    MessageTooLarge,
    ProtocolError,
    StoreFull,
    StoreUnavailable,
)
from hbpush.web.exchange import Exchange, HeaderLines

logger = logging.getLogger("hbpush.web")

REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
RETRY_AFTER: HeaderLines = b"Retry-After: 1\r\n"
TEXT: HeaderLines = b"Content-Type: text/plain\r\n"


class Stamp:
    """The header lines that every response has, Server and Date, made once a second."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._server: HeaderLines = b""
        self._lines: HeaderLines = b""
        self._second = -1
        self.name_server(True)

    def name_server(self, shown: bool) -> None:
        """Show or hide ``Server: hbpush/<version>``."""
        self._server = f"Server: hbpush/{hbpush.__version__}\r\n".encode() if shown else b""
        self._second = -1

    def lines(self) -> HeaderLines:
        """Both lines, as of this second."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._lines = b"%bDate: %b\r\n" % (self._server, formatdate(second, usegmt=True).encode())
        return self._lines


stamp = Stamp(time.time)
"""One to the process: whoever answers puts these lines in."""


class Head:
    """A response known but for its body. ``headers`` are ready lines; length, Server and Date come by themselves.

    A status that has no body (204, 304) gets no Content-Length, and must be given none.
    """

    __slots__ = ("_bodiless", "_end", "_start")

    def __init__(self, status: int, headers: HeaderLines = b"") -> None:
        self._start = b"HTTP/1.1 %d %b\r\n" % (status, REASONS[status])
        self._end = headers
        self._bodiless = status in (204, 304)

    def wire(self, body: bytes = b"") -> bytes:
        """The whole response."""
        if self._bodiless:
            return b"%b%b%b\r\n" % (self._start, stamp.lines(), self._end)
        return b"%b%b%bContent-Length: %d\r\n\r\n%b" % (self._start, stamp.lines(), self._end, len(body), body)


NOT_FOUND = Head(404)
INTERNAL_ERROR = Head(500, TEXT)
UNAVAILABLE = Head(503, TEXT + RETRY_AFTER)


def line(status: int, text: str, headers: HeaderLines = b"") -> bytes:
    """A refusal that says why in one line of text/plain."""
    return Head(status, TEXT + headers).wire(text.encode("utf-8", "backslashreplace") + b"\n")


def away() -> bytes:
    """The answer of one who needs a store that is out of reach."""
    return UNAVAILABLE.wire(b"the store cannot be reached\n")


def not_allowed(allow: bytes, headers: HeaderLines = b"") -> Head:
    """405 with the methods that are supported, such as ``b"GET, OPTIONS"``."""
    return Head(405, b"Allow: %b\r\n%b" % (allow, headers))


def error_wire(error: BaseException) -> bytes | None:
    """The answer to an error, or None for one that the project does not know: a fault of ours, to be logged and answered 500."""
    match error:
        case ChannelNotFound():
            return NOT_FOUND.wire()
        case ChannelExists():
            return Head(409).wire()
        case ChannelGone():
            return Head(410).wire()
        case MessageTooLarge():
            return line(413, str(error))
        case StoreUnavailable() | StoreFull():
            return UNAVAILABLE.wire(str(error).encode() + b"\n")
        case ProtocolError():
            return NOT_FOUND.wire() if error.status_hint == 404 else line(error.status_hint, str(error))
        case HbpushError():
            return line(500, str(error))
    return None


def fail(exchange: Exchange, error: BaseException) -> None:
    """Answer an exchange with an error. One that the project does not know is a fault of ours: logged, and 500."""
    wire = error_wire(error)
    if wire is None:
        logger.error("%s %r failed", exchange.method.decode(), exchange.target.decode("latin-1"), exc_info=error)
        wire = INTERNAL_ERROR.wire(b"internal error\n")
    exchange.respond(wire)
