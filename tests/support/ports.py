"""Ports for servers of tests, which listen on them later, or again and again."""

from __future__ import annotations

import itertools
import os
import random
import re
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"
LOWEST_PORT, HIGHEST_PORT = 10_000, 32_767
SHARES = 8
"""Processes of one test run that may look for ports at the same time; each has every eighth port for itself."""


def free_port() -> int:
    """A port to listen on: nobody does now, and this process has not been given it before."""
    return next(_ports)


def _free_ports(share: int) -> Iterator[int]:
    """Ports of a share that nobody listens on, none twice.

    They lie below those that the kernel gives to outgoing connections: while a server is down, another connection would take its port,
    even one that a client of that very server makes (a socket connected to itself).
    """
    whole = range(LOWEST_PORT + share, HIGHEST_PORT + 1, SHARES)
    first = random.randrange(len(whole))
    for port in itertools.chain(whole[first:], whole[:first]):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((HOST, port))
            except OSError:
                continue
        yield port


def _share() -> int:
    """Which share is this process's: pytest-xdist numbers the processes that it runs tests in."""
    number = re.search(r"\d+$", os.environ.get("PYTEST_XDIST_WORKER", ""))
    return int(number[0]) % SHARES if number else 0


_ports = _free_ports(_share())
