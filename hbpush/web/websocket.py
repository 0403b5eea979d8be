"""WebSockets (RFC 6455, version 13, no extensions): the frames that a server writes, and its side of a connection on every host.

picows parses what the peer sends (`hbpush.web.websocket_parser`), and writes nothing. What it leaves open is closed here: reserved bits,
the order of fragments and their sum, UTF-8, close codes, the end of the connection, pings, and a read buffer that would only grow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from hbpush.core.clock import Clock, Timer, TimerWheel
from hbpush.core.counters import Counters
from hbpush.web.exchange import BEHIND, Exchange, WebSocketListener
from hbpush.web.outflow import Outflow
from hbpush.web.websocket_handshake import refusal, switching
from hbpush.web.websocket_message import Fragments, read_close
from hbpush.web.websocket_parser import attach_parser
from hbpush.web.websocket_transport import Transport, feed

CLOSE_TIMEOUT = 5.0
"""Seconds from the first close frame to the end of the connection; then it is cut."""

GROWN = 32 * 1024
"""Bytes read at once from which picows' buffer is taken to have grown; it never shrinks by itself."""

NO_STATUS = 1005
BROKEN = 1006
"""What a listener hears for a close frame without a code, and for a connection that ended without a close frame of the peer."""

PING = b"\x89\x00"

OPEN, CLOSING, ENDING, OVER = range(4)

TEXT, BINARY, CONTINUATION, PINGED, PONGED, CLOSED = (
    WSMsgType.TEXT,
    WSMsgType.BINARY,
    WSMsgType.CONTINUATION,
    WSMsgType.PING,
    WSMsgType.PONG,
    WSMsgType.CLOSE,
)


