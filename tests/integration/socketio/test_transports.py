"""The transports of Socket.IO 0.7-0.9 on every host: what is served, and in which words (specification 1, 2, 6, 7)."""

from __future__ import annotations

import json

import pytest

from socketio_compat.v09 import codec
from tests.conftest import ExpectedLogs
from tests.support.hosts import Client, request
from tests.support.socketio import Site, wire
from tests.support.websocket import CLOSE
from tests.unit.socketio_compat.vectors import SIO07

ORIGIN = "Origin: http://page.example:8080"


async def test_handshake(site: Site) -> None:
    await site.echo()
    for method, path in (("GET", "/socket.io/1/?t=1"), ("POST", "/socket.io/1/"), ("GET", "/socket.io/1")):
        answer = await site.ask(method, path)
        sid, heartbeat, close, transports = answer.body.decode().split(":")
        assert (answer.status, len(sid), heartbeat, close) == (200, 32, "17", "25")
        assert transports == "websocket,xhr-polling,jsonp-polling,htmlfile"
        assert answer.headers[b"content-type"] == b"text/plain; charset=UTF-8"
        assert answer.headers[b"cache-control"] == b"no-store"
        assert b"etag" not in answer.headers
        assert b"access-control-allow-origin" not in answer.headers


async def test_handshake_as_script(site: Site) -> None:
    await site.echo()
    answer = await site.ask("GET", "/socket.io/1/?t=1&jsonp=3")
    assert answer.headers[b"content-type"] == b"application/javascript; charset=UTF-8"
    assert answer.body.startswith(b'io.j[3]("')
    assert answer.body.endswith(b':17:25:websocket,xhr-polling,jsonp-polling,htmlfile");')
    plain = await site.ask("GET", "/socket.io/1/?t=1&jsonp=alert(1)")
    assert plain.headers[b"content-type"] == b"text/plain; charset=UTF-8"


async def test_refused_handshake(site: Site) -> None:
    await site.echo()
    answer = await site.ask("GET", "/socket.io/1/?deny=1", ORIGIN)
    assert (answer.status, answer.body) == (401, b"handshake unauthorized")
    assert answer.headers[b"access-control-allow-origin"] == b"http://page.example:8080"
    script = await site.ask("GET", "/socket.io/1/?deny=1&jsonp=2")
    assert (script.status, script.body) == (200, b'io.j[2](new Error("handshake unauthorized"));')
    assert len(site.server.registry) == 0
    assert [entry for entry in site.application.log if entry[0] == "closed"] == []


NODE = {vector["case"]: vector for vector in SIO07["handshake_errors"] if vector.get("server") == "node 0.9"}


@pytest.mark.parametrize("case", ["authorization false", "authorization error", "origin refused"])
async def test_handshakes_are_refused_as_node_does(site: Site, expected_logs: ExpectedLogs, case: str) -> None:
    await site.echo(origins=("http://page.example:8080",), refusal_status=403)
    if case == "authorization error":
        expected_logs("a handshake failed")
        site.application.handler = None  # type: ignore[assignment, method-assign]
    vector = NODE[case]
    origin = "Origin: http://bad.example" if case == "origin refused" else ORIGIN
    answer = await site.ask("GET", "/socket.io/1/?deny=1", origin)
    assert (answer.status, answer.body.decode()) == (vector["status"], vector["body"])
    assert answer.headers[b"content-type"].startswith(b"text/plain")
    assert (b"access-control-allow-origin" in answer.headers) is vector["cors"]
    script = await site.ask("GET", "/socket.io/1/?deny=1&jsonp=2", origin)
    wanted = NODE["any of these with jsonp=2"]
    assert script.status == wanted["status"]
    assert script.headers[b"content-type"].startswith(wanted["content_type"].encode())
    assert script.body.decode() == wanted["body"].replace("handshake unauthorized", vector["body"])


