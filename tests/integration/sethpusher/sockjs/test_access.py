"""What requests tell, and what of it a SockJS server believes (SockJS specification 2, 11)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hbpush.web.exchange import Exchange
from tests.support.sockjs import SockSite, recorder
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
