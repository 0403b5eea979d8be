"""Bodies of handshakes, polls, posts and scripts (Socket.IO 0.7 specification 2, 7)."""

from __future__ import annotations

from typing import Any

import pytest

from hbpush.errors import ProtocolError
from hbpush.web import jsonp
from socketio_compat.v09 import codec
from tests.unit.socketio_compat.vectors import SIO07

JSONP: dict[str, Any] = SIO07["jsonp"]
HTMLFILE: dict[str, Any] = SIO07["htmlfile"]


def test_handshakes() -> None:
    body = codec.handshake("d644", 17, 25, ["websocket", "flashsocket", "xhr-polling"])
    assert body == "d644:17:25:websocket,flashsocket,xhr-polling"
    assert codec.handshake("d644", None, None, ["xhr-polling"]) == "d644:::xhr-polling"


def test_handshakes_in_scripts() -> None:
    body = codec.handshake("<sid>", 60, 60, ["websocket", "xhr-polling"])
    assert codec.jsonp_handshake("0", body).decode() == JSONP["handshake_ok"]["body"]
    assert codec.jsonp_refusal("2", "handshake unauthorized").decode() == JSONP["handshake_denied"]["body"]
    assert codec.jsonp_refusal("2", '"</script>') == b'io.j[2](new Error("\\"<\\/script>"));'


@pytest.mark.parametrize("vector", JSONP["get_body"], ids=lambda vector: ascii(vector["payload"]))
def test_polls_in_scripts(vector: dict[str, Any]) -> None:
    body = codec.jsonp_body(jsonp.index(vector["i"]), vector["payload"])
    assert body.decode() == vector.get("body", vector.get("body_expected"))


@pytest.mark.parametrize("vector", JSONP["post_body"], ids=lambda vector: vector["body"])
def test_posted_forms(vector: dict[str, Any]) -> None:
    body = vector["body"].encode()
    if "payload" not in vector:
        with pytest.raises(ProtocolError) as caught:
            codec.jsonp_post(body)
        assert caught.value.status_hint == 403
        return
    for posted in (body, b"x=1&dd=2&" + body, body + b"&d=other&x"):
        assert codec.jsonp_post(posted) == vector["payload"]
    assert codec.decode_payload(codec.jsonp_post(body))[1] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 403), (b"D=1", 403), (b"d%3D1", 403), (b"d=%FF", 400), (b"d=%22", 400), (b"d=%22a%22b", 400), (b'd="\\ud800" x', 400)],
)
def test_forms_that_are_refused(body: bytes, status: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        codec.jsonp_post(body)
    assert caught.value.status_hint == status


def test_forms_at_the_edge() -> None:
    assert codec.jsonp_post(b"d=") == ""
    assert codec.jsonp_post(b"d") == ""
    assert codec.jsonp_post(b"d=a=b") == "a=b"
    assert codec.jsonp_post(b"d=3%3A%3A%3Aa\r\nb%0Ac%0D") == "3:::a\nb\nc\r"
    assert codec.jsonp_post(b"d=%22\\ud800%22") == "\ud800"


def test_posted_bodies() -> None:
    assert codec.xhr_post(b"data=3:::a+b%20") == b"3:::a+b%20"
    assert codec.xhr_post(b"3:::data=") == b"3:::data="
    assert codec.xhr_post(b"") == b""


def test_htmlfile() -> None:
    assert codec.HTMLFILE_PREAMBLE.decode().rstrip() == HTMLFILE["preamble"].rstrip()
    assert len(codec.HTMLFILE_PREAMBLE) > 256
    for vector in HTMLFILE["chunks"]:
        assert codec.htmlfile_chunk(vector["payload"]).decode() == vector["chunk"]
