"""Text inside scripts: what JSONP and htmlfile transports answer with, for every protocol that has them. Pure.

A JSON text is not yet a safe script: ``</script>`` in it ends an inline one, ``<!--`` may hide that end from the parser, and old engines
take U+2028 and U+2029 for line ends. Functions that a client names are checked here too, for whoever names one writes code.
"""

from __future__ import annotations

import re

from hbpush.core import jsontext

PREAMBLE_BYTES = 257
"""What a browser wants to have before it begins to run an htmlfile page: more than 256 bytes (Socket.IO)."""
_INDEX = re.compile(r"[0-9]{1,16}")
_CALLBACK = re.compile(r"[a-zA-Z0-9_.-]{1,128}")


def index(value: str | None) -> str | None:
    """The digits of a callback's index in a list that the client keeps (``io.j[N]``); None for anything that is not digits alone."""
    return value if value is not None and _INDEX.fullmatch(value) else None


def is_callback(name: str, longest: int = 128) -> bool:
    """Whether a decoded value may be called: letters, digits, ``-``, ``_`` and dots alone, at most ``longest`` of them, up to 128."""
    return len(name) <= longest and _CALLBACK.fullmatch(name) is not None


def script_string(text: str) -> str:
    """A text as a string literal for a script, in ASCII: JSON in which ``</`` and ``<!`` cannot be read."""
    literal = jsontext.quote(text)
    if "<" in literal:
        literal = literal.replace("</", "<\\/").replace("<!", "\\u003c!")
    return literal


def inline_string(text: str) -> str:
    """As `script_string`, for a script inside a page: no slash stands bare, so that nothing in it ends an element."""
    return jsontext.quote(text).replace("/", "\\/").replace("<!", "\\u003c!")


def jsonp_call(function: str, text: str) -> bytes:
    """A body that calls a function with a text: ``io.j[0]("...");``. The function has been checked: `index`, `is_callback`."""
    return f"{function}({script_string(text)});".encode()


def jsonp_error(function: str, text: str) -> bytes:
    """A body that calls a function with an Error."""
    return f"{function}(new Error({script_string(text)}));".encode()


def htmlfile_preamble(page: str, size: int = PREAMBLE_BYTES) -> bytes:
    """The head of a page whose scripts come one by one, filled up with blanks to ``size`` bytes."""
    return page.encode().ljust(size)


def htmlfile_chunk(function: str, text: str, more: str = "") -> bytes:
    """One script of such a page: calls a function with a text, and with ``more`` as it is (``, document``)."""
    return f"<script>{function}({inline_string(text)}{more});</script>".encode()
