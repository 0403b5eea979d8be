"""The endpoint of a Tyron channel: a request waits, a message ends it (specification 7.4.1 to 7.4.4, 7.4.9, 7.4.10).

With the buffer each message has ``X-Tyron-Id``; who asks again with it, as ``?since=<id>``, gets what came after it as far as the store
keeps it. Who asks without gets what comes next.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import unquote_to_bytes

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, Message, MessageId, Since
from hbpush.core.result import then
from hbpush.core.subscription import CloseReason
from hbpush.errors import ProtocolError
from hbpush.stores.base import Page
from hbpush.web.answers import UNAVAILABLE, Head, away, fail, not_allowed, stamp
from hbpush.web.exchange import Exchange, HeaderLines
from hbpush.web.polling import HeldPoll
from tyron.settings import TyronSettings

METHODS = b"GET, POST, OPTIONS"
OPTIONS = Head(200, b"Allow: %b\r\n" % METHODS)
NOT_ALLOWED = not_allowed(METHODS)
TEXT: HeaderLines = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
MISSED: HeaderLines = b"X-Tyron-Missed: 1\r\n"
TIMED_OUT: HeaderLines = b"X-Tyron-Timeout: 1\r\n"
EXPOSED = b"X-Tyron-Id, X-Tyron-Missed, X-Tyron-Timeout, Retry-After"


def answer(messages: Sequence[Message]) -> bytes:
    """The Format of a poll: the first message of a batch as a whole response. No Etag: two equal messages are two."""
    body = messages[0].body
    return b"HTTP/1.1 200 OK\r\n%b%bContent-Length: %d\r\n\r\n%b" % (stamp.lines(), TEXT, len(body), body)


def numbered(messages: Sequence[Message]) -> bytes:
    """The same with the message's id, where what comes after it can be asked for."""
    message = messages[0]
    body = message.body
    return b"HTTP/1.1 200 OK\r\n%b%bX-Tyron-Id: %d:%d\r\nContent-Length: %d\r\n\r\n%b" % (stamp.lines(), TEXT, *message.id, len(body), body)


def since_of(target: bytes) -> Since:
    """Where a request wants to go on, NEWEST when it does not say. Raises ProtocolError for an id that cannot be read."""
    _, mark, query = target.partition(b"?")
    if mark:
        for argument in query.split(b"&"):
            name, _, value = argument.partition(b"=")
            if name == b"since":
                try:
                    return MessageId.parse(unquote_to_bytes(value).decode("latin-1"))
                except ValueError as error:
                    raise ProtocolError(f"since: {error}") from None
    return NEWEST


class Waiting:
    """The endpoint; `Exchange.args` is the `ChannelRef`. A `hbpush.web.polling.PollPlace`."""

    protocol = "tyron"

    def __init__(self, owner: object, hub: Hub, wheel: TimerWheel, counters: Counters, settings: TyronSettings) -> None:
        self.owner = owner
        self.hub = hub
        self.wheel = wheel
        self.timeout = settings.timeout
        self.format = numbered if settings.buffer_seconds else answer
        self._counters = counters
        self._status = settings.timeout_status
        self._message = settings.timeout_message.encode("utf-8", "surrogateescape")
        self._buffered = settings.buffer_seconds > 0
        self._keep = not settings.close_connections
        self._most = settings.max_subscribers
        # Those who were released together ask for the same next: it is read once for all of them.
        self._target = b""
        self._target_since: Since = NEWEST

    def __call__(self, exchange: Exchange) -> None:
        if not self._keep:
            exchange.keep = False
        if exchange.method not in (b"GET", b"POST"):
            exchange.respond((OPTIONS if exchange.method == b"OPTIONS" else NOT_ALLOWED).wire())
            return
        if exchange.target != self._target:
            self._target_since = since_of(exchange.target)
            self._target = exchange.target
        since = self._target_since
        if self._most and self.hub.listening(exchange.args) >= self._most:
            text = f"the channel has {self._most} subscribers already"
            self._counters.refuse("max_subscribers", text)
            exchange.respond(UNAVAILABLE.wire(text.encode() + b"\n"))
        elif since is NEWEST and self._buffered:
            # Made an id of, so that a time-out can give one: what comes before the client asks again would be missed.
            then(self.hub.read(exchange.args, NEWEST, 1), partial(self._from_newest, exchange), partial(fail, exchange))
        else:
            self.hub.subscribe(exchange.args, Poll(self, exchange, since), since)

    def timed_out(self, since: Since) -> bytes:
        """The answer without a message; with the id to go on with, where there is one."""
        id_line = b"X-Tyron-Id: %d:%d\r\n" % since if self._buffered and isinstance(since, MessageId) and since.tag >= 0 else b""
        return Head(self._status, TEXT + TIMED_OUT + id_line).wire(self._message)

    def _from_newest(self, exchange: Exchange, page: Page) -> None:
        self.hub.subscribe(exchange.args, Poll(self, exchange, page.last), page.last)


class Poll(HeldPoll):
    """A request that waits."""

    __slots__ = ()

    _place: Waiting

    def missed(self) -> None:
        # Who did not say where to go on has missed nothing that it asked for.
        if self._since is not NEWEST and MISSED not in self._exchange.extra:
            self._exchange.extra += MISSED

    def _timed_out(self) -> None:
        place, exchange = self._place, self._exchange
        if MISSED not in exchange.extra:
            super()._timed_out()
            return
        self._timer = None
        if not place.hub.claimed(exchange.args, self):
            # Told once: the id to go on with is one after which nothing is missing.
            then(place.hub.read(exchange.args, NEWEST, 1), self._leave_behind, self._leave_as_before)

    def _leave_behind(self, page: Page) -> None:
        self._since = page.last
        self._leave_as_before(None)

    def _leave_as_before(self, _: BaseException | None) -> None:
        # A message may have come meanwhile.
        if self.held:
            self.leave(self._place.timed_out(self._since))

    def closed(self, reason: CloseReason) -> None:
        self.forget()
        exchange = self._exchange
        match reason:
            case CloseReason.DELETED:
                exchange.respond(self._place.timed_out(self._since))
            case CloseReason.SHUTDOWN:
                exchange.keep = False
                exchange.respond(self._place.timed_out(self._since))
            case _:
                exchange.respond(away())
