"""Who has come, by the names of sockjs-tornado: read when it is asked for, as few applications do."""

from __future__ import annotations

from functools import cached_property

from tornado.escape import parse_qs_bytes
from tornado.httputil import HTTPHeaders, parse_cookie

from sethpusher.sockjs.contract import Opening


class Text(str):
    """A text that also answers to what sockjs-tornado gave in its place: Morsels with a ``value``, and bytes."""

    __slots__ = ()

    @property
    def value(self) -> str:
        return str(self)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Itself."""
        return str(self)


class ConnectionInfo:
    """The address, and what the first request brought. ``path`` is without the query."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self.ip = opening.ip

    @property
    def path(self) -> str:
        return self._opening.target.partition(b"?")[0].decode("latin-1")

    @property
    def secure(self) -> bool:
        """Whether the client came by TLS."""
        return self._opening.secure

    @cached_property
    def arguments(self) -> dict[str, list[Text]]:
        """The query: name -> values."""
        parsed = parse_qs_bytes(self._opening.target.partition(b"?")[2], keep_blank_values=True)
        return {_text(name.encode("latin-1")): [Text(_text(value)) for value in values] for name, values in parsed.items()}

    @cached_property
    def cookies(self) -> dict[str, Text]:
        """Name -> value."""
        header = self.headers.get("Cookie")
        return {} if header is None else {name: Text(value) for name, value in parse_cookie(header).items()}

    @cached_property
    def headers(self) -> HTTPHeaders:
        found = HTTPHeaders()
        for line in self._opening.headers.decode("latin-1").split("\r\n")[:-1]:
            name, _, value = line.partition(": ")
            found.add(name, value)
        return found

    def get_argument(self, name: str, default: str | None = None) -> str | None:
        """The first value of an argument, else ``default``."""
        values = self.arguments.get(name)
        return values[0] if values else default

    def get_cookie(self, name: str, default: str | None = None) -> str | None:
        """The value of a cookie, else ``default``."""
        return self.cookies.get(name, default)

    def get_header(self, name: str, default: str | None = None) -> str | None:
        """A header, else ``default``."""
        return self.headers.get(name, default)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
