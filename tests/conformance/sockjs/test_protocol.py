"""The cases of the SockJS protocol's own suite, on every host: pages, polls, cookies, HTTP. The one of a WebSocket from before RFC 6455
is left out."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from tests.conformance.sockjs.signs import GO_AWAY, OPEN_ALREADY, header, is_cached, is_not_allowed, is_not_cached, may_be_read, serve
from tests.support.site import wire
from tests.support.sockjs import SockSite
from tests.unit.sethpusher.vectors import VECTORS

URLS = VECTORS["urls"]
TRANSCRIPTS = VECTORS["http_transcripts_reference"]
FORM = "Content-Type: application/x-www-form-urlencoded"

pytestmark = pytest.mark.usefixtures("quiet_access_log")


# Pages


@pytest.mark.parametrize("path", URLS["accept"]["greeting"])
async def test_greeting(site: SockSite, path: str) -> None:
    await serve(site)
    answer = await site.ask("GET", path)
    assert (answer.status, answer.body) == (200, b"Welcome to SockJS!\n")
    assert header(answer, "content-type") == "text/plain; charset=UTF-8"
    assert header(answer, "set-cookie") is None
    is_not_allowed(await site.ask("POST", path), "GET")


async def test_paths_that_are_not_there(site: SockSite) -> None:
    await serve(site)
    for path in URLS["reject_404"]:
        assert (await site.ask("GET", path)).status == 404, path
        assert (await site.ask("POST", path)).status == 404, path


@pytest.mark.parametrize("path", URLS["accept"]["iframe"])
async def test_iframe(site: SockSite, path: str) -> None:
    await serve(site)
    answer = await site.ask("GET", path)
    assert (answer.status, answer.body.decode()) == (200, TRANSCRIPTS["iframe"]["body"])
    assert header(answer, "content-type") == "text/html; charset=UTF-8"
    is_cached(answer)
    assert header(answer, "set-cookie") is header(answer, "last-modified") is None


async def test_iframe_is_cached(site: SockSite) -> None:
    await serve(site)
    tags = {header(await site.ask("GET", "/echo/iframe.html"), "etag") for _ in range(2)}
    [tag] = tags
    assert re.fullmatch('"[0-9a-f]{32}"', tag or "")
    answer = await site.ask("GET", "/echo/iframe.html", f"If-None-Match: {tag}")
    assert (answer.status, answer.body, header(answer, "content-type")) == (304, b"", None)


async def test_info(site: SockSite) -> None:
    await serve(site)
    answer = await site.ask("GET", "/echo/info", "Origin: http://test")
    assert (answer.status, header(answer, "content-type")) == (200, "application/json; charset=UTF-8")
    is_not_cached(answer)
    may_be_read(answer)
    assert header(answer, "set-cookie") is None
    facts = json.loads(answer.body)
    assert (facts["websocket"], facts["cookie_needed"], facts["origins"]) == (True, False, ["*:*"])
    entropies = {json.loads((await site.ask("GET", "/echo/info")).body)["entropy"] for _ in range(3)} | {facts["entropy"]}
    assert len(entropies) > 1
    assert all(isinstance(entropy, int) and 0 <= entropy < 1 << 32 for entropy in entropies)


async def test_info_of_other_services(site: SockSite) -> None:
    await serve(site)
    assert json.loads((await site.ask("GET", "/disabled_websocket_echo/info")).body)["websocket"] is False
    answer = await site.ask("GET", "/cookie_needed_echo/info")
    assert json.loads(answer.body)["cookie_needed"] is True
    assert header(answer, "set-cookie") is None


@pytest.mark.parametrize("origin", ["http://test", "null"])
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/echo/info", "GET"),
        ("/echo/abc/abc/xhr", "POST"),
        ("/echo/abc/abc/xhr_send", "POST"),
        ("/echo/abc/abc/xhr_streaming", "POST"),
    ],
)
async def test_preflights(site: SockSite, path: str, method: str, origin: str) -> None:
    await serve(site)
    answer = await site.ask("OPTIONS", path, f"Origin: {origin}", f"Access-Control-Request-Method: {method}")
    assert (answer.status, answer.body) == (204, b"")
    assert header(answer, "access-control-allow-methods") == f"OPTIONS, {method}"
    assert header(answer, "access-control-max-age") == "31536000"
    is_cached(answer)
    may_be_read(answer, origin)


async def test_headers_that_a_page_may_send(site: SockSite) -> None:
    await serve(site)
    for asked, allowed in (("a, b, c", "a, b, c"), ("", None), (None, None)):
        lines = [] if asked is None else [f"Access-Control-Request-Headers: {asked}"]
        answer = await site.ask("OPTIONS", "/echo/abc/abc/xhr", "Origin: http://test", *lines)
        may_be_read(answer)
        assert header(answer, "access-control-allow-headers") == allowed


# Sessions


@pytest.mark.parametrize("path", URLS["accept"]["session"])
async def test_any_names(site: SockSite, path: str) -> None:
    await serve(site)
    answer = await site.ask("POST", path.replace("/xhr", f"{random.randrange(1024)}/xhr"))
    assert (answer.status, answer.body) == (200, b"o\n")


async def test_the_server_s_name_does_not_count(site: SockSite) -> None:
    await serve(site)
    url = await site.opened()
    await site.send(url, "a")
    assert await site.xhr(url.replace("/000/", "/999/")) == 'a["a"]\n'


async def test_a_session_on_polls(site: SockSite) -> None:
    await serve(site)
    url = site.new()
    opening = await site.ask("POST", f"{url}/xhr", "Origin: http://test")
    assert (opening.status, opening.body) == (200, b"o\n")
    assert header(opening, "content-type") == "application/javascript; charset=UTF-8"
    may_be_read(opening)
    is_not_cached(opening)
    sent = await site.ask("POST", f"{url}/xhr_send", "Origin: http://test", body=b'["x"]')
    assert (sent.status, sent.body, header(sent, "content-type")) == (204, b"", "text/plain; charset=UTF-8")
    may_be_read(sent)
    is_not_cached(sent)
    assert await site.xhr(url) == 'a["x"]\n'


async def test_a_second_poll(site: SockSite) -> None:
    await serve(site)
    url = await site.opened()
    first = await site.held(url)
    assert await site.xhr(url) == OPEN_ALREADY + "\n"
    first.leave()
    await site.until(lambda: len(site.router.server.registry) == 0)
    assert await site.xhr(url) == "o\n"


@pytest.mark.parametrize(
    ("transport", "opening", "closing"),
    [("xhr", "o\n", GO_AWAY + "\n"), ("jsonp?c=x", '/**/x("o");\r\n', '/**/x("c[3000,\\"Go away!\\"]");\r\n')],
)
async def test_a_closed_session_on_polls(site: SockSite, transport: str, opening: str, closing: str) -> None:
    await serve(site)
    url = site.new("/close")
    method = "POST" if transport == "xhr" else "GET"
    bodies = [(await site.ask(method, f"{url}/{transport}")).body.decode() for _ in range(4)]
    assert bodies == [opening, closing, closing, closing]


async def test_nobody_is_there_to_be_sent_to(site: SockSite) -> None:
    await serve(site)
    assert (await site.ask("POST", f"{site.new()}/xhr_send", body=b'["x"]')).status == 404
    assert (await site.ask("POST", f"{site.new()}/jsonp_send", FORM, body=b"d=%5B%22x%22%5D")).status == 404


@pytest.mark.parametrize("vector", VECTORS["send_bodies"], ids=lambda vector: f"{vector['transport']} {vector['body']}")
async def test_what_may_be_sent(site: SockSite, vector: dict[str, Any]) -> None:
    await serve(site)
    url = await site.opened()
    lines = [f"Content-Type: {vector['content_type']}"] if "content_type" in vector else []
    answer = await site.ask("POST", f"{url}/{vector['transport']}", *lines, body=vector["body"].encode())
    assert (answer.status, answer.body.decode()) == (vector["status"], vector["response"])
    is_not_cached(answer)
    if answer.status == 200:
        assert header(answer, "content-type") == "text/plain; charset=UTF-8"
    # The session goes on.
    await site.send(url, "end")
    assert json.loads((await site.xhr(url))[1:]) == [*vector["delivers"], "end"]


async def test_any_content_type(site: SockSite) -> None:
    await serve(site)
    url = await site.opened()
    types = ("text/plain", "T", "application/json", "application/xml", "", "application/json; charset=utf-8", "text/xml; charset=utf-8")
    for name in types:
        answer = await site.ask("POST", f"{url}/xhr_send", f"Content-Type: {name}", body=b'["a"]')
        assert (answer.status, answer.body) == (204, b"")
    assert json.loads((await site.xhr(url))[1:]) == ["a"] * len(types)


async def test_a_form_or_a_text(site: SockSite) -> None:
    await serve(site)
    url = site.new()
    opening = await site.ask("GET", f"{url}/jsonp?c=%63allback")
    assert (opening.status, opening.body) == (200, b'/**/callback("o");\r\n')
    assert header(opening, "content-type") == "application/javascript; charset=UTF-8"
    assert header(opening, "x-content-type-options") == "nosniff"
    is_not_cached(opening)
    for lines, body in ((FORM, b"d=%5B%22abc%22%5D"), ("Content-Type: text/plain", b'["%61bc"]')):
        assert (await site.ask("POST", f"{url}/jsonp_send", lines, body=body)).body == b"ok"
    answer = await site.ask("GET", f"{url}/jsonp?c=%63allback")
    assert answer.body == b'/**/callback("a[\\"abc\\",\\"%61bc\\"]");\r\n'


@pytest.mark.parametrize("transport", ["htmlfile", "jsonp"])
async def test_callbacks(site: SockSite, transport: str) -> None:
    await serve(site)
    expected = VECTORS["callback_parameter"]
    for query in ("", "?c=", "?callback="):
        answer = await site.ask("GET", f"/echo/a/a/{transport}{query}")
        assert (answer.status, answer.body.decode()) == (500, expected["missing_body"])
    for name in ("%20", "*", "abc(", "abc%28"):
        answer = await site.ask("GET", f"/echo/a/a/{transport}?c={name}")
        assert (answer.status, answer.body.decode()) == (500, expected["invalid_body"])
    assert len(site.router.server.registry) == 0


# HTTP


async def test_escapes(site: SockSite) -> None:
    await serve(site)
    url = await site.opened()
    for ranges in ("suite_server_ranges", "client_escapes_utf16_ranges"):
        pairs = [entry.partition("-") for entry in VECTORS["escaping"][ranges]]
        text = "".join(chr(unit) for first, _, last in pairs for unit in range(int(first, 16), int(last or first, 16) + 1))
        for body in (json.dumps([text]).encode(), json.dumps([text], ensure_ascii=False).encode("utf-8", "surrogatepass")):
            if any(0xD800 <= ord(letter) < 0xE000 for letter in text) and not body.isascii():
                continue
            assert (await site.ask("POST", f"{url}/xhr_send", body=body)).status == 204
            assert (await site.xhr(url)).encode() == b"a" + json.dumps([text]).encode() + b"\n"


async def test_http_1_0(site: SockSite) -> None:
    await serve(site)
    client = await site.host.connect()
    await client.send(b"GET /echo HTTP/1.0\r\nHost: localhost\r\nConnection: Keep-Alive\r\n\r\n")
    answer = await client.answer()
    assert (answer.status, header(answer, "content-length"), header(answer, "transfer-encoding")) == (200, "19", None)
    stream = await site.host.connect()
    await stream.send(b"POST /close/000/a/xhr_streaming HTTP/1.0\r\nHost: localhost\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n")
    status, headers = await stream.head()
    assert (status, headers.get(b"transfer-encoding"), headers.get(b"content-length")) == (200, None, None)
    # The end of the connection ends the body.
    assert await stream.rest() == f"{'h' * 2048}\no\n{GO_AWAY}\n".encode()


async def test_http_1_1(site: SockSite) -> None:
    await serve(site)
    client = await site.host.connect()
    for _ in range(2):
        answer = await client.ask(wire("GET", "/echo", "Connection: Keep-Alive"))
        assert (answer.status, header(answer, "connection")) == (200, None)
    stream = await site.stream(site.new("/close"), "xhr_streaming")
    assert [await stream.frame() for _ in range(3)] == ["o\n", GO_AWAY + "\n", ""]
    # The connection goes on.
    assert (await stream.ask(wire("GET", "/echo"))).status == 200


async def test_a_post_without_a_length(site: SockSite) -> None:
    await serve(site)
    client = await site.host.connect()
    assert (await client.ask(b"POST /echo/0/a/xhr HTTP/1.1\r\nHost: localhost\r\n\r\n")).body == b"o\n"
