"""``type: status`` and ``type: health``: what they tell, in which form, to whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hbpush.core.figures import named
from hbpush.errors import ConfigError
from hbpush.status.location import HealthLocation, StatusLocation
from tests.conftest import ExpectedLogs
from tests.integration.status.conftest import Site, everywhere

PLACES = (
    {"type": "subscriber", "prefix": "/sub/", "polling": "auto", "multiple": True, "create_on_get": True},
    {"type": "publisher", "prefix": "/pub/"},
    {"type": "socketio"},
    {"type": "status"},
    {"type": "health"},
)


async def page(site: Site) -> Any:
    answer = await site.ask("GET", "/status")
    assert (answer.status, answer.headers[b"content-type"], answer.headers[b"cache-control"]) == (200, b"application/json", b"no-store")
    return json.loads(answer.body)


async def metrics(site: Site, path: str = "/status/metrics", *lines: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await site.ask("GET", path, *lines)
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"text/plain; version=0.0.4; charset=utf-8")
    samples = [sample for family in text_string_to_metric_families(answer.body.decode()) for sample in family.samples]
    told = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(told) == len(samples), "a series comes twice"
    return told


@everywhere
async def test_json(site: Site) -> None:
    await site.serve(*PLACES)
    assert (await site.ask("GET", "/socket.io/1/")).status == 200
    await site.hold("/sub/news")
    await site.post("/pub/news", b"x" * 100)
    await site.hold("/sub/news?last_event_id=9999999999:0")
    await site.hold("/sub/news", "Accept: text/event-stream")
    told = await page(site)
    server, store = told["server"], told["stores"]["default"]
    assert (server["worker"], server["workers"], server["ready"], server["closing"]) == (1, 1, True, False)
    assert (server["channels"], server["messages"], server["deliveries"]) == (1, 1, 1)
    assert told["subscribers"] == {"long": 1, "eventsource": 1}
    assert (store["type"], store["trouble"], store["channels"], store["bytes"]) == ("memory", "", 1, 356)
    assert store["bounds"]["max_channels"] == 100_000
    places = {place["type"]: place for place in told["locations"]}
    assert places["subscriber"]["subscribers"] == {"long": 1, "eventsource": 1}
    assert (places["subscriber"]["place"], places["subscriber"]["paths"]) == ("locations[0]", ["/sub/"])
    assert places["subscriber"]["bounds"]["outbox_bytes"] == 1024 * 1024
    assert (places["socketio"]["sessions"], places["socketio"]["opened_sessions"]) == (1, 1)
    assert len(set(places["socketio"]["paths"])) == len(places["socketio"]["paths"])
    assert told["process"]["resident_memory_bytes"] > 1_000_000
    assert 0 < told["process"]["cpu_seconds"] == round(told["process"]["cpu_seconds"], 3)
    assert server["uptime_seconds"] == round(server["uptime_seconds"], 3)
    assert 3 < told["process"]["open_fds"] < 1000
    assert told["refused"]["body_too_large"] == 0


async def test_prometheus_says_the_same(site: Site) -> None:
    await site.serve(*PLACES)
    await site.hold("/sub/news")
    told, seen = await page(site), await metrics(site)
    worker = ("worker", "1")
    place = {("location", "locations[0]"), ("type", "subscriber"), worker}
    assert seen["hbpush_location_subscribers", frozenset(place | {("protocol", "long")})] == 1
    assert seen["hbpush_subscribers", frozenset({("protocol", "long"), worker})] == 1
    assert seen["hbpush_store_channels", frozenset({("store", "default"), ("type", "memory"), worker})] == 1
    assert seen["hbpush_ready", frozenset({worker})] == 1
    assert seen["process_resident_memory_bytes", frozenset({worker})] > 0
    refused = {dict(labels)["kind"]: value for (name, labels), value in seen.items() if name == "hbpush_refused_total"}
    assert refused == told["refused"]
    bounds = {dict(labels)["name"]: value for (name, labels), value in seen.items() if ("part", "store default") in labels}
    assert bounds == told["stores"]["default"]["bounds"]


async def test_every_figure_of_every_part_is_in_both_forms(site: Site) -> None:
    await site.serve(*PLACES)
    told, names = await page(site), {name for name, _ in await metrics(site)}
    for location in site.locations:
        kind = next(place for place in told["locations"] if place["type"] == location.type_name)
        for figure in location.figures():
            assert figure.name in kind
            assert f"hbpush_location_{figure.name}{'_total' if figure.total else ''}" in names
    assert named(site.store.figures()).keys() <= told["stores"]["default"].keys()


@pytest.mark.parametrize(
    ("path", "accept", "media"),
    [
        ("/status", None, b"application/json"),
        ("/status", "*/*", b"application/json"),
        ("/status", "text/html,application/xhtml+xml,*/*;q=0.8", b"application/json"),
        ("/status", "application/json, text/plain;q=0.1", b"application/json"),
        ("/status", "text/plain", b"text/plain; version=0.0.4; charset=utf-8"),
        ("/status", "application/openmetrics-text;version=nonsense;q=0.5,text/plain;q=0.2", b"text/plain; version=0.0.4; charset=utf-8"),
        ("/status?format=json", "text/plain", b"application/json"),
        ("/status?format=prometheus", None, b"text/plain; version=0.0.4; charset=utf-8"),
        ("/status/json", "text/plain", b"application/json"),
        ("/status/metrics", "application/json", b"text/plain; version=0.0.4; charset=utf-8"),
    ],
)
async def test_which_form(site: Site, path: str, accept: str | None, media: bytes) -> None:
    await site.serve({"type": "status"})
    answer = await site.ask("GET", path, *([f"Accept: {accept}"] if accept else []))
    assert (answer.status, answer.headers[b"content-type"]) == (200, media)


@everywhere
async def test_methods_and_forms_that_there_are_not(site: Site, quiet_access_log: None) -> None:
    await site.serve({"type": "status", "prefix": "/how"}, {"type": "health", "prefix": "/up/"})
    assert (await site.ask("GET", "/how?format=xml")).status == 400
    for path in ("/how", "/up/live", "/up/ready"):
        head = await site.ask("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        refused = await site.ask("DELETE", path)
        assert (refused.status, refused.headers[b"allow"]) == (405, b"GET, HEAD, OPTIONS")
        assert (await site.ask("OPTIONS", path)).headers[b"allow"] == b"GET, HEAD, OPTIONS"
    assert (await site.ask("GET", "/up/")).status == 404


async def test_the_key(site: Site) -> None:
    await site.serve({"type": "status", "key": "open sesame"})
    for path in ("/status", "/status/json", "/status/metrics", "/status?format=json"):
        refused = await site.ask("GET", path)
        assert (refused.status, refused.headers[b"www-authenticate"]) == (401, b"Bearer")
        assert (await site.ask("GET", path, "Authorization: Bearer open sesame")).status == 200
    assert (await site.ask("GET", "/status", "X-Api-Key: Open Sesame")).status == 401
    told = (await site.ask("GET", "/status", "X-Api-Key: open sesame")).body
    assert b"sesame" not in told
    assert json.loads(told)["refused"]["bad_key"] == 5


async def test_bounds_are_counted(site: Site) -> None:
    await site.serve(
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/", "max_subscribers": 1},
        {"type": "status"},
        max_channel_bytes=1000,
    )
    assert (await site.post("/pub/news", b"x" * 2000)).status == 413
    assert (await site.post("/pub/" + "x" * 1025, b"x")).status == 403
    await site.post("/pub/news", b"x")
    await site.hold("/sub/news?last_event_id=9999999999:0")
    assert (await site.ask("GET", "/sub/news?last_event_id=9999999999:0")).status == 403
    refused = (await page(site))["refused"]
    assert {kind: refused[kind] for kind in ("message_too_large", "protocol_error", "max_subscribers")} == {
        "message_too_large": 1,
        "protocol_error": 1,
        "max_subscribers": 1,
    }


async def test_health(site: Site) -> None:
    await site.serve({"type": "health"}, {"type": "socketio"})
    live, ready = await site.ask("GET", "/health/live"), await site.ask("GET", "/health/ready")
    assert (live.status, live.body) == (200, b"OK\n")
    assert (ready.status, json.loads(ready.body)) == (200, {"ready": True, "worker": 1, "troubles": {}})


async def test_a_server_that_goes_is_not_ready(site: Site) -> None:
    await site.serve({"type": "health"}, {"type": "status"})
    site.seen.closing = True
    ready = await site.ask("GET", "/health/ready")
    assert (ready.status, json.loads(ready.body)["troubles"]) == (503, {"server": "is shutting down"})
    assert (await site.ask("GET", "/health/live")).status == 200
    assert (await page(site))["server"]["ready"] is False


async def test_a_feed_that_hears_nothing_is_not_ready(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("feed tyron")
    await site.serve(
        {"type": "tyron", "prefix": "/tyron/", "redis": {"host": "127.0.0.1", "port": 1}},
        {"type": "tyron", "prefix": "/other/", "redis": {"host": "127.0.0.1", "port": 1}},
        {"type": "health"},
        {"type": "status"},
    )
    ready = await site.ask("GET", "/health/ready")
    assert ready.status == 503
    troubles = json.loads(ready.body)["troubles"]
    # They are called as in the log; two that hear the same are two.
    assert sorted(troubles) == ["feed tyron_pubsub", "feed tyron_pubsub of locations[1]"]
    assert all("cannot be reached" in trouble for trouble in troubles.values())
    place = {("location", "locations[0]"), ("type", "tyron"), ("worker", "1")}
    assert (await metrics(site))["hbpush_location_serves", frozenset(place)] == 0


@pytest.mark.parametrize(
    ("kind", "prefix", "words"),
    [
        (StatusLocation, "status", "begin with /"),
        (StatusLocation, "/status/", "not end with it"),
        (HealthLocation, "/health", "end with /"),
    ],
)
def test_refused(kind: Any, prefix: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        kind.check(kind.Settings(prefix=prefix))
    assert (refused.value.path, words in refused.value.message) == ("prefix", True)
    assert StatusLocation.warnings(StatusLocation.Settings(), loopback=False)
    assert not StatusLocation.warnings(StatusLocation.Settings(key="k"), loopback=False)
