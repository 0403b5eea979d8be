"""What the page of a console asks for: samples, one channel, what there is on the server; and what it publishes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import hbpush
from hbpush.console import forms
from hbpush.console.sampler import PERIOD, SEARCHES, Row, Sample, Sampler
from hbpush.console.settings import ConsoleSettings
from hbpush.core.message import BEFORE_ALL, ChannelRef, Last
from hbpush.core.result import Result, then
from hbpush.daemon.location import LocationContext
from hbpush.daemon.options import shown
from hbpush.errors import ChannelNotFound, HbpushError, ProtocolError, StoreUnavailable
from hbpush.stores.base import Page, Receipt
from hbpush.web.answers import Head, fail, line
from hbpush.web.exchange import Exchange
from hbpush.web.query import argument
from hbpush.web.routes import CHANNEL_ID_BYTES

ANSWER = Head(200, b"Content-Type: application/json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n")

RECENT = 20
"""Messages of a channel that are shown."""

LONGEST_SEARCH = 256


class Desk:
    """The endpoints of one console, for those whom `hbpush.console.guard` lets through."""

    def __init__(self, context: LocationContext, settings: ConsoleSettings) -> None:
        self._context = context
        self._settings = settings
        self._sampler = Sampler(context.hub, context.clock, settings.channels)
        self._gone = False

    def stop(self) -> None:
        """Nobody looks any more; whoever still asks for a sample is refused."""
        self._gone = True
        self._sampler.stop()

    def server(self, exchange: Exchange) -> None:
        """What there is: stores, ways to subscribe, which process answers."""
        site = self._context.site
        prefix = self._settings.prefix
        entrances = [
            {"protocol": entrance.protocol, "path": forms.relative(entrance.path, prefix), "store": entrance.store}
            for location in site.locations
            for entrance in location.entrances()
        ]
        told = {
            "version": hbpush.__version__,
            "worker": site.worker,
            "workers": site.workers,
            "stores": [{"name": name, "type": store.type_name} for name, store in site.stores.items()],
            "entrances": entrances,
            "publish": self._settings.publish,
            "period": PERIOD,
        }
        exchange.respond(ANSWER.wire(forms.anything(told)))

    def sample(self, exchange: Exchange) -> None:
        """The newest sample, with the channels that ``?match=`` finds or the busiest ones."""
        if self._gone:
            raise StoreUnavailable("the console goes")
        match = _text(exchange, b"match")[:LONGEST_SEARCH]
        then(self._sampler.look(), partial(self._sampled, exchange, match), partial(fail, exchange))

    def channel(self, exchange: Exchange) -> None:
        """One channel (``?channel=``, ``?store=``) and its newest messages, whether or not anybody listens to it."""
        ref = self._ref(exchange)
        if ref is not None:
            then(self._context.hub.read(ref, Last(RECENT), RECENT), partial(self._read, exchange, ref), partial(fail, exchange))

    def publish(self, exchange: Exchange) -> None:
        """Publish to a channel (``?channel=``, ``?store=``) what the body says."""
        ref = self._ref(exchange)
        if ref is not None:
            published = self._context.hub.publish(ref, forms.draft(exchange.body))
            then(published, partial(self._published, exchange), partial(fail, exchange))

    def _ref(self, exchange: Exchange) -> ChannelRef | None:
        """The channel that a request names in its query. None for one without a store, which is answered. Raises ProtocolError."""
        name, store = _text(exchange, b"channel"), _text(exchange, b"store") or "default"
        if not name:
            raise ProtocolError("no channel id", 404)
        if len(name.encode("utf-8", "surrogateescape")) > CHANNEL_ID_BYTES:
            raise ProtocolError(f"a channel id has at most {CHANNEL_ID_BYTES} bytes", 403)
        stores = self._context.site.stores
        if store not in stores:
            exchange.respond(line(404, f"there is no store {shown(store)}; the stores: {', '.join(stores)}"))
            return None
        return ChannelRef(store, "", name)

    def _sampled(self, exchange: Exchange, match: str, sample: Sample) -> None:
        wire = sample.shared.get(match)
        if wire is None:
            rows = sample.find(match, self._context.site.stores) if match else sample.busiest
            wire = forms.anything(self._told(sample, rows))
            if not match or len(sample.shared) < SEARCHES:
                sample.shared[match] = wire
        exchange.respond(ANSWER.wire(wire))

    def _told(self, sample: Sample, rows: list[Row]) -> Mapping[str, Any]:
        site, count = self._context.site, sample.count
        return {
            "number": sample.number,
            "worker": site.worker,
            "listened": len(count.channels),
            "subscribers": count.subscribers,
            "protocols": dict(count.protocols.most_common()),
            "troubles": site.troubles(),
            "history": [[round(rates.messages, 2), round(rates.deliveries, 2)] for rates in sample.history],
            "channels": [
                {"store": row.ref.store, "id": row.ref.id, "rate": round(row.rate, 2), "subscribers": dict(row.protocols)} for row in rows
            ],
        }

    def _read(self, exchange: Exchange, ref: ChannelRef, page: Page) -> None:
        try:
            info: Result[Receipt] = self._context.hub.info(ref)
        except ChannelNotFound:
            info = Receipt()
        except HbpushError as error:
            fail(exchange, error)
            return
        then(info, partial(self._informed, exchange, ref, page), partial(self._not_informed, exchange, ref, page))

    def _not_informed(self, exchange: Exchange, ref: ChannelRef, page: Page, error: BaseException) -> None:
        if isinstance(error, ChannelNotFound):
            self._informed(exchange, ref, page, Receipt())
        else:
            fail(exchange, error)

    def _informed(self, exchange: Exchange, ref: ChannelRef, page: Page, receipt: Receipt) -> None:
        told = {
            "store": ref.store,
            "id": ref.id,
            "exists": page.exists,
            "messages": receipt.messages,
            "subscribers": receipt.subscribers if page.exists else self._context.hub.listening(ref),
            "last": forms.id_text(receipt.last),
        }
        exchange.respond(ANSWER.wire(forms.channel(told, page.messages)))

    def _published(self, exchange: Exchange, receipt: Receipt) -> None:
        told = {"id": str(receipt.last or BEFORE_ALL), "subscribers": receipt.subscribers, "takers": receipt.takers}
        exchange.respond(ANSWER.wire(forms.anything(told)))


def _text(exchange: Exchange, name: bytes) -> str:
    return (argument(exchange.target.partition(b"?")[2], name) or b"").decode("utf-8", "surrogateescape")
