"""What an application derives from: connections, their event handlers, and what is known of who has come (TornadIO API, B3, B4)."""

from __future__ import annotations

import logging
from collections.abc import Callable as Function
from collections.abc import Mapping, Sequence
from functools import cached_property
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import Any, ClassVar, TypeVar, overload

from tornado.escape import parse_qs_bytes
from tornado.httputil import parse_cookie

from socketio_compat.tornadio2 import proto
from socketio_compat.tornadio2.session import Session
from socketio_compat.v09.contract import Opening

_log = logging.getLogger("hbpush.socketio")

F = TypeVar("F", bound=Function[..., Any])
AckCallback = Function[[Any, "list[Any] | None"], Any]

_EVENT = "_event_name"


@overload
def event(name_or_func: str) -> Function[[F], F]: ...
@overload
def event(name_or_func: F) -> F: ...
def event(name_or_func: str | F) -> Function[[F], F] | F:
    """Mark a method as the handler of an event: ``@event`` for the event of its own name, ``@event("name")`` for another."""
    if not isinstance(name_or_func, str):
        setattr(name_or_func, _EVENT, name_or_func.__name__)
        return name_or_func

    def mark(func: F) -> F:
        setattr(func, _EVENT, name_or_func)
        return func

    return mark


class EventTable(type):
    """Gives each class of connections its table of event handlers, those of its bases included."""

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        handlers: dict[str, Function[..., Any]] = {}
        seen: set[str] = set()
        for base in cls.__mro__:
            for attribute, member in vars(base).items():
                # A method that was overridden without the decorator handles its event no more.
                if attribute not in seen and isinstance(marked := getattr(member, _EVENT, None), str):
                    handlers.setdefault(marked, member)
            seen.update(vars(base))
        cls._events = handlers


class WrongArguments(TypeError):
    """An event has other arguments than its handler: a fault of the client's, or of the program's."""


class ConnectionInfo:
    """Who has come: the address, and what the handshake brought.

    ``arguments`` are name -> list of values of its query, as str; ``cookies`` maps names to Morsels.
    """

    def __init__(self, ip: str, arguments: Mapping[str, Sequence[str | bytes]], cookies: Mapping[str, Morsel[str]]) -> None:
        self.ip = ip
        self.arguments = {name: [_text(value) for value in values] for name, values in arguments.items()}
        self.cookies = cookies

    def get_argument(self, name: str, default: str | None = None) -> str | None:
        """The first value of an argument, else ``default``."""
        values = self.arguments.get(name)
        return values[0] if values else default

    def get_cookie(self, name: str) -> Morsel[str] | None:
        """A cookie, whose text is its ``value``, or None."""
        return self.cookies.get(name)


class HandshakeInfo(ConnectionInfo):
    """The same, read when it is asked for: few applications do. An endpoint's own ``query`` is laid over that of the handshake."""

    def __init__(self, opening: Opening, query: str = "") -> None:
        self.ip = opening.ip
        self._opening = opening
        self._query = query

    @cached_property
    def arguments(self) -> dict[str, list[str]]:  # type: ignore[override]
        # A packet brings text, and a request the bytes of one.
        return _arguments(self._opening.query) | _arguments(self._query.encode("utf-8", "replace").decode("latin-1"))

    @cached_property
    def cookies(self) -> Mapping[str, Morsel[str]]:  # type: ignore[override]
        jar: SimpleCookie = SimpleCookie()
        for name, value in parse_cookie(self._opening.cookie).items():
            try:
                jar[name] = value
            except CookieError:
                # Whatever a browser was given by somebody else.
                continue
        return jar

    def on_endpoint(self, query: str) -> HandshakeInfo:
        """What an endpoint is told that was connected with a query."""
        return HandshakeInfo(self._opening, query) if query else self


