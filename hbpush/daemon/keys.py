"""The key of those who publish: an option, or a file that holds it; and whether a request carries it."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

from hbpush.daemon.options import shown
from hbpush.errors import ConfigError
from hbpush.web.exchange import Exchange, HeaderLines

LARGEST_FILE = 4096
CHALLENGE: HeaderLines = b"WWW-Authenticate: Bearer\r\n"
OPEN_TO_ALL = "whoever reaches this server may publish here; set key or key_file, or listen on a loopback address"
"""What an operator should read at start where there is no key."""

Key = Annotated[
    str, msgspec.Meta(description="what a request has to carry as Bearer token or X-Api-Key; empty for nothing", extra={"secret": True})
]
KeyFile = Annotated[str, msgspec.Meta(description="file that holds the key")]


class Keyed(Protocol):
    """Settings with these two options."""

    @property
    def key(self) -> str: ...

    @property
    def key_file(self) -> str: ...


def read(settings: Keyed) -> bytes | None:
    """The key, None for none. Raises ConfigError, its path ``key`` or ``key_file``."""
    if settings.key and settings.key_file:
        raise ConfigError("is set, and so is key; set one of them", "key_file")
    text, option = settings.key, "key"
    if settings.key_file:
        option = "key_file"
        text = _read_file(settings.key_file)
    if not text:
        return None
    if not text.isprintable() or text != text.strip():
        raise ConfigError("holds a key that no header can carry; must be printable text without blanks at its ends", option)
    return text.encode()


def admits(exchange: Exchange, key: bytes) -> bool:
    """Whether a request carries the key."""
    scheme, _, token = (exchange.header(b"authorization") or b"").partition(b" ")
    if scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), key):
        return True
    return hmac.compare_digest((exchange.header(b"x-api-key") or b"").strip(), key)


def _read_file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            held = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"is {shown(name)}, which cannot be read: {reason}", "key_file") from None
    try:
        text = held.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(held) > LARGEST_FILE:
        raise ConfigError(f"is {shown(name)}, which holds no key of up to {LARGEST_FILE} bytes of text", "key_file")
    return text
