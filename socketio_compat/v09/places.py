"""The URLs of Socket.IO 0.7-0.9 as routes (specification 1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from hbpush.errors import ProtocolError
from hbpush.web.exchange import Endpoint
from hbpush.web.routes import Exact, Prefix, Regex, Route
from socketio_compat.v09.settings import names_of


class Places(NamedTuple):
    """The endpoints of a server. The args of all but ``handshake`` are a session id."""

    handshake: Endpoint
    transport: Callable[[str], Endpoint]
    """The endpoint of a transport."""
    other: Endpoint
    """The rest below the version, which may be a goodbye."""


def grouped_routes(resource: str, transports: tuple[str, ...], places: Places, max_body: int) -> list[list[Route]]:
    """The routes of a server: those of the handshake, those of each transport, and the rest."""
    base = f"/{resource}/1"
    handshake = [Route(Exact(f"{base}/"), places.handshake, _nothing, max_body), Route(Exact(base), places.handshake, _nothing, max_body)]
    carriers = [
        [Route(Prefix(f"{base}/{name}/"), places.transport(name), session_id, max_body) for name in names_of(offered, transports)]
        for offered in transports
    ]
    rest = [
        Route(Prefix(f"{base}/"), places.other, _last_segment, max_body),
        Route(Regex(rf"/{re.escape(resource)}/([0-9]+)(?:/.*)?"), places.other, _version, max_body),
    ]
    return [handshake, *carriers, rest]


def session_id(name: bytes) -> str:
    """A session id from the end of a path, which may have a slash behind it. Raises ProtocolError, 404."""
    sid = name.removesuffix(b"/")
    if not sid or b"/" in sid or not sid.isascii():
        raise ProtocolError("no session id", 404)
    return sid.decode()


def _nothing(_: bytes) -> None:
    return None


def _last_segment(name: bytes) -> str:
    return session_id(name.removesuffix(b"/").rpartition(b"/")[2])


def _version(name: bytes) -> str:
    if name != b"1":
        raise ProtocolError("Protocol version not supported", 503)
    raise ProtocolError("not found", 404)
