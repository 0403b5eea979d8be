"""The proxy passes what it should, and fails as it is told to."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.redis_proxy import CuttingProxy
from tests.support.redis_server import RedisServer, missing
from tests.support.redis_wire import Wire, pack, until

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

PUSH = "return redis.call('RPUSH', KEYS[1], ARGV[1])"
SHORT = 0.1
"""Seconds in which nothing comes that should not."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[CuttingProxy]:
    server.cli("FLUSHALL")
    with CuttingProxy(server) as proxy:
        yield proxy


def test_everything_passes(server: RedisServer, proxy: CuttingProxy) -> None:
    big = bytes(range(256)) * 8192
    with Wire(proxy.address) as first, Wire(proxy.address) as second:
        assert first.call("SET", "big", big) == b"OK"
        assert second.call("GET", "big") == big
        second.call("SUBSCRIBE", "news")
        assert first.call("PUBLISH", "news", big) == 1
        assert second.reply() == [b"message", b"news", big]
        for _ in range(1000):
            first.send("INCR", "count")
        assert [first.reply() for _ in range(1000)] == list(range(1, 1001))
        assert proxy.connections == 2
        assert proxy.seen(b"INCR") == proxy.seen(b"INCR", marker=b"count") == 1000
    until(lambda: proxy.connections == 0, "the end of both")


def test_a_command_may_come_in_pieces(proxy: CuttingProxy) -> None:
    with Wire(proxy.address) as wire:
        for byte in pack("SET", "a", "b"):
            wire._socket.sendall(bytes([byte]))
        assert wire.reply() == b"OK"


def test_an_eval_is_done_and_its_reply_is_lost(server: RedisServer, proxy: CuttingProxy) -> None:
    sha = server.cli("SCRIPT", "LOAD", PUSH)
    for number, command in enumerate((["EVALSHA", sha], ["eval", PUSH])):
        with Wire(proxy.address) as wire, Wire(proxy.address) as other:
            other.call("PING")
            proxy.cut_next_eval()
            assert wire.call("GET", "x") is None
            with pytest.raises((EOFError, ConnectionResetError)):
                wire.call(*command, 1, "list", f"message {number}")
            assert server.cli("LRANGE", "list", -1, -1) == [b"message %d" % number]
            assert proxy.evals(b"message %d" % number) == 1
            assert proxy.cuts_left == 0
            assert other.call(*command, 1, "other", "message") == number + 1
    assert proxy.evals() == 4
    assert server.cli("LLEN", "list") == 2


def test_a_cut_in_a_pipeline_is_exact(server: RedisServer, proxy: CuttingProxy) -> None:
    """Replies before the one that is lost come, whole; commands after it are not done."""
    big = b"x" * 300_000
    server.cli("SET", "big", big)
    for _ in range(5):
        server.cli("DEL", "list")
        proxy.cut_next_eval()
        with Wire(proxy.address) as wire:
            parts = [pack("GET", "big"), pack("PING"), pack("EVAL", PUSH, 1, "list", "a"), pack("EVAL", PUSH, 1, "list", "b")]
            wire._socket.sendall(b"".join(parts))
            assert wire.reply() == big
            assert wire.reply() == b"PONG"
            with pytest.raises((EOFError, ConnectionResetError)):
                wire.reply()
        assert server.cli("LRANGE", "list", 0, -1) == [b"a"]


def test_several_cuts(proxy: CuttingProxy) -> None:
    proxy.cut_next_eval(times=2)
    for left in (1, 0):
        with Wire(proxy.address) as wire, pytest.raises((EOFError, ConnectionResetError)):
            wire.call("EVAL", PUSH, 1, "list", "a")
        assert proxy.cuts_left == left
    with Wire(proxy.address) as wire:
        assert wire.call("EVAL", PUSH, 1, "list", "a") == 3
        proxy.cut_next_eval()
        proxy.cut_next_eval(times=0)
        assert wire.call("EVAL", PUSH, 1, "list", "a") == 4


def test_all_connections_are_cut_and_new_ones_pass(proxy: CuttingProxy) -> None:
    with Wire(proxy.address) as first, Wire(proxy.address) as second:
        first.call("PING")
        second.call("SUBSCRIBE", "news")
        assert proxy.cut_all() == 2
        for wire in (first, second):
            with pytest.raises((EOFError, ConnectionResetError)):
                wire.reply()
        with Wire(proxy.address) as third:
            assert third.call("PING") == b"PONG"
            assert proxy.connections == 1


