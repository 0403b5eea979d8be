"""Which requests of Socket.IO 0.6 are answered, and how others are refused, on every host (specification 3, 4, 6, 11)."""

from __future__ import annotations

import pytest

from tests.support.socketio06 import Site, streamed
from tests.support.websocket import request as upgrade

ORIGIN = "Origin: http://page.example:8080"


@pytest.mark.parametrize(
    "path", ["/socket.io/xhr-polling", "/socket.io/xhr-polling/", "/socket.io/xhr-polling///1", "/socket.io/xhr-polling//"]
)
async def test_runs_of_slashes(site: Site, path: str) -> None:
    await site.echo()
    [sid] = streamed(await site.ask("GET", path))
    assert site.server.registry.get(sid) is not None


@pytest.mark.parametrize(
    "path",
    [
        "/socket.io/xhr-polling/nobody/1",
        "/socket.io/xhr-polling/1300000000000",
        "/socket.io/jsonp-polling/nobody/1/0",
        "/socket.io/htmlfile/nobody/1",
        "/socket.io/xhr-multipart/nobody",
        "/socket.io/xhr-polling/a%20b/1",
    ],
)
async def test_unknown_sessions(site: Site, path: str) -> None:
    await site.echo()
    for method, body in (("GET", b""), ("POST", b"data=~m~1~m~x")):
        answer = await site.ask(method, path, ORIGIN, body=body)
        assert answer.status == 401
        assert answer.headers[b"access-control-allow-origin"] == b"http://page.example:8080"
        assert answer.headers[b"access-control-allow-credentials"] == b"true"
    assert site.application.openings == []


async def test_a_session_on_a_websocket_is_for_no_url(site: Site) -> None:
    await site.echo()
    socket = await site.websocket()
    for name in ("xhr-polling", "jsonp-polling", "htmlfile", "xhr-multipart"):
        assert (await site.ask("GET", f"/socket.io/{name}/{socket.id}/1")).status == 401
    assert (await site.post(socket.id, "x")).status == 401
    await socket.quiet()


@pytest.mark.parametrize("body", [b"data", b"data=", b"x=1&data=", b"", b"data=~m~"])
async def test_posts_without_a_frame(site: Site, body: bytes) -> None:
    await site.echo()
    sid = await site.connect()
    assert (await site.ask("POST", f"/socket.io/xhr-polling/{sid}/send", body=body)).status == 400
    assert (await site.post(sid, "")).status == 200
    assert site.application.log == ["opened", ""]


async def test_post_without_a_session(site: Site) -> None:
    await site.echo()
    assert (await site.ask("POST", "/socket.io/xhr-polling//send", body=b"data=~m~1~m~x")).status == 401


@pytest.mark.parametrize("path", ["/socket.io/nosuch//1", "/socket.io/", "/socket.io", "/socket.io/websocketx", "/other/xhr-polling//1"])
@pytest.mark.usefixtures("quiet_access_log")
async def test_paths_of_others(site: Site, path: str) -> None:
    await site.echo()
    assert (await site.ask("GET", path)).status == 404


async def test_transports_that_are_not_offered(site: Site) -> None:
    await site.echo(transports=("xhr-polling",))
    for name in ("websocket", "flashsocket", "xhr-multipart/", "jsonp-polling//1/0", "htmlfile//1"):
        answer = await site.ask("GET", f"/socket.io/{name}", ORIGIN)
        assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (403, b"http://page.example:8080")
    refused = await site.host.ask(upgrade(path=b"/socket.io/websocket"))
    assert refused.status == 403
    assert await site.connect()


