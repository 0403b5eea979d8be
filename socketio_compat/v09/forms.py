"""The bodies of requests and answers: handshake, polls, posts, scripts (Socket.IO 0.7 specification 2, 7). Pure.

Answers in scripts take a payload as text, ``payload.encode_payload(packets).decode()``, and an index that `hbpush.web.jsonp.index` let
pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from hbpush.core import jsontext
from hbpush.errors import ProtocolError
from hbpush.web import jsonp

TEXT = b"text/plain; charset=UTF-8"
HANDSHAKE_SCRIPT = b"application/javascript; charset=UTF-8"
POLL_SCRIPT = b"text/javascript; charset=UTF-8"
PAGE = b"text/html; charset=UTF-8"

HTMLFILE_PREAMBLE = jsonp.htmlfile_preamble("<html><body><script>var _ = function (msg) { parent.s._(msg, document); };</script>")


def handshake(sid: str, heartbeat: int | None, close: int | None, transports: Sequence[str]) -> str:
    """The answer to a handshake: ``sid:heartbeat:close:transport,transport``. The time-outs are whole seconds, None for none."""
    return f"{sid}:{'' if heartbeat is None else heartbeat}:{'' if close is None else close}:{','.join(transports)}"


def jsonp_handshake(index: str, body: str) -> bytes:
    """An answer to a handshake, for a client that asked for it as a script."""
    return jsonp.jsonp_call(f"io.j[{index}]", body)


def jsonp_refusal(index: str, reason: str) -> bytes:
    """The refusal of such a handshake; its status is 200, else the script would not run."""
    return jsonp.jsonp_error(f"io.j[{index}]", reason)


def jsonp_body(index: str | None, payload: str) -> bytes:
    """The answer to a jsonp poll."""
    return jsonp.jsonp_call(f"io.j[{index or '0'}]", payload)


def htmlfile_chunk(payload: str) -> bytes:
    """What an htmlfile stream sends at a time."""
    return jsonp.htmlfile_chunk("_", payload)


def xhr_post(body: bytes) -> bytes:
    """The payload that was posted by xhr-polling or htmlfile: the body, without the ``data=`` that some clients put before it."""
    return body.removeprefix(b"data=")


def jsonp_post(body: bytes) -> str:
    """The payload that was posted by jsonp-polling: field ``d`` of a form.

    A value that begins with a quotation mark is a JSON string. Any other is the payload itself, from the client 0.7: browsers made CRLF
    of its newlines after the lengths had been counted, so they become LF again. Raises ProtocolError, 403 without the field.
    """
    for field in body.split(b"&"):
        name, _, value = field.partition(b"=")
        if name == b"d":
            break
    else:
        raise ProtocolError("no field d in the form", 403)
    try:
        text = unquote_to_bytes(value.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise ProtocolError("not UTF-8") from None
    if not text.startswith('"'):
        return text.replace("\r\n", "\n")
    payload = jsontext.decode(text)
    if not isinstance(payload, str):
        raise ProtocolError("not JSON")
    return payload
