"""What nchan, the original push modules and the original hbpush were seen to do, done to this server.

The scenarios of ``tests/vectors/relay_observed.json`` are played step by step, those of one server on one site. An answer has to
be the observed one after the changes that the specification asks for (its sections 7.1 and 7.2); what differs by intent beyond that
is left out, and listed here with the reason in a word. ``<T1>`` and ``<LM1>`` stand for one second of a scenario, as a number and
as a date; ``<SECS>`` is any number of seconds.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hbpush.relay.rules import http_date, parse_date
from tests.integration.relay.conftest import Site, wire
from tests.support.hosts import Answer, Client

Json = dict[str, Any]

SCENARIOS: list[Json] = json.loads(Path(__file__).parents[2].joinpath("vectors", "relay_observed.json").read_text(encoding="ascii"))
NOW = 1_795_220_000
"""After the dates that the scenarios name: 21 November 2026."""

LEFT_OUT = {
    "nchan_options": "CORS",
    "nchan_multipart": "multipart",
    "nchan_compound": "etags",
    "nchan_other_types": "streams",
    "nchan_es_delete": "streams",
    "nchan_multiplex": "multiplexing",
    "nchan_events": "streams",
    "nchan_stats": "groups",
    "nchan_auth": "callbacks",
    "nchan_disconnect": "unscripted",
    "nchan_pipelined": "unscripted",
    "nchan_redis": "Redis",
    "nchan_same_second_burst": "unscripted",
    "pm0692_last": "crash",
    "pm0692_noid": "query",
    "pm073_noid": "query",
    "pm073_same_second_burst": "unscripted",
    "hbpush_future": "hangs",
    "hbpush_no_ct": "crash",
    **{scenario["name"]: "Redis" for scenario in SCENARIOS if scenario["name"].startswith("hbpush_redis_")},
    **{scenario["name"]: "older" for scenario in SCENARIOS if scenario["name"].startswith("hbpush010_")},
}

CUT = {
    "nchan_content_type": (4, "unscripted"),
    "nchan_delete_with_subs": (7, "lingers"),
    "nchan_delete_idle": (2, "lingers"),
    "nchan_delete_recreate": (3, "reuse"),
    "nchan_info_post_put_delete_accept": (3, "lingers"),
    "pm073_delete_recreate": (3, "reuse"),
    "pm0692_nostore": (4, "ids"),
    "pm073_nostore": (4, "ids"),
    "pm073_put": (4, "crash"),
    "pm073_exist": (1, "crash"),
}
"""How many steps of a scenario are played, and why no more."""

FAMILIES = {"nchan": 408, "pm0692": 304, "pm073": 304, "hbpush": 304}
"""The servers, by what the names of their scenarios begin with, and the status that ended a poll in vain."""


def locations(family: str) -> list[Json]:
    publishers = {"pub": {}, "legacy_pub": {}, "pub_buf3": {}, "pub_nostore": {"store_messages": False}, "pub_ttl2": {"message_timeout": 2}}
    subscribers: dict[str, Json] = {
        "sub": {},
        "legacy_sub": {},
        "sub_to2": {"subscriber_timeout": 2, "timeout_status": FAMILIES[family]},
        "sub_newest": {"first_message": "newest"},
        "sub_nm1": {"first_message": 1},
        "sub_max2": {"max_subscribers": 2},
        "sub_exist": {"create_on_get": False},
        "sub_first": {"concurrency": "first"},
        "sub_last": {"concurrency": "last"},
        "isub": {"polling": "interval"},
        "legacy_isub": {"polling": "interval"},
    }
    # In nchan and the modules a subscriber makes the channel.
    made = {"create_on_get": family != "hbpush"}
    return [
        {"type": "publisher", "prefix": "/npub/", "create_on_post": False},
        *({"type": "publisher", "prefix": f"/{place}/", **options} for place, options in publishers.items()),
        *({"type": "subscriber", "prefix": f"/{place}/", **made, **options} for place, options in subscribers.items()),
    ]


def reason_to_pass(name: str, step: Json) -> str | None:
    """Why a step is not played, in a word, or None."""
    request = step["request"]
    method, path, label = request["method"], request["path"], step.get("label", "")
    observed = step.get("response", {})
    place = path.split("/")[1].partition("?")[0]
    if observed.get("status", 0) is None and ("closed without" in observed["note"] or method not in ("GET",)):
        return "crash"
    if observed.get("status") == 500:
        return "crash"
    if place in ("qpub", "qsub", "pubsub", "sub_len10", "sub_n2") or "<too long>" in (observed.get("body"), request.get("body")):
        return "feature"
    if path.count("/") < 2 or path.endswith("/"):
        return "unclaimed"
    if method in ("HEAD", "FOO") and place.endswith("pub"):
        return "HEAD"
    if method == "FOO":
        return "parser"
    if "%00" in path or (name == "hbpush_misc" and path == "/sub/a/b"):
        return "ids"
    if label == "no If-None-Match" and not name.startswith("hbpush"):
        return "tags"
    if "chunked" in request and observed["status"] == 411:
        return "chunked"
    if name == "pm0692_content_type" and path in ("/sub/m8", "/sub/m9"):
        return "damage"
    return "q" if ";q=" in request.get("headers", {}).get("Accept", "") else None


def expected_status(step: Json) -> int:
    request, observed = step["request"], step["response"]["status"]
    method, path, label = request["method"], request["path"], step.get("label", "")
    place = path.split("/")[1]
    if method == "OPTIONS":
        return 200
    if "sub" in place and method != "GET":
        return 405
    if method not in ("GET", "POST", "PUT", "DELETE"):
        return 405
    if any(word in label for word in ("bad date", "bad tag", "empty tag", "tag -1")):
        return 400
    if label == "quoted tag":
        return 200
    if place == "sub_exist" and observed == 403:
        return 404
    assert isinstance(observed, int)
    return observed


class Player:
    """Plays the scenarios of one server."""

    def __init__(self, site: Site, family: str) -> None:
        self.site = site
        self.family = family
        self.passed_over: list[str] = []
        self.played = 0
        self._where = ""
        self._seconds: dict[str, int] = {}
        self._polls: dict[str, Client] = {}
        self._asked: set[str] = set()
        self._last: dict[str, int] = {}

    async def play(self, scenario: Json) -> None:
        name = scenario["name"]
        steps, why = CUT.get(name, (len(scenario["steps"]), ""))
        if why:
            self.passed_over.append(f"{name}: {why}")
        # Each second of a scenario is one that no earlier message has.
        self.site.clock.advance(1)
        self._seconds = {}
        for index, step in enumerate(scenario["steps"][:steps]):
            self._where = f"{name}, step {index}: {step['request']}"
            why = reason_to_pass(name, step) or ""
            if why:
                self.passed_over.append(f"{name}[{index}]: {why}")
                continue
            self.played += 1
            await self._step(name, step)

    async def _step(self, name: str, step: Json) -> None:
        request = step["request"]
        headers = {key: self._bound(name, step, value) for key, value in request.get("headers", {}).items()}
        lines = [f"{key}: {value}" for key, value in headers.items()]
        body = octets(request.get("body", ""))
        path = request["path"]
        place, channel = path.split("/", 2)[1:]
        method = request["method"]
        if method == "PUT" and step.get("response", {}).get("status") == 202:
            # Where PUT publishes, it is what POST is here.
            method = "POST"
        if "wait_start" in step:
            self._polls[step["wait_start"]] = await self.site.hold(path, *lines)
            self._asked.add(channel)
            return
        observed = step["response"]
        if "wait_end" in step:
            self._compare(name, step, headers, await self._polls.pop(step["wait_end"]).answer())
            return
        if observed["status"] is None:
            poll = await self.site.hold(path, *lines)
            self._asked.add(channel)
            poll.leave()
            ref = self.site.locations[0].routes()[0].parse(channel.encode())
            await self.site.until(lambda: not self.site.hub.listening(ref))
            return
        if self._newer_than_now(observed) or (name.endswith("_ttl") and observed["status"] == 304):
            self.site.clock.advance(3)
        if step.get("held_seconds"):
            poll = await self.site.hold(path, *lines)
            self.site.clock.advance(step["held_seconds"] + 1)
            answer = await poll.answer()
        elif request.get("chunked"):
            client = await self.site.host.connect()
            head = wire(method, path, *lines, "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
            answer = await client.ask(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        else:
            answer = await self.site.ask(method, path, *lines, body=body)
        self._compare(name, step, headers, answer)
        if "sub" in place and answer.status in (200, 304):
            self._asked.add(channel)

    def _bound(self, name: str, step: Json, value: str) -> str:
        """A header of a request with its placeholders filled in."""
        found = re.fullmatch(r"<LM(\d+)>", value)
        if found is None:
            return value
        if found[1] not in self._seconds:
            label = step.get("label", "")
            channel = step["request"]["path"].split("/", 2)[2]
            now = int(self.site.clock.time())
            if "future" in name or "future" in label or name == "hbpush_delete":
                self._seconds[found[1]] = now + 100_000
            elif "old" in label or "expire" in name:
                self._seconds[found[1]] = now - 100_000
            else:
                self._seconds[found[1]] = self._last.get(channel, now)
        return http_date(self._seconds[found[1]]).decode()

    def _newer_than_now(self, observed: Json) -> bool:
        """Whether the answer names a second that is later than those known of this scenario."""
        text = observed.get("body", "") + json.dumps(observed.get("headers", {}))
        named = set(re.findall(r"<(?:LM|T)(\d+)>", text))
        messages = {number for number, second in self._seconds.items() if abs(second - self.site.clock.time()) < 50_000}
        return bool(named - set(self._seconds)) and bool(messages)

    def _second(self, number: str, seen: int) -> None:
        assert self._seconds.setdefault(number, seen) == seen, self._where

    def _compare(self, name: str, step: Json, sent: dict[str, str], answer: Answer) -> None:
        request, observed = step["request"], step["response"]
        place, channel = request["path"].split("/", 2)[1:]
        status = expected_status(step)
        if request["method"] == "PUT" and observed["status"] == 202:
            status = 202
        assert answer.status == status, self._where
        if status == 405 or request["method"] == "OPTIONS":
            publisher = place.endswith("pub")
            allowed = b"GET, HEAD, POST, PUT, DELETE, OPTIONS" if publisher else b"GET, OPTIONS"
            assert answer.headers[b"allow"] == allowed, self._where
        elif status in (404, 408, 409, 410, 304):
            assert answer.body == b"", self._where
        elif status == 200 and "sub" in place:
            self._compare_message(step, channel, answer)
        elif status in (200, 201, 202) and self.family != "hbpush":
            self._compare_info(name, step, sent, channel, answer)
        if status == 304 and "future" not in step.get("label", ""):
            self._compare_echo(observed, answer)

    def _compare_message(self, step: Json, channel: str, answer: Answer) -> None:
        observed = step["response"]
        if step.get("label") == "quoted tag" and observed["status"] != 200:
            return
        assert answer.body == octets(observed.get("body", "")), self._where
        headers = observed.get("headers", {})
        assert answer.headers.get(b"content-type") == (headers["Content-Type"].encode() if "Content-Type" in headers else None), self._where
        assert answer.headers[b"etag"] == headers["Etag"].encode(), self._where
        assert set(answer.headers[b"vary"].split(b", ")) == {b"If-None-Match", b"If-Modified-Since"}, self._where
        second = parse_date(answer.headers[b"last-modified"])
        self._second(headers["Last-Modified"][3:-1], second)
        self._last[channel] = second

    def _compare_echo(self, observed: Json, answer: Answer) -> None:
        headers = observed.get("headers", {})
        if "Etag" in headers:
            assert answer.headers[b"etag"] == headers["Etag"].encode(), self._where
        if "Last-Modified" in headers:
            self._second(headers["Last-Modified"][3:-1], parse_date(answer.headers[b"last-modified"]))

    def _compare_info(self, name: str, step: Json, sent: dict[str, str], channel: str, answer: Answer) -> None:
        """Every field, the form, and the media type that was asked for."""
        observed = step["response"]
        subtype = observed["headers"]["Content-Type"].partition("/")[2].partition("\\")[0]
        accept = sent.get("Accept", "").rpartition(",")[2].encode()
        media = answer.headers[b"content-type"]
        assert media == accept or (media == b"text/plain" and subtype == "plain"), self._where
        ours = answer.body.decode()
        expected = fields(observed["body"])
        got = fields(ours)
        assert shape(ours)[: len(shape(observed["body"]))] == shape(observed["body"]), self._where
        assert got[0] == expected[0], self._where
        assert got[1] == "-1" if channel not in self._asked else int(got[1]) >= 0, self._where
        if not (name.startswith(("pm073", "nchan_nostore")) and step["request"]["method"] == "POST"):
            # Counted after the message there.
            assert got[2] == expected[2], self._where
        if len(expected) == 4:
            number, _, tag = expected[3].partition(":")
            if number == "0":
                assert got[3] in ("0:0", "null"), self._where
            else:
                assert got[3].partition(":")[2] == tag, self._where
                self._second(number[2:-1], int(got[3].partition(":")[0]))


def octets(text: str) -> bytes:
    """A body; a length stands for a large one."""
    if found := re.fullmatch(r"<(\d+) bytes>", text):
        return b"x" * int(found[1])
    return text.encode("utf-8")


def fields(info: str) -> list[str]:
    """The values in channel information of any form."""
    text = info.removeprefix('<?xml version="1.0" encoding="UTF-8" ?>').replace(" (-1=never)", "").replace("_id", "")
    return re.findall(r"null|<SECS>|(?:<T\d+>|\d+):\d+|-?\d+", text)


def shape(info: str) -> list[str]:
    """The words around the values of its first three fields."""
    words = re.sub(r"<SECS>|<T\d+>", "0", info.replace(" (-1=never)", "").replace("subscribers ", "subscribers: "))
    words = words.replace('"requested": "0"', '"requested": 0').replace("last_message_id: null", "")
    return re.findall(r"[a-z_?<>/]+", words)[: 9 if info.startswith("<?xml") else 3]


def test_scenarios_that_are_left_out_exist(record_property: Any) -> None:
    names = {scenario["name"] for scenario in SCENARIOS}
    assert set(LEFT_OUT) | set(CUT) <= names
    assert not set(LEFT_OUT) & set(CUT)
    record_property("left out", "; ".join(f"{name}: {why}" for name, why in LEFT_OUT.items()))


@pytest.mark.parametrize(("family", "buffer"), [*((family, 1000) for family in FAMILIES), ("nchan", 3), ("pm0692", 3), ("pm073", 3)])
async def test_observed(site: Site, family: str, buffer: int, record_property: Any) -> None:
    site.clock.set_time(NOW)
    await site.serve(*locations(family), max_messages=buffer)
    player = Player(site, family)
    for scenario in SCENARIOS:
        name = scenario["name"]
        if name.partition("_")[0] == family and name.endswith("_buf3") == (buffer == 3) and name not in LEFT_OUT:
            await player.play(scenario)
    assert player.played > 5
    if player.passed_over:
        record_property("left out", "; ".join(player.passed_over))
