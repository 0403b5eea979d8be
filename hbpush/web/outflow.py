"""The way out of an answer or a WebSocket that goes on: while nothing waits to the system at once, else through the transport.

A transport of uvloop's takes a sixth of what a small message costs on its way to one of many, for books that nobody reads as long as the
system takes everything. So bytes go past it then. As soon as something waits they go through it, in their order: a transport with limits
of 0 says when the first byte waits, and when none does any more.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from hbpush.web.websocket_transport import Transport

THROUGH, OVER = -1, -2
"""Instead of a descriptor: what is written goes through the transport; nobody is there any more."""


class Outflow:
    """How a streamed answer or a WebSocket writes. Whoever derives has the attributes as slots, calls `_flow` first and `_stop` last,
    and passes on what its transport says of writing.

    ``paused`` is True while anything waits. Bytes beyond the bound are not written: `_behind` is called instead.

    ``descriptor`` is where the system takes bytes as they are, or THROUGH, or OVER. Whoever writes the same to many may do so there
    (`hbpush.web.write_each`), and what it does not take, by `write`. It is good for the moment: after ``connection_lost`` transports close
    it, however they are ended, and it may become another connection's.
    """

    if not TYPE_CHECKING:
        # The slots are those of who derives: a class from C has another layout, and takes none from here.
        __slots__ = ()

    paused: bool
    descriptor: int
    _fed: int
    _outbox: int
    _transport: Transport

    def _flow(self, transport: Transport, outbox: int) -> None:
        """Write to a transport from now on; ``outbox`` is how many bytes may wait."""
        self._transport = transport
        self._outbox = outbox
        self.paused = False
        self._fed = 0
        self.descriptor = _descriptor(transport)
        # One over TLS is full at its limit, others beyond it.
        transport.set_write_buffer_limits(high=1 if self.descriptor == THROUGH else 0, low=0)
        if transport.get_write_buffer_size():
            # It may have said so before, and would not say it again.
            self.pause_writing()

    def _stop(self) -> None:
        """Write nothing any more."""
        self.descriptor = OVER

    def _behind(self) -> None:
        """The peer has fallen behind by a whole outbox."""
        raise NotImplementedError

    def write(self, wire: bytes) -> None:
        descriptor = self.descriptor
        if descriptor < 0:
            self._write_if_it_fits(wire)
            return
        try:
            sent = os.write(descriptor, wire)
        except OSError:
            # There is no room, or nobody: the transport finds out, and tells.
            sent = 0
        if sent != len(wire):
            self._transport.write(wire[sent:])

    def _write_if_it_fits(self, wire: bytes) -> None:
        if self.descriptor == OVER:
            return
        if self.paused and not self.has_room() and self.waiting + len(wire) > self._outbox:
            self._behind()
        else:
            self._fed += len(wire)
            self._transport.write(wire)

    def has_room(self) -> bool:
        return not self.paused or self.waiting <= self._outbox // 2

    @property
    def waiting(self) -> int:
        return self._transport.get_write_buffer_size() if self.paused else 0

    @property
    def taken(self) -> int:
        return self._fed - self.waiting

    # The transport's side

    def pause_writing(self) -> None:
        """Something waits."""
        self.paused = True
        if self.descriptor != OVER:
            self.descriptor = THROUGH

    def resume_writing(self) -> None:
        """Nothing waits any more."""
        self.paused = False
        if self.descriptor != OVER:
            self.descriptor = _descriptor(self._transport)


class _Described(Protocol):
    def fileno(self) -> int: ...


def _descriptor(transport: Transport) -> int:
    """Where the system takes the bytes of a transport as they are; THROUGH where it does not, as with TLS."""
    if os.name != "posix" or transport.get_extra_info("ssl_object") is not None:
        return THROUGH
    described: _Described | None = transport.get_extra_info("socket")
    return THROUGH if described is None else described.fileno()
