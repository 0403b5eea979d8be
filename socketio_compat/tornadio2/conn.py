"""TornadIO2's connections: the class that a program derives from, and who has come (TornadIO API, B3, B4)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from socketio_compat.tornadio2 import proto

if TYPE_CHECKING:
    from socketio_compat.tornadio2.session import Session

logger = logging.getLogger(__name__)

MAX_ACKS = 10_000
"""Acknowledgements that one connection waits for; beyond that the oldest is given up, for a client need never send any."""

F = TypeVar("F", bound=Callable[..., Any])


class ConnectionInfo:
    """Who has come: ``ip``, ``arguments`` (names to lists of values) and ``cookies`` (a cookie jar) of the handshake."""

    def __init__(self, ip: str, arguments: dict[str, list[Any]], cookies: SimpleCookie) -> None:
        self.ip = ip
        self.arguments = arguments
        self.cookies = cookies

    def get_argument(self, name: str, default: str | None = None) -> str | None:
        """The first value of an argument."""
        values = self.arguments.get(name)
        if not values:
            return default
        value = values[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def get_cookie(self, name: str) -> Morsel[str] | None:
        """A cookie, whose ``value`` is the text; None when there is none."""
        return self.cookies.get(name)


def cookie_jar(header: str) -> SimpleCookie:
    """The cookies of a request; those that cannot be read are left out."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        logger.debug("cookies that cannot be read are left out")
    return jar


@overload
def event(name_or_func: F) -> F: ...
@overload
def event(name_or_func: str) -> Callable[[F], F]: ...
def event(name_or_func: Any) -> Any:
    """Mark a method as the handler of an event: ``@event`` of the one with its name, ``@event('name')`` of another."""
    if callable(name_or_func):
        name_or_func._event_name = name_or_func.__name__
        return name_or_func

    def mark(func: F) -> F:
        func._event_name = name_or_func  # type: ignore[attr-defined]
        return func

    return mark


class EventMagicMeta(type):
    """Makes the table of event handlers of a class, those of its bases included."""

    def __init__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> None:
        events: dict[str, Callable[..., Any]] = {}
        for base in reversed(cls.__mro__):
            for attribute in vars(base).values():
                event_name = getattr(attribute, "_event_name", None)
                if callable(attribute) and isinstance(event_name, str):
                    events[event_name] = attribute
        cls._events = events
        super().__init__(name, bases, attributes)


class SocketConnection(metaclass=EventMagicMeta):
    """A client, or an endpoint of one: derive from it. Made by the framework; subclasses that extend the constructor call it.

    ``session`` owns it; ``endpoint`` is its name, None for the root; ``is_closed`` tells that it is over. Methods may be ``async def``:
    packets of the same client then wait until they are done. What a handler raises closes the session.
    """

    __endpoints__: ClassVar[dict[str, type[SocketConnection]]] = {}
    """Endpoints, such as ``/chat``, and the classes of their connections."""

    _events: ClassVar[dict[str, Callable[..., Any]]] = {}

    def __init__(self, session: Session, endpoint: str | None = None) -> None:
        self.session = session
        self.endpoint = endpoint
        self.is_closed = False
        self.ack_id = 1
        self.ack_queue: dict[int, tuple[float, Callable[..., Any], Any]] = {}

    # To be overridden

    def on_open(self, request: ConnectionInfo) -> Any:
        """The client is there. Return False to refuse it."""
        return None

    def on_message(self, message: Any) -> Any:
        """A text, or a decoded JSON value. Has to be overridden."""
        raise NotImplementedError

    def on_event(self, name: str, args: list[Any] = [], kwargs: dict[str, Any] = {}) -> Any:  # noqa: B006 - the signature of the original
        """An event: of one dict, ``kwargs``; else ``args``. Calls the handler; what it returns becomes the acknowledgement."""
        handler = self._events.get(name)
        if handler is None:
            logger.error("there is no handler for event %r", name[:100])
            return None
        try:
            return handler(self, **kwargs) if kwargs else handler(self, *args)
        except TypeError:
            logger.error("event %r has other arguments than its handler, or its handler failed", name[:100])
            raise

    def on_close(self) -> Any:
        """It is over."""
        return None

    def get_endpoint(self, endpoint: str) -> type[SocketConnection] | None:
        """The class of an endpoint's connections, None where there is no such endpoint. Override it for endpoints that are not listed."""
        return self.__endpoints__.get(endpoint)

    # To be called

    def send(self, message: Any, callback: Callable[[Any, Any], Any] | None = None, force_json: bool = False) -> None:
        """Send a text, or anything else as JSON; with ``force_json`` a text that is JSON already.

        ``callback(message, ack_data)`` is called when the client has acknowledged it. A no-op for None, and when closed.
        """
        if self.is_closed or message is None:
            return
        message_id = None if callback is None else self.queue_ack(callback, message)
        self.session.send_message(proto.message(self.endpoint, message, message_id, force_json))

    def emit(self, name: str, /, *args: Any, **kwargs: Any) -> None:
        """Send an event: with positional arguments, or with one dict of the others."""
        if not self.is_closed:
            self.session.send_message(proto.event(self.endpoint, name, None, *args, **kwargs))

    def emit_ack(self, callback: Callable[[Any, Any], Any], name: str, /, *args: Any, **kwargs: Any) -> None:
        """As `emit`; ``callback((name, args, kwargs), ack_data)`` is called with the list that the client answers, or None."""
        if not self.is_closed:
            message_id = self.queue_ack(callback, (name, args, kwargs))
            self.session.send_message(proto.event(self.endpoint, name, message_id, *args, **kwargs))

    def close(self) -> None:
        """Close this endpoint; the root closes the whole session."""
        self.session.close(self.endpoint)

    def queue_ack(self, callback: Callable[[Any, Any], Any], message: Any) -> int:
        """Remember what to call at an acknowledgement; returns its id."""
        if len(self.ack_queue) >= MAX_ACKS:
            del self.ack_queue[next(iter(self.ack_queue))]
        ack_id = self.ack_id
        self.ack_id += 1
        self.ack_queue[ack_id] = (time.time(), callback, message)
        return ack_id

    def deque_ack(self, msg_id: int, ack_data: Any) -> Any:
        """An acknowledgement has come: call what waits for it."""
        waiting = self.ack_queue.pop(msg_id, None)
        if waiting is None:
            logger.error("nobody waits for acknowledgement %d", msg_id)
            return None
        _, callback, message = waiting
        return callback(message, ack_data)