async def test_cross_origin(site: Site) -> None:
    await site.echo()
    sid = streamed(await site.ask("GET", "/socket.io/xhr-polling//1", ORIGIN))[0]
    for answer in (
        await site.post(sid, "cors", lines=[ORIGIN]),
        await site.poll(sid, "xhr-polling", ORIGIN),
        await site.ask("POST", f"/socket.io/xhr-polling/{sid}/send", ORIGIN, body=b"data=garbage"),
    ):
        assert answer.headers[b"access-control-allow-origin"] == b"http://page.example:8080"
        assert answer.headers[b"access-control-allow-credentials"] == b"true"
    answer = await site.ask("GET", "/socket.io/xhr-polling//1", "Origin: null")
    assert answer.headers[b"access-control-allow-origin"] == b"null"


async def test_preflight(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    for path in (f"/socket.io/xhr-polling/{sid}/send", f"/socket.io/xhr-multipart/{sid}/send", "/socket.io/xhr-polling//1"):
        answer = await site.ask("OPTIONS", path, ORIGIN, "Access-Control-Request-Headers: X-One, X-Two")
        assert (answer.status, answer.body) == (200, b"ok")
        assert answer.headers[b"access-control-allow-methods"] == b"POST, GET, OPTIONS"
        assert answer.headers[b"access-control-allow-headers"] == b"X-One, X-Two"
        assert (await site.ask("DELETE", path)).status == 405
    assert len(site.server.registry) == 1


async def test_origins_that_may_not(site: Site) -> None:
    await site.echo(origins=("http://good.example",))
    sid = await site.connect()
    bad = "Origin: http://bad.example"
    for answer, status in (
        (await site.ask("GET", "/socket.io/xhr-polling//1", bad), 403),
        (await site.ask("GET", "/socket.io/jsonp-polling//1/0", bad), 403),
        (await site.ask("OPTIONS", "/socket.io/xhr-polling//1", bad), 403),
        (await site.post(sid, "x", lines=[bad]), 401),
        (await site.post(sid, "x", transport="jsonp-polling", lines=[bad]), 403),
        (await site.host.ask(upgrade(path=b"/socket.io/websocket", origin=b"http://bad.example")), 403),
    ):
        assert answer.status == status
        assert b"access-control-allow-origin" not in answer.headers
    good = await site.post(sid, "x", lines=["Origin: http://good.example"])
    assert (good.body, good.headers[b"access-control-allow-origin"]) == (b"ok", b"http://good.example")


@pytest.mark.parametrize(
    ("line", "may"),
    [
        ("X-None: x", False),
        ("Referer: http://bad.example/page", False),
        ("Sec-Fetch-Site: cross-site", False),
        ("Sec-Fetch-Site: same-origin", True),
        ("Referer: http://good.example/page", True),
        ("Referer: http://localhost/page", True),
    ],
)
async def test_origins_of_scripts(site: Site, line: str, may: bool) -> None:
    await site.echo(origins=("http://good.example",))
    answer = await site.ask("GET", "/socket.io/jsonp-polling//1/0", line)
    assert (answer.status, answer.body.startswith(b"io.JSONP[0]._(")) == ((200, True) if may else (403, False))
    assert len(site.application.openings) == may


async def test_too_many_sessions(site: Site) -> None:
    await site.echo(max_sessions=1)
    await site.connect()
    answer = await site.ask("GET", "/socket.io/xhr-polling//1", ORIGIN)
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    assert answer.headers[b"access-control-allow-origin"] == b"http://page.example:8080"
    assert (await site.host.ask(upgrade(path=b"/socket.io/websocket"))).status == 503


async def test_body_bound(site: Site) -> None:
    await site.echo(max_body=2000)
    sid = await site.connect()
    assert (await site.post(sid, "x" * 3000)).status == 413
    assert (await site.post(sid, "x" * 1000)).status == 200
    socket = await site.websocket()
    socket.say("x" * 3000)
    assert await socket.read_close() == 1009


async def test_lengths_that_nothing_follows(site: Site) -> None:
    await site.echo()
    sid = await site.connect()
    for length in (2**31, 10**9, 10**12, 10**100):
        answer = await site.ask("POST", f"/socket.io/xhr-polling/{sid}/send", body=b"data=~m~%d~m~x" % length)
        assert answer.status == 400
