"""A client of Socket.IO 0.7-0.9: its endpoints, and what its packets mean (specification 3-5, 8, 9, 11)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hbpush.errors import ProtocolError
from hbpush.session.transport import End
from hbpush.session.turns import TurnSession
from socketio_compat.v09 import codec
from socketio_compat.v09.contract import Handler, No, Opening
from socketio_compat.v09.packet import Packet, UnknownPacketType

if TYPE_CHECKING:
    from socketio_compat.v09.server import Server

logger = logging.getLogger("hbpush.socketio")

UNTOLD = frozenset((End.SHUTDOWN, End.SLOW))
"""Ends that a client is told by the connection alone: after a disconnect packet it would not come back."""


class SocketSession(TurnSession[Packet]):
    """One session, from its handshake to its end. ``opening`` tells who has come.

    Handlers send packets by `send`, made by `socketio_compat.v09.codec`.
    """

    protocol = "socketio"

    __slots__ = ("_held", "_open", "_opening", "_verdict", "endpoints", "opening", "root", "server")

    def __init__(self, server: Server, opening: Opening) -> None:
        super().__init__(server.registry)
        self.server = server
        self.opening = opening
        self.root: Handler | None = None
        self.endpoints: dict[str, Handler] | None = None
        self._open = False
        self._opening = ""
        """The endpoint whose packets are held back, '' for none."""
        self._held: list[str] | None = None
        self._verdict: asyncio.Future[bool] | None = None
        """The root's, while it takes its time."""

    # The application's side

    def send(self, packet: str) -> None:
        if self._held is not None and packet.split(":", 3)[2] == self._opening:
            self._held.append(packet)
        else:
            super().send(packet)
            if not self.server.settings.global_heartbeats:
                self.registry.heartbeats.postpone(self)

    def handler(self, endpoint: str) -> Handler | None:
        """The handler of an open endpoint, '' for the root; None when it is not open."""
        if not endpoint:
            return self.root
        return None if self.endpoints is None else self.endpoints.get(endpoint)

    def acknowledge(self, packet: Packet, args: Sequence[object] | None = None) -> None:
        """Answer a packet of the client's with values; nothing happens if it did not ask for that. Raises what `codec.ack` raises."""
        if packet.id is not None:
            self.send(codec.ack(packet.id, args, packet.endpoint))

    def disconnect(self, endpoint: str) -> None:
        """Close one endpoint; '' closes the session. Harmless when it is not open."""
        if not endpoint:
            self.close(End.APPLICATION)
        elif (handler := self._forget(endpoint)) is not None:
            self.send(codec.disconnect(endpoint))
            self.tell_closed(handler.closed, End.APPLICATION)

    # The client's side

    def open(self) -> bool | Awaitable[bool]:
        """The handshake: make the root, and let it say whether the client may stay. What a handler raises is raised."""
        try:
            root = self.server.application.handler(self, "")
            if isinstance(root, No):
                self._refused()
                return False
            self.root = root
            super().send(codec.connect())
            verdict = root.opened(self.opening.query)
        except BaseException:
            self._refused()
            raise
        if isinstance(verdict, bool):
            return self._settle(verdict)
        self._verdict = asyncio.ensure_future(verdict)
        return self._settle_later(self._verdict)

    def received(self, text: str) -> None:
        """One packet has come, or something that should be one."""
        if self.state:
            return
        self.unheard = 0
        self.server.received += 1
        try:
            packet = codec.decode_packet(text)
        except ProtocolError as error:
            self._malformed(error)
            return
        self.turn(packet, len(text))

    # What a session asks of a protocol

    def beat(self) -> None:
        self.send(codec.heartbeat())

    def farewell(self, why: End) -> Sequence[str]:
        if why in UNTOLD:
            return ()
        return [*(codec.disconnect(endpoint) for endpoint in self.endpoints or ()), codec.disconnect()]

    def closed(self, why: End) -> None:
        endpoints, self.endpoints = self.endpoints, None
        root, self.root = self.root, None
        self.ended()
        self._held = None
        if self._verdict is not None and why in (End.EXPIRED, End.SHUTDOWN):
            # Its client waits for the answer to the handshake as long as the application does.
            self._verdict.cancel()
        for handler in endpoints.values() if endpoints else ():
            self.tell_closed(handler.closed, why)
        if root is not None and self._open:
            self.tell_closed(root.closed, why)
        self.server.session_over(self, self._open)

    # One packet

    def take(self, packet: Packet) -> None:
        try:
            if packet.endpoint or packet.type in (codec.CONNECT, codec.DISCONNECT):
                self._to_endpoint(packet)
            elif self.root is not None:
                self._to_handler(self.root, packet)
        except ProtocolError as error:
            self._malformed(error)
        except BaseException as error:  # noqa: BLE001 - the wall between sessions: it is logged, and ends the one that has it
            self.failed(error)

    def _to_endpoint(self, packet: Packet) -> None:
        if packet.type == codec.CONNECT:
            self._connect(packet)
            return
        if packet.type == codec.DISCONNECT:
            if not packet.endpoint:
                self.close(End.PEER)
            elif (gone := self._forget(packet.endpoint)) is not None:
                gone.closed(End.PEER)
            return
        handler = self.handler(packet.endpoint)
        if handler is None:
            logger.debug("a packet for endpoint %r, which is not open, is ignored", packet.endpoint)
        else:
            self._to_handler(handler, packet)

    def _to_handler(self, handler: Handler, packet: Packet) -> None:
        kind = packet.type
        if kind == codec.EVENT:
            name, args = codec.event_of(packet)
            outcome = handler.event(name, args, packet)
            if outcome is not None:
                self.wait(outcome)
        elif kind == codec.MESSAGE or kind == codec.JSON:
            outcome = handler.message((packet.data or "") if kind == codec.MESSAGE else codec.json_of(packet), packet)
            if outcome is not None:
                self.wait(outcome, partial(self.acknowledge, packet))
            else:
                self.acknowledge(packet)
        elif kind == codec.ACK:
            outcome = handler.acknowledged(*codec.ack_of(packet))
            if outcome is not None:
                self.wait(outcome)

    # Endpoints

    def _connect(self, packet: Packet) -> None:
        endpoint, query = codec.connect_of(packet)
        if not endpoint.startswith("/"):
            # The client 0.7 connects the root by mistake, after a packet that it could not read; other names are no endpoint's.
            return
        handler = self.handler(endpoint)
        if handler is None:
            if self.endpoints is not None and len(self.endpoints) >= self.server.settings.max_endpoints:
                self.registry.counters.refuse("max_endpoints", "a session has as many endpoints as it may")
                self.send(codec.error(codec.UNAUTHORIZED, endpoint=endpoint))
                return
            found = self.server.application.handler(self, endpoint)
            if found is No.UNKNOWN:
                logger.info("there is no endpoint %r", endpoint[:100])
                return
            if found is No.REFUSED:
                self.send(codec.error(codec.UNAUTHORIZED, endpoint=endpoint))
                return
            assert isinstance(found, Handler)  # noqa: S101 - the other two are done with
            if self.endpoints is None:
                self.endpoints = {}
            self.endpoints[endpoint] = handler = found
        by_error = self.server.settings.refusal_by_error
        if by_error:
            self._opening, self._held = endpoint, []
        else:
            self.send(codec.connect(endpoint))
        verdict = handler.opened(query)
        if isinstance(verdict, bool):
            self._connected(endpoint, verdict)
        else:
            self.wait(verdict, partial(self._connected, endpoint), True)

    def _connected(self, endpoint: str, verdict: bool) -> None:
        """Whether the client may be at an endpoint is known."""
        held, self._held, self._opening = self._held, None, ""
        if verdict:
            if held is not None:
                self.send(codec.connect(endpoint))
                for packet in held:
                    self.send(packet)
        elif held is None:
            self.disconnect(endpoint)
        elif (handler := self._forget(endpoint)) is not None:
            self.send(codec.error(codec.UNAUTHORIZED, endpoint=endpoint))
            handler.closed(End.APPLICATION)

    def _forget(self, endpoint: str) -> Handler | None:
        return None if self.endpoints is None else self.endpoints.pop(endpoint, None)

    # The root's verdict

    def _settle(self, verdict: bool) -> bool:
        if not verdict:
            self._refused()
            return False
        if self.state:
            # It took too long, or the server goes.
            return False
        self._open = True
        self.server.session_open(self)
        return True

    async def _settle_later(self, verdict: Awaitable[bool]) -> bool:
        try:
            return self._settle(await verdict)
        except asyncio.CancelledError:
            if self.state:
                # By `closed`.
                return False
            self._refused()
            raise
        except BaseException:
            self._refused()
            raise
        finally:
            self._verdict = None

    def _refused(self) -> None:
        """There was no session."""
        self.outbox.take()
        self.close(End.SHUTDOWN)

    # Faults

    def _malformed(self, error: ProtocolError) -> None:
        self.registry.counters.refuse("malformed_packet", f"a packet is ignored: {error}")
        if self.server.settings.strict and not isinstance(error, UnknownPacketType):
            self.close(End.FAULT)
