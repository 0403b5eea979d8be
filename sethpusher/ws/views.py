"""`SethSocketHandler`: one socket, as sockjs-tornado's connection class (specification 3, 4, 6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial
from inspect import isawaitable
from typing import Any

from sockjs.tornado.conn import SockJSConnection

from hbpush.core import jsontext
from hbpush.core.message import MessageId
from hbpush.core.result import then
from hbpush.errors import HbpushError, ProtocolError
from hbpush.stores.base import Receipt
from sethpusher import envelope
from sethpusher.dispatchers import Outcome
from sethpusher.envelope import COMMON_CHANNEL, CONNECT, DISCONNECT, SUBSCRIBE, UNSUBSCRIBE, notice

logger = logging.getLogger("hbpush.sethpusher")

GO_AWAY = 3000
UNAUTHORIZED = 4401
SHOWN = 200
"""Characters of a message in the log."""


class SethSocketHandler(SockJSConnection):  # type: ignore[misc]
    """Does what the messages of one socket ask for, by the methods of its application.

    ``dispatcher`` is made when the socket opens; ``info`` is who has come.
    """

    dispatcher: Any = None
    info: Any = None
    own_notice: MessageId | None = None
    """The notice that this socket has connected, which it is not sent."""

    @property
    def application(self) -> Any:
        """The application of the router."""
        return self.session.server.application

    def check_origin(self, origin: str) -> bool:
        """Whether a page of an origin may open a socket, of those that the settings of the router let in."""
        return True

    def close(self, code: int = GO_AWAY, message: str = "") -> None:
        """Close the socket; an empty message is ``Go away!`` with the usual code."""
        self.session.close(code, message or ("Go away!" if code == GO_AWAY else message))

    # What the session calls

    def on_open(self, request: Any) -> Any:
        self.info = request
        self.dispatcher = self.application.get_dispatcher()
        self.dispatcher.register_handler(self)
        return None

    def on_message(self, raw_msg: Any) -> Outcome:
        """Dispatch a message. An awaitable when those that follow have to wait."""
        try:
            msg = jsontext.decode(raw_msg) if isinstance(raw_msg, str | bytes) else raw_msg
        except ProtocolError:
            self.refused(None, f"Could not dispatch {str(raw_msg)[:SHOWN]!a}")
            return None
        outcome: Outcome = self.dispatcher.dispatch(msg)
        return outcome

    def on_close(self) -> None:
        dispatcher, application = self.dispatcher, self.application
        if dispatcher is None:
            return
        application.remove_subscriber(COMMON_CHANNEL, self)
        for channel in dispatcher.channels:
            application.remove_subscriber(channel, self)
        if dispatcher.is_connected:
            self._tell(notice(DISCONNECT, dispatcher.subscriber_id))

    # What the dispatcher calls

    def handle_connect(self, source_msg: dict[str, Any], subscriber_id: str) -> Any:
        """Let the socket be somebody: those in the common channel are told, then it joins them. False when it may not."""
        verdict = self.application.authenticate_connection(self.info, subscriber_id, source_msg)
        if isawaitable(verdict):
            return self._connect_later(verdict, subscriber_id)
        return self._connect(bool(verdict), subscriber_id)

    def handle_subscribe(self, source_msg: dict[str, Any]) -> None:
        """Let the socket into a channel; all in it are told, itself included."""
        channel = source_msg["channel"]
        try:
            joined = self.application.add_subscriber(channel, self)
        except (HbpushError, ValueError) as error:
            self._not_subscribed(channel, error)
            return
        then(joined, partial(self._subscribed, channel), partial(self._not_subscribed, channel))

    def handle_unsubscribe(self, source_msg: dict[str, Any]) -> None:
        """Take the socket out of a channel; those who stay are told."""
        channel = source_msg["channel"]
        known = channel in self.dispatcher.subscribed_to
        self.application.remove_subscriber(channel, self)
        if known:
            self._tell(notice(UNSUBSCRIBE, self.dispatcher.subscriber_id, channel), channel)
        self._acknowledge("unsubscribed", channel=channel)

    def refused(self, kind: object, error: str) -> None:
        """A message of the socket cannot be taken."""
        application = self.application
        application.crowd.counters.refuse("bad_seth_message", error)
        if application.rules.send_errors:
            self.send(envelope.error(kind, error))

    # The ways on

    def _connect(self, allowed: bool, subscriber_id: str) -> bool:
        if not allowed:
            self.refused(CONNECT, "Unauthorized")
            self.close(UNAUTHORIZED, "Unauthorized")
            return False
        self.dispatcher.subscriber_id = subscriber_id
        try:
            announced = self.application.broadcast(notice(CONNECT, subscriber_id))
        except HbpushError as error:
            self._connected(error)
        else:
            then(announced, self._connected, self._connected)
        return True

    async def _connect_later(self, verdict: Awaitable[bool], subscriber_id: str) -> bool:
        allowed = bool(await verdict)
        return not self.is_closed and self._connect(allowed, subscriber_id)

    def _connected(self, announced: object) -> None:
        """The others were told, or cannot be."""
        if self.is_closed:
            return
        if isinstance(announced, Receipt):
            self.own_notice = announced.last
        joined = self.application.add_subscriber(COMMON_CHANNEL, self)
        then(joined, partial(self._acknowledged, "connected", subscriber_id=self.dispatcher.subscriber_id), _given_up)

    def _subscribed(self, channel: str, _: object) -> None:
        # It may have left while the store was asked.
        if not self.is_closed:
            self._tell(notice(SUBSCRIBE, self.dispatcher.subscriber_id, channel), channel)
            self._acknowledge("subscribed", channel=channel)

    def _not_subscribed(self, channel: str, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            # It has left meanwhile.
            return
        self.dispatcher.subscribed_to.discard(channel)
        if not self.is_closed:
            self.refused(SUBSCRIBE, str(error))

    def _tell(self, message: dict[str, Any], channel: str | None = None) -> None:
        try:
            then(self.application.broadcast(message, channel), _given_up, self._untold)
        except HbpushError as error:
            self._untold(error)

    def _untold(self, error: BaseException) -> None:
        self.application.crowd.counters.refuse("lost_notice", f"a notice was lost: {error}", logging.WARNING)

    def _acknowledged(self, kind: str, _: object, **facts: str) -> None:
        self._acknowledge(kind, **facts)

    def _acknowledge(self, kind: str, **facts: str) -> None:
        if self.application.rules.send_acks and not self.is_closed:
            self.send(envelope.acknowledgement(kind, **facts))


def _given_up(_: object) -> None:
    """The socket has left meanwhile; or nobody waits for the result."""
