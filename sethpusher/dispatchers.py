"""What becomes of the messages of one socket: checked, then handed to its handler by their type (specification 3, 4)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from sethpusher import envelope
from sethpusher.envelope import COMMON_CHANNEL, channel_name, subscriber_name
from sethpusher.rules import Rules

logger = logging.getLogger("hbpush.sethpusher")

Outcome = Awaitable[object] | None
"""What handling a message returns: something to wait for before the next one, or nothing."""


class DefaultMessageDispatcher:
    """The dispatcher of one socket, made for it by `DefaultSethApplication.get_dispatcher`.

    ``messages`` maps types to methods: a subclass adds its own types there, in its constructor. ``handler`` does what messages ask for,
    once `register_handler` has said who that is.
    """

    CONNECT = envelope.CONNECT
    DISCONNECT = envelope.DISCONNECT
    SUBSCRIBE = envelope.SUBSCRIBE
    UNSUBSCRIBE = envelope.UNSUBSCRIBE

    def __init__(self) -> None:
        self.subscriber_id: str | None = None
        self.subscribed_to: set[str] = set()
        self.handler: Any = None
        self.messages: dict[str, Callable[[dict[str, Any]], Outcome]] = {
            self.CONNECT: self.handle_connect,
            self.SUBSCRIBE: self.handle_subscribe,
            self.UNSUBSCRIBE: self.handle_unsubscribe,
        }

    @property
    def channels(self) -> list[str]:
        """The channels that were subscribed to, in no order."""
        return list(self.subscribed_to)

    @property
    def is_connected(self) -> bool:
        """Whether the socket has said whose it is."""
        return self.subscriber_id is not None

    def register_handler(self, handler: Any) -> None:
        """Say who does what messages ask for: `sethpusher.ws.views.SethSocketHandler`, or what has its three ``handle_`` methods."""
        self.handler = handler

    def dispatch(self, msg: Any) -> Outcome:
        """Handle one message, or refuse it."""
        valid, error = self.validate_message(msg)
        if not valid:
            self.refuse(msg, error or "")
            return None
        return self.messages[msg["type"]](msg)

    def refuse(self, msg: Any, error: str) -> None:
        """A message cannot be taken: the handler is told, which may tell the client."""
        refused = getattr(self.handler, "refused", None)
        if refused is None:
            logger.info("refused: %s", error)
        else:
            refused(msg.get("type") if isinstance(msg, dict) else None, error)

    def validate_message(self, msg: Any) -> tuple[bool, str | None]:
        """Whether a message can be taken, and what is wrong with it if not."""
        error = self._error(msg)
        return error is None, error

    def handle_connect(self, msg: dict[str, Any]) -> Outcome:
        """The socket says whose it is, for the first time."""
        handler = self._registered()
        if self.is_connected:
            self.refuse(msg, "Already connected.")
            return None
        subscriber_id = subscriber_name(msg["subscriber_id"])
        result = handler.handle_connect(msg, subscriber_id)
        if isawaitable(result):
            return self._connected_later(result, subscriber_id)
        if result is not False:
            self.subscriber_id = subscriber_id
        return None

    def handle_subscribe(self, msg: dict[str, Any]) -> Outcome:
        """The socket wants into a channel."""
        handler = self._registered()
        # The handler takes it back if the socket may not.
        self.subscribed_to.add(msg["channel"])
        result: Outcome = handler.handle_subscribe(msg)
        return result if isawaitable(result) else None

    def handle_unsubscribe(self, msg: dict[str, Any]) -> Outcome:
        """The socket wants out of a channel."""
        handler = self._registered()
        result: Outcome = handler.handle_unsubscribe(msg)
        self.subscribed_to.discard(msg["channel"])
        return result if isawaitable(result) else None

    async def _connected_later(self, result: Awaitable[object], subscriber_id: str) -> None:
        if await result is not False:
            self.subscriber_id = subscriber_id

    def _registered(self) -> Any:
        if self.handler is None:
            raise AttributeError("No handler registered.")
        return self.handler

    def _error(self, msg: Any) -> str | None:
        if not isinstance(msg, dict):
            return "Message must be a python dictionary."
        kind = msg.get("type")
        if not kind:
            return "Message must have type."
        if not isinstance(kind, str) or kind not in self.messages:
            return f"Wrong type: {str(kind)[:100]}."
        try:
            if kind == self.CONNECT:
                if msg.get("subscriber_id") is None:
                    return "Must provide subscriber_id for connect message."
                subscriber_name(msg["subscriber_id"])
            elif kind in (self.SUBSCRIBE, self.UNSUBSCRIBE):
                return self._channel_error(kind, msg.get("channel"))
        except ValueError as error:
            return str(error)
        return None

    def _channel_error(self, kind: str, channel: object) -> str | None:
        if channel is None:
            return "Must provide channel for sub/unsub message."
        name = channel_name(channel)
        if name == COMMON_CHANNEL:
            return f"Channel {COMMON_CHANNEL} is reserved."
        rules = self._rules()
        if rules.require_connect and not self.is_connected:
            return "Must connect first."
        if kind == self.SUBSCRIBE and name not in self.subscribed_to and len(self.subscribed_to) >= rules.max_channels:
            return f"A socket may be in {rules.max_channels} channels."
        return None

    def _rules(self) -> Rules:
        found = getattr(getattr(self.handler, "application", None), "rules", None)
        return found if isinstance(found, Rules) else Rules()
