"""A port that several processes are to share, kept for them and from everybody else."""

from __future__ import annotations

import errno
import socket

from hbpush.daemon.run import cannot_listen
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError

ATTEMPTS = 10
"""For a free port to be free in every address family."""


def reserve(server: ServerSettings) -> list[socket.socket]:
    """Sockets bound to the port of a server that share it with workers, one for each of its addresses; they do not listen.

    Port 0 is the same free one for all. Raises ConfigError.
    """
    for left in reversed(range(ATTEMPTS)):
        reserved: list[socket.socket] = []
        port = server.port
        try:
            found = socket.getaddrinfo(server.address or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, place in dict.fromkeys(found):
                try:
                    held = socket.socket(family, kind, protocol)
                except OSError:
                    # The kernel lacks a family that the resolver knows.
                    continue
                reserved.append(held)
                if family == socket.AF_INET6:
                    held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                _bind_alone(held, (place[0], port, *place[2:]))
                port = held.getsockname()[1]
        except OSError as error:
            for held in reserved:
                held.close()
            if server.port or error.errno != errno.EADDRINUSE or not left:
                raise ConfigError(cannot_listen(server, error)) from None
        else:
            return reserved
    raise AssertionError("the last attempt returns or raises")


def _bind_alone(held: socket.socket, place: tuple[object, ...]) -> None:
    """Bind where nobody else does, and let workers join.

    With SO_REUSEPORT from the beginning another server of the same user would get a part of our connections, and we of its. Bound without
    it, the socket is refused where anybody listens, and refuses the supervisor of another server from now on.
    """
    try:
        held.bind(place)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        # It may only be connections of a server that has gone.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(place)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