def frame(payload: bytes, text: bool) -> bytes:
    """One whole message as a frame of a server: final, without a mask (RFC 6455 section 5.2). Frames may be joined."""
    size = len(payload)
    first = 0x81 if text else 0x82
    if size < 126:
        return b"%c%c%b" % (first, size, payload)
    if size < 65536:
        return b"%c\x7e%b%b" % (first, size.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (first, size.to_bytes(8, "big"), payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut to the 123 bytes that fit. Code 1005 makes one without a code."""
    if code == NO_STATUS:
        return b"\x88\x00"
    text = reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode()
    return b"\x88%c%b%b" % (len(text) + 2, code.to_bytes(2, "big"), text)


class SocketHost(Protocol):
    """The server that a WebSocket belongs to."""

    @property
    def clock(self) -> Clock: ...
    @property
    def wheel(self) -> TimerWheel: ...
    @property
    def counters(self) -> Counters: ...

    def adopt(self, transport: Transport) -> None:
        """Count a connection that is no longer HTTP, and abort it when the server closes."""

    def release(self, transport: Transport) -> None:
        """It is over."""


def upgrade(
    exchange: Exchange,
    take: Callable[[], tuple[Transport, bytes] | None],
    host: SocketHost,
    listener: WebSocketListener,
    subprotocol: str | None,
    max_message: int,
    outbox: int,
    ping_interval: float,
    ping_timeout: float,
) -> None:
    """What `Exchange.websocket` does on every host, with its arguments; a refused request is answered.

    ``take`` ends HTTP on the connection: it returns the transport and what was read beyond the request, or None when the peer has left.
    """
    refused = refusal(exchange)
    if refused is not None:
        exchange.respond(refused)
        return
    answer = switching(exchange, subprotocol)
    taken = take()
    if taken is not None:
        transport, tail = taken
        socket = Socket(host, transport, listener, subprotocol, max_message, outbox, ping_interval, ping_timeout)
        socket.start(answer, tail)


class Socket(Outflow, WSListener):
    """One open WebSocket: `hbpush.web.exchange.WebSocket` to its listener, the parser's listener to picows."""

    __slots__ = (
        "_code",
        "_fed",
        "_fragments",
        "_grown",
        "_heard",
        "_host",
        "_listener",
        "_max_message",
        "_outbox",
        "_ping_interval",
        "_ping_timeout",
        "_room",
        "_state",
        "_timer",
        "_transport",
        "descriptor",
        "paused",
        "slow_code",
        "subprotocol",
    )

    def __init__(
        self,
        host: SocketHost,
        transport: Transport,
        listener: WebSocketListener,
        subprotocol: str | None,
        max_message: int,
        outbox: int,
        ping_interval: float,
        ping_timeout: float,
    ) -> None:
        self.subprotocol = subprotocol
        self.slow_code = 0
        self._host = host
        self._listener = listener
        self._max_message = max_message
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._state = OPEN
        self._code = BROKEN
        self._heard = False
        self._grown = False
        self._room = 0
        self._fragments: Fragments | None = None
        self._timer: Timer | None = None
        self._transport = transport
        self._outbox = outbox

    def start(self, answer: bytes, tail: bytes) -> None:
        """Take the transport over: ``answer`` is the 101, ``tail`` what the peer has sent after its request."""
        transport = self._transport
        self._host.adopt(transport)
        self._parse_afresh()
        # Not before: what the transport says of writing it says to its protocol.
        self._flow(transport, self._outbox)
        transport.write(answer)
        if self._ping_interval:
            self._timer = self._host.wheel.after(self._ping_interval, self._ping)
        try:
            self._listener.opened(self)
        except BaseException:
            self._fail(1011, "internal error")
            raise
        if tail:
            feed(transport, tail)

    # The listener's side

    def _behind(self) -> None:
        self._host.counters.refuse("slow", BEHIND)
        if self.slow_code:
            self._close_slow()
        else:
            self._cut()

    def close(self, code: int = 1000, reason: str = "", last: bytes = b"") -> None:
        if self._state:
            return
        self._transport.write(last + close_frame(code, reason))
        self._become(CLOSING)
        self._restart_timer(CLOSE_TIMEOUT, self._cut)

    def _close_slow(self) -> None:
        """Say why behind all that waits, for a peer that reads again in time. The listener hears at once that nobody takes more."""
        self.close(self.slow_code, "too slow")
        listener, self._listener = self._listener, cast("WebSocketListener", None)
        self._host.clock.call_soon(partial(listener.gone, BROKEN))

    # The parser's side

    def on_ws_frame(self, _: WSTransport, frame: WSFrame) -> None:
        if self._state > CLOSING:
            return
        self._heard = True
        size = frame.payload_size
        tail = frame.tail_size
        if size + tail > GROWN:
            self._grown = True
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(1002, "a reserved bit is set")
            return
        kind = frame.msg_type
        if kind in (TEXT, BINARY, CONTINUATION):
            self._part(kind, frame)
        elif kind == CLOSED:
            self._peer_closes(frame.get_payload_as_bytes())
        elif kind == PINGED:
            self.write(b"\x8a%c%b" % (size, frame.get_payload_as_bytes()))
        if self._grown and not tail and self._state <= CLOSING and frame.last_in_buffer:
            self._parse_afresh()

    def on_ws_disconnected(self, _: WSTransport) -> None:
        self.over()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._state:
            self._listener.drained()

    def _verdict(self, code: int) -> None:
        """The parser has found something that no peer may send. It may still hand over the one whole frame that came before."""
        self._transport.set_protocol(_Ending(self))
        reason = "the message is too large" if code == 1009 else "the frame is invalid"
        self._host.clock.call_soon(partial(self._fail, code, reason))

    def over(self) -> None:
        """The connection is lost."""
        if self._state == OVER:
            return
        self._become(OVER)
        self._fragments = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._host.release(self._transport)
        listener, self._listener = self._listener, cast("WebSocketListener", None)
        self._transport = cast("Transport", None)
        if listener is not None:
            listener.gone(self._code)

    # Messages

    def _part(self, kind: WSMsgType, frame: WSFrame) -> None:
        fragments = self._fragments
        try:
            if fragments is None and kind != CONTINUATION and frame.fin:
                message: str | bytes | None = frame.get_payload_as_utf8_text() if kind == TEXT else frame.get_payload_as_bytes()
            elif (fragments is None) == (kind == CONTINUATION):
                self._fail(1002, "fragments are out of order")
                return
            else:
                if fragments is None:
                    fragments = self._fragments = Fragments(kind == TEXT)
                if fragments.size + frame.payload_size > self._max_message:
                    self._fail(1009, "the message is too large")
                    return
                message = fragments.add(frame.get_payload_as_bytes(), bool(frame.fin))
        except UnicodeDecodeError:
            self._fail(1007, "the text is not UTF-8")
            return
        if message is not None:
            self._fragments = None
            if not self._state:
                self._listener.received(message)

    # The end

    def _peer_closes(self, payload: bytes) -> None:
        code = read_close(payload)
        if code is None:
            self._fail(1002, "the close code is invalid")
            return
        self._code = code
        if not self._state:
            self._transport.write(close_frame(code))
        self._end()

    def _fail(self, code: int, reason: str) -> None:
        """Close on our side without waiting for the peer's close frame (RFC 6455 section 7.1.7)."""
        if self._state > CLOSING:
            return
        self._host.counters.refuse("websocket_failed", f"{reason} ({code})")
        if not self._state:
            self._transport.write(close_frame(code, reason))
        self._end()

    def _end(self) -> None:
        # Closing at once, with something unread, would be a reset that takes the close frame with it.
        self._become(ENDING)
        transport = self._transport
        transport.set_protocol(_Ending(self))
        self._restart_timer(CLOSE_TIMEOUT, self._cut)
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()

    def _cut(self) -> None:
        self._become(ENDING)
        self._transport.abort()

    def _become(self, state: int) -> None:
        """Be open no more."""
        self._state = state
        self._stop()

    # Time

    def _restart_timer(self, delay: float, callback: Callable[[], object]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._host.wheel.after(delay, callback)

    def _ping(self) -> None:
        self._heard = False
        self._room = self._read_room()
        self.write(PING)
        if not self._state:
            self._timer = self._host.wheel.after(self._ping_timeout, self._look)

    def _look(self) -> None:
        # A frame that is still on its way is a sign of life as well: the pong has to wait behind it.
        if self._heard or self._read_room() != self._room:
            self._timer = self._host.wheel.after(max(0.0, self._ping_interval - self._ping_timeout), self._ping)
        else:
            self._host.counters.refuse("ping_timeout", "a client did not answer a ping")
            self._cut()

    def _read_room(self) -> int:
        return len(cast("memoryview", cast("asyncio.BufferedProtocol", self._transport.get_protocol()).get_buffer(-1)))

    def _parse_afresh(self) -> None:
        """Give the transport a new parser, with an empty buffer of its first size."""
        self._grown = False
        attach_parser(self._transport, self, self._max_message, self._verdict)


class _Ending(asyncio.Protocol):
    """Nobody listens any more: what comes is dropped until the peer closes."""

    __slots__ = ("_socket",)

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket.over()
