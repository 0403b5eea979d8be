"""The contract between a host, which speaks HTTP, and an endpoint, which answers.

An **Endpoint** is a plain function that takes an `Exchange`: one request and the ways to answer it. It answers exactly once,
during the call or later; every way of answering after the first is a no-op. Nothing here waits. What an endpoint raises is
answered by `hbpush.web.answers.error_wire`. An endpoint off the hot path may return an awaitable; the host then sees to its end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

HeaderLines = bytes
"""Ready header lines, each ended by CRLF; empty for none."""


BEHIND = "a reader fell behind by a whole outbox and was cut"
"""Why a stream is cut that has waited long enough."""


class Writer(Protocol):
    """A streamed response body, and the bound on what waits in it.

    ``chunked`` tells which framing the Format has to make: True on HTTP/1.1 (chunks, RFC 9112 section 7.1), False on HTTP/1.0, where the
    end of the connection ends the body.
    """

    @property
    def chunked(self) -> bool: ...

    @property
    def descriptor(self) -> int:
        """Where the system takes bytes past `write` at the moment (`hbpush.web.outflow.Outflow`); negative where it does not."""

    def write(self, wire: bytes) -> None:
        """Send framed bytes. Over the outbox bound the connection is cut, and ``gone`` is called in a later turn of the loop."""

    @property
    def paused(self) -> bool:
        """Whether anything waits that the system has not taken: if not, it takes whatever is written."""

    def has_room(self) -> bool:
        """Whether less than half of the outbox waits. If not, ``drained`` is called when nothing does."""

    @property
    def waiting(self) -> int:
        """Bytes that the system has not taken yet."""

    @property
    def taken(self) -> int:
        """What tells by becoming more, while something waits, that the peer still reads."""

    def end(self, wire: bytes = b"") -> None:
        """Send the last bytes and finish the response. ``gone`` is not called any more."""

    def cut(self, why: str) -> None:
        """Cut the connection of a reader that is too slow, and count that; ``gone`` is called in a later turn of the loop."""


class WebSocket(Protocol):
    """An open WebSocket, as its listener sees it. Everything is a no-op once it is closed."""

    slow_code: int
    """With what close code a reader is told that it fell behind by a whole outbox; 0, as it is at first, to be cut without a word."""

    @property
    def subprotocol(self) -> str | None: ...

    @property
    def descriptor(self) -> int:
        """Where the system takes ready frames past `write` at the moment (`hbpush.web.outflow.Outflow`); negative where it does not."""

    def write(self, wire: bytes) -> None:
        """Send ready frames (`hbpush.web.websocket.frame`). Over the outbox bound the socket is closed, and ``gone`` called later."""

    @property
    def paused(self) -> bool:
        """Whether anything waits that the system has not taken: if not, it takes whatever is written."""

    def has_room(self) -> bool:
        """Whether less than half of the outbox waits. If not, the listener hears `WebSocketListener.drained` when nothing does."""

    @property
    def waiting(self) -> int:
        """Bytes that the system has not taken yet."""

    def close(self, code: int = 1000, reason: str = "", last: bytes = b"") -> None:
        """Send a close frame and end; ``gone`` is called when it is over. ``last`` are frames that go before, whatever waits."""


class WebSocketListener(Protocol):
    """What hears a WebSocket. Nothing here may raise or block."""

    def opened(self, socket: WebSocket) -> None:
        """The handshake is done."""

    def received(self, message: str | bytes) -> None:
        """A whole message: text or binary."""

    def drained(self) -> None:
        """Nothing waits any more, after something did."""

    def gone(self, code: int) -> None:
        """It is closed; ``code`` is the peer's, 1005 without one, 1006 when the connection broke."""


class Exchange(ABC):
    """One HTTP request and the ways to answer it.

    ``method`` and ``target`` (origin form, with its query) are as they came. ``args`` is what the route made of the path. ``body`` is
    whole.

    An endpoint sets ``extra`` to header lines that its answer gets on top of the ready ones (CORS), and ``keep`` to False to have the
    connection closed after it; neither has a cost when left alone.
    """

    if not TYPE_CHECKING:
        # Implementers have slots of their own for what is named below; a type checker would refuse endpoints to assign it.
        __slots__ = ()

    method: bytes
    target: bytes
    args: Any
    body: bytes
    extra: HeaderLines
    keep: bool

    @property
    @abstractmethod
    def upgrade(self) -> bool:
        """Whether the request may become a WebSocket."""

    @property
    @abstractmethod
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Raw names and values in the order they came; empty after `hold`."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, or None. ``name`` is in lower case."""
        size = len(name)
        for key, value in self.headers:
            if len(key) == size and key.lower() == name:
                return value
        return None

    @property
    @abstractmethod
    def http11(self) -> bool:
        """False for an HTTP/1.0 request."""

    @abstractmethod
    def client(self) -> tuple[str, bool]:
        """The client's address, and whether it came by TLS: the peer's own, or what a trusted proxy says (DESIGN 8)."""

    @property
    def remote_ip(self) -> str:
        """The client's address."""
        return self.client()[0]

    @property
    def secure(self) -> bool:
        """Whether the client came by TLS, here or at a trusted proxy."""
        return self.client()[1]

    @abstractmethod
    def respond(self, wire: bytes) -> None:
        """Answer with a whole ready response: status line, headers, body (`hbpush.web.answers`).

        The bytes may be shared by any number of exchanges. The host edits them on the rare path only: HEAD loses the body, and
        ``extra``, ``keep`` and HTTP/1.0 change the head.
        """

    @abstractmethod
    def hold(self, gone: Callable[[], object]) -> bool:
        """Answer later. Headers and body are dropped; ``gone`` is called if the peer leaves before the answer.

        False when there is nothing to hold: the peer has left, or was refused (too many held for its address). ``gone`` is
        then not called.
        """

    @abstractmethod
    def cut(self) -> None:
        """End the connection without an answer, for a client that would take any answer for leave to ask again."""

    @abstractmethod
    def stream(
        self,
        status: int,
        headers: HeaderLines,
        gone: Callable[[], object],
        drained: Callable[[], object] | None = None,
        outbox: int = 1024 * 1024,
    ) -> Writer | None:
        """Answer with a body that is written piece by piece. None where `hold` would be False.

        ``drained`` is called when `Writer.has_room` becomes true again, ``outbox`` is the bound of waiting bytes.
        """

    @abstractmethod
    def websocket(
        self,
        listener: WebSocketListener,
        subprotocol: str | None = None,
        max_message: int = 1024 * 1024,
        outbox: int = 1024 * 1024,
        ping_interval: float = 25.0,
        ping_timeout: float = 20.0,
    ) -> None:
        """Become a WebSocket (RFC 6455), or be answered 400 or 426 if the request is not fit for it.

        ``subprotocol`` is the endpoint's choice among those that the client offered. The listener is called during this call
        already, by `WebSocketListener.opened` first; not at all if the peer has left. ``max_message`` and ``outbox`` are in bytes.
        The peer is pinged every ``ping_interval`` seconds (0 for never) and cut if it shows no sign of life within ``ping_timeout``.
        """


Endpoint = Callable[[Exchange], "Awaitable[object] | None"]
