"""Who may use the console.

With a key it is whoever has it. Without one it is who sits at this machine, and a page of another site that such a person has open is
not: the host that the request names has to be this machine, lest a name that somebody made lead here, and what publishes has to be of a
type that no page sends to another site unasked.
"""

from __future__ import annotations

from hbpush.core.counters import Counters
from hbpush.daemon import keys
from hbpush.daemon.addresses import is_loopback
from hbpush.web.answers import Head, line, not_allowed
from hbpush.web.exchange import Endpoint, Exchange

KEY_NEEDED = "this console needs its key: Authorization: Bearer, or X-Api-Key"
LOCAL_ONLY = "this console has no key and is for its own machine alone: open it as 127.0.0.1 or localhost, or set key"


class Guard:
    """What stands in front of the endpoints of one console."""

    def __init__(self, key: bytes | None, counters: Counters) -> None:
        self._key = key
        self._counters = counters

    def locally(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, for whoever may see the page, be it to enter the key."""

        def guarded(exchange: Exchange) -> None:
            if self._key is None and not names_this_machine(exchange):
                self._refuse(exchange)
            else:
                endpoint(exchange)

        return guarded

    def asked(self, method: bytes, endpoint: Endpoint) -> Endpoint:
        """The endpoint, for requests of that method of who may use the console."""
        allow = b"%b, OPTIONS" % method
        options, wrong = Head(200, b"Allow: %b\r\n" % allow), not_allowed(allow)

        def guarded(exchange: Exchange) -> None:
            if exchange.method != method:
                exchange.respond((options if exchange.method == b"OPTIONS" else wrong).wire())
            elif self._key is not None and not keys.admits(exchange, self._key):
                self._counters.refuse("bad_key", "a console without the key")
                exchange.respond(line(401, KEY_NEEDED, keys.CHALLENGE))
            elif self._key is None and not names_this_machine(exchange):
                self._refuse(exchange)
            elif method == b"POST" and (exchange.header(b"content-type") or b"").partition(b";")[0].strip().lower() != b"application/json":
                exchange.respond(line(415, "what is published is application/json"))
            else:
                endpoint(exchange)

        return guarded

    def _refuse(self, exchange: Exchange) -> None:
        self._counters.refuse("bad_origin", "a console without a key, asked for under another name than this machine's")
        exchange.respond(line(403, LOCAL_ONLY))


def names_this_machine(exchange: Exchange) -> bool:
    """Whether the host that a request is for is a loopback address or localhost, and no proxy says that it passes it on.

    Host is what a client says. A proxy on this machine hands it on, or puts the name that it has for the server in its place.
    """
    if exchange.header(b"x-forwarded-for") is not None or exchange.header(b"forwarded") is not None:
        return False
    host = (exchange.header(b"host") or b"").decode("latin-1").strip().lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name)
