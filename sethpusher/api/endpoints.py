"""The REST API and the debug pages as endpoints, for the native front and hbpushd (specification 5, 6)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any
from urllib.parse import unquote_to_bytes

from hbpush.core import jsontext
from hbpush.errors import ProtocolError
from hbpush.web.answers import RETRY_AFTER, Head
from hbpush.web.exchange import Exchange
from hbpush.web.routes import Exact, Prefix, Route
from sethpusher.api import service
from sethpusher.api.service import INTERNAL_ERROR, UNAUTHORIZED, Place, Reply, refusal

logger = logging.getLogger("hbpush.sethpusher")

JSON = b"Content-Type: application/json; charset=UTF-8\r\n"
_HEADS = {status: Head(status, JSON) for status in (200, 400, 401, 403, 404, 413, 500, 502)}
_HEADS[503] = Head(503, JSON + RETRY_AFTER)
_POST_ONLY = Head(405, JSON + b"Allow: POST\r\n")
_GET_ONLY = Head(405, JSON + b"Allow: GET\r\n")
_PAGE = Head(200, JSON + b"Cache-Control: no-store\r\n")


def api_routes(application: Any, prefix: str, place: Place, max_body: int | None = None) -> list[Route]:
    """The route of ``<prefix>/api/channels/<channel>/``, or of the users; the last slash may be missing."""
    endpoint = PublishEndpoint(application, place)
    return [Route(Prefix(f"{prefix}/api/{place}s/"), endpoint, named, max_body, gate=endpoint.gate, refusal=_last)]


def debug_routes(application: Any, prefix: str) -> list[Route]:
    """The routes of the debug pages."""
    page = DebugEndpoint(application)
    overall = [Route(Exact(f"{prefix}/debug{slash}"), page, _none) for slash in ("/", "")]
    return [*overall, Route(Prefix(f"{prefix}/debug/channels/"), page, named)]


def named(name: bytes) -> str:
    """What a path names: percent-decoded, UTF-8. Other bytes become what no name can have, for the endpoint to refuse."""
    return unquote_to_bytes(name.removesuffix(b"/")).decode("utf-8", "surrogateescape")


def _last(status: int, text: str) -> bytes:
    return Head(status, JSON + b"Connection: close\r\n").wire(refusal(status, text).text().encode())


def _none(_: bytes) -> None:
    return None


class ApiEndpoint:
    """Lets in whom the application lets in, and sees that errors are answered in JSON."""

    allowed: Head
    method: bytes

    def __init__(self, application: Any) -> None:
        self.application = application

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        try:
            verdict = self.application.admits(exchange)
            if isawaitable(verdict):
                return self._later(exchange, verdict)
            return self._admitted(exchange, bool(verdict))
        except ProtocolError as error:
            respond(exchange, refusal(error.status_hint, str(error)))
            return None
        except Exception as error:  # noqa: BLE001 - policies and hooks are the user's: the client has an answer, the log the reason
            self._failed(exchange, error)
            return None

    def answer(self, exchange: Exchange) -> Awaitable[object] | None:
        """Answer one who was let in, with the right method."""
        raise NotImplementedError

    def _admitted(self, exchange: Exchange, allowed: bool) -> Awaitable[object] | None:
        if not allowed:
            respond(exchange, refusal(401, UNAUTHORIZED))
            return None
        if exchange.method != self.method:
            exchange.respond(self.allowed.wire(refusal(405, "Method Not Allowed").text().encode()))
            return None
        return self.answer(exchange)

    async def _later(self, exchange: Exchange, verdict: Awaitable[bool]) -> None:
        try:
            answered = self._admitted(exchange, bool(await verdict))
            if answered is not None:
                await answered
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(exchange, error)

    def _failed(self, exchange: Exchange, error: Exception) -> None:
        logger.error("%s %r failed", exchange.method.decode("latin-1"), exchange.target.decode("latin-1"), exc_info=error)
        respond(exchange, refusal(500, INTERNAL_ERROR))


class PublishEndpoint(ApiEndpoint):
    """Takes what is posted; `Exchange.args` is the name of the channel or user."""

    method = b"POST"
    allowed = _POST_ONLY

    def __init__(self, application: Any, place: Place) -> None:
        super().__init__(application)
        self._place = place

    def gate(self, exchange: Exchange) -> bytes | None:
        """See `hbpush.web.routes.Route`."""
        try:
            if self.application.may_admit(exchange):
                return None
            return _last(401, UNAUTHORIZED)
        except Exception:  # noqa: BLE001 - as above, and it will be asked again
            return None

    def answer(self, exchange: Exchange) -> Awaitable[object] | None:
        reply = service.publish(self.application, self._place, exchange.args, exchange.body)
        if isinstance(reply, Reply):
            respond(exchange, reply)
            return None
        return self._answered(exchange, reply)

    async def _answered(self, exchange: Exchange, reply: Awaitable[Reply]) -> None:
        try:
            respond(exchange, await reply)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(exchange, error)


class DebugEndpoint(ApiEndpoint):
    """Who is where; `Exchange.args` is a channel, or None for all."""

    method = b"GET"
    allowed = _GET_ONLY

    def answer(self, exchange: Exchange) -> None:
        exchange.respond(_PAGE.wire(jsontext.encode(service.overview(self.application, exchange.args), spaced=True).encode()))


def respond(exchange: Exchange, reply: Reply) -> None:
    """Answer with what `sethpusher.api.service` says."""
    exchange.respond(_HEADS[reply.status].wire(reply.text().encode()))
