"""Sessions of Socket.IO 0.7-0.9 on every host: malformed input, handlers that take time, heartbeats, ends (specification 8, 9, 11)."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from hbpush.session.outbox import Room
from hbpush.session.transport import End
from tests.conftest import ExpectedLogs
from tests.support.socketio import Echo, Site, wire
from tests.unit.socketio_compat.vectors import SIO07

IGNORED = [
    "", "x", "garbage", "9:::x", "99:::x", "a:::x", "3", "3:", "5:::notjson", "5:::{}", "5:::[]", "4:::{bad", "6:::", "6:::zz",
    "6:::1+notjson", "7:::0+0", "7:::", "1::", "1::/nope", "3::/nope:hi", "0::/nope", '5:::{"name":"disconnect"}',
    '5:::{"name":"echo","args":"str"}', "3:abc::x", " 3:::x", "8::", "2::", "\ufffd99\ufffd3:::short",
]  # fmt: skip

CLOSING = [
    "",
    "x",
    "3",
    "3:",
    "5:::notjson",
    "5:::{}",
    "5:::[]",
    "4:::{bad",
    "6:::",
    "6:::zz",
    '5:::{"name":"echo","args":"str"}',
    "3:abc::x",
]


async def test_malformed_input_is_ignored(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    for sent in IGNORED:
        socket.say(sent)
        await socket.quiet()


async def test_malformed_input_of_the_vectors(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    replies = {"3::": ["3::"], "3:::": ["3::"], "3:::ok": ["3:::ok"], "\ufffd4\ufffd3:::\ufffd3\ufffd2::": ["3::"]}
    cases = SIO07["malformed_over_websocket"]
    assert len(cases) > 20
    for case in cases:
        socket.say(case["sent"])
        for reply in replies.get(case["sent"], []):
            assert await socket.packet() == reply, case
        await socket.quiet()


async def test_malformed_input_closes_a_strict_session(site: Site) -> None:
    await site.echo(strict=True)
    for sent in CLOSING:
        socket = await site.opened()
        socket.say(sent)
        assert await socket.packet() == "0::", sent
        assert await socket.read_close() == 1011
    socket = await site.opened()
    for sent in set(IGNORED) - set(CLOSING) - {"garbage", " 3:::x", "6:::1+notjson", "\ufffd99\ufffd3:::short"}:
        socket.say(sent)
        await socket.quiet()


async def test_unknown_acknowledgements_reach_the_handler(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    socket.say("6:::999", '6:::4+["A","B"]')
    await socket.quiet()
    assert site.application.log[1:] == [("acknowledged", 999, []), ("acknowledged", 4, ["A", "B"])]


async def test_fault_of_a_handler_closes_everything(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handler failed; its session is closed")
    await site.echo()
    socket = await site.opened()
    socket.say("1::/chat")
    assert await socket.packet() == "1::/chat"
    socket.say('5::/chat:{"name":"boom"}')
    assert [await socket.packet(), await socket.packet()] == ["0::/chat", "0::"]
    assert await socket.read_close() == 1011
    assert site.application.log[-2:] == [("closed", "/chat", End.FAULT), ("closed", "", End.FAULT)]


async def test_order_is_kept_while_a_handler_waits(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    socket.say('5:::{"name":"wait","args":[1]}', "3:::after", '5:::{"name":"wait","args":[2]}', "3:7::last")
    other = await site.opened()
    await other.quiet()
    site.application.gate.set()
    assert await socket.event() == ("", "waited", [1])
    assert await socket.packet() == "3:::after"
    assert await socket.event() == ("", "waited", [2])
    assert await socket.packet() == "3:::last"
    assert await socket.packet() == "6:::7"


async def test_client_that_floods_a_busy_session(site: Site) -> None:
    await site.echo(max_waiting=5)
    socket = await site.opened()
    socket.say('5:::{"name":"wait"}', *["3:::x"] * 6)
    await (await site.opened()).quiet()
    assert len(site.server.registry) == 2
    site.application.gate.set()
    assert (await socket.event())[1] == "waited"
    for _ in range(5):
        assert await socket.packet() == "3:::x"
    assert await socket.read_close() == 4000
    await (await site.opened()).quiet()
    assert not site.server.registry.running


async def test_client_that_floods_a_busy_session_with_few_bytes_left(site: Site) -> None:
    await site.echo(room=Room(1000, 100))
    socket = await site.opened()
    socket.say('5:::{"name":"wait"}', "3:::" + "x" * 900, "3:::" + "x" * 900, "3:::x")
    await (await site.opened()).quiet()
    assert len(site.server.registry) == 2
    site.application.gate.set()
    assert (await socket.event())[1] == "waited"
    assert [await socket.packet(), await socket.packet()] == ["3:::" + "x" * 900] * 2
    assert await socket.read_close() == 4000


async def test_a_payload_for_a_busy_session_is_taken_whole(site: Site) -> None:
    await site.echo(max_waiting=5)
    sid = await site.shake()
    await site.poll(sid)
    assert (await site.post(sid, '5:::{"name":"wait"}', *["3:::x"] * 3000)).status == 200
    assert (await site.post(sid, "3:::y")).status == 503
    site.application.gate.set()
    await site.until(lambda: len(site.server.registry) == 0 or site.application.log[-1] == ("closed", "", End.SLOW))
    answer = await site.poll(sid)
    assert (answer.body.count(b"3:::x"), answer.body.count(b"3:::y")) == (3000, 0)


async def test_what_waited_counts_no_more(site: Site) -> None:
    await site.echo(room=Room(500, 100))
    site.application.gate.set()
    socket = await site.opened()
    for _ in range(10):
        socket.say(*['5:::{"name":"wait","args":[1]}'] * 10)
        for _ in range(10):
            assert await socket.event() == ("", "waited", [1])
    await socket.quiet()


async def test_application_that_fails_at_the_handshake(site: Site, expected_logs: ExpectedLogs) -> None:
    expected_logs("a handshake failed")
    await site.echo()
    site.application.handler = None  # type: ignore[assignment, method-assign]
    assert (await site.ask("GET", "/socket.io/1/")).status == 500
    assert len(site.server.registry) == 0


class Undecided(Echo):
    """Opens with the gate."""

    def opened(self, query: str) -> Awaitable[bool]:
        return self.decide()

    async def decide(self) -> bool:
        await self.places.gate.wait()
        return True


@pytest.mark.parametrize("ends", ["expires", "is shut down"])
async def test_handshake_that_is_never_decided(site: Site, ends: str) -> None:
    await site.echo()
    site.application.handler = lambda session, endpoint: Undecided(session, endpoint)  # type: ignore[method-assign]
    client = await site.host.connect()
    await client.send(wire("GET", "/socket.io/1/"))
    await site.until(lambda: len(site.server.registry) == 1)
    if ends == "expires":
        site.clock.advance(32)
    else:
        site.server.close(End.SHUTDOWN)
    answer = await client.answer()
    assert (answer.status, answer.body) == (401, b"handshake unauthorized")
    assert len(site.server.registry) == 0
    site.application.gate.set()
    assert site.application.log == []


async def test_endpoints_begin_with_a_slash(site: Site) -> None:
    await site.echo()
    site.application.handler = lambda session, endpoint: Echo(session, endpoint)  # type: ignore[method-assign]
    socket = await site.opened()
    socket.say("1::chat", "1::?query", "3::chat:x", "1::/chat")
    assert await socket.packet() == "1::/chat"
    assert [place for what, place, *_ in site.application.log if what == "opened"] == ["", "/chat"]


async def test_endpoint_refused_by_error(site: Site) -> None:
    await site.echo(refusal_by_error=True, max_endpoints=2)
    socket = await site.opened()
    socket.say("1::/refused")
    assert await socket.packet() == "7::/refused:2"
    socket.say("1::/chat", "1::/other", "1::/chat", "1::/refused")
    assert [await socket.packet() for _ in range(4)] == ["1::/chat", "1::/other", "1::/chat", "7::/refused:2"]


async def test_heartbeats(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    polled = await site.shake()
    for _ in range(3):
        site.clock.advance(13)
        assert await socket.packet() == "2::"
        socket.say("2::")
        await socket.quiet()
    assert (await site.poll(polled)).status == 401
    for _ in range(2):
        site.clock.advance(13)
        assert await socket.packet() == "2::"
    site.clock.advance(13)
    assert await socket.packet() == "0::"
    assert await socket.read_close() == 1000
    assert site.application.log[-1] == ("closed", "", End.SILENT)


async def test_heartbeats_of_streams_only(site: Site) -> None:
    await site.echo(global_heartbeats=False)
    sid = await site.shake()
    await site.poll(sid)
    site.clock.advance(13)
    await site.post(sid, "3:::x")
    assert (await site.poll(sid)).body == b"3:::x"
    socket = await site.websocket(sid, first=False)
    await socket.quiet()
    site.clock.advance(8)
    await socket.quiet()
    site.clock.advance(8)
    await socket.quiet()
    site.clock.advance(13)
    assert await socket.packet() == "2::"


async def test_heartbeats_stop_where_polls_take_over(site: Site) -> None:
    await site.echo(global_heartbeats=False)
    sid = await site.shake()
    socket = await site.websocket(sid)
    poll = await site.hold(sid)
    assert await socket.read_close() == 1000
    assert len(site.server.registry.heartbeats) == 0
    site.clock.advance(13)
    await site.post(sid, "3:::x")
    assert (await poll.answer()).body == b"3:::x"
    await site.websocket(sid, first=False)
    await site.until(lambda: len(site.server.registry.heartbeats) == 1)


async def test_expiry(site: Site) -> None:
    await site.echo(heartbeat_interval=0)
    sid = await site.shake()
    await site.poll(sid)
    held = await site.hold(sid)
    for _ in range(3):
        site.clock.advance(19)
        await site.post(sid, "3:::x")
        assert (await held.answer()).body == b"3:::x"
        held = await site.hold(sid)
    held.leave()
    session = site.server.registry.get(sid)
    assert session is not None
    await site.until(lambda: session.transport is None)
    site.clock.advance(29)
    assert site.server.registry.get(sid) is session
    site.clock.advance(3)
    assert site.server.registry.get(sid) is None
    assert site.application.log[-1] == ("closed", "", End.EXPIRED)
    assert (await site.poll(sid)).status == 401
    assert (await site.post(sid, "3:::x")).status == 401


async def test_shutdown(site: Site) -> None:
    await site.echo()
    socket = await site.opened()
    sid = await site.shake()
    await site.poll(sid)
    held = await site.hold(sid)
    site.server.close(End.SHUTDOWN)
    assert await socket.read_close() == 1001
    answer = await held.answer()
    assert (answer.body, answer.headers[b"connection"]) == (b"8::", b"close")
    assert len(site.server.registry) == 0


async def test_slow_session(site: Site) -> None:
    await site.echo(room=Room(1000, 100))
    sid = await site.shake()
    await site.poll(sid)
    await site.post(sid, "3:::" + "x" * 600, "3:::" + "x" * 600)
    await site.post(sid, "3:::x")
    assert (await site.poll(sid)).status == 401
    assert site.application.log[-1] == ("closed", "", End.SLOW)
    assert site.host.counters.counts["slow_session"] == 1


@pytest.mark.parametrize("rounds", [300])
async def test_nothing_stays_of_dropped_sessions(site: Site, rounds: int) -> None:
    await site.echo()
    for _ in range(rounds // 50):
        sids = [await site.shake() for _ in range(50)]
        await site.post(sids[0], "0::")
        site.clock.advance(32)
    assert len(site.server.registry) == 0
    assert len(site.server.registry.heartbeats) == 0
    assert site.server.connections == 0
    assert site.server.registry.opened == rounds
