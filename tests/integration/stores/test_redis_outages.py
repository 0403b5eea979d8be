"""What is said of a server that is away or the wrong one: one line when it is lost, one when it is back, and no password in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import hiredis
import pytest

from hbpush.errors import HbpushError, StoreUnavailable
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, Outages, Process, comes_back, until
from tests.support.ports import free_port
from tests.support.redis_server import HOST, RedisServer

SECRET = "sesame-4711"


async def away(process: Process, outages: Outages, reason: str) -> None:
    """The server of a process is away: that and why was said in one line, and everything is refused."""
    assert reason in process.store.trouble
    for call in (process.publish, process.read, process.create, process.delete, process.info, process.watch):
        with pytest.raises(StoreUnavailable):
            await call("news")
    [line] = outages.lines()
    assert line.startswith("WARNING store default: Redis at ")
    assert f"cannot be reached: {reason}" in line
    assert SECRET not in line + process.store.trouble


async def back(process: Process, outages: Outages) -> None:
    """It is there now: that was said in one more line, and all is as it should be."""
    await until(lambda: not process.store.trouble, "it is back")
    await process.watch("news")
    await process.publish("news", b"1")
    await process.hears("news", b"1")
    _, line = outages.lines()
    assert line.startswith("INFO store default: Redis at ")
    assert " is back after " in line
    assert SECRET not in line


async def test_a_wrong_password(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("WRONGPASS")
    with RedisServer(requirepass="another") as server:
        process = await house.start(server, password=SECRET)
        await away(process, outages, "WRONGPASS")
        server.cli("CONFIG", "SET", "requirepass", SECRET)
        await back(process, outages)


async def test_no_password(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("NOAUTH")
    with RedisServer(requirepass=SECRET) as server:
        process = await house.start(server)
        await away(process, outages, "NOAUTH")
        server.cli("CONFIG", "SET", "requirepass", "")
        await back(process, outages)


async def test_a_password_in_a_url(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("WRONGPASS")
    with RedisServer(requirepass="another") as server:
        process = await house.start(url=f"redis://:{SECRET}@{HOST}:{server.port}/0")
        await away(process, outages, "WRONGPASS")


async def test_no_such_host(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    process = await house.start(host="no-such-host.invalid", password=SECRET)
    await away(process, outages, "")
    assert "no-such-host.invalid:6379" in process.store.trouble


async def test_nobody_listens(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("refused")
    with RedisServer() as server:
        server.kill()
        process = await house.start(server)
        await away(process, outages, "connection refused")
        server.start()
        await back(process, outages)


async def test_a_socket_that_is_not_there(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached: no such file")
    with RedisServer(unix_socket=True) as server:
        assert server.unix_path is not None
        server.stop()
        process = await house.start(unix_socket=server.unix_path)
        await away(process, outages, "no such file")
        assert server.unix_path in process.store.trouble
        server.start()
        await back(process, outages)


async def test_a_replica(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("replica")
    with RedisServer() as master, RedisServer(settings={"replicaof": f"{HOST} {master.port}"}) as replica:
        process = await house.start(replica)
        await away(process, outages, "it is a replica")
        replica.cli("REPLICAOF", "NO", "ONE")
        await back(process, outages)


@asynccontextmanager
async def listens(port: int, reply: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    """Somebody who is not Redis listens, and answers each piece that comes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(reply(data))
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, HOST, port)
    async with server:
        yield


async def test_a_port_that_speaks_http(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    port = free_port()
    async with listens(port, lambda data: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"):
        process = await house.start(host=HOST, port=port, password=SECRET)
        await away(process, outages, "what answers does not speak Redis")
    with RedisServer(port=port, requirepass=SECRET):
        await back(process, outages)


async def test_a_server_that_is_too_old(house: House, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("Redis 6.2.14")
    port = free_port()
    async with listens(port, old_redis):
        process = await house.start(host=HOST, port=port)
        await away(process, outages, "it is Redis 6.2.14, and has to be 7 or newer")
    with RedisServer(port=port):
        await back(process, outages)


def old_redis(data: bytes) -> bytes:
    about = b"# Server\r\nredis_version:6.2.14\r\nrun_id:0123456789abcdef\r\n"
    replies = {b"INFO": b"$%d\r\n%b\r\n" % (len(about), about), b"ROLE": b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"}
    reader = hiredis.Reader()
    reader.feed(data)
    answer = b""
    while (command := reader.gets()) is not False:
        answer += replies.get(command[0], b"+OK\r\n")
    return answer


async def test_two_lines_tell_of_an_outage(house: House, server: RedisServer, outages: Outages, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached: connection refused")
    process = await house.start(server)
    await process.watch("news")
    for outage in (1, 2):
        server.kill()
        await until(lambda: process.store.trouble, "it is noticed")
        for _ in range(20):
            with pytest.raises(HbpushError):
                await process.publish("news", b"2")
        server.start()
        await until(lambda: not process.store.trouble, "it is back")
        await process.publish("news", b"3")
        lines = outages.lines()
        assert len(lines) == 2 * outage, lines
        assert "cannot be reached: connection refused" in lines[-2]
        assert " is back after " in lines[-1]


async def test_two_lines_tell_of_many_tries(house: House, server: RedisServer, outages: Outages, expected_logs: ExpectedLogs) -> None:
    """It answers no better than with the end of each connection."""
    expected_logs("cannot be reached")
    port = free_port()
    tries = 0

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.close()

    listening = await asyncio.start_server(refuse, HOST, port)
    async with listening:
        process = await house.start(host=HOST, port=port)
        await until(lambda: tries >= 4, "it is tried again")
    with RedisServer(port=port):
        await back(process, outages)


async def test_killed_connections_are_no_outage(house: House, server: RedisServer, outages: Outages) -> None:
    process = await house.start(server)
    await process.watch("news")
    for number in range(4):
        server.cli("CLIENT", "KILL", "TYPE", ("normal", "pubsub")[number % 2])
        await until(lambda: comes_back(process), "it is back")
        await process.publish("news", b"%d" % number)
        # Both connections are there again when it is heard.
        await process.hears("news", *(b"%d" % each for each in range(number + 1)))
    assert outages.lines() == []