async def test_too_many_sessions(site: Site) -> None:
    await site.echo(max_sessions=1)
    await site.shake()
    answer = await site.ask("GET", "/socket.io/1/")
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/socket.io/2/", 503),
        ("/socket.io/0/", 503),
        ("/socket.io/abc/", 404),
        ("/socket.io/", 404),
        ("/socket.io/1/unknown/1", 404),
        ("/socket.io/1/websocket/", 404),
        ("/socket.io/socket.io.js", 404),
        ("/socket.io/1/xhr-polling/nobody", 401),
        ("/socket.io/1/jsonp-polling/nobody?i=0", 401),
        ("/socket.io/1/htmlfile/nobody", 401),
        ("/socket.io/1/websocket/nobody", 400),
        ("/socket.io/1/xhr-polling/a/b", 404),
    ],
)
@pytest.mark.usefixtures("quiet_access_log")
async def test_other_paths(site: Site, path: str, status: int) -> None:
    await site.echo()
    answer = await site.ask("GET", path, ORIGIN)
    assert answer.status == status
    if status == 401:
        assert answer.headers[b"access-control-allow-origin"] == b"http://page.example:8080"
        assert (await site.ask("POST", path, body=b"3:::x")).status == 401


async def test_origins(site: Site) -> None:
    await site.echo(origins=("http://good.example",))
    for path in ("/socket.io/1/", "/socket.io/1/xhr-polling/nobody", "/socket.io/1/websocket/nobody"):
        bad = await site.ask("GET", path, "Origin: http://bad.example")
        assert bad.status == 403
        assert b"access-control-allow-origin" not in bad.headers
    for origin, status in ((b"http://push.example:81", 200), (b"http://push.example", 403), (b"null", 403)):
        request = b"GET /socket.io/1/ HTTP/1.1\r\nHost: push.example:81\r\nOrigin: %b\r\n\r\n" % origin
        assert (await site.host.ask(request)).status == status, origin
    good = await site.ask("GET", "/socket.io/1/", "Origin: http://good.example")
    assert good.headers[b"access-control-allow-origin"] == b"http://good.example"
    assert good.headers[b"access-control-allow-credentials"] == b"true"
    assert good.headers[b"vary"] == b"Origin"


