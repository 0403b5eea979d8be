"""Bytes to requests: llhttp, and the rules of HTTP/1.1 that llhttp leaves to us (DESIGN 9).

A reader is lent to a connection for one call of ``data_received``; a connection keeps it only while a request has arrived in
part. So an idle or held connection has no parser, and costs no memory for one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import httptools

from hbpush.web.answers import line
from hbpush.web.native.exchange import GET_BODY, HTTP11, KEEP, PLAIN, UPGRADE, NativeExchange
from hbpush.web.native.heads import Head
from hbpush.web.routes import Gate, Match

if TYPE_CHECKING:
    from hbpush.web.native.connection import Connection
    from hbpush.web.native.server import NativeServer

Headers = dict[bytes, bytes]

SINGLE_HEADERS = frozenset((b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"upgrade"))
"""Headers that must not come twice: two values would be two readings of one request."""

SLASH, HASH = b"/#"
NOT_ASCII = re.compile(rb"[\x80-\xff]")

RARE_METHODS = frozenset((b"HEAD", b"CONNECT"))

CHUNK_OVERHEAD = 16
"""Bytes of chunk framing that are borne for each byte of body, on top of one head's worth."""


UNGATED = 64 * 1024
"""Bytes of a body that are taken from anybody: as much is on its way anyhow."""


class Refused(Exception):
    """Stops the parser; the answer is in `Reader.refusal`."""


