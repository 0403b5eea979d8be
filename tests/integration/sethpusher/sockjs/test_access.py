"""What requests tell, and what of it a SockJS server believes (SockJS specification 2, 11)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from hbpush.web.exchange import Exchange
from tests.support.sockjs import ORIGIN, SockSite, recorder
from tests.support.websocket import request as upgrade_request


@pytest.mark.parametrize("sent", ["a=b", "JSESSIONID=", 'JSESSIONID="a b"', "JSESSIONID=\xe9", "=;;=="])
async def test_a_cookie_that_is_none(site: SockSite, sent: str) -> None:
    await site.mount(recorder(), jsessionid=True)
    answer = await site.ask("POST", f"{site.new()}/xhr", f"Cookie: {sent}")
    assert answer.headers[b"set-cookie"] == b"JSESSIONID=dummy; path=/"


async def test_a_cookie_of_a_program_s_own(site: SockSite) -> None:
    def own(exchange: Exchange) -> str:
        return (exchange.header(b"x-node") or b"none").decode("latin-1")

    await site.mount(recorder(), jsessionid=own)
    answer = await site.ask("POST", f"{site.new()}/xhr", "X-Node: n1")
    assert answer.headers[b"set-cookie"] == b"JSESSIONID=n1; path=/"
    forged = await site.ask("POST", f"{site.new()}/xhr", "X-Node: a; path=/b")
    assert forged.headers[b"set-cookie"] == b"JSESSIONID=dummy; path=/"


@pytest.mark.parametrize("choice", ["http://other.example/echo", lambda exchange: "http://other.example/echo"])
async def test_where_the_transports_are(site: SockSite, choice: Any) -> None:
    await site.mount(recorder(), base_url=choice)
    assert json.loads((await site.ask("GET", "/echo/info")).body)["base_url"] == "http://other.example/echo"


async def test_a_connection_that_asks_for_origins(site: SockSite) -> None:
    kind = recorder(check_origin=lambda self, origin: origin == "http://good.example")
    await site.mount(kind)
    good, bad = await site.socket(site.new(), origin=b"http://good.example"), await site.socket(site.new(), origin=b"http://bad.example")
    assert [await bad.text(), await bad.text()] == ["o", 'c[3000,"Go away!"]']
    good.say('["x"]')
    assert [await good.text(), await good.text()] == ["o", 'a["x"]']
    # Of one that was refused no connection hears, neither that it has come nor that it has gone.
    assert kind.log == ["open", "x"]


@pytest.mark.parametrize(
    "changes",
    [
        {"upgrade": b""},
        {"upgrade": b"websocket, websocket"},
        {"upgrade": b"\xff\x00"[:1]},
        {"connection": b",,,"},
        {"connection": b"Upgrade" + b", x" * 500},
        {"sec_websocket_key": b""},
        {"sec_websocket_key": b"x" * 4000},
        {"sec_websocket_version": b"-1"},
        {"sec_websocket_version": None},
        {"sec_websocket_key": None},
    ],
    ids=str,
)
async def test_odd_handshakes(site: SockSite, changes: dict[str, bytes | None]) -> None:
    kind = recorder()
    await site.mount(kind)
    client = await site.host.connect()
    await client.send(upgrade_request(path=b"/echo/0/0/websocket", **changes))
    status, _ = await client.head()
    assert status in (101, 400, 426)
    assert (status == 101) == (kind.log == ["open"])
    assert (await site.ask("GET", "/echo")).status == 200


async def test_a_path_that_is_a_pattern(site: SockSite) -> None:
    await site.mount(recorder(), prefix="/a.b/é")
    assert (await site.ask("GET", "/a.b/%C3%A9/info")).status == 200
    assert (await site.ask("POST", "/a.b/%C3%A9/0/x/xhr")).body == b"o\n"


async def test_origins(site: SockSite, quiet_access_log: None) -> None:
    await site.mount(recorder(), allowed_origins=["http://page.example"], sockjs_url="/sockjs.js", jsessionid=True)
    url = site.new()
    for method, place in (("POST", "xhr"), ("OPTIONS", "xhr_send"), ("POST", "xhr_streaming"), ("GET", "eventsource")):
        answer = await site.ask(method, f"{url}/{place}", "Origin: http://bad.example")
        assert (answer.status, answer.headers.get(b"access-control-allow-origin")) == (403, None)
        assert answer.headers[b"vary"] == b"Origin"
    assert (await site.ask("GET", "/echo/info", "Origin: http://bad.example")).status == 403
    for place in ("iframe.html", "0/a/htmlfile?c=a", "0/a/jsonp?c=a"):
        assert (await site.ask("GET", f"/echo/{place}")).status == 404
    for place in ("/echo/websocket", f"{url}/websocket"):
        answer = await site.ask("GET", place, "Origin: http://bad.example", "Upgrade: websocket", "Connection: Upgrade")
        assert answer.status == 403
    good = await site.ask("POST", f"{url}/xhr", ORIGIN)
    assert (good.status, good.headers[b"access-control-allow-origin"]) == (200, b"http://page.example")
    assert (await site.ask("POST", f"{url}/xhr_send", body=b"[]")).status == 204


async def test_origins_of_websockets_alone(site: SockSite) -> None:
    await site.mount(recorder(), websocket_allow_origin=["http://page.example"])
    refused = await site.ask("GET", "/echo/websocket", "Origin: http://bad.example", "Upgrade: websocket", "Connection: Upgrade")
    assert refused.status == 403
    assert await (await site.socket(site.new(), origin=b"http://page.example")).text() == "o"
    assert (await site.ask("POST", f"{site.new()}/xhr", "Origin: http://bad.example")).status == 200


@pytest.mark.usefixtures("quiet_access_log")
async def test_websockets_that_are_off(site: SockSite) -> None:
    await site.mount(recorder(), disabled_transports=["websocket", "eventsource"])
    for place in ("/echo/websocket", "/echo/0/0/websocket", "/echo/0/0/eventsource", "/echo/iframe.html"):
        assert (await site.ask("GET", place, "Upgrade: websocket", "Connection: Upgrade")).status == 404


async def test_addresses(site: SockSite) -> None:
    await site.mount(recorder(), verify_ip=True)
    url = await site.opened()
    site.below(url).opening = msgspec.structs.replace(site.below(url).opening, ip="10.0.0.1")
    assert await site.xhr(url) == 'c[2010,"Attempted to connect to session from different IP"]\n'
    assert (await site.ask("POST", f"{url}/xhr_send", body=b"[]")).status == 404