def test_nothing_reaches_the_server(server: RedisServer, proxy: CuttingProxy) -> None:
    with Wire(proxy.address) as listener, Wire(proxy.address) as wire:
        listener.call("SUBSCRIBE", "news")
        wire.call("PING")
        proxy.block("to server")
        wire.send("SET", "a", 1)
        with Wire(proxy.address, patience=SHORT) as late, pytest.raises(TimeoutError):
            late.call("PING")
        server.cli("PUBLISH", "news", "hello")
        assert listener.reply() == [b"message", b"news", b"hello"]
        assert server.cli("EXISTS", "a") == 0
        proxy.unblock()
        assert wire.reply() == b"OK"
        assert server.cli("GET", "a") == b"1"


def test_nothing_comes_from_the_server(server: RedisServer, proxy: CuttingProxy) -> None:
    with Wire(proxy.address, patience=SHORT) as wire, Wire(proxy.address, patience=SHORT) as listener:
        listener.call("SUBSCRIBE", "news")
        wire.call("PING")
        proxy.block("to client")
        for number in range(3):
            server.cli("PUBLISH", "news", number)
        with pytest.raises(TimeoutError):
            wire.call("SET", "a", 1)
        with pytest.raises(TimeoutError):
            listener.reply()
        assert server.cli("GET", "a") == b"1"
        proxy.block("to server")
        proxy.unblock()
        until(lambda: _came(wire), "the reply that has waited")
        assert [listener.reply()[2] for _ in range(3)] == [b"0", b"1", b"2"]


def _came(wire: Wire) -> bool:
    try:
        return bool(wire.reply() == b"OK")
    except TimeoutError:
        return False


def test_subscribers_wait_until_they_are_released(server: RedisServer, proxy: CuttingProxy) -> None:
    with Wire(proxy.address, patience=SHORT) as listener, Wire(proxy.address) as wire:
        proxy.delay_subscribers()
        listener.send("SUBSCRIBE", "news")
        until(lambda: proxy.seen(b"SUBSCRIBE") == 1, "the subscription at the proxy")
        until(lambda: server.cli("PUBSUB", "NUMSUB", "news")[1] == 1, "the subscription at the server")
        assert wire.call("PUBLISH", "news", 1) == 1
        assert wire.call("PUBLISH", "news", 2) == 1
        with pytest.raises(TimeoutError):
            listener.reply()
        proxy.release_subscribers()
        assert listener.reply() == [b"subscribe", b"news", 1]
        assert [listener.reply()[2] for _ in range(2)] == [b"1", b"2"]
        wire.call("PUBLISH", "news", 3)
        assert listener.reply()[2] == b"3"


def test_subscribers_wait_for_a_given_time(server: RedisServer, proxy: CuttingProxy) -> None:
    with Wire(proxy.address) as listener, Wire(proxy.address) as wire:
        listener.call("SUBSCRIBE", "news")
        proxy.delay_subscribers(0.2)
        begin = time.monotonic()
        for number in range(50):
            wire.call("PUBLISH", "news", number)
        assert [listener.reply()[2] for _ in range(50)] == [b"%d" % number for number in range(50)]
        assert time.monotonic() - begin >= 0.2


def test_a_server_that_goes_takes_its_clients_along_and_a_held_end_waits() -> None:
    with RedisServer() as server, CuttingProxy(server) as proxy:
        with Wire(proxy.address) as wire, Wire(proxy.address, patience=SHORT) as listener:
            wire.call("PING")
            listener.call("SUBSCRIBE", "news")
            proxy.delay_subscribers()
            server.kill()
            with pytest.raises((EOFError, ConnectionResetError)):
                wire.call("PING")
            with pytest.raises(TimeoutError):
                listener.reply()
            proxy.release_subscribers()
            with pytest.raises((EOFError, ConnectionResetError)):
                listener.reply()
        with Wire(proxy.address) as refused, pytest.raises((EOFError, ConnectionResetError)):
            refused.call("PING")
        server.start()
        with Wire(proxy.address) as wire:
            assert wire.call("PING") == b"PONG"


def test_the_end_of_a_proxy_is_the_end_of_its_connections(server: RedisServer) -> None:
    with CuttingProxy(server) as proxy:
        proxy.block("to server", "to client")
        wires = [Wire(proxy.address) for _ in range(5)]
    for wire in wires:
        with wire, pytest.raises((EOFError, ConnectionResetError)):
            wire.reply()
    with pytest.raises(ConnectionRefusedError):
        Wire(proxy.address)
