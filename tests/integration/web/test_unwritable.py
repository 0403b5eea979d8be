"""Answers that Tornado refuses to write: the peer is not left waiting, and the fault is logged once."""

from __future__ import annotations

import pytest

from hbpush.web.answers import Head
from hbpush.web.exchange import Exchange
from hbpush.web.routes import Exact, Route
from tests.conftest import ExpectedLogs
from tests.integration.web.conftest import stock
from tests.support.hosts import Host, get


@stock
@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("held", [False, True])
async def test_a_head_that_cannot_be_written_ends_the_connection(host: Host, expected_logs: ExpectedLogs, extra: bool, held: bool) -> None:
    expected_logs("ERROR hbpush.web: an answer to GET '/' cannot be written")
    waiting: list[Exchange] = []
    gone: list[bool] = []

    def endpoint(exchange: Exchange) -> None:
        if held:
            assert exchange.hold(lambda: gone.append(True))
        if extra:
            exchange.extra = b"X-Poison: \x01\r\n"
        exchange.respond(Head(200, b"" if extra else b"X-Poison: \x7f\r\n").wire(b"x"))
        exchange.respond(Head(200).wire(b"a second answer"))
        waiting.append(exchange)

    await host.serve([Route(Exact("/"), endpoint, bytes)])
    client = await host.connect()
    await client.send(get(b"/"))
    assert await client.is_over()
    assert waiting
    assert not gone
    assert len(expected_logs.texts()) == 1


@stock
async def test_a_stream_whose_head_cannot_be_written_is_answered(host: Host, expected_logs: ExpectedLogs) -> None:
    expected_logs("ERROR hbpush.web: GET '/' failed")

    def endpoint(exchange: Exchange) -> None:
        exchange.stream(200, b"X-Poison: \x7f\r\n", lambda: None)

    await host.serve([Route(Exact("/"), endpoint, bytes)])
    assert (await host.ask(get(b"/"))).status == 500
