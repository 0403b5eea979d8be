"""The URLs of a SockJS server as routes (SockJS specification 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from hbpush.web.exchange import Endpoint
from hbpush.web.routes import Exact, Regex, Route
from sethpusher.sockjs.settings import JSONP, Settings


class Places(NamedTuple):
    """The endpoints of a server: None for what there is not, ``sessions`` by the last segment of their paths, their args a session id."""

    greeting: Endpoint
    info: Endpoint
    iframe: Endpoint | None
    websocket: Endpoint | None
    sessions: Mapping[str, Endpoint]


def session_places(settings: Settings) -> tuple[str, ...]:
    """The names of what there is below a session's."""
    served = settings.served
    return ("xhr_send", *served, *(("jsonp_send",) if JSONP in served else ()))


def routes(prefix: str, places: Places, max_body: int) -> list[Route]:
    """The routes below ``prefix``, which is empty or begins with a slash."""
    base = re.escape(quote(prefix, safe="/%:@!$&'()*+,;=~", errors="surrogateescape"))
    found = [
        Route(Exact(f"{prefix}/info"), places.info, _nothing, max_body),
        Route(Exact(f"{prefix}/"), places.greeting, _nothing, max_body),
    ]
    if prefix:
        found.append(Route(Exact(prefix), places.greeting, _nothing, max_body))
    if places.iframe is not None:
        found.append(Route(Regex(rf"{base}/(iframe[0-9-.a-z_]*\.html)"), places.iframe, _nothing, max_body))
    if places.websocket is not None:
        found.append(Route(Exact(f"{prefix}/websocket"), places.websocket, _nothing, max_body))
    for name, endpoint in places.sessions.items():
        # The first of the two is for balancers; the second alone is the session's name.
        found.append(Route(Regex(rf"{base}/[^/.]+/([^/.]+)/{name}"), endpoint, _session_id, max_body))
    return found


def _nothing(_: bytes) -> None:
    return None


def _session_id(name: bytes) -> str:
    return name.decode("latin-1")
