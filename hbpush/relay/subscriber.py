"""The subscriber's endpoints: long polling and interval polling (relay specification 1.3, 7.2)."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import NEWEST, OLDEST, Edge, Last, MessageId, Since
from hbpush.core.result import then
from hbpush.core.subscription import CloseReason
from hbpush.errors import HbpushError
from hbpush.relay.admission import DISPLACED, Admission, Waiting
from hbpush.relay.rules import MISSED, NO_TAG, VARY, MessageAnswer, id_lines, since_headers, since_query
from hbpush.relay.settings import SubscriberSettings
from hbpush.stores.base import Claim, Page, Receipt
from hbpush.web.answers import NOT_FOUND, Head, away, fail, not_allowed, stamp
from hbpush.web.exchange import Exchange
from hbpush.web.polling import HeldPoll

METHODS = b"GET, OPTIONS"
OPTIONS = Head(200, b"Allow: %b\r\n" % METHODS)
NOT_ALLOWED = not_allowed(METHODS)
DELETED = Head(410, VARY)

BARE = MessageAnswer(stamp.lines, quoted=False)
QUOTED = MessageAnswer(stamp.lines, quoted=True)


class Polling:
    """What both kinds of polling have in common; `Exchange.args` is the `ChannelRef`.

    ``owner`` is the location, by which `Hub.release` finds its polls.
    """

    def __init__(self, owner: object, hub: Hub, settings: SubscriberSettings) -> None:
        self.owner = owner
        self.hub = hub
        self.format = QUOTED if settings.quote_etag else BARE
        self._quoted = settings.quote_etag
        self._create = settings.create_on_get
        first = settings.first_message
        self._first: Since = Last(first) if isinstance(first, int) else Edge(first)

    def __call__(self, exchange: Exchange) -> None:
        if exchange.method != b"GET":
            exchange.respond((OPTIONS if exchange.method == b"OPTIONS" else NOT_ALLOWED).wire())
            return
        # Read before anything else: what cannot be read is 400 on an absent channel too, and makes none.
        self.begin(exchange, self._since(exchange))

    def begin(self, exchange: Exchange, since: Since) -> None:
        """Answer a readable GET."""
        raise NotImplementedError

    def absent(self, exchange: Exchange, since: Since) -> None:
        """There is no such channel: make it and begin again, or refuse."""
        if not self._create:
            exchange.respond(NOT_FOUND.wire())
            return
        # Who calls may be the hub or a Future's callback, neither of which would answer an error.
        try:
            made = self.hub.create(exchange.args, permanent=False)
        except HbpushError as error:
            fail(exchange, error)
        else:
            then(made, partial(self._created, exchange, since), partial(fail, exchange))

    def unchanged(self, since: Since, status: int = 304) -> bytes:
        """The answer when there is nothing newer: the ids that were asked with, in their other face."""
        headers = VARY if status == 304 else VARY + b"Cache-Control: no-cache\r\n"
        if isinstance(since, MessageId):
            headers = id_lines(since, self._quoted) + headers
        return Head(status, headers).wire()

    def _created(self, exchange: Exchange, since: Since, _: Receipt) -> None:
        try:
            self.begin(exchange, since)
        except HbpushError as error:
            fail(exchange, error)

    def _since(self, exchange: Exchange) -> Since:
        if_modified_since = exchange.header(b"if-modified-since")
        if_none_match = exchange.header(b"if-none-match")
        _, mark, query = exchange.target.partition(b"?")
        if mark:
            since = since_query(query, if_modified_since, if_none_match)
        else:
            since = since_headers(if_modified_since, if_none_match)
        return self._first if since is None else since


class IntervalPoll(Polling):
    """Everything is answered at once; nothing newer is 304."""

    def begin(self, exchange: Exchange, since: Since) -> None:
        then(self.hub.read(exchange.args, since, 1), partial(self._read, exchange, since), partial(fail, exchange))

    def _read(self, exchange: Exchange, since: Since, page: Page) -> None:
        if page.missed and MISSED not in exchange.extra:
            exchange.extra += MISSED
        if not page.exists:
            self.absent(exchange, since)
            return
        self.hub.touch(exchange.args)
        exchange.respond(self.format(page.messages) if page.messages else self.unchanged(_reached(since, page)))


def _reached(since: Since, page: Page) -> Since:
    """The id to go on with after a page without messages.

    Who has an id of the future is brought back, and who is told of a gap is led behind it, to hear of it once. Who has none gets the last
    one, lest a "newest" that comes again passes over what was published in between; who starts with the oldest needs none before there
    is one.
    """
    last = page.last
    if isinstance(since, MessageId):
        return last if page.missed else min(since, last)
    return since if since is OLDEST and last.tag == NO_TAG else last


class LongPoll(Polling):
    """A request waits until there is a message for it."""

    protocol = "long"

    def __init__(self, owner: object, hub: Hub, wheel: TimerWheel, counters: Counters, settings: SubscriberSettings) -> None:
        super().__init__(owner, hub, settings)
        self.wheel = wheel
        self.timeout = settings.subscriber_timeout
        self.timeout_status = settings.timeout_status
        self.admission = Admission(hub, counters, settings)

    def begin(self, exchange: Exchange, since: Since) -> None:
        if since is NEWEST or isinstance(since, Last):
            # Made an id of, so that an answer without a message can give one: the client would pass over what comes before it asks again.
            then(self.hub.read(exchange.args, since, 1), partial(self._from_last, exchange, since), partial(fail, exchange))
        else:
            self._wait(exchange, since)

    def timed_out(self, since: Since) -> bytes:
        return self.unchanged(since, self.timeout_status)

    def _from_last(self, exchange: Exchange, since: Since, page: Page) -> None:
        self._wait(exchange, since if page.messages else page.last)

    def _wait(self, exchange: Exchange, since: Since) -> None:
        self.hub.subscribe(exchange.args, Poll(self, exchange, since), since, must_exist=True)


class Poll(HeldPoll, Waiting):
    """A long poll of the relay, which may have to be let in by all processes that share the store before it waits."""

    __slots__ = ()

    _place: LongPoll

    def missed(self) -> None:
        if MISSED not in self._exchange.extra:
            self._exchange.extra += MISSED
        if self.held:
            self._go_behind_gap()

    def joined(self) -> None:
        place = self._place
        self.claim = 0
        if place.admission.bounded:
            # Nobody displaces it before its turn is known.
            self.claim = None
            self.held = True
            try:
                admitted = place.admission.admit(self._exchange.args, self)
            except HbpushError as error:
                self._refused(error)
                return
            if isinstance(admitted, bytes):
                self.leave(admitted)
                return
            then(admitted, self._claimed, self._refused)
            if not self.held:
                return
        super().joined()
        if self.held and MISSED in self._exchange.extra:
            self._go_behind_gap()

    def closed(self, reason: CloseReason) -> None:
        self.forget()
        exchange = self._exchange
        match reason:
            case CloseReason.ABSENT:
                self._place.absent(exchange, self._since)
            case CloseReason.DELETED:
                exchange.respond(DELETED.wire())
            case CloseReason.DISPLACED:
                exchange.respond(DISPLACED.wire())
            case CloseReason.SHUTDOWN:
                exchange.keep = False
                exchange.respond(self._place.unchanged(self._since))
            case _:
                exchange.respond(away())

    def _go_behind_gap(self) -> None:
        """Find where the channel stands: an answer without a message gives that id, with which the same gap is not told again."""
        # Whoever tells of a gap is not to hear that the store is away; then the client keeps its id, and is told once more.
        with suppress(HbpushError):
            then(self._place.hub.read(self._exchange.args, self._since, 1), self._found, _nothing)

    def _found(self, page: Page) -> None:
        # Messages that it finds are on their way to this poll.
        if not page.messages:
            self._since = page.last

    def _claimed(self, claim: Claim) -> None:
        """Processes that share the store have decided. What has ended meanwhile is none of their business."""
        if not self.held:
            return
        refusal = self._place.admission.refusal(self._exchange.args, claim)
        if refusal is not None:
            self.leave(refusal)
        else:
            self.claim = claim.number

    def _refused(self, _: BaseException) -> None:
        if self.held:
            self.leave(away())


def _nothing(_: BaseException) -> None:
    """Nobody waits for it."""
