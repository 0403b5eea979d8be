"""Who may use the console.

With a key it is whoever has it. Without one it is who sits at this machine, and a page of another site that such a person has open is
not: the host that the request names has to be this machine, lest a name that somebody made lead here, and what publishes has to be of a
type that no page sends to another site unasked.

Nor is it whoever comes by a proxy of this machine, as far as that can be seen: by a header that proxies add, or by HTTP/1.0, which nginx
speaks unless it is told otherwise, and browsers do not. It cannot be seen of a proxy that speaks HTTP/1.1, adds no header and names this
machine as the host, nor of what passes on connections and not requests: a tunnel, a forwarded port. Where there is one, the console
needs a key.
"""

from __future__ import annotations

from hbpush.core.counters import Counters
from hbpush.daemon import keys
from hbpush.daemon.addresses import is_loopback
from hbpush.web.answers import Head, line, not_allowed
from hbpush.web.exchange import Endpoint, Exchange

KEY_NEEDED = "this console needs its key: Authorization: Bearer, or X-Api-Key"
LOCAL_ONLY = "this console has no key and is for its own machine alone: open it as 127.0.0.1 or localhost, or set key"
PROXIED = "this console has no key and is for its own machine alone, and this request came by a proxy ({}): go without one, or set key"

_OF_PROXIES = (b"via", b"forwarded", b"x-real-ip")
_FORWARDED = b"x-forwarded-"
LONGEST_NAME = 64
"""Bytes of a header's name that are told."""


class Guard:
    """What stands in front of the endpoints of one console."""

    def __init__(self, key: bytes | None, counters: Counters) -> None:
        self._key = key
        self._counters = counters

    def locally(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, for whoever may see the page, be it to enter the key."""

        def guarded(exchange: Exchange) -> None:
            if self._key is not None or self._is_local(exchange):
                endpoint(exchange)

        return guarded

    def asked(self, method: bytes, endpoint: Endpoint) -> Endpoint:
        """The endpoint, for requests of that method of who may use the console."""
        allow = b"%b, OPTIONS" % method
        options, wrong = Head(200, b"Allow: %b\r\n" % allow), not_allowed(allow)

        def guarded(exchange: Exchange) -> None:
            if exchange.method != method:
                exchange.respond((options if exchange.method == b"OPTIONS" else wrong).wire())
            elif self._admits(exchange):
                if (
                    method == b"POST"
                    and (exchange.header(b"content-type") or b"").partition(b";")[0].strip().lower() != b"application/json"
                ):
                    exchange.respond(line(415, "what is published is application/json"))
                else:
                    endpoint(exchange)

        return guarded

    def _admits(self, exchange: Exchange) -> bool:
        """Whether who asks may use the console; if not, he is answered."""
        if self._key is None:
            return self._is_local(exchange)
        if keys.admits(exchange, self._key):
            return True
        self._counters.refuse("bad_key", "a console without the key")
        exchange.respond(line(401, KEY_NEEDED, keys.CHALLENGE))
        return False

    def _is_local(self, exchange: Exchange) -> bool:
        """Whether a request comes from this machine, as far as can be seen; if not, it is answered."""
        if way := proxied_by(exchange):
            self._counters.refuse("bad_origin", f"a console without a key, asked for by a proxy ({way})")
            exchange.respond(line(403, PROXIED.format(way)))
            return False
        if not names_this_machine(exchange):
            self._counters.refuse("bad_origin", "a console without a key, asked for under another name than this machine's")
            exchange.respond(line(403, LOCAL_ONLY))
            return False
        return True


def proxied_by(exchange: Exchange) -> str:
    """What shows that a proxy has passed a request on: the name of a header, or HTTP/1.0; empty for nothing."""
    for key, _ in exchange.headers:
        name = key.lower()
        if name in _OF_PROXIES or name.startswith(_FORWARDED):
            return key[:LONGEST_NAME].decode("latin-1")
    return "" if exchange.http11 else "HTTP/1.0"


def names_this_machine(exchange: Exchange) -> bool:
    """Whether the host that a request is for is a loopback address or localhost.

    Host is what a client says. A proxy on this machine hands it on, or puts the name that it has for the server in its place.
    """
    host = (exchange.header(b"host") or b"").decode("latin-1").strip().lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name)
