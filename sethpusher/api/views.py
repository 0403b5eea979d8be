"""The REST API and the debug pages as handlers of Tornado (specification 3, 5, 6)."""

from __future__ import annotations

import logging
from inspect import isawaitable
from typing import Any

from tornado.web import HTTPError, RequestHandler

from hbpush.core import jsontext
from hbpush.web.answers import REASONS
from sethpusher.api import service
from sethpusher.api.service import INTERNAL_ERROR, UNAUTHORIZED, Place, Reply

logger = logging.getLogger("hbpush.sethpusher")

JSON = "application/json; charset=UTF-8"


class SethHandler(RequestHandler):
    """What all have in common: answers in JSON, and nobody who is not let in."""

    application: Any

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", JSON)

    def compute_etag(self) -> str | None:
        return None

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        # Tornado would complain to the log; as it is, what is no UTF-8 is no name, and refused as such.
        return value.decode("utf-8", "surrogateescape")

    def check_xsrf_cookie(self) -> None:
        """Whoever posts here is a program, and has no such cookie."""

    def json_response(self, data: dict[str, Any], code: int = 200) -> None:
        """Answer with an object, whose ``status`` is set to ``code``."""
        data["status"] = code
        self.set_header("Content-Type", JSON)
        self.reply(Reply(code, data))

    def error(self, message: str, code: int = 500) -> None:
        """Answer that something is wrong."""
        self.json_response({"message": message}, code)

    async def prepare(self) -> None:
        """Let in whom the application's policy lets in."""
        allowed = self.application.authenticate(self.request)
        if isawaitable(allowed):
            allowed = await allowed
        if not allowed:
            self.error(UNAUTHORIZED, 401)

    def reply(self, reply: Reply) -> None:
        """Answer with what `sethpusher.api.service` says."""
        if reply.status == 503:
            self.set_header("Retry-After", "1")
        self.set_status(reply.status)
        self.finish(reply.text())

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = (kwargs.get("exc_info") or (None, None))[1]
        message = INTERNAL_ERROR if status_code == 500 else REASONS.get(status_code, b"Error").decode()
        if isinstance(error, HTTPError) and error.reason:
            message = error.reason
        self.clear()
        self.set_status(status_code)
        if status_code == 405:
            self.set_header("Allow", ", ".join(sorted(_methods(self))))
        self.finish(service.refusal(status_code, message).text())


class PublishHandler(SethHandler):
    """Takes what is posted, for what a path names. Errors that nobody expects are logged by Tornado, and answered 500."""

    place: Place

    async def publish(self, name: str) -> None:
        """Publish the body."""
        reply = service.publish(self.application, self.place, name, self.request.body)
        self.reply(reply if isinstance(reply, Reply) else await reply)


class ChannelHandler(PublishHandler):
    """``/api/channels/<channel>/``."""

    place: Place = "channel"

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """Publish to a channel."""
        await self.publish(_named("channel", args, kwargs))


class UserHandler(PublishHandler):
    """``/api/users/<user>/``."""

    place: Place = "user"

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """Send to a user."""
        await self.publish(_named("user", args, kwargs))


class DebugHandler(SethHandler):
    """A page about the sockets of this process."""

    def page(self, channel: str | None) -> None:
        """Answer with it."""
        self.set_header("Cache-Control", "no-store")
        self.finish(jsontext.encode(service.overview(self.application, channel), spaced=True))


class OverallDebugHandler(DebugHandler):
    """``/debug/``."""

    def get(self, *args: Any, **kwargs: Any) -> None:
        """All channels."""
        self.page(None)


class ChannelDebugHandler(DebugHandler):
    """``/debug/channels/<channel>/``."""

    def get(self, *args: Any, **kwargs: Any) -> None:
        """One channel."""
        self.page(_named("channel", args, kwargs))


class NotFoundHandler(SethHandler):
    """Everything else."""

    async def prepare(self) -> None:
        raise HTTPError(404)


def _named(what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return str(kwargs[what] if what in kwargs else args[0])


def _methods(handler: RequestHandler) -> list[str]:
    """The methods that a handler has of its own."""
    names = [
        name for name in handler.SUPPORTED_METHODS if getattr(type(handler), name.lower()) is not getattr(RequestHandler, name.lower())
    ]
    return names or ["GET"]
