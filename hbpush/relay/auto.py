"""``polling: auto``: the request decides how it is answered."""

from __future__ import annotations

from collections.abc import Awaitable

from hbpush.core.message import ChannelRef
from hbpush.errors import ProtocolError
from hbpush.relay.streaming import Streaming
from hbpush.web.eventstream import MEDIA
from hbpush.web.exchange import Endpoint, Exchange
from hbpush.web.websocket_handshake import tokens


class Auto:
    """A WebSocket for who asks for an upgrade to one, an event stream for who accepts one, a long poll for everybody else."""

    __slots__ = ("_eventsource", "_long", "_websocket")

    def __init__(self, long: Endpoint, eventsource: Streaming, websocket: Streaming) -> None:
        self._long = long
        self._eventsource = eventsource
        self._websocket = websocket

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        upgrade = exchange.header(b"upgrade")
        if upgrade is not None and b"websocket" in tokens(upgrade):
            self._websocket(exchange)
            return None
        accept = exchange.header(b"accept")
        if accept is not None and MEDIA in accept.lower():
            self._eventsource(exchange)
            return None
        args = exchange.args
        if not isinstance(args, ChannelRef):
            [exchange.args, *others] = self._eventsource.channels(exchange)
            if others:
                raise ProtocolError("a long poll is of one channel; several are for event streams and WebSockets")
        return self._long(exchange)
