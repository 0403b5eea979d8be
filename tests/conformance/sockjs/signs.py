"""What the protocol's suite looks for in every answer, and the services that it asks."""

from __future__ import annotations

from typing import Any

from tests.conformance.sockjs.services import routers
from tests.support.hosts import Answer
from tests.support.sockjs import SockSite

GO_AWAY = 'c[3000,"Go away!"]'
OPEN_ALREADY = 'c[2010,"Another connection still open"]'

STREAMS = {
    "xhr_streaming": ("application/javascript; charset=UTF-8", "h" * 2048 + "\n", "{}\n"),
    "eventsource": ("text/event-stream", "\r\n", "data: {}\r\n\r\n"),
    "htmlfile?c=%63allback": ("text/html; charset=UTF-8", None, "<script>\np({});\n</script>\r\n"),
}
"""Content type, prelude (None for a long one) and form of a frame."""


async def serve(site: SockSite) -> None:
    served = list(routers("http://localhost:8080/lib/sockjs.js", site.clock).values())
    await site.mount_all([*served[1:], served[0]])


def header(answer: Any, name: str) -> str | None:
    value = answer.headers.get(name.encode())
    return None if value is None else value.decode()


def is_not_cached(answer: Any) -> None:
    assert header(answer, "cache-control") == "no-store, no-cache, no-transform, must-revalidate, max-age=0"
    assert header(answer, "expires") is header(answer, "last-modified") is header(answer, "etag") is None


def is_cached(answer: Answer) -> None:
    assert header(answer, "cache-control") == "public, max-age=31536000"
    assert (header(answer, "expires") or "").endswith("GMT")


def may_be_read(answer: Any, origin: str | None = "http://test") -> None:
    assert header(answer, "access-control-allow-origin") == (origin or "*")
    assert header(answer, "access-control-allow-credentials") == ("true" if origin else None)
    assert header(answer, "vary") == "Origin"


def is_not_allowed(answer: Answer, methods: str) -> None:
    assert (answer.status, answer.body, header(answer, "allow")) == (405, b"", methods)
    assert header(answer, "content-type") is None
