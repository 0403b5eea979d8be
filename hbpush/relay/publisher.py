"""The publisher's endpoint: POST, PUT, GET, HEAD, DELETE and OPTIONS on a channel (relay specification 1.4, 7.1).

With a store that other processes share, 201 means that one of them reported a taker within the last second; within one process it is exact.
"""

from __future__ import annotations

from asyncio import Future
from functools import partial

from hbpush.core.clock import Clock
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef, Draft
from hbpush.core.result import Result, then
from hbpush.daemon import keys
from hbpush.relay.info import NEVER, OFFERED, PLAIN, Info, negotiate
from hbpush.relay.rules import event_name
from hbpush.relay.settings import PublisherSettings
from hbpush.stores.base import Receipt
from hbpush.web.answers import Head, fail, line, not_allowed
from hbpush.web.exchange import Exchange

METHODS = b"GET, HEAD, POST, PUT, DELETE, OPTIONS"
OPTIONS = Head(200, b"Allow: %b\r\n" % METHODS)
NOT_ALLOWED = not_allowed(METHODS)

# What a GET is told is so at one moment, and in the form that was asked for: no cache may give it to another.
_STATE = b"Vary: Accept\r\nCache-Control: no-cache\r\n"
_HEADS = {
    info.media: {
        status: Head(status, (_STATE if status == 200 else b"") + b"Content-Type: %b\r\n" % info.media) for status in (200, 201, 202)
    }
    for info in OFFERED
}


class Publisher:
    """The endpoint of a publisher location; `Exchange.args` is the `ChannelRef`. ``key`` None lets everybody in."""

    __slots__ = ("_counters", "_create", "_hub", "_key", "_now", "_stored", "_timeout")

    def __init__(self, hub: Hub, clock: Clock, counters: Counters, settings: PublisherSettings, key: bytes | None) -> None:
        self._hub = hub
        self._now = clock.time
        self._counters = counters
        self._create = settings.create_on_post
        self._stored = settings.store_messages
        self._timeout = settings.message_timeout
        self._key = key

    def __call__(self, exchange: Exchange) -> None:
        method = exchange.method
        if self._key is not None and method != b"OPTIONS" and not keys.admits(exchange, self._key):
            self._counters.refuse("bad_key", "a publisher without the key")
            exchange.respond(line(401, "this location needs a key: Authorization: Bearer, or X-Api-Key", keys.CHALLENGE))
            return
        posted = method == b"POST"
        result = self._post(exchange) if posted else self._other(exchange, method, exchange.args)
        if result is None:
            return
        accept = exchange.header(b"accept")
        info = PLAIN if accept is None else negotiate(accept)
        if isinstance(result, Future):
            then(result, partial(self._answer, exchange, info, posted), partial(fail, exchange))
        else:
            self._answer(exchange, info, posted, result)

    def _post(self, exchange: Exchange) -> Result[Receipt]:
        header = exchange.header
        event = header(b"x-relay-event") or header(b"x-eventsource-event")
        return self._hub.publish(
            exchange.args,
            Draft(
                exchange.body,
                header(b"content-type") or None,
                (event_name(event) or None) if event else None,
                self._stored,
                self._timeout,
                self._create,
            ),
        )

    def _other(self, exchange: Exchange, method: bytes, ref: ChannelRef) -> Result[Receipt] | None:
        if method in (b"GET", b"HEAD"):
            return self._hub.info(ref)
        if method == b"PUT":
            return self._hub.create(ref, permanent=True)
        if method == b"DELETE":
            return self._hub.delete(ref)
        exchange.respond((OPTIONS if method == b"OPTIONS" else NOT_ALLOWED).wire())
        return None

    def _answer(self, exchange: Exchange, info: Info, posted: bool, receipt: Receipt) -> None:
        requested = receipt.requested
        ago = NEVER if requested is None else max(0, int(self._now() - requested))
        status = 200 if not posted else 201 if receipt.takers else 202
        exchange.respond(_HEADS[info.media][status].wire(info.render(receipt.messages, ago, receipt.subscribers, receipt.last)))
