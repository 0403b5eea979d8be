"""The files of the page, read once, and with what headers they go out.

A browser is to run nothing but them, whatever a message or an id has in it: the page has no script of its own inside, and puts every
text in as text.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from hbpush.web.answers import Head, not_allowed
from hbpush.web.exchange import Endpoint, Exchange

METHODS = b"GET, HEAD, OPTIONS"
OPTIONS = Head(200, b"Allow: %b\r\n" % METHODS)
NOT_ALLOWED = not_allowed(METHODS)

POLICY = b"; ".join(
    (
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self'",
        b"connect-src 'self'",
        b"base-uri 'none'",
        b"form-action 'none'",
        b"frame-ancestors 'none'",
        b"require-trusted-types-for 'script'",
    )
)
"""The Content-Security-Policy of all of them."""

_SAFE = (
    b"Content-Security-Policy: %b\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
    b"Referrer-Policy: no-referrer\r\nCache-Control: no-cache\r\n"
) % POLICY

_MEDIA = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}

NAMES = (
    "index.html", "page.css", "icon.svg",
    "main.js", "ask.js", "channels.js", "plot.js", "subscriptions.js", "polls.js", "sockets.js", "streams.js",
)  # fmt: skip
"""The files. What is in the folder and not here is served to nobody."""


def endpoint(name: str) -> Endpoint:
    """What answers with one of the files."""
    head = Head(200, b"Content-Type: %b\r\n%b" % (_MEDIA[name.rpartition(".")[2]], _SAFE))

    def answer(exchange: Exchange) -> None:
        if exchange.method in (b"GET", b"HEAD"):
            exchange.respond(head.wire(_body(name)))
        else:
            exchange.respond((OPTIONS if exchange.method == b"OPTIONS" else NOT_ALLOWED).wire())

    return answer


@cache
def _body(name: str) -> bytes:
    return (resources.files("hbpush.console") / "page" / name).read_bytes()
