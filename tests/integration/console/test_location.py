"""``type: console``: its page, what the page asks for, and who may ask."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from hbpush.console.files import NAMES
from hbpush.console.location import ConsoleLocation
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.configuration import Flags, configure, load
from hbpush.daemon.settings import ServerSettings
from hbpush.errors import ConfigError
from tests.integration.console.conftest import Site, everywhere
from tests.support.hosts import Answer
from tests.support.process import ROOT
from tests.support.site import wire

JSON = "Content-Type: application/json"
TOO_LONG = {"type": b"a content type has at most 1024 bytes\n", "event": b"the name of an event has at most 1024 bytes\n"}
PLACES = (
    {"type": "console"},
    {"type": "subscriber", "prefix": "/sub/", "polling": "auto", "create_on_get": True},
    {"type": "subscriber", "url": "/(.+)/read/"},
    {"type": "socketio"},
    {"type": "sethpusher", "prefix": "/seth/"},
)


async def ask(site: Site, method: str, path: str, *lines: str, host: str = "localhost", body: bytes = b"") -> Answer:
    """A request that names a host."""
    return await site.host.ask(wire(method, path, *lines, body=body).replace(b"Host: localhost", b"Host: %b" % host.encode(), 1))


async def told(site: Site, path: str, *lines: str) -> Any:
    answer = await ask(site, "GET", path, *lines, host="localhost:9090")
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"application/json"), answer
    return json.loads(answer.body)


async def publish(site: Site, channel: str, *lines: str, **body: str) -> tuple[int, Any]:
    answer = await ask(site, "POST", f"/console/publish?channel={channel}", JSON, *lines, host="[::1]:9090", body=json.dumps(body).encode())
    return answer.status, json.loads(answer.body) if answer.status == 200 else answer.body


@everywhere
@pytest.mark.parametrize("prefix", ["/", "/desk/"])
async def test_the_files(site: Site, prefix: str, quiet_access_log: None) -> None:
    await site.serve({"type": "console", "prefix": prefix})
    for name in NAMES:
        answer = await site.ask("GET", prefix if name == "index.html" else f"{prefix}console/{name}")
        assert answer.status == 200
        assert answer.body == (ROOT / "hbpush" / "console" / "page" / name).read_bytes()
        policy = answer.headers[b"content-security-policy"]
        assert policy.startswith(b"default-src 'none'; script-src 'self'; ")
        assert b"unsafe" not in policy
        assert answer.headers[b"x-content-type-options"] == b"nosniff"
    assert (await site.ask("GET", f"{prefix}console/location.py")).status == 404
    assert (await site.ask("POST", prefix)).status == 405
    if prefix != "/":
        moved = await site.ask("GET", prefix.rstrip("/"))
        assert (moved.status, moved.headers[b"location"]) == (308, b"desk/")


def test_all_files_are_served_and_none_has_a_script_or_an_address_in_it() -> None:
    folder = ROOT / "hbpush" / "console" / "page"
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|<style|\sstyle=", page)
    assert not re.search(r'(?:src|href)="(?:/|https?:)', page)
    for path in folder.glob("*.js"):
        assert not re.search(r"innerHTML|insertAdjacentHTML|outerHTML|document\.write|\beval\(", path.read_text(encoding="utf-8")), (
            path.name
        )


async def test_what_there_is(site: Site) -> None:
    await site.serve(*PLACES)
    server = await told(site, "/console/server")
    assert (server["worker"], server["workers"], server["stores"]) == (1, 1, [{"name": "default", "type": "memory"}])
    assert [(each["protocol"], each["path"]) for each in server["entrances"]] == [
        ("long", "./sub/"),
        ("eventsource", "./sub/"),
        ("websocket", "./sub/"),
        ("socketio", "./socket.io/"),
        ("sockjs", "./seth/connect/"),
    ]


async def test_samples(site: Site) -> None:
    await site.serve(*PLACES)
    await site.hold("/sub/news")
    stream = await site.host.connect()
    await stream.send(wire("GET", "/sub/%FF", "Accept: text/event-stream"))
    await site.until(lambda: len(site.hub.channels) == 2)
    sample = await told(site, "/console/sample")
    assert (sample["subscribers"], sample["listened"], sample["protocols"]) == (2, 2, {"long": 1, "eventsource": 1})
    assert {(row["id"], row["rate"], *row["subscribers"].items()) for row in sample["channels"]} == {
        ("news", 0, ("long", 1)),
        ("\udcff", 0, ("eventsource", 1)),
    }
    assert (await publish(site, "news", data="x"))[0] == 200
    site.clock.advance(1)
    sample = await told(site, "/console/sample")
    assert (sample["number"], sample["history"], sample["channels"][0]["rate"]) == (2, [[1, 1]], 1)
    found = await told(site, "/console/sample?match=%FF")
    assert [row["id"] for row in found["channels"]] == ["\udcff"]
    assert (await told(site, "/console/sample?match=absent"))["channels"] == []


async def test_a_console_that_was_released_does_not_begin_to_sample(site: Site) -> None:
    await site.serve({"type": "console"})
    await told(site, "/console/sample")
    assert len(site.hub.traffic.tallies) == 1
    # A request that was on its way when the configuration changed comes here still.
    await site.close()
    assert (await ask(site, "GET", "/console/sample")).status == 503
    assert site.hub.traffic.tallies == []


@everywhere
async def test_publishing_and_the_last_messages(site: Site) -> None:
    await site.serve(*PLACES)
    status, first = await publish(site, "news", data="\u00fc", type="text/plain", event="tick")
    assert (status, first["subscribers"], first["takers"]) == (200, 0, 0)
    await publish(site, "news", data='{"a": 1}', type="application/json")
    for what in ("type", "event"):
        assert await publish(site, "news", data="x", **{what: "t" * 1025}) == (400, TOO_LONG[what])
    channel = await told(site, "/console/channel?channel=news&store=default")
    assert (channel["exists"], channel["messages"], channel["subscribers"]) == (True, 2, 0)
    assert [(each["data"], each["event"]) for each in channel["recent"]] == [({"a": 1}, None), ("\u00fc", "tick")]
    assert channel["recent"][1]["id"] == first["id"]
    absent = await told(site, f"/console/channel?channel={quote('a/b?&')}")
    assert (absent["id"], absent["exists"], absent["recent"]) == ("a/b?&", False, [])


@pytest.mark.parametrize(
    ("path", "status"),
    [("/console/channel", 404), ("/console/channel?channel=" + "x" * 1025, 403)],
)
async def test_channels_that_cannot_be(site: Site, path: str, status: int) -> None:
    await site.serve({"type": "console"})
    assert (await site.ask("GET", path)).status == status


async def test_a_store_that_there_is_not(site: Site) -> None:
    await site.serve({"type": "console"})
    looked = await site.ask("GET", "/console/channel?channel=x&store=nope%0a%ff")
    published = await site.ask("POST", "/console/publish?channel=x&store=nope%0a%ff", JSON, body=b'{"data": "x"}')
    for answer in (looked, published):
        assert (answer.status, b"retry-after" in answer.headers) == (404, False)
        assert answer.body == rb"there is no store 'nope\n\udcff'; the stores: default" + b"\n"


async def test_without_a_key_it_is_for_its_own_machine(site: Site) -> None:
    await site.serve({"type": "console"})
    for path in ("/", "/console/server", "/console/sample", "/console/channel?channel=x"):
        for host in ("push.example", "127.0.0.1.push.example", "10.0.0.1:9090", "localhost.push.example:9090"):
            refused = await ask(site, "GET", path, host=host)
            assert refused.status == 403, (path, host)
            assert b"set key" in refused.body
        for host in ("127.0.0.1:9090", "localhost", "[::1]:9090", "127.8.8.8"):
            assert (await ask(site, "GET", path, host=host)).status == 200, (path, host)


@everywhere
@pytest.mark.parametrize(
    "line",
    [
        "X-Forwarded-For: 127.0.0.1", "x-forwarded-for: 203.0.113.7", "Forwarded: for=127.0.0.1", "Via: 1.1 front", "X-Real-IP: 127.0.0.1",
        "X-Forwarded-Host: localhost", "X-Forwarded-Proto: http", "X-Forwarded-Anything: ",
    ],
)  # fmt: skip
async def test_without_a_key_it_is_for_nobody_who_comes_by_a_proxy(site: Site, line: str, quiet_access_log: None) -> None:
    """Who does may be anybody, and says what host he likes."""
    await site.serve({"type": "console"})
    for count, path in enumerate(("/", "/console/server", "/console/sample", "/console/channel?channel=x"), 1):
        refused = await site.ask("GET", path, line)
        assert (refused.status, site.host.counters.counts["bad_origin"]) == (403, count), path
        assert line.partition(":")[0].lower().encode() in refused.body.lower()
        assert b"came by a proxy" in refused.body
    published = await site.ask("POST", "/console/publish?channel=x", JSON, line, body=b'{"data": "x"}')
    assert published.status == 403
    assert not (await told(site, "/console/channel?channel=x"))["exists"]


@everywhere
async def test_without_a_key_it_speaks_no_http_1_0(site: Site, quiet_access_log: None) -> None:
    """As nginx does with ``proxy_pass`` alone, which then names the server's own address as the host."""
    await site.serve({"type": "console"})
    for path in ("/", "/console/server"):
        refused = await site.host.ask(wire("GET", path).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert refused.status == 403
        assert b"came by a proxy (HTTP/1.0)" in refused.body
    assert site.host.counters.counts["bad_origin"] == 2


@everywhere
async def test_with_a_key_it_is_for_those_who_come_by_a_proxy_too(site: Site, quiet_access_log: None) -> None:
    await site.serve({"type": "console", "key": "k"})
    for path in ("/", "/console/server"):
        request = wire("GET", path, "X-Api-Key: k", "Via: 1.1 front").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        assert (await site.host.ask(request)).status == 200


async def test_a_page_of_another_site_cannot_publish(site: Site) -> None:
    await site.serve({"type": "console"})
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; a=application/json"):
        answer = await site.ask("POST", "/console/publish?channel=x", f"Content-Type: {media}", body=b'{"data": "x"}')
        assert answer.status == 415
    preflight = await site.ask("OPTIONS", "/console/publish?channel=x", "Origin: http://other.example")
    assert b"access-control-allow-origin" not in preflight.headers
    assert not (await told(site, "/console/channel?channel=x"))["exists"]


@everywhere
async def test_with_a_key_everything_but_the_page_needs_it(site: Site) -> None:
    await site.serve({"type": "console", "key": "open sesame"})
    assert (await ask(site, "GET", "/", host="push.example")).status == 200
    for path in ("server", "sample", "channel?channel=x"):
        refused = await site.ask("GET", f"/console/{path}")
        assert (refused.status, refused.headers[b"www-authenticate"]) == (401, b"Bearer")
        assert (await ask(site, "GET", f"/console/{path}", "X-Api-Key: open sesame", host="push.example")).status == 200
    assert (await publish(site, "x", data="1"))[0] == 401
    assert (await publish(site, "x", "Authorization: Bearer open sesame", data="1"))[0] == 200
    assert site.host.counters.counts["bad_key"] == 4


async def test_publishing_may_be_off(site: Site, quiet_access_log: None) -> None:
    await site.serve({"type": "console", "publish": False})
    assert (await publish(site, "x", data="1"))[0] == 404
    assert not (await told(site, "/console/server"))["publish"]


@pytest.mark.parametrize(
    ("address", "refused"), [("127.0.0.1", False), ("::1", False), ("localhost", False), ("", True), ("10.0.0.1", True)]
)
def test_where_others_reach_it_it_needs_a_key(address: str, refused: bool) -> None:
    values = {"address": address, "locations": [{"type": "publisher", "prefix": "/p/"}, {"type": "console"}]}
    configure(ConfigFile("file", {**values, "locations": [{"type": "console", "key": "k"}]}), {})
    # The command line goes before the file.
    assert configure(ConfigFile("file", {**values, "address": "0.0.0.0"}), {}, Flags(address="::1")).server.address == "::1"
    if not refused:
        configure(ConfigFile("file", values), {})
        return
    with pytest.raises(ConfigError) as error:
        configure(ConfigFile("file", values), {})
    assert str(error.value).startswith(
        "file: locations[1].key: is missing, and others than this machine may reach the console; set it, or "
    )


@pytest.mark.parametrize(("address", "told"), [("10.9.9.9", "address '10.9.9.9'"), ("", "every address")])
def test_where_others_reach_it_since_the_start_it_needs_a_key_whatever_address_the_file_has_now(address: str, told: str) -> None:
    def flags(console: dict[str, str]) -> Flags:
        return Flags(values=ConfigFile("file", {"address": "127.0.0.1", "locations": [{"type": "console", **console}]}))

    assert load(flags({}), {}, ServerSettings(address="127.0.0.1")).server.address == "127.0.0.1"
    load(flags({"key": "k"}), {}, ServerSettings(address=address))
    with pytest.raises(ConfigError) as error:
        load(flags({}), {}, ServerSettings(address=address))
    assert str(error.value).startswith("file: locations[0].key: is missing, ")
    assert str(error.value).endswith(f"; until it is started again this server listens on {told}")


@pytest.mark.parametrize("prefix", ["desk/", "/desk", ""])
def test_prefixes_that_cannot_be(prefix: str) -> None:
    with pytest.raises(ConfigError):
        ConsoleLocation.check(ConsoleLocation.Settings(prefix=prefix))
