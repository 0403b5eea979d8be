"""The transports of Socket.IO 0.6 on every host: what is served, byte by byte (specification 2, 3, 4, 6, 11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hbpush.session.transport import End
from socketio_compat.v06 import codec
from tests.support.hosts import Client, request
from tests.support.socketio06 import Echoer, Site, stream, streamed, wire
from tests.support.websocket import BINARY, CLOSE, Peer
from tests.support.websocket import request as upgrade

ORIGIN = "Origin: http://page.example:8080"
TEXT = b"text/plain; charset=UTF-8"
EMOJI = ['~j~{"a":"😀"}', "astral 😀 tail", "after"]


@pytest.mark.parametrize("transport", ["websocket", "flashsocket"])
async def test_websocket_transcript(site: Site, transport: str) -> None:
    await site.echo()
    socket = await site.websocket(transport)
    assert len(socket.id) == 32
    assert socket.id.isalnum()
    for sent, replies in (
        (["hello"], ["hello"]),
        (['~j~{"a": "b"}'], ['~j~{"a":"b"}']),
        (["привет", "second"], ["привет", "second"]),
        (["😀", "after astral"], ["😀", "after astral"]),
        (["multi"], ["m1", '~j~{"n":2}', "m3"]),
        ([""], [""]),
        (["~m~1~m~x"], ["~m~1~m~x"]),
        (["~j~[1,null]"], ["~j~1"]),
        (["line1\nline2\r\n"], ["line1\nline2\r\n"]),
        (["~h~1", "counted by nobody"], ["counted by nobody"]),
    ):
        socket.say(*sent)
        assert await socket.heard() == replies
    assert site.application.openings[0].path.transport == transport
    socket.send(CLOSE, b"")
    assert await socket.read_close() == 1005
    await socket.leave()
    await site.until(lambda: site.application.ends() == [End.LEFT])
    assert (len(site.server.registry), site.server.connections) == (0, 0)


async def test_what_a_socket_ignores(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    for rubbish in ("", "garbage", "~m~", "~m~3", "~m~99~m~short", "~m~x~m~abc", stream("~j~{"), stream("~j~")):
        socket.send(1, rubbish.encode())
    await socket.quiet()
    socket.send(1, (stream("good") + "TRAIL").encode())
    assert await socket.heard() == ["good"]
    socket.send(BINARY, stream("as text", "\ufffd").encode())
    assert await socket.heard() == ["as text", "\ufffd"]
    socket.send(BINARY, b"\xff\xfe")
    await socket.quiet()
    refused = site.host.counters.counts
    assert (refused["malformed_payload"], refused["malformed_packet"]) == (7, 2)


async def test_no_websocket(site: Site) -> None:
    await site.echo()
    for name in ("websocket", "flashsocket"):
        assert (await site.ask("GET", f"/socket.io/{name}")).status == 400
        assert (await site.ask("GET", f"/socket.io/{name}/")).status == 400
        assert (await site.ask("POST", f"/socket.io/{name}")).status == 405
    answer = await site.host.ask(upgrade(path=b"/socket.io/websocket", sec_websocket_version=b"8"))
    assert answer.status == 426
    assert (site.application.openings, len(site.server.registry)) == ([], 0)


async def test_polling_transcript(site: Site) -> None:
    """As Node's server was recorded, with what it lost."""
    await site.echo()
    first = await site.ask("GET", "/socket.io/xhr-polling//1300000000000")
    [sid] = streamed(first)
    assert (first.status, len(sid), first.headers[b"content-type"]) == (200, 32, TEXT)
    assert first.headers[b"cache-control"] == b"no-store"
    assert first.headers[b"content-length"] == b"40"
    assert b"etag" not in first.headers
    assert b"access-control-allow-origin" not in first.headers
    client = await site.hold(sid)
    posted = await site.post(sid, "hello")
    assert (posted.status, posted.body, posted.headers[b"content-type"]) == (200, b"ok", TEXT)
    assert (await client.answer()).body == b"~m~5~m~hello"
    batch = ["one", '~j~{"a":1,"b":"д"}', "привет", "😀", "last"]
    await site.post(sid, *batch)
    assert streamed(await site.poll(sid)) == ["one", '~j~{"a":1,"b":"\\u0434"}', "привет", "😀", "last"]
    idle = await site.hold(sid)
    site.clock.advance(19)
    assert not client.reader.at_eof()
    site.clock.advance(2)
    answer = await idle.answer()
    assert (answer.status, answer.body, answer.headers[b"content-length"]) == (200, b"", b"0")
    await site.post(sid, "multi", "last")
    assert streamed(await site.poll(sid)) == ["m1", '~j~{"n":2}', "m3", "last"]


