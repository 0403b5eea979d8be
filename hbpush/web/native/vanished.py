"""Peers that leave without a word: a phone out of reach, a machine whose current fails, a gateway that has forgotten the connection.

Nothing that a program can see tells them from quiet ones: whatever is written is taken by the system, which goes on trying for a quarter of
an hour, and asks who says nothing at all after two hours. It is told to be quicker, by options of a listening socket, which every
connection that it accepts has from there.
"""

from __future__ import annotations

import socket

PROBES = 3
"""How often the system asks a silent peer, in the second half of its time."""


def give_up_after(listening: socket.socket, seconds: float) -> None:
    """Have connections that are accepted from now on end when their peer has acknowledged nothing for so long, 0 for the system's own time.

    A peer that says nothing is asked after half of it. What a system has no option for stays as it is, and what is no TCP is left alone.
    """
    if listening.family not in (socket.AF_INET, socket.AF_INET6):
        return
    # A loop may have another type in place of a socket, which has no options.
    with socket.socket(listening.family, listening.type, listening.proto, fileno=socket.dup(listening.fileno())) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(seconds > 0))
        _set(own, "TCP_USER_TIMEOUT", round(seconds * 1000))
        if seconds:
            _set(own, "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE", max(1, round(seconds / 2)))
            _set(own, "TCP_KEEPINTVL", max(1, round(seconds / 2 / PROBES)))
            _set(own, "TCP_KEEPCNT", PROBES)


def _set(own: socket.socket, name: str, value: int) -> None:
    option = getattr(socket, name, None)
    if option is not None:
        own.setsockopt(socket.IPPROTO_TCP, option, value)
