"""`BasicPubSubManager`, a skin over `sethpusher.crowd.Crowd`, and what handlers of JSON bodies have in common (specification 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from hbpush.core import jsontext
from hbpush.core.result import Result
from hbpush.errors import ProtocolError
from hbpush.stores.base import Receipt
from sethpusher.crowd import Crowd
from sethpusher.envelope import COMMON_CHANNEL, NOT_JSON, body_of
from sethpusher.ground import Ground

__all__ = ["COMMON_CHANNEL", "BasicPubSubManager", "is_request_body_json"]

F = TypeVar("F", bound=Callable[..., Any])


class BasicPubSubManager:
    """Publishes to channels, and lets subscribers in and out. ``crowd`` tells whose; without it, it has channels of its own, in memory.

    A subscriber is a `sethpusher.ws.views.SethSocketHandler`, or whatever has ``send(text)``.
    """

    def __init__(self, crowd: Callable[[], Crowd] | None = None) -> None:
        self._crowd = _Own() if crowd is None else crowd

    @property
    def crowd(self) -> Crowd:
        """Whose members its subscribers are."""
        return self._crowd()

    @property
    def channels(self) -> Mapping[str, set[Any]]:
        """The channels that somebody of this process is in, each with its subscribers: a view, to be read only."""
        return self._crowd().channels()

    def publish(self, channel: str, message: Any) -> Result[Receipt]:
        """Send to all members of a channel, in every process.

        ``{"message": M, "sender_id": S}``, where S is what the object M has as its ``sender_id``, publishes M: subscribers of other
        protocols get it too, and it is kept where they can read it. Anything else that JSON can say goes to SethPusher's sockets as it is.
        Raises StoreError (or sets it on the Future), ValueError and TypeError for what JSON cannot say.
        """
        crowd = self._crowd()
        if isinstance(message, dict) and message.keys() == {"message", "sender_id"} and isinstance(inner := message["message"], dict):
            sender, claimed = message["sender_id"], inner.get("sender_id")
            if type(sender) is type(claimed) and sender == claimed:
                return crowd.post(channel, body_of(inner))
        return crowd.tell(channel, jsontext.encode(message))

    def subscribe(self, channels: str | list[str] | tuple[str, ...], subscriber: Any) -> Result[None]:
        """Let a subscriber into one channel, or several. The result is that of `Crowd.join`. Raises ValueError."""
        crowd = self._crowd()
        if isinstance(channels, str):
            return crowd.join(channels, subscriber)
        waiting = [joined for channel in channels if (joined := crowd.join(channel, subscriber)) is not None]
        if not waiting:
            return None
        return waiting[0] if len(waiting) == 1 else asyncio.ensure_future(_all(waiting))

    def unsubscribe(self, channel: str, subscriber: Any) -> None:
        """Take a subscriber out of a channel. Harmless when it is not in."""
        self._crowd().leave(channel, subscriber)


class _Own:
    """A crowd made when it is first asked for."""

    def __init__(self) -> None:
        self._crowd: Crowd | None = None

    def __call__(self) -> Crowd:
        if self._crowd is None:
            ground = Ground({"type": "memory"})
            self._crowd = Crowd(ground.hub, ground.clock, ground.counters)
        return self._crowd


async def _all(waiting: list[asyncio.Future[None]]) -> None:
    await asyncio.gather(*waiting)


def is_request_body_json(f: F) -> F:
    """Decorates a method of a `sethpusher.api.views.SethHandler`: a body that is no JSON is refused with 400 before it is called."""

    @wraps(f)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            jsontext.decode(self.request.body)
        except ProtocolError:
            return self.error(NOT_JSON, code=400)
        return f(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]
