"""The policy file that Flash players ask for before they open a socket (Socket.IO 0.7 specification 12).

Every connection gets the file and a NUL at once, whatever it says; then its end. Players send ``<policy-file-request/>`` and a NUL.
"""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

from tornado.gen import with_timeout
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpserver import TCPServer
from tornado.util import TimeoutError as Expired

from hbpush.errors import ConfigError

REQUEST_BYTES = 4096
"""Whoever sends so much asks for no policy."""
TIMEOUT = 5.0
MAX_CONNECTIONS = 100


def read_policy(path: str | Path) -> bytes:
    """The file. Raises ConfigError when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error.strerror}", "flash_policy_file") from None


class PolicyServer(TCPServer):
    """Answers with one policy. ``timeout`` is seconds for a whole connection; those beyond ``max_connections`` are closed unanswered."""

    def __init__(self, policy: bytes, *, timeout: float = TIMEOUT, max_connections: int = MAX_CONNECTIONS) -> None:
        super().__init__(max_buffer_size=2 * REQUEST_BYTES, read_chunk_size=REQUEST_BYTES)
        self._answer = policy + b"\0"
        self._timeout = timedelta(seconds=timeout)
        self._max_connections = max_connections
        self._streams: set[IOStream] = set()

    @property
    def connections(self) -> int:
        return len(self._streams)

    def bind_to(self, port: int, address: str = "") -> None:
        """Listen on a port, of all interfaces by default. Raises ConfigError when that is not possible."""
        dualstack = not address and socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dualstack or ":" in address else socket.AF_INET
        try:
            listener = socket.create_server((address, port), family=family, dualstack_ipv6=dualstack)
        except OSError as error:
            raise ConfigError(f"cannot listen on port {port}: {error.strerror}", "flash_policy_port") from None
        listener.setblocking(False)
        self.add_socket(listener)

    async def handle_stream(self, stream: IOStream, address: object) -> None:
        if len(self._streams) >= self._max_connections:
            stream.close()
            return
        self._streams.add(stream)
        try:
            await with_timeout(self._timeout, self._serve(stream), quiet_exceptions=StreamClosedError)
        except (Expired, StreamClosedError, OSError):
            # A peer that went, said too much, or neither read nor went.
            pass
        finally:
            self._streams.discard(stream)
            stream.close()

    def stop(self) -> None:
        """Listen no more, and close what is open."""
        super().stop()
        for stream in list(self._streams):
            stream.close()

    async def _serve(self, stream: IOStream) -> None:
        await stream.write(self._answer)
        # Closed at once, with the request unread, the kernel would reset the connection and the answer could be lost.
        stream.socket.shutdown(socket.SHUT_WR)
        await stream.read_bytes(REQUEST_BYTES)


class FlashPolicyServer(PolicyServer):
    """The server of the file by the name that TornadIO and TornadIO2 give it (TornadIO API, A4).

    Listens from the moment it is made, by default on all interfaces. Raises ConfigError if the file or the port cannot be had.

    ``io_loop`` is accepted and not used.
    """

    def __init__(self, io_loop: IOLoop | None = None, port: int = 843, policy_file: str = "flashpolicy.xml", *, address: str = "") -> None:
        super().__init__(read_policy(policy_file))
        self.bind_to(port, address)
