"""sockjs-tornado's session: the face that `session.SockSession` shows to connections.

It keeps nothing of its own but the connection: what is queued, expires or beats is the session's ``below``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hbpush.core import jsontext
from hbpush.session.session import CLOSED as BELOW_CLOSED
from sethpusher.sockjs import codec
from sethpusher.sockjs.info import ConnectionInfo
from sethpusher.sockjs.session import GO_AWAY, SockSession
from sethpusher.sockjs.settings import RAW_WEBSOCKET
from sethpusher.sockjs.websocket import RawSocket

if TYPE_CHECKING:
    from sethpusher.sockjs.router import SockJSRouter

CONNECTING, OPEN, CLOSING, CLOSED = range(4)


class Session:
    """A client's session. ``conn`` is its connection, None when it is over; ``server`` the router; ``below`` what carries messages.

    ``conn_info`` is who has come, None before it is open.
    """

    def __init__(self, conn: Any, server: SockJSRouter, session_id: str, expiry: float | None = None) -> None:
        self.server = server
        self.session_id = session_id
        self.expiry = expiry
        self.below: SockSession
        self.conn_info: ConnectionInfo | None = None
        self.conn: Any = conn(self)

    # What it is

    @property
    def stats(self) -> Any:
        """The figures of the router."""
        return self.server.stats

    @property
    def transport_name(self) -> str:
        """What it began with: ``xhr``, ``rawwebsocket``."""
        return self.below.opening.transport

    @property
    def handler(self) -> object | None:
        """What carries it now."""
        return self.below.transport

    @property
    def state(self) -> int:
        """CONNECTING, OPEN, CLOSING while its client can still ask for the end, or CLOSED."""
        state = self.below.state
        if state:
            return CLOSED if state == BELOW_CLOSED else CLOSING
        return CONNECTING if self.below.fresh else OPEN

    @property
    def is_closed(self) -> bool:
        return bool(self.below.state)

    @property
    def close_reason(self) -> tuple[int, str] | None:
        """The code and the reason that its client is told, None while it is open."""
        return self.below.ending

    def get_close_reason(self) -> tuple[int, str]:
        """The same, and the usual ones while it is open."""
        return self.below.ending or GO_AWAY

    @property
    def buffered(self) -> int:
        """Bytes that its client has not taken: those that wait for a carrier, and those in it."""
        below = self.below
        carrier: Any = below.transport
        stream = getattr(carrier, "socket", None) or getattr(carrier, "writer", None)
        return below.outbox.size + (0 if stream is None else int(stream.waiting))

    @property
    def send_expects_json(self) -> bool:
        """Whether messages travel as JSON."""
        return self.transport_name != RAW_WEBSOCKET

    # Sending

    def send_message(self, msg: Any, stats: bool = True, binary: bool = False) -> None:
        """Send a message: a text, bytes in UTF-8, or a value, as JSON. A no-op when it is closed.

        With ``binary``, bytes are a binary message where there are such: on a raw WebSocket.
        """
        below = self.below
        if binary and isinstance(msg, bytes) and isinstance(carrier := below.transport, RawSocket):
            carrier.send_bytes(msg)
        else:
            below.send(codec.text_of(msg))

    def send_jsonified(self, msg: str | bytes, stats: bool = True) -> None:
        """Send a message that was made JSON before. Raises ProtocolError for what is none."""
        self.below.send(codec.text_of(jsontext.decode(msg)))

    def broadcast(self, clients: Iterable[Any], msg: Any) -> None:
        """See `SockJSRouter.broadcast`."""
        self.server.broadcast(clients, msg)

    def flush(self) -> None:
        """Send what waits now, rather than in the next turn of the loop."""
        self.below.flush()

    def on_messages(self, msg_list: Sequence[Any]) -> None:
        """Take messages as if the client had sent them."""
        self.below.received(msg_list)

    # The end

    def close(self, code: int = GO_AWAY[0], message: str = GO_AWAY[1]) -> None:
        """Close it: what was sent goes out, then code and message. Harmless when it is over."""
        self.below.dismiss(code, message)

    def delayed_close(self) -> None:
        """Close it in the next turn of the loop."""
        self.below.registry.clock.call_soon(partial(self.close, *GO_AWAY))