class SocketConnection(metaclass=EventTable):
    """One client on the root, or on one endpoint: derive from it, and override `on_message` at least.

    Handlers may be plain functions, generators (see ``gen``), or ``async def``: then the packets that follow in the session wait until they
    are done. What a handler raises closes the whole session, all endpoints included. Nothing may block.
    """

    __endpoints__: ClassVar[Mapping[str, type[SocketConnection]]] = {}
    """Endpoints of the session, each with its class; looked at on the root connection only."""

    max_acks: ClassVar[int] = 10_000
    """Acknowledgements that are waited for; beyond that the oldest is given up."""

    _events: ClassVar[Mapping[str, Function[..., Any]]]

    def __init__(self, session: Session, endpoint: str | None = None) -> None:
        self.session = session
        self.endpoint = endpoint
        self.is_closed = False
        self.ack_id = 1
        self.ack_queue: dict[int, tuple[float, AckCallback, Any]] = {}

    # To be overridden

    def on_open(self, request: ConnectionInfo) -> Any:
        """The client is there. False refuses it, and so does raising ``tornado.web.HTTPError``; on the root anything false but None does.

        For the root this is within the handshake. What is sent here reaches the client when it is connected.
        """
        return None

    def on_message(self, message: Any) -> Any:
        """A text, or the value of a JSON message. The client's acknowledgement, if it asked for one, follows."""
        raise NotImplementedError

    def on_event(self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        """An event, with positional arguments, or with one object as ``kwargs``: by default its handler is called.

        What this returns acknowledges the event, if the client asked for that: None plainly, a tuple with its items, else with one item.
        """
        handler = self._events.get(name)
        if handler is None:
            self.session.refuse("unknown_event", f"there is no handler of event {name[:100]!r}")
            return None
        try:
            return handler(self, *args) if args else handler(self, **(kwargs or {}))
        except TypeError as error:
            # Without a frame below this one it is the call itself that failed.
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                self.session.refuse("wrong_arguments", f"the handler of event {name!r} does not take the arguments it is given: {error}")
                raise WrongArguments(str(error)) from None
            raise

    def on_close(self) -> Any:
        """It is over, whoever ended it: called once. What is sent now goes nowhere."""
        return None

    def get_endpoint(self, endpoint: str) -> type[SocketConnection] | None:
        """The class for an endpoint, or None when there is none. The name is the client's, and may be any that begins with ``/``."""
        return self.__endpoints__.get(endpoint)

    # To be called

    def send(self, message: Any, callback: AckCallback | None = None, force_json: bool = False) -> None:
        """Send a text (bytes are taken as UTF-8), or any other value as JSON; with ``force_json`` a text that is JSON already.

        ``callback(message, data)`` is called when the client has acknowledged it. None is not sent. A no-op when closed.
        """
        if self.is_closed or message is None:
            return
        ack_id = None if callback is None else self.queue_ack(callback, message)
        self.session.send_message(proto.message(self.endpoint, message, ack_id, force_json))

    def emit(self, name: str, /, *args: Any, **kwargs: Any) -> None:
        """Send an event with positional arguments, or with one object made of ``kwargs``. A no-op when closed."""
        if not self.is_closed:
            self.session.send_message(proto.event_of(self.endpoint, name, None, args, kwargs))

    def emit_ack(self, callback: AckCallback, name: str, /, *args: Any, **kwargs: Any) -> None:
        """As `emit`; ``callback((name, args, kwargs), data)`` is called with what the client's application answers."""
        if not self.is_closed:
            ack_id = self.queue_ack(callback, (name, args, kwargs))
            self.session.send_message(proto.event_of(self.endpoint, name, ack_id, args, kwargs))

    def close(self) -> None:
        """Close this endpoint; on the root the whole session."""
        self.session.close(self.endpoint)

    # Acknowledgements

    def queue_ack(self, callback: AckCallback, message: Any) -> int:
        """Have something called when a packet is acknowledged: returns the id to send it with."""
        if len(self.ack_queue) >= self.max_acks:
            del self.ack_queue[next(iter(self.ack_queue))]
        ack_id = self.ack_id
        self.ack_id += 1
        self.ack_queue[ack_id] = (self.session.time(), callback, message)
        return ack_id

    def deque_ack(self, msg_id: int, ack_data: list[Any] | None) -> Any:
        """A packet is acknowledged: call its callback, and return what that returns. An id that nothing waits for is logged."""
        waiting = self.ack_queue.pop(msg_id, None)
        if waiting is None:
            _log.info("nothing waits for acknowledgement %d", msg_id)
            return None
        _, callback, message = waiting
        return callback(message, ack_data)

    def generator_failed(self, error: BaseException) -> None:
        """A generator of this connection has raised after its first wait: the whole session is closed."""
        _log.error("a handler failed; its session is closed", exc_info=error)
        self.session.fail()


def _arguments(query: str) -> dict[str, list[str]]:
    if not query:
        return {}
    parsed = parse_qs_bytes(query, keep_blank_values=True)
    return {_text(name.encode("latin-1")): [_text(value) for value in values] for name, values in parsed.items()}


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
