"""What the REST API and the debug pages do, whoever asks: one function publishes (specification 5, 7).

``application`` is a `sethpusher.applications.DefaultSethApplication`, or hbpushd's location, which has the same methods.
"""

from __future__ import annotations

import logging
from asyncio import Future
from collections.abc import Awaitable
from inspect import isawaitable
from typing import Any, Literal, NamedTuple

from hbpush.core import jsontext
from hbpush.core.result import Result
from hbpush.errors import HbpushError, MessageTooLarge, ProtocolError, StoreError
from hbpush.stores.base import Receipt
from sethpusher.envelope import channel_name, posted, subscriber_name

logger = logging.getLogger("hbpush.sethpusher")

Place = Literal["channel", "user"]

UNAUTHORIZED = "Invalid Auth credentials provided"
INTERNAL_ERROR = "Internal server error."


class Reply(NamedTuple):
    """An answer: its status, and the object that is its body."""

    status: int
    data: dict[str, Any]

    def text(self) -> str:
        """The body."""
        return jsontext.encode({"status": self.status, **self.data}, spaced=True) + "\n"


def refusal(status: int, message: str) -> Reply:
    """An answer that says why not."""
    return Reply(status, {"message": message})


def publish(application: Any, place: Place, name: str, body: bytes) -> Reply | Awaitable[Reply]:
    """Persist what was posted for a channel or a user, then deliver it. An awaitable where that takes its time."""
    try:
        checked = (channel_name if place == "channel" else subscriber_name)(name)
        message = posted(body)
    except (ProtocolError, ValueError) as error:
        return refusal(400, str(error))
    try:
        kept = application.persist(message, **{place: checked})
    except Exception as error:  # noqa: BLE001 - a policy is the user's: what it does is logged, and costs nobody the message
        return _unkept(application, place, checked, message, error)
    if isawaitable(kept):
        return _publish_later(application, place, checked, message, kept)
    return _deliver(application, place, checked, message)


async def _publish_later(application: Any, place: Place, name: str, message: Any, kept: Awaitable[object]) -> Reply:
    try:
        await kept
    except Exception as error:  # noqa: BLE001 - as above
        reply = _unkept(application, place, name, message, error)
    else:
        reply = _deliver(application, place, name, message)
    return reply if isinstance(reply, Reply) else await reply


def _unkept(application: Any, place: Place, name: str, message: Any, error: Exception) -> Reply | Awaitable[Reply]:
    if isinstance(error, HbpushError):
        logger.error("a message for %s %r was not persisted: %s", place, name, error)
    else:
        logger.error("a message for %s %r was not persisted", place, name, exc_info=error)
    if application.rules.persist_strict:
        return refusal(502, "The message could not be persisted.")
    return _deliver(application, place, name, message)


def _deliver(application: Any, place: Place, name: str, message: Any) -> Reply | Awaitable[Reply]:
    try:
        sent: Result[Receipt] | None = (application.send_to_channel if place == "channel" else application.send_to_user)(message, name)
    except StoreError as error:
        return _unsent(error)
    if isinstance(sent, Future):
        return _answered_later(application, sent)
    return _sent(application, sent)


async def _answered_later(application: Any, sent: Future[Receipt]) -> Reply:
    try:
        return _sent(application, await sent)
    except StoreError as error:
        return _unsent(error)


def _sent(application: Any, receipt: object) -> Reply:
    if application.rules.report_delivered and isinstance(receipt, Receipt):
        return Reply(200, {"delivered": receipt.takers})
    return Reply(200, {})


def _unsent(error: StoreError) -> Reply:
    return refusal(413 if isinstance(error, MessageTooLarge) else 503, str(error))


def overview(application: Any, channel: str | None = None) -> dict[str, Any]:
    """A debug page: who is in a channel, or in each, and what the sockets are doing."""
    page: dict[str, Any] = {
        "subscriber_count": application.get_subscriber_count(channel),
        "subscribers": application.get_subscribers(channel),
    }
    if channel is None and application.router is not None:
        stats = application.router.stats.dump()
        page |= {"connections": stats["sessions_active"], "sockjs": stats}
    return page
