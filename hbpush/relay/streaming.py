"""The endpoint of a stream: from a GET to a `hbpush.relay.stream.Stream` (relay specification 7.2; DESIGN section 3)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from hbpush.core.message import NEWEST, OLDEST, ChannelRef, Edge, Last, Since
from hbpush.core.result import then
from hbpush.daemon.location import LocationContext
from hbpush.errors import HbpushError, ProtocolError
from hbpush.relay.admission import Admission
from hbpush.relay.positions import parse
from hbpush.relay.rules import arguments, given_id
from hbpush.relay.settings import SubscriberSettings
from hbpush.relay.stream import Stream
from hbpush.relay.subscriber import NOT_ALLOWED, OPTIONS
from hbpush.stores.base import Page
from hbpush.web.answers import fail
from hbpush.web.exchange import Exchange
from hbpush.web.routes import channel_id

_CHANNEL_NAMES = (b"channel",)


class Streaming(ABC):
    """What the places of event streams and WebSockets have in common; `Exchange.args` is the `ChannelRef`; a tuple of
    them, perhaps empty, where a request may name several.

    ``owner`` is the location, by which `Hub.release` finds its subscribers.
    """

    protocol: ClassVar[str]
    tells_place: ClassVar[bool] = False
    """Whether a client can be told where it begins, before any message."""

    def __init__(self, owner: object, context: LocationContext, settings: SubscriberSettings) -> None:
        self.owner = owner
        self.hub = context.hub
        self.clock = context.clock
        self.create = settings.create_on_get
        self.outbox = settings.outbox_bytes
        self.heartbeat_interval = settings.heartbeat_interval
        self.admission = Admission(context.hub, context.counters, settings)
        first = settings.first_message
        self._first: Since = Last(first) if isinstance(first, int) else Edge(first)
        self._store = settings.store
        self._most = settings.max_channels

    def __call__(self, exchange: Exchange) -> None:
        if exchange.method != b"GET":
            exchange.respond((OPTIONS if exchange.method == b"OPTIONS" else NOT_ALLOWED).wire())
            return
        refused = self.refusal(exchange)
        if refused is not None:
            exchange.respond(refused)
            return
        # Read before anything else: what cannot be read is 400 on an absent channel too, and makes none.
        refs = self.channels(exchange)
        text = self.given(exchange)
        ids = parse(text.decode("latin-1"), len(refs)) if text else (None,) * len(refs)
        self._stand(exchange, refs, [self._first if given is None else given for given in ids], False)

    @abstractmethod
    def refusal(self, exchange: Exchange) -> bytes | None:
        """The answer to a request that is not fit for the kind of stream; None for one that is."""

    def given(self, exchange: Exchange) -> bytes:
        """Where the client stands, as it says itself; empty when it does not."""
        return given_id(_query(exchange))

    def channels(self, exchange: Exchange) -> tuple[ChannelRef, ...]:
        """The channels of a request, each once, in the order in which its path and then its query name them. Raises ProtocolError."""
        args = exchange.args
        if isinstance(args, ChannelRef):
            return (args,)
        named = [ChannelRef(self._store, "", channel_id(value)) for _, value in arguments(_query(exchange), _CHANNEL_NAMES)]
        refs = tuple(dict.fromkeys((*args, *named)))
        if not refs:
            raise ProtocolError("no channel id", 404)
        if len(refs) > self._most:
            raise ProtocolError(f"a stream is of at most {self._most} channels", 403)
        return refs

    @abstractmethod
    def make(self, exchange: Exchange, refs: Sequence[ChannelRef], sinces: Sequence[Since], told: bool) -> Stream:
        """A subscription. ``told``: the client is told where it begins, for it does not know."""

    def _stand(self, exchange: Exchange, refs: Sequence[ChannelRef], sinces: list[Since], told: bool, at: int = 0) -> None:
        for index in range(at, len(sinces)):
            since = sinces[index]
            if since is NEWEST or isinstance(since, Last) or (since is OLDEST and self.tells_place and len(sinces) == 1):
                # Made an id of, so that the client has one to come back with: it would pass over what comes in between.
                page = self.hub.read(refs[index], since, 1)
                then(page, partial(self._stands, exchange, refs, sinces, told, index), partial(fail, exchange))
                return
        self.make(exchange, refs, sinces, told).start()

    def _stands(self, exchange: Exchange, refs: Sequence[ChannelRef], sinces: list[Since], told: bool, index: int, page: Page) -> None:
        if not page.messages:
            sinces[index], told = page.last, True
        elif sinces[index] is not OLDEST:
            # What comes first is the first of the last n still, when others have come meanwhile.
            sinces[index] = page.messages[0].previous
        # Who calls may be a Future's callback, which would not answer an error.
        try:
            self._stand(exchange, refs, sinces, told, index + 1)
        except HbpushError as error:
            fail(exchange, error)


def _query(exchange: Exchange) -> bytes:
    return exchange.target.partition(b"?")[2]