@pytest.mark.parametrize(
    ("lines", "may"),
    [
        ([], False),
        (["Referer: http://bad.example/page"], False),
        (["Referer: http://good.example.bad.example/"], False),
        (["Referer: http://good.example@bad.example/"], False),
        (["Sec-Fetch-Site: cross-site"], False),
        (["Sec-Fetch-Site: same-origin"], True),
        (["Referer: http://good.example/page?x"], True),
        (["Referer: http://GOOD.example"], True),
        (["Referer: http://push.example/page"], True),
    ],
)
async def test_origins_of_scripts(site: Site, lines: list[str], may: bool) -> None:
    await site.echo(origins=("http://good.example",))
    head = "".join(f"{line}\r\n" for line in ["Host: push.example", *lines])

    async def script(path: str) -> tuple[int, bytes]:
        answer = await site.host.ask(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        return answer.status, answer.body

    sid = await site.shake()
    _, greeting = await script("/socket.io/1/?jsonp=0")
    status, body = await script(f"/socket.io/1/jsonp-polling/{sid}?i=0")
    if may:
        assert b":17:25:" in greeting
        assert (status, body) == (200, b'io.j[0]("1::");')
    else:
        assert greeting == b'io.j[0](new Error("handshake bad origin"));'
        assert status == 403


async def test_scripts_of_any_origin(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    assert (await site.ask("GET", "/socket.io/1/?jsonp=0")).body.startswith(b'io.j[0]("')
    assert (await site.poll(sid, "jsonp-polling", "i=0")).body == b'io.j[0]("1::");'


async def test_preflight(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    for path in ("/socket.io/1/", f"/socket.io/1/xhr-polling/{sid}"):
        answer = await site.ask("OPTIONS", path, ORIGIN, "Access-Control-Request-Headers: X-One, X-Two")
        assert answer.status == 200
        assert answer.headers[b"access-control-allow-methods"] == b"POST, GET, OPTIONS"
        assert answer.headers[b"access-control-allow-headers"] == b"X-One, X-Two"
        assert (await site.ask("DELETE", path)).status == 405


async def test_websocket_transcript(site: Site) -> None:
    await site.echo()
    for transport in ("websocket", "flashsocket"):
        socket = await site.websocket(await site.shake(), transport)
        for sent, replies in (
            ("3:::hello", ["3:::hello"]),
            ("3:1::with ack", ["3:::with ack", "6:::1"]),
            ("3:2+::data ack", ["3:::data ack", "6:::2"]),
            ('4:::{"a":"b"}', ['4:::{"a":"b"}']),
            ("4:3+::[1,2]", ["4:::[1,2]", "6:::3"]),
            ('5:::{"name":"echo","args":["x",1,{"k":null}]}', ['5:::{"name":"echo","args":["x",1,{"k":null}]}']),
            ('5:4+::{"name":"ack","args":["A",{"b":1}]}', ['6:::4+["A",{"b":1}]']),
            ('5:5+::{"name":"ack"}', ["6:::5"]),
            ("3:::line1\nline2", ["3:::line1\nline2"]),
            ("3:::привет 😀", ["3:::привет 😀"]),
            ("1::/chat", ["1::/chat"]),
            ("3::/chat:hi", ["3::/chat:hi"]),
            ("1::/refused", ["1::/refused", "0::/refused"]),
            ("\ufffd4\ufffd3:::\ufffd3\ufffd2::", ["3::"]),
        ):
            socket.say(sent)
            assert [await socket.packet() for _ in replies] == replies
        socket.say("0::/chat", "3::/chat:gone", "1::/nobody")
        await socket.quiet()
        socket.say("0::")
        assert await socket.packet() == "0::"
        assert await socket.read_close() == 1000


async def test_websocket_without_session(site: Site) -> None:
    await site.echo()
    socket = await site.websocket("nobody", first=False)
    assert await socket.packet() == "7:::1+0"
    assert await socket.read_close() == 1000


async def test_second_websocket_takes_over(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    old = await site.websocket(sid)
    new = await site.websocket(sid, first=False)
    assert await old.read_close() == 1000
    await new.quiet()
    assert site.server.connections == 1


async def test_polling(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    first = await site.poll(sid)
    assert (first.status, first.body) == (200, b"1::")
    assert first.headers[b"content-type"] == b"text/plain; charset=UTF-8"
    client = await site.hold(sid)
    assert (await site.post(sid, "3:::one", "3:::😀", "3:::three")).body == b"1"
    assert (await client.answer()).body == codec.encode_payload(["3:::one", "3:::😀", "3:::three"])
    assert (await site.post(sid, "3:::queued")).body == b"1"
    assert (await site.poll(sid)).body == b"3:::queued"
    idle = await site.hold(sid)
    site.clock.advance(21)
    assert (await idle.answer()).body == b"8::"
    assert (await site.poll(sid)).body == b"2::"


async def test_newest_poll_wins(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    await site.poll(sid)
    old = await site.hold(sid)
    new = await site.hold(sid)
    assert await old.is_over()
    await site.post(sid, "3:::for the newest")
    assert (await new.answer()).body == b"3:::for the newest"


async def test_poll_whose_client_left(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    await site.poll(sid)
    client = await site.hold(sid)
    client.leave()
    session = site.server.registry.get(sid)
    assert session is not None
    await site.until(lambda: session.transport is None)
    await site.post(sid, "3:::kept")
    assert (await site.poll(sid)).body == b"3:::kept"
    assert site.server.connections == 0


async def test_closed_session_is_told_once(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    await site.poll(sid)
    await site.post(sid, "1::/chat", "0::")
    assert (await site.poll(sid)).body == codec.encode_payload(["1::/chat", "0::/chat", "0::"])
    assert (await site.poll(sid)).status == 401


@pytest.mark.parametrize(
    ("body", "status", "delivered"),
    [
        ("\ufffd5\ufffd3:::aJUNK".encode(), 400, "3:::a"),
        ("\ufffdabc\ufffd3:::x".encode(), 400, None),
        (b"\xff\xfe", 400, None),
        (b"data=3:::old", 200, "3:::old"),
        (b"", 200, None),
    ],
)
async def test_posted_rubbish(site: Site, body: bytes, status: int, delivered: str | None) -> None:
    await site.echo()
    sid = await site.shake()
    await site.poll(sid)
    assert (await site.ask("POST", f"/socket.io/1/xhr-polling/{sid}", body=body)).status == status
    await site.post(sid, "3:::after")
    expected = ["3:::after"] if delivered is None else [delivered, "3:::after"]
    assert (await site.poll(sid)).body == codec.encode_payload(expected)


async def test_jsonp_polling(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    first = await site.poll(sid, "jsonp-polling", "t=1&i=7")
    assert first.body == b'io.j[7]("1::");'
    assert first.headers[b"content-type"] == b"text/javascript; charset=UTF-8"
    assert first.headers[b"x-xss-protection"] == b"0"
    path = f"/socket.io/1/jsonp-polling/{sid}?t=2&i=7"
    for posted in (b"d=%223%3A%3A%3Ahello+%D0%BF%22", b"d=3%3A%3A%3Ahello+%D0%BF"):
        assert (await site.ask("POST", path, body=posted)).body == b"1"
        assert (await site.poll(sid, "jsonp-polling", "i=alert(1)")).body == b'io.j[0]("3:::hello \\u043f");'
    assert (await site.ask("POST", path, body=b"x=1")).status == 403


async def test_htmlfile(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    client = await site.host.connect()
    await client.send(wire("GET", f"/socket.io/1/htmlfile/{sid}?t=1"))
    status, headers = await client.head()
    assert (status, headers[b"content-type"]) == (200, b"text/html; charset=UTF-8")
    preamble = await client.chunk()
    assert len(preamble) > 256
    assert await client.chunk() == b'<script>_("1::");</script>'
    assert (await site.post(sid, "3:::a</script>/b", transport="htmlfile")).body == b"1"
    assert await client.chunk() == b'<script>_("3:::a<\\/script>\\/b");</script>'
    await site.post(sid, "0::", transport="htmlfile")
    assert await client.chunk() == b'<script>_("0::");</script>'
    assert await client.chunk() == b""


async def test_htmlfile_on_http_10(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    client = await site.host.connect()
    await client.send(request(b"GET", f"/socket.io/1/htmlfile/{sid}".encode(), version=b"1.0"))
    await site.until(lambda: site.server.connections)
    await site.post(sid, "0::", transport="htmlfile")
    rest = await client.rest()
    assert rest.endswith(b'<script>_("1::");</script><script>_("0::");</script>')
    assert b"chunked" not in rest


async def test_fallback_with_the_same_session(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    socket = await site.websocket(sid)
    socket.send(CLOSE, b"")
    assert await socket.read_close() == 1005
    await socket.leave()
    session = site.server.registry.get(sid)
    assert session is not None
    await site.until(lambda: session.transport is None)
    await site.post(sid, "3:::by xhr")
    assert (await site.poll(sid)).body == b"3:::by xhr"
    await site.post(sid, "3:::by script")
    assert (await site.poll(sid, "jsonp-polling", "i=0")).body == b'io.j[0]("3:::by script");'


async def test_goodbye_on_a_websocket(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    await socket.quiet()
    socket.send(CLOSE, b"")
    assert await socket.read_close() == 1005
    await socket.leave()
    await site.until(lambda: len(site.server.registry) == 0)
    assert [entry[0] for entry in site.application.log] == ["opened", "closed"]


@pytest.mark.parametrize(
    "form", ["1/xhr-polling/{}?disconnect", "1/websocket/{}/?disconnect=1", "1//{}/?disconnect=1", "1/anything/{}?disconnect"]
)
async def test_disconnect_by_url(site: Site, form: str) -> None:
    await site.echo()
    sid = await site.shake()
    socket = await site.websocket(sid)
    answer = await site.ask("GET", "/socket.io/" + form.format(sid))
    assert (answer.status, answer.body) == (200, b"")
    assert await socket.packet() == "0::"
    assert await socket.read_close() == 1000
    assert len(site.server.registry) == 0


async def test_disconnect_by_url_from_another_origin(site: Site) -> None:
    await site.echo(origins=("http://good.example",))
    sid = await site.shake()
    refused = await site.ask("GET", f"/socket.io/1//{sid}/?disconnect=1", "Origin: http://bad.example")
    assert (refused.status, b"access-control-allow-origin" in refused.headers, len(site.server.registry)) == (403, False, 1)
    answer = await site.ask("GET", f"/socket.io/1//{sid}/?disconnect=1", "Origin: http://good.example")
    assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (200, b"http://good.example")
    assert len(site.server.registry) == 0


@pytest.mark.parametrize("transport", ["xhr-polling", "jsonp-polling", "htmlfile", "websocket", "", "anything"])
async def test_goodbye_says_once_who_may_read_it(site: Site, transport: str) -> None:
    await site.echo()
    sid = await site.shake()
    client = await site.host.connect()
    await client.send(wire("GET", f"/socket.io/1/{transport}/{sid}?disconnect=1", ORIGIN, "Connection: close"))
    head = (await client.reader.read()).lower()
    assert head.count(b"\r\naccess-control-allow-origin: http://page.example:8080\r\n") == 1
    assert head.count(b"\r\nvary: origin\r\n") == 1


async def test_websocket_check_of_a_session_that_is_over(site: Site) -> None:
    await site.echo(websocket_check=True)
    sid = await site.shake()
    late = await site.websocket(sid, first=False)
    assert await late.packet() == "2::"
    await site.ask("GET", f"/socket.io/1/websocket/{sid}?disconnect")
    late.say("2::")
    assert await late.read_close() == 1000
    await late.leave()
    assert site.server.connections == 0


async def test_websocket_check(site: Site) -> None:
    await site.echo(websocket_check=True)
    sid = await site.shake()
    dead = await site.websocket(sid, first=False)
    assert await dead.packet() == "2::"
    site.clock.advance(7)
    assert await dead.read_close() == 1000
    alive = await site.websocket(sid, first=False)
    assert await alive.packet() == "2::"
    alive.say("2::")
    assert await alive.packet() == "1::"
    await alive.quiet()


async def test_body_bound(site: Site) -> None:
    await site.echo(max_body=2000)
    sid = await site.shake()
    assert (await site.post(sid, "3:::" + "x" * 3000)).status == 413
    assert (await site.post(sid, "3:::" + "x" * 1000)).status == 200


async def test_another_address(site: Site) -> None:
    await site.echo(verify_ip=True)
    sid = await site.shake()
    session = site.server.registry.get(sid)
    assert session is not None
    session.opening = type(session.opening)("192.0.2.1")
    assert (await site.poll(sid)).status == 401
    socket = await site.websocket(sid, first=False)
    assert await socket.packet() == "7:::1+0"


async def test_requests_on_one_connection(site: Site) -> None:
    await site.echo()
    sid = await site.shake()
    client: Client = await site.host.connect()
    assert (await client.ask(wire("GET", f"/socket.io/1/xhr-polling/{sid}"))).body == b"1::"
    for number in range(3):
        body = codec.encode_payload([f"3:::{number}"])
        assert (await client.ask(wire("POST", f"/socket.io/1/xhr-polling/{sid}", body=body))).body == b"1"
        assert (await client.ask(wire("GET", f"/socket.io/1/xhr-polling/{sid}"))).body == body


async def test_events_are_json(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    for value in ("\ud83d\ude00", "\u2028", None, 1.5, [[]], {"a": [1, {}]}):
        socket.say("5:::" + json.dumps({"name": "echo", "args": [value]}))
        assert await socket.event() == (
            "",
            "echo",
            [value.encode("utf-16", "surrogatepass").decode("utf-16") if isinstance(value, str) else value],
        )
