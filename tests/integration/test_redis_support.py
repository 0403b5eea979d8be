"""The Redis servers that tests use are what they promise: killed, paused, secured, and at the time that a test says."""

from __future__ import annotations

import gc
import os
import ssl
from pathlib import Path

import hiredis
import pytest

from tests.support.clock import START
from tests.support.redis_server import RedisServer, missing
from tests.support.redis_wire import Wire, until

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

YEAR = 365 * 86_400
NOW = "local t = redis.call('TIME') return t[1] .. '.' .. t[2]"


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_server_goes_with_all_it_has() -> None:
    with RedisServer() as server:
        pid, directory = server.pid, server.directory
        assert server.cli("SET", "a", b"\xff\0") == b"OK"
        assert server.cli("GET", "a") == b"\xff\0"
        assert server.cli("CONFIG", "GET", "save") == [b"save", b""]
    assert not server.running
    assert gone(pid)
    assert not directory.exists()
    server.close()


def test_a_forgotten_server_goes_too() -> None:
    server = RedisServer()
    server.start()
    pid, directory = server.pid, server.directory
    del server
    gc.collect()
    assert gone(pid)
    assert not directory.exists()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_server_comes_back_on_its_port_with_what_it_has_saved(end: str) -> None:
    with RedisServer(appendonly=True) as server:
        first = server.pid, server.port
        for number in range(100):
            server.cli("RPUSH", "list", number)
        getattr(server, end)()
        getattr(server, end)()
        with pytest.raises(ConnectionRefusedError):
            server.cli("PING")
        server.start()
        assert server.pid != first[0]
        assert server.port == first[1]
        assert server.cli("LLEN", "list") == 100
    with RedisServer() as forgetful:
        forgetful.cli("SET", "a", 1)
        getattr(forgetful, end)()
        forgetful.start()
        assert forgetful.cli("DBSIZE") == 0


@pytest.mark.parametrize("end", ["kill", "stop", "close"])
def test_a_paused_server_answers_when_it_goes_on_and_can_be_ended(end: str) -> None:
    with RedisServer() as server:
        pid = server.pid
        with server.wire() as wire, Wire(server.address, patience=0.1) as hasty:
            server.pause()
            hasty.send("PING")
            with pytest.raises(TimeoutError):
                hasty.reply()
            wire.send("INCR", "a")
            server.resume()
            server.resume()
            assert wire.reply() == 1
        server.pause()
        getattr(server, end)()
        assert gone(pid)


def test_a_server_that_ended_by_itself_is_noticed() -> None:
    with RedisServer() as server:
        with pytest.raises(EOFError):
            server.cli("SHUTDOWN", "NOW", "FORCE")
        until(lambda: not server.running, "the end of the server")
        with pytest.raises(RuntimeError, match="ended"):
            server.wait_ready()
        server.kill()
        server.start()
        os.kill(server.pid, 9)


def test_a_start_that_fails_shows_the_log() -> None:
    server = RedisServer(settings={"no-such-directive": "1"})
    with pytest.raises(RuntimeError, match="no-such-directive"):
        server.start()
    assert not server.running
    with RedisServer() as first, pytest.raises(RuntimeError, match="Address already in use"):
        RedisServer(port=first.port).start()


def test_a_unix_socket() -> None:
    with RedisServer(unix_socket=True) as server:
        assert server.unix_path is not None
        with Wire(server.unix_path) as by_path, Wire(server.address) as by_port:
            by_path.call("SET", "a", 1)
            assert by_port.call("GET", "a") == b"1"


@pytest.mark.skipif(missing(tls=True) is not None, reason=missing(tls=True) or "")
def test_tls_with_a_certificate_that_only_its_own_authority_vouches_for() -> None:
    with RedisServer(tls=True) as server:
        assert server.cli("PING") == b"PONG"
        with Wire(server.address, ssl.create_default_context(cafile=str(server.ca_file))) as trusting:
            assert trusting.call("PING") == b"PONG"
        with pytest.raises(ssl.SSLCertVerificationError):
            Wire(server.address, ssl.create_default_context())
        with Wire(server.address) as plain, pytest.raises((EOFError, ConnectionResetError)):
            plain.call("PING")