async def test_posts_of_every_kind(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    bodies = {
        b"data=~m~3~m~xdr": "xdr",
        b"data=%7Em%7E3%7Em%7Ea+b": "a b",
        b"data=~m~3~m~a%2Bb": "a+b",
        b"data=~m~2~m~%0D%0A": "\r\n",
        b"data=~m~2~m~%F0%9F%98%80": "😀",
        b"data=~m~2~m~okTRAILING": "ok",
    }
    for body, heard in bodies.items():
        # Without a Content-Type, as IE's XDomainRequest posts.
        assert (await site.ask("POST", f"/socket.io/xhr-polling/{sid}/send", body=body)).body == b"ok"
        assert streamed(await site.poll(sid)) == [heard]


async def test_emoji_batches_on_every_polling_transport(site: Site) -> None:
    await site.echo()
    for transport in ("xhr-polling", "jsonp-polling"):
        if transport == "xhr-polling":
            sid = await site.connect()
        else:
            sid = script(await site.ask("GET", "/socket.io/jsonp-polling//1/0"))[0]
        assert (await site.post(sid, *EMOJI, transport=transport)).body == b"ok"
        answer = await site.poll(sid, transport)
        heard = streamed(answer) if transport == "xhr-polling" else script(answer)
        assert heard == ['~j~{"a":"\\ud83d\\ude00"}', *EMOJI[1:]]


@pytest.mark.parametrize(
    "body",
    [b"", b"nodata=1", b"data=garbage", b"data=~m~3~m~ab", b"data=~m~99~m~short", b"data=~m~x~m~abc", b"data=~m~-1~m~a", b"data=%FF"],
)
async def test_posts_that_hold_no_frame(site: Site, body: bytes) -> None:
    await site.echo()
    sid = await site.connect()
    answer = await site.ask("POST", f"/socket.io/xhr-polling/{sid}/send", ORIGIN, body=body)
    assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (400, b"http://page.example:8080")
    await site.post(sid, "after")
    assert streamed(await site.poll(sid)) == ["after"]
    assert site.application.log == ["opened", "after"]


async def test_posts_without_messages(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    for body in (b"data=~m~4~m~~h~1", b"data=~m~4~m~~j~%7B"):
        assert (await site.ask("POST", f"/socket.io/xhr-polling/{sid}/send", body=body)).body == b"ok"
    assert site.application.log == ["opened"]
    assert site.host.counters.counts["malformed_packet"] == 1


async def test_newest_poll_wins(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    old = await site.hold(sid)
    new = await site.hold(sid)
    assert await old.is_over()
    await site.post(sid, "for the newest")
    assert streamed(await new.answer()) == ["for the newest"]
    assert site.server.connections == 0


async def test_poll_whose_client_left(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    client = await site.hold(sid)
    client.leave()
    session = site.server.registry.get(sid)
    assert session is not None
    await site.until(lambda: session.transport is None)
    await site.post(sid, "kept")
    assert streamed(await site.poll(sid)) == ["kept"]


def script(answer: Any, index: int = 0) -> list[str]:
    """The bodies in an answer that is a script."""
    text = answer.body.decode("ascii")
    head, tail = f"io.JSONP[{index}]._(", ");"
    assert text.startswith(head)
    assert text.endswith(tail)
    bodies, fault = codec.decode_stream(json.loads(text[len(head) : -len(tail)]))
    assert fault is None
    return bodies


async def test_jsonp_polling(site: Site) -> None:
    await site.echo()
    first = await site.ask("GET", "/socket.io/jsonp-polling//1300000000000/7")
    [sid] = script(first, 7)
    assert first.headers[b"content-type"] == b"text/javascript; charset=UTF-8"
    assert first.headers[b"content-length"] == str(len(first.body)).encode()
    held = await site.hold(sid, "jsonp-polling", index=7)
    posted = await site.post(sid, 'jp "q" \u2028 </script> 😀', transport="jsonp-polling")
    assert (posted.status, posted.body, posted.headers[b"content-type"]) == (200, b"ok", TEXT)
    answer = await held.answer()
    assert script(answer, 7) == ['jp "q" \u2028 </script> 😀']
    assert b"</script>" not in answer.body
    idle = await site.hold(sid, "jsonp-polling")
    site.clock.advance(21)
    answer = await idle.answer()
    assert (answer.status, answer.body) == (200, b'io.JSONP[0]._("");')


async def test_newlines_that_browsers_change(site: Site) -> None:
    await site.echo()
    [sid] = script(await site.ask("GET", "/socket.io/jsonp-polling//1/0"))
    # The helper posts CRLF for each LF, as a textarea does; the lengths are those of LF.
    await site.post(sid, "line1\nline2", "\n\n", "end", transport="jsonp-polling")
    assert script(await site.poll(sid, "jsonp-polling")) == ["line1\nline2", "\n\n", "end"]


@pytest.mark.parametrize(
    ("tail", "index"),
    [
        ("/1300000000000/3", b"3"),
        ("/1300000000000/alert(1)", b"1300000000000"),
        ("/x/y", b"0"),
        ("/1/12345678901234567890", b"1"),
        ("", b"0"),
    ],
)
async def test_only_digits_are_echoed(site: Site, tail: str, index: bytes) -> None:
    await site.echo()
    answer = await site.ask("GET", f"/socket.io/jsonp-polling/{tail}")
    assert answer.body.startswith(b"io.JSONP[%b]._(" % index)


async def test_multipart(site: Site) -> None:
    await site.echo()
    client = await site.open_stream("xhr-multipart", ORIGIN)
    assert site.headers[b"content-type"] == b'multipart/x-mixed-replace;boundary="socketio"'
    assert site.headers[b"connection"] == b"keep-alive"
    assert site.headers[b"transfer-encoding"] == b"chunked"
    assert site.headers[b"access-control-allow-origin"] == b"http://page.example:8080"
    assert await client.chunk() == b"--socketio\n"
    [sid] = part(await client.chunk())
    assert (await site.post(sid, "hi д", transport="xhr-multipart")).body == b"ok"
    assert await client.chunk() == "Content-Type: text/plain; charset=UTF-8\n\n~m~4~m~hi д\n--socketio\n".encode()
    await site.post(sid, "multi", transport="xhr-multipart")
    assert part(await client.chunk()) == ["m1", '~j~{"n":2}', "m3"]
    await site.post(sid, *EMOJI, transport="xhr-multipart")
    assert part(await client.chunk()) == ['~j~{"a":"\\ud83d\\ude00"}', *EMOJI[1:]]
    await site.post(sid, "close", transport="xhr-multipart")
    assert await client.chunk() == b""
    assert await client.reader.read() == b""
    assert site.application.ends() == [End.APPLICATION]


def part(chunk: bytes) -> list[str]:
    """The bodies in one part of a multipart stream."""
    head, tail = b"Content-Type: text/plain; charset=UTF-8\n\n", b"\n--socketio\n"
    assert chunk.startswith(head)
    assert chunk.endswith(tail)
    bodies, fault = codec.decode_stream(chunk[len(head) : -len(tail)])
    assert fault is None
    return bodies


async def test_htmlfile(site: Site) -> None:
    await site.echo()
    client = await site.open_stream("htmlfile")
    assert site.headers[b"content-type"] == b"text/html; charset=UTF-8"
    preamble = await client.chunk()
    assert preamble.rstrip() == b"<html><body>"
    assert len(preamble) >= 256
    sid = await first_script(client)
    assert (await site.post(sid, 'a</script>"b" д', transport="htmlfile")).body == b"ok"
    assert await client.chunk() == b'<script>parent.s._("~m~15~m~a<\\/script>\\"b\\" \\u0434", document);</script>'
    await site.post(sid, *EMOJI, transport="htmlfile")
    chunk = (await client.chunk()).decode("ascii")
    text = json.loads(chunk.removeprefix("<script>parent.s._(").removesuffix(", document);</script>"))
    assert codec.decode_stream(text) == (['~j~{"a":"\\ud83d\\ude00"}', *EMOJI[1:]], None)
    await site.post(sid, "close", transport="htmlfile")
    assert await client.chunk() == b""
    assert await client.reader.read() == b""


async def first_script(client: Client) -> str:
    chunk = (await client.chunk()).decode("ascii")
    text = json.loads(chunk.removeprefix("<script>parent.s._(").removesuffix(", document);</script>"))
    [[sid], fault] = codec.decode_stream(text)
    assert fault is None
    return sid


@pytest.mark.parametrize(("transport", "start"), [("htmlfile", b"<html><body>"), ("xhr-multipart", b"--socketio\n")])
async def test_streams_on_http_10(site: Site, transport: str, start: bytes) -> None:
    await site.echo()
    client = await site.host.connect()
    await client.send(request(b"GET", f"/socket.io/{transport}//1".encode(), version=b"1.0"))
    await site.until(lambda: site.server.connections)
    site.server.close(End.SHUTDOWN)
    rest = await client.rest()
    head, _, body = rest.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert b"keep-alive" not in head.lower()
    assert body.startswith(start)
    assert b"~m~32~m~" in body


async def test_a_stream_may_be_picked_up_again(site: Site) -> None:
    await site.echo()
    client = await site.open_stream("htmlfile")
    await client.chunk()
    sid = await first_script(client)
    client.leave()
    session = site.server.registry.get(sid)
    assert session is not None
    await site.until(lambda: session.transport is None)
    await site.post(sid, "kept", transport="htmlfile")
    assert streamed(await site.poll(sid)) == ["kept"]
    assert site.application.ends() == []


async def test_halves_of_surrogate_pairs(site: Site) -> None:
    await site.echo()

    def speak(handler: Echoer) -> None:
        handler.session.say(["half \ud83d", "\ude00", {"a": "\ud83d"}, "after"])

    site.application.opening = speak
    answer = await site.ask("GET", "/socket.io/xhr-polling//1")
    assert streamed(answer)[1:] == ["half \ufffd", "\ufffd", '~j~{"a":"\\ud83d"}', "after"]


async def test_requests_on_one_connection(site: Site) -> None:
    await site.echo()
    client = await site.host.connect()
    [sid] = streamed(await client.ask(wire("GET", "/socket.io/xhr-polling//1")))
    for number in range(3):
        body = b"data=" + stream(str(number)).encode()
        assert (await client.ask(wire("POST", f"/socket.io/xhr-polling/{sid}/send", body=body))).body == b"ok"
        assert streamed(await client.ask(wire("GET", f"/socket.io/xhr-polling/{sid}/{number}"))) == [str(number)]


async def test_a_peer_that_breaks_websockets(site: Site) -> None:
    await site.echo()
    socket: Peer = await site.websocket()
    socket.send(3, b"no such opcode")
    assert await socket.read_close() == 1002
    await socket.leave()
    await site.until(lambda: site.application.ends() == [End.LEFT])
