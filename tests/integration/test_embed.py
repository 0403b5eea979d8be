"""Locations in one's own Application: the example as a process, and `Push` on both hosts."""

from __future__ import annotations

import asyncio
import http.client
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.web import Application, RequestHandler

from hbpush.core.batch import Batch
from hbpush.core.message import NEWEST, ChannelRef
from hbpush.core.subscription import CloseReason
from hbpush.embed import Push
from hbpush.errors import ConfigError, HbpushError
from hbpush.web.bridge import native_routes
from tests.support.hosts import KINDS, Host, Kind, get, request

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed.py"
PATIENCE = 20
LOCATIONS = [{"type": "subscriber", "prefix": "/sub/", "create_on_get": True}, {"type": "publisher", "prefix": "/pub/"}]

PLAIN = pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.tls], ids=lambda kind: kind.name)


@pytest.fixture
def example() -> Iterator[str]:
    """The address of the running example."""
    command = [sys.executable, str(EXAMPLE), "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE)
        assert (process.returncode, said) == (0, "")


def test_the_example(example: str) -> None:
    with urllib.request.urlopen(example, timeout=PATIENCE) as page:
        assert b"A clock that is pushed" in page.read()
    with urllib.request.urlopen(f"{example}sub/clock", timeout=PATIENCE) as tick:
        assert len(tick.read()) == len("12:34:56")
        assert tick.headers["Content-Type"] == "text/plain"
    with urllib.request.urlopen(f"{example}say", data=b"hello", timeout=PATIENCE) as said:
        assert said.read() == b"0 listening\n"
    with urllib.request.urlopen(f"{example}sub/said", timeout=PATIENCE) as heard:
        assert heard.read() == b"hello"


def test_the_example_lets_those_go_who_wait(example: str) -> None:
    waiting = http.client.HTTPConnection(example.removeprefix("http://").rstrip("/"), timeout=PATIENCE)
    waiting.request("GET", "/sub/said")
    with urllib.request.urlopen(f"{example}say", data=b"one", timeout=PATIENCE):
        pass
    assert waiting.getresponse().read() == b"one"
    waiting.close()


class Page(RequestHandler):
    def get(self) -> None:
        self.write("my page")


async def serve(host: Host, push: Push) -> None:
    await push.start()
    handlers = [*push.urls, ("/", Page)]
    if host.kind.tornado:
        await host.serve([], handlers=handlers)
    else:
        routes, rest = native_routes(Application(handlers))
        assert len(routes) == len(LOCATIONS)
        await host.serve(routes, fallback=rest)


@PLAIN
def test_push_on_every_host(kind: Kind) -> None:
    async def scenario() -> None:
        push = Push(LOCATIONS)
        await serve(host, push)
        client = await host.connect()
        assert (await client.ask(get(b"/"))).body == b"my page"
        receipt = push.publish("news", "caf\u00e9", content_type="text/plain; charset=utf-8")
        assert not isinstance(receipt, asyncio.Future)
        assert (receipt.messages, receipt.subscribers) == (1, 0)
        answer = await client.ask(get(b"/sub/news"))
        assert (answer.body, answer.headers[b"content-type"]) == ("caf\u00e9".encode(), b"text/plain; charset=utf-8")
        push.publish(b"\xff", b"\x00\x01")
        assert (await client.ask(get(b"/sub/%FF"))).body == b"\x00\x01"
        assert (await client.ask(request(b"POST", b"/pub/other", body=b"by HTTP"))).status == 202
        assert (await client.ask(get(b"/sub/other"))).body == b"by HTTP"
        await client.send(get(b"/sub/quiet"))
        assert (await (await host.connect()).ask(get(b"/"))).status == 200
        await push.stop()
        assert (await client.answer()).status == 304

    host = Host(kind, None)
    host.run(scenario())


def test_a_subscriber_in_python() -> None:
    class Listener:
        owner = None
        takes = None
        claim = None

        def __init__(self) -> None:
            self.heard: list[bytes] = []
            self.ended: list[CloseReason] = []

        def missed(self) -> None: ...
        def joined(self) -> None: ...
        def has_room(self) -> bool:
            return True

        def deliver(self, batch: Batch) -> None:
            self.heard += [message.body for message in batch.messages]

        def closed(self, reason: CloseReason) -> None:
            self.ended.append(reason)

    async def scenario() -> None:
        push = Push(LOCATIONS)
        await push.start()
        listener = Listener()
        push.hub.subscribe(ChannelRef("default", "", "news"), listener, NEWEST)
        receipt = push.publish("news", "one")
        push.publish("news", "two")
        assert not isinstance(receipt, asyncio.Future)
        assert (receipt.subscribers, receipt.takers) == (1, 1)
        await asyncio.sleep(0)
        await push.stop()
        assert listener.heard == [b"one", b"two"]
        assert listener.ended == [CloseReason.SHUTDOWN]

    asyncio.run(scenario())


def test_stores_by_name() -> None:
    async def scenario() -> None:
        push = Push(
            [{"type": "subscriber", "prefix": "/sub/", "store": "b"}],
            {"a": {"type": "memory"}, "b": {"type": "memory", "max_messages": 1}},
        )
        await push.start()
        push.publish("news", "one", store="b")
        receipt = push.publish("news", "two", store="b")
        assert not isinstance(receipt, asyncio.Future)
        assert receipt.messages == 1
        with pytest.raises(ConfigError, match="there is no store 'default'; the stores: a, b"):
            push.publish("news", "one")
        await push.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("locations", "options", "said"),
    [
        ([{"type": "subscribr", "prefix": "/"}], {}, r"Push: locations\[0\].type"),
        ([{"type": "subscriber", "prefx": "/"}], {}, r"Push: locations\[0\].prefx: .*did you mean 'prefix'"),
        ([{"type": "subscriber", "prefix": "/", "store": "a"}], {}, r"Push: locations\[0\].store"),
        ([], {"store": {"type": "memory", "max_messages": -1}}, "Push: store.max_messages"),
        ([], {"max_body": "much"}, "Push: max_body"),
        ([], {"trusted_proxies": ["nowhere"]}, r"Push: trusted_proxies\[0\]"),
        ([], {"port": 80}, "Push: port: is no option of Push"),
    ],
)
def test_wrong_options(locations: list[dict[str, object]], options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Push(locations, **options)


def test_nothing_works_before_the_start_and_after_the_end() -> None:
    async def scenario() -> None:
        push = Push(LOCATIONS)
        with pytest.raises(HbpushError, match="not started"):
            push.publish("news", "one")
        await push.stop()
        await push.start()
        with pytest.raises(HbpushError, match="started already"):
            await push.start()
        await push.stop()
        with pytest.raises(HbpushError, match="not started"):
            push.hub  # noqa: B018 - it raises
        await push.start()
        await push.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("channel", ["", b"", "x" * 1025, "\u00e9" * 513])
def test_channels_that_cannot_be(channel: str | bytes) -> None:
    async def scenario() -> None:
        push = Push(LOCATIONS)
        await push.start()
        with pytest.raises(ValueError, match="between 1 and 1024 bytes"):
            push.publish(channel, "body")
        await push.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("said", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\x01", "\x7f"])
@pytest.mark.parametrize("what", ["content_type", "event"])
def test_values_that_no_header_can_carry(what: str, said: str) -> None:
    async def scenario() -> None:
        push = Push(LOCATIONS)
        await push.start()
        with pytest.raises(ValueError, match="no control characters"):
            push.publish("news", "body", **{what: said})
        with pytest.raises(ValueError, match="at most 1024 bytes"):
            push.publish("news", "body", **{what: "\u00e9" * 513})
        push.publish("news", "body", **{what: "\u00e9" * 512})
        await push.stop()

    asyncio.run(scenario())