def test_passwords_bind_all_but_the_test_itself() -> None:
    odd = "p\"\\ #'"
    with RedisServer(users=["alice on >secret ~a* &* +get"], requirepass=odd) as server:
        assert server.cli("SET", "a", 1) == b"OK"
        with Wire(server.address) as wire:
            with pytest.raises(hiredis.ReplyError, match="NOAUTH"):
                wire.call("GET", "a")
            assert wire.call("AUTH", odd) == b"OK"
            assert wire.call("AUTH", "alice", "secret") == b"OK"
            assert wire.call("GET", "a") == b"1"
            for refused in (("GET", "b"), ("SET", "a", 2)):
                with pytest.raises(hiredis.ReplyError, match="NOPERM"):
                    wire.call(*refused)
    with RedisServer(users=["default off"]) as closed:
        assert closed.cli("PING") == b"PONG"


# The clock


with_clock = pytest.mark.skipif(missing(clock=True) is not None, reason=missing(clock=True) or "")


@with_clock
def test_the_time_is_what_the_test_says_in_both_directions_without_a_wait() -> None:
    with RedisServer(clock=True) as server, server.wire() as wire:
        sha = wire.call("SCRIPT", "LOAD", NOW)
        assert server.now == START
        for moment in (START, START + 0.000001, START + 1.5, START - 3.25, START + 80 * YEAR, 1.0, START - 20 * YEAR):
            server.set_time(moment)
            seconds, microseconds = divmod(round(moment * 1_000_000), 1_000_000)
            assert wire.call("TIME") == [b"%d" % seconds, b"%d" % microseconds]
            assert wire.call("EVALSHA", sha, 0) == b"%d.%d" % (seconds, microseconds)
            key = f"at {moment}"
            assert wire.call("XADD", key, "*", "f", "v") == b"%d-0" % (round(moment * 1_000_000) // 1000)
        with pytest.raises(ValueError, match="1970"):
            server.set_time(0)


@with_clock
def test_the_time_stands_over_a_restart_and_in_a_pause() -> None:
    with RedisServer(clock=True) as server:
        server.set_time(START + 5)
        server.kill()
        server.start()
        assert server.cli("TIME") == [b"%d" % (START + 5), b"0"]
        server.pause()
        server.set_time(START + 6)
        server.resume()
        assert server.cli("TIME") == [b"%d" % (START + 6), b"0"]


@with_clock
def test_expiry_is_exact_to_the_millisecond() -> None:
    with RedisServer(clock=True) as server, server.wire() as wire:
        for number in range(200):
            now = START + 100 * number
            server.set_time(now)
            wire.call("SET", "a", 1, "EX", 10)
            server.set_time(now + 9.999)
            assert wire.call("PTTL", "a") == 1
            assert wire.call("EVAL", "return redis.call('GET', KEYS[1])", 1, "a") == b"1"
            server.set_time(now + 10.001)
            if number % 2:
                assert wire.call("EVAL", "return redis.call('EXISTS', KEYS[1])", 1, "a") == 0
            else:
                assert wire.call("GET", "a") is None
        wire.call("SET", "b", 1, "EX", 10)
        server.set_time(START)
        assert wire.call("TTL", "b") > 10 * 199


@with_clock
def test_what_nobody_reads_expires_by_the_timer_of_the_server() -> None:
    with RedisServer(clock=True) as server, server.wire() as wire:
        for number in range(500):
            wire.call("SET", number, 1, "EX", 10)
        assert wire.call("DBSIZE") == 500
        server.set_time(START + 11)
        until(lambda: wire.call("DBSIZE") == 0, "removal of expired keys")
        server.set_time(START)
        assert wire.call("GET", 1) is None


@with_clock
def test_a_server_whose_clock_jumps_by_years_goes_on() -> None:
    with RedisServer(clock=True, appendonly=True) as server, server.wire() as wire, server.wire() as listener:
        listener.call("SUBSCRIBE", "news")
        for number, moment in enumerate((START + 50 * YEAR, START - 50 * YEAR, START + 30 * YEAR, 1.0, START)):
            server.set_time(moment)
            # The timer of the server has run at the new time once it removes a key that nobody reads.
            wire.call("SET", number, 1, "PX", 1)
            server.set_time(moment + 1)
            until(lambda: wire.call("DBSIZE") == (number > 0), "a turn of the timer of the server", patience=5)  # noqa: B023
            assert wire.call("INCR", "count") == number + 1
            assert wire.call("PUBLISH", "news", number) == 1
            assert listener.reply() == [b"message", b"news", b"%d" % number]
        server.kill()
        server.start()
        assert server.cli("GET", "count") == b"5"
