"""The bodies of requests and answers that carry a stream of frames: posts, scripts, parts (0.6 specification 4). Pure."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from hbpush.errors import ProtocolError
from hbpush.web import jsonp

TEXT = b"text/plain; charset=UTF-8"
SCRIPT = b"text/javascript; charset=UTF-8"
PAGE = b"text/html; charset=UTF-8"
PARTS = b'multipart/x-mixed-replace;boundary="socketio"'

MULTIPART_PREAMBLE = b"--socketio\n"
HTMLFILE_PREAMBLE = jsonp.htmlfile_preamble("<html><body>")


def part(stream: bytes) -> bytes:
    """What an xhr-multipart stream sends at a time. Its lines end in LF alone."""
    return b"Content-Type: text/plain; charset=UTF-8\n\n%b\n--socketio\n" % stream


def htmlfile_chunk(stream: bytes) -> bytes:
    """What an htmlfile page sends at a time."""
    return jsonp.htmlfile_chunk("parent.s._", stream.decode(), ", document")


def jsonp_body(index: str, stream: bytes) -> bytes:
    """The answer to a jsonp poll, with an index that `hbpush.web.jsonp.index` let pass."""
    return jsonp.jsonp_call(f"io.JSONP[{index}]._", stream.decode())


def posted(body: bytes, from_form: bool = False) -> str:
    """The stream that was posted: field ``data`` of a form, whatever Content-Type came with it.

    ``from_form`` is for jsonp-polling: there browsers made CRLF of newlines after the lengths had been counted, so they become LF again.
    Raises ProtocolError without the field.
    """
    for field in body.split(b"&"):
        name, _, value = field.partition(b"=")
        if name == b"data":
            break
    else:
        raise ProtocolError("no field data in the form")
    try:
        text = unquote_to_bytes(value.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise ProtocolError("not UTF-8") from None
    return text.replace("\r\n", "\n") if from_form else text
