"""What queries and posted forms say. Pure."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes


def argument(query: bytes, name: bytes) -> bytes | None:
    """The first value of a field in a query, decoded; None when it is not there."""
    if name not in query:
        return None
    for field in query.split(b"&"):
        key, _, value = field.partition(b"=")
        if key == name:
            return unquote_to_bytes(value.replace(b"+", b" "))
    return None