class Reader:
    """The parser and the message under construction."""

    __slots__ = (
        "_chunked",
        "_headed",
        "_match",
        "_method",
        "_pieces",
        "_raw",
        "_received",
        "_server",
        "_special",
        "_table",
        "_target",
        "_traits",
        "begun",
        "body",
        "connection",
        "head",
        "headers",
        "parser",
        "refusal",
        "size",
        "spent",
    )

    def __init__(self, server: NativeServer) -> None:
        self._server = server
        self.connection: Connection | None = None
        self.parser = httptools.HttpRequestParser(self)
        self.refusal: bytes | None = None
        self.spent = False
        """The parser stands after a last request and takes nothing more."""
        self.begun = False
        """A request has arrived in part."""
        self.size = 0
        """Bytes of the read under way."""
        self.head = 0
        """Bytes of earlier reads that belong to a head not complete yet, less those of this read that do not."""
        self.headers: Headers = {}
        self.body = b""
        self._target = b""
        self._method = b""
        self._headed = False
        self._match: Match | None = None
        self._table = server.routes
        self._reset()

    def close(self) -> None:
        """Never to be used again: parser and reader know each other, and must not wait for the garbage collector to part them."""
        del self.parser
        self.connection = None

    def _reset(self) -> None:
        self._special = False
        self._traits = PLAIN
        self._chunked = False
        self._pieces: bytearray | None = None
        self._received = 0
        self._raw = 0

    @property
    def in_body(self) -> bool:
        """Whether the head of the request under way is complete."""
        return self._headed

    def refuse(self, kind: str, status: int, text: str) -> NoReturn:
        """Stop: the connection is answered so and closed."""
        worded = self._match.refusal if self._headed and self._match is not None else None
        self.refusal = line(status, text, b"Connection: close\r\n") if worded is None else worded(status, text)
        self._server.counters.refuse(kind, text)
        raise Refused

    def part_arrived(self, wire: bytes) -> None:
        """A read ended within a request. Raises Refused when the head or the framing of its body outgrows its bound."""
        limit = self._server.limits.max_header
        if not self._headed:
            if self.head < 0:
                # Other requests came before it in this read: what is there of this one are whole lines, and part of one.
                self.head = self._measured() + len(wire) - wire.rfind(b"\n") - 1
            else:
                self.head += self.size
            if self.head > limit:
                self._too_large()
        elif self._chunked:
            self._raw += self.size
            if self._raw - self._received > limit + CHUNK_OVERHEAD * self._received:
                self.refuse("bad_request", 400, "the chunks of the body are framing for the most part")

    def _too_large(self) -> None:
        limit = self._server.limits.max_header
        # A header that has not ended yet is not among the headers; a target is known as far as it has come.
        if len(self._target) > limit // 2:
            self.refuse("request_line_too_large", 414, f"the request line has more than {limit} bytes")
        self.refuse("header_too_large", 431, f"request line and headers have more than {limit} bytes")

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        self.begun = True
        self.headers = {}
        self.body = self._target = b""
        self._headed = False

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        headers = self.headers
        if key in headers:
            self._repeated(key, value)
        elif not self._headed:
            headers[key] = value

    def _repeated(self, key: bytes, value: bytes) -> None:
        if self._headed:
            # A trailer: nothing that comes after the body may change how the request was read.
            return
        if key in SINGLE_HEADERS:
            self.refuse("bad_request", 400, f"two {key.decode('latin-1')} headers")
        self.headers[key] += (b"; " if key == b"cookie" else b", ") + value

    def on_headers_complete(self) -> None:
        self._match = None
        self._headed = True
        headers = self.headers
        parser = self.parser
        server = self._server
        target = self._target
        limits = server.limits
        method = self._method = parser.get_method()
        if self._special:
            self._reset()
        if self.size > limits.max_header or self.head + self.size > limits.max_header:
            self._measure_head()
        if (
            b"connection" in headers
            or b"transfer-encoding" in headers
            or b"host" not in headers
            or not parser.should_keep_alive()
            or method in RARE_METHODS
        ):
            self._check_head()
        if target[0] != SLASH or HASH in target:
            target = self._target = self._origin_form(target)
        table = self._table = server.routes
        match = self._match = table.known(target) or table.find(target)
        length = headers.get(b"content-length")
        if length is not None and int(length) > (limits.max_body if match.max_body is None else match.max_body):
            self._body_too_large()
        if match.gate is not None and (self._chunked or (length is not None and int(length) > UNGATED)):
            self._ask(match.gate, match.args)
        if b"expect" in headers:
            self._expect(headers[b"expect"])

    def on_body(self, piece: bytes) -> None:
        if not self.body:
            self.body = piece
        else:
            if self._pieces is None:
                self._special = True
                self._pieces = bytearray(self.body)
            self._pieces += piece
        if self._chunked:
            self._received += len(piece)
            if self._received > self._max_body():
                self._body_too_large()

    def on_message_complete(self) -> None:
        self.begun = False
        # What follows in this read is another request, of a size that is not known before it is complete.
        self.head = -self.size
        connection = self.connection
        match = self._match
        if connection is None or match is None or connection.lingering:
            # The answer before this request was the last of its connection.
            return
        if self._table is not self._server.routes:
            match = self._match = self._server.routes.find(self._target)
        body = self.body
        if self._pieces is not None:
            body = bytes(self._pieces)
            self._pieces = None
        # It may be long until the next request comes.
        self.body = b""
        self.spent = not self._traits & KEEP
        exchange = NativeExchange(connection, self._method, self._target, match.args, self.headers, body, self._traits)
        if self._traits & UPGRADE:
            connection.enqueue(exchange, match.endpoint)
        else:
            connection.arrived(exchange, match.endpoint)

    def whole(self, wire: bytes, end: int) -> Head | None:
        """What the head of the last request was read as, if its request is all of ``wire`` and the head ends at ``end``.

        None when anything about it asks for a second look each time.
        """
        headers, match = self.headers, self._match
        body = int(headers.get(b"content-length", 0))
        if self._traits != PLAIN or self._chunked or match is None or end + body != len(wire) or b"expect" in headers:
            return None
        return Head(self._method, self._target, match.args, headers, body, match.endpoint)

    # The rarer half of a head

    def _measured(self) -> int:
        return len(self._target) + sum(len(name) + len(value) + 4 for name, value in self.headers.items()) + 16

    def _measure_head(self) -> None:
        if self._measured() > self._server.limits.max_header:
            self._too_large()

    def _check_head(self) -> None:
        headers = self.headers
        self._special = True
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self.refuse("bad_request", 505, f"HTTP/{version} is not spoken here")
        http11 = version == "1.1"
        self._traits = (
            (HTTP11 if http11 else 0) | (KEEP if self.parser.should_keep_alive() else 0) | (GET_BODY if self._method != b"HEAD" else 0)
        )
        if self._method == b"CONNECT":
            self.refuse("bad_request", 501, "CONNECT is not supported")
        if http11 and b"host" not in headers:
            self.refuse("bad_request", 400, "no Host header")
        encoding = headers.get(b"transfer-encoding")
        if encoding is not None:
            if not http11:
                self.refuse("bad_request", 400, "Transfer-Encoding needs HTTP/1.1")
            if encoding.strip().lower() != b"chunked":
                self.refuse("bad_request", 501, "the only transfer encoding that is supported is chunked")
            if b"content-length" in headers:
                self.refuse("bad_request", 400, "both Content-Length and Transfer-Encoding")
            self._chunked = True
        if self.parser.should_upgrade():
            self._check_upgrade(encoding)

    def _check_upgrade(self, encoding: bytes | None) -> None:
        headers = self.headers
        length = headers.get(b"content-length")
        if encoding is not None or (length is not None and int(length)):
            # The parser takes what follows the head for the new protocol; read as a body it would be another request.
            self.refuse("bad_request", 400, "an upgrade with a body")
        offered = headers.get(b"upgrade", b"").lower().split(b",")
        if self._traits & HTTP11 and self._method == b"GET" and b"websocket" in (token.strip() for token in offered):
            self._traits |= UPGRADE

    def _ask(self, gate: Gate, args: object) -> None:
        """Whether a large body is wanted at all."""
        if self.connection is None or self.connection.lingering:
            return
        refusal = gate(NativeExchange(self.connection, self._method, self._target, args, self.headers, b"", self._traits))
        if refusal is not None:
            self.refusal = refusal
            raise Refused

    def _origin_form(self, target: bytes) -> bytes:
        if HASH in target:
            self.refuse("bad_request", 400, "a request target has no fragment")
        if target.lower().startswith((b"http://", b"https://")):
            try:
                parts = urlsplit(target)
            except ValueError:
                self.refuse("bad_request", 400, "the request target cannot be read")
            return (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
        if target != b"*":
            self.refuse("bad_request", 400, "the request target is not a path")
        return target

    def _max_body(self) -> int:
        match = self._match
        return self._server.limits.max_body if match is None or match.max_body is None else match.max_body

    def _body_too_large(self) -> None:
        self.refuse("body_too_large", 413, f"the body has more than {self._max_body()} bytes")

    def _expect(self, value: bytes) -> None:
        if value.strip().lower() != b"100-continue":
            self.refuse("bad_request", 417, "the only expectation that is met is 100-continue")
        if self._traits & HTTP11 and self.connection is not None:
            self.connection.go_on()


def encoded(request_line: bytes) -> bytes:
    """A request line with every byte that is not ASCII percent-encoded."""
    return NOT_ASCII.sub(lambda match: b"%%%02X" % match[0][0], request_line)
