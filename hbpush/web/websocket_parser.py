"""picows as a parser of WebSocket frames: bytes go in by way of the transport, frames come out at a listener, nothing is written.

picows' protocol object is given a connection whose handshake is done: it gets a request made up for it, and what it would write ends
in `_Verdicts`. That use is not documented, so the minor version of picows is pinned and a test looks at the constructor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener, picows

from hbpush.web.websocket_transport import Transport, feed

WSProtocol: Any = picows.WSProtocol  # type: ignore[attr-defined]

REQUEST = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

READ_BUFFER = 2048
"""Bytes; picows takes no less."""

logger = logging.getLogger("hbpush.web")


def attach_parser(transport: Transport, listener: WSListener, max_frame: int, verdict: Callable[[int], object]) -> None:
    """Make a new parser the protocol of a transport.

    The listener hears of frames, of the loss of the connection, and of writing that has to pause. ``verdict`` is called with a close code
    (1002, 1007, 1009, 1011) when the peer breaks the protocol, or a frame has more than ``max_frame`` bytes; one whole frame that came
    before may still follow.
    """

    def shake_hands(_: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return WSUpgradeResponseWithListener(_response, listener)

    parser = WSProtocol(
        host_port=None,
        ws_path=None,
        is_client_side=False,
        ws_listener_factory=shake_hands,
        logger=_quiet,
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,
        enable_auto_ping=False,
        auto_ping_idle_timeout=0,
        auto_ping_reply_timeout=0,
        auto_ping_strategy=picows.WSAutoPingStrategy.PING_WHEN_IDLE,
        enable_auto_pong=False,
        max_frame_size=max_frame,
        extra_headers=None,
        read_buffer_init_size=READ_BUFFER,
    )
    transport.set_protocol(parser)
    parser.connection_made(_Verdicts(verdict))
    feed(transport, REQUEST)
    # The parser keeps the request as long as it lives: a quarter of what an idle connection costs.
    parser.transport.request.headers = _response.headers


_response = WSUpgradeResponse.create_101_response()


class _Verdicts:
    """The transport that picows believes to have: a close frame that it writes is its opinion of the peer."""

    __slots__ = ("_verdict",)

    def __init__(self, verdict: Callable[[int], object]) -> None:
        self._verdict = verdict

    def get_extra_info(self, name: str) -> object:
        # As it is told that this is TLS, it does not write to the descriptor past us.
        return _no_descriptor if name == "socket" else self

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, wire: bytes) -> None:
        if wire[0] == 0x88:
            self._verdict(int.from_bytes(wire[2:4], "big"))

    def close(self) -> None:
        """Whoever hears the verdict ends the connection, in its own time."""

    abort = close


class _NoDescriptor:
    """A socket whose options picows sets; they are set already."""

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *_: object) -> None:
        """Nothing."""

    def getsockopt(self, *_: object) -> int:
        return 0


class _Quiet:
    """Not a `logging.Logger`: for one of those picows would make another per connection. Only faults of ours are worth a record."""

    def isEnabledFor(self, _: int) -> bool:  # noqa: N802 - the name that picows calls
        return False

    def debug(self, *_: object) -> None:
        """Nothing."""

    info = warning = error = log = debug

    def exception(self, message: str, *arguments: object) -> None:
        logger.exception(message, *arguments)


_no_descriptor = _NoDescriptor()
_quiet = _Quiet()
