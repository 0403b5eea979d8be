"""The places of status pages in a configuration: ``type: status`` and ``type: health``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from hbpush.core.result import then
from hbpush.daemon import keys
from hbpush.daemon.census import Census, Count
from hbpush.daemon.keyed import KeyedLocation
from hbpush.daemon.location import Location, LocationContext, check_folder
from hbpush.daemon.options import shown
from hbpush.errors import ConfigError
from hbpush.status import metrics
from hbpush.status.report import as_json, plain, report
from hbpush.status.settings import HealthSettings, StatusSettings
from hbpush.web.answers import Head, fail, line, not_allowed
from hbpush.web.exchange import Exchange
from hbpush.web.query import argument
from hbpush.web.routes import Exact, Route

METHODS = b"GET, HEAD, OPTIONS"
OPTIONS = Head(200, b"Allow: %b\r\n" % METHODS)
NOT_ALLOWED = not_allowed(METHODS)
_FRESH = b"Cache-Control: no-store\r\n"
JSON = Head(200, b"Content-Type: application/json\r\nVary: Accept\r\n" + _FRESH)
METRICS = Head(200, b"Content-Type: %b\r\nVary: Accept\r\n%b" % (metrics.MEDIA, _FRESH))
LIVE = Head(200, b"Content-Type: text/plain\r\n" + _FRESH)
READY = {status: Head(status, b"Content-Type: application/json\r\n" + _FRESH) for status in (200, 503)}

_FORMS = {b"json": False, b"prometheus": True}


class StatusLocation(KeyedLocation):
    """Where a server tells how it is."""

    type_name = "status"
    without_key = "whoever reaches this server may read how it is; set key or key_file, or listen on a loopback address"
    Settings = StatusSettings
    settings: StatusSettings

    def __init__(self, settings: Any, context: LocationContext) -> None:
        super().__init__(settings, context)
        self._key = keys.read(settings)
        self._census = Census(context.hub, context.clock)

    @classmethod
    def check(cls, settings: Any) -> None:
        if not settings.prefix.startswith("/") or settings.prefix.endswith("/"):
            raise ConfigError(f"is {shown(settings.prefix)}; must begin with / and not end with it", "prefix")
        super().check(settings)

    def routes(self) -> Sequence[Route]:
        path = self.settings.prefix
        return [
            Route(Exact(path), partial(self._answer, None), _nothing),
            Route(Exact(f"{path}/json"), partial(self._answer, False), _nothing),
            Route(Exact(f"{path}/metrics"), partial(self._answer, True), _nothing),
        ]

    def _answer(self, for_prometheus: bool | None, exchange: Exchange) -> None:
        if not _readable(exchange):
            return
        if self._key is not None and not keys.admits(exchange, self._key):
            self.context.counters.refuse("bad_key", "a status page without the key")
            exchange.respond(line(401, "this location needs a key: Authorization: Bearer, or X-Api-Key", keys.CHALLENGE))
            return
        if for_prometheus is None:
            for_prometheus = _asked_for(exchange)
        if for_prometheus is None:
            exchange.respond(line(400, "format is json or prometheus"))
            return
        then(self._census.take(), partial(self._tell, exchange, for_prometheus), partial(fail, exchange))

    def _tell(self, exchange: Exchange, for_prometheus: bool, count: Count) -> None:
        context = self.context
        try:
            told = report(context.site, context.hub, context.counters, count)
            wire = METRICS.wire(metrics.as_text(told)) if for_prometheus else JSON.wire(as_json(told, context.clock.time()))
        except Exception as error:  # noqa: BLE001 - a plug-in's figures: who calls may be a Future's callback, which would answer nobody
            fail(exchange, error)
        else:
            exchange.respond(wire)


class HealthLocation(Location):
    """Where a server tells whether it is to be restarted (``live``) and whether it is to be given clients (``ready``)."""

    type_name = "health"
    Settings = HealthSettings
    settings: HealthSettings

    @classmethod
    def check(cls, settings: Any) -> None:
        check_folder(settings.prefix)

    def routes(self) -> Sequence[Route]:
        prefix = self.settings.prefix
        return [Route(Exact(f"{prefix}live"), _live, _nothing), Route(Exact(f"{prefix}ready"), self._ready, _nothing)]

    def _ready(self, exchange: Exchange) -> None:
        if not _readable(exchange):
            return
        site = self.context.site
        told = {plain(part): plain(trouble) for part, trouble in site.troubles().items()}
        if site.closing:
            told = {"server": "is shutting down", **told}
        page = {"ready": not told, "worker": site.worker, "troubles": told}
        exchange.respond(READY[503 if told else 200].wire(msgspec.json.encode(page) + b"\n"))


def _live(exchange: Exchange) -> None:
    # Whoever gets it has shown that the loop answers.
    if _readable(exchange):
        exchange.respond(LIVE.wire(b"OK\n"))


def _readable(exchange: Exchange) -> bool:
    """Whether it is a GET or HEAD; if not, it is answered."""
    if exchange.method in (b"GET", b"HEAD"):
        return True
    exchange.respond((OPTIONS if exchange.method == b"OPTIONS" else NOT_ALLOWED).wire())
    return False


def _asked_for(exchange: Exchange) -> bool | None:
    """Whether the form is that of Prometheus: as ``?format=`` says, else as is accepted. None for a format that there is not."""
    given = argument(exchange.target.partition(b"?")[2], b"format")
    if given is not None:
        return _FORMS.get(given)
    accept = (exchange.header(b"accept") or b"").lower()
    return b"json" not in accept and (b"text/plain" in accept or b"openmetrics" in accept)


def _nothing(_: bytes) -> None:
    return None
