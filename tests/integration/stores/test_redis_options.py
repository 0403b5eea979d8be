"""Every way to a server, each gone once: a message is published, told to a watcher and read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hbpush.core.message import NEWEST, Last
from hbpush.errors import StoreUnavailable
from tests.conftest import ExpectedLogs
from tests.integration.stores.conftest import House, Process, missed, ref, until
from tests.support.certificate import Certificate
from tests.support.redis_server import HOST, RedisServer, missing

needs_openssl = pytest.mark.skipif(missing(tls=True) is not None, reason=missing(tls=True) or "")

SECRET = "open: sesame/ä"
IN_URL = "open%3A%20sesame%2F%C3%A4"


@pytest.fixture(scope="module")
def guarded() -> Iterator[RedisServer]:
    """Listens on a socket too. Its default user has a password, and alice has the same."""
    with RedisServer(requirepass=SECRET, users=(f'alice on ">{SECRET}" ~* &* +@all',), unix_socket=True) as server:
        yield server


@pytest.fixture(scope="module")
def encrypted() -> Iterator[RedisServer]:
    with RedisServer(tls=True) as server:
        yield server


@pytest.fixture(scope="module")
def mutual() -> Iterator[RedisServer]:
    """Wants a certificate of everybody; its own will do."""
    server = RedisServer(tls=True, settings={"tls-auth-clients": "yes"})
    assert server._tls is not None
    server._tls.load_cert_chain(server.directory / "certificate.pem", server.directory / "key.pem")
    with server:
        yield server


async def serves(house: House, server: RedisServer, **options: Any) -> Process:
    """A store with these options does what a store is for. Its keys are found on the server."""
    process = await house.start(**options)
    assert process.store.trouble == ""
    await process.watch("news")
    first = await process.id_of("news", b"1")
    await process.publish("news", b"2", content_type=b"text/plain")
    await process.hears("news", b"1", b"2")
    assert missed(await process.read("news", first)) == ([b"2"], False)
    assert server.running
    return process


async def test_host_and_port(house: House, shared_server: RedisServer) -> None:
    await serves(house, shared_server, host="localhost", port=shared_server.port)


async def test_two_prefixes_do_not_meet(house: House, server: RedisServer) -> None:
    prefixes = ("", "a", "a:b ä*?[]", "aa")
    processes = [await house.start(server, key_prefix=prefix) for prefix in prefixes]
    for process in processes:
        await process.watch("news")
    for number, process in enumerate(processes):
        await process.publish("news", b"%d" % number)
        process.report("news", 1, 0, 5.0)
        await process.settled()
        assert await process.bodies("news") == [b"%d" % number]
    for number, process in enumerate(processes):
        await process.hears("news", b"%d" % number)
        assert (await process.publish("news")).takers == 0
        await process.delete("news")
        assert process.heard.removed == [ref("news")]


async def test_all_keys_and_names_begin_with_the_prefix(house: House, server: RedisServer) -> None:
    process = await house.start(server, key_prefix="only ä")
    await process.watch("news")
    process.report("news", 1, 0, 5.0)
    await process.publish("news", timeout=100)
    await process.publish("sport")
    await process.delete("sport")
    keys = [key.decode() for key in server.cli("KEYS", "*")]
    assert len(keys) >= 8
    assert all(key.startswith("only ä{") for key in keys)
    names = [name.decode() for name in server.cli("PUBSUB", "CHANNELS", "*") if not name.startswith(b"__redis__")]
    assert len(names) == 2
    assert all(name.startswith("only ä{") for name in names)


async def test_two_databases_do_not_meet(house: House, server: RedisServer) -> None:
    processes = [await serves(house, server, host=HOST, port=server.port, database=database) for database in (0, 3)]
    for number, process in enumerate(processes):
        await process.publish("news", b"only %d" % number)
        await process.publish("other", b"%d" % number)
    for number, process in enumerate(processes):
        await process.hears("news", b"1", b"2", b"only %d" % number)
        assert await process.bodies("other") == [b"%d" % number]
        await process.delete("news")
        assert process.heard.removed == [ref("news")]
    assert not processes[0].heard.gaps
    with server.wire() as wire:
        for database in (0, 3):
            wire.call("SELECT", database)
            assert wire.call("DBSIZE") > 0


async def test_password(house: House, guarded: RedisServer) -> None:
    await serves(house, guarded, host=HOST, port=guarded.port, password=SECRET)


async def test_username_and_password(house: House, guarded: RedisServer) -> None:
    await serves(house, guarded, host=HOST, port=guarded.port, username="alice", password=SECRET)
    assert b"user=alice " in guarded.cli("CLIENT", "LIST")


async def test_password_file(house: House, guarded: RedisServer, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    await serves(house, guarded, host=HOST, port=guarded.port, password_file=str(file))


async def test_unix_socket(house: House, guarded: RedisServer) -> None:
    assert guarded.unix_path is not None
    await serves(house, guarded, unix_socket=guarded.unix_path, password=SECRET, database=2)


@needs_openssl
async def test_tls(house: House, encrypted: RedisServer) -> None:
    await serves(house, encrypted, host=HOST, port=encrypted.port, tls=True, tls_ca=str(encrypted.ca_file))


@needs_openssl
async def test_one_pair_of_connections_over_tls_too(house: House, encrypted: RedisServer) -> None:
    process = await serves(house, encrypted, host=HOST, port=encrypted.port, tls=True, tls_ca=str(encrypted.ca_file))
    bodies = [b"1", b"2"]
    for kind in ("normal", "pubsub", "normal"):
        encrypted.cli("CLIENT", "KILL", "TYPE", kind)
        await until(lambda: connections(encrypted) == 2, "both are there")
        bodies.append(b"%d" % len(bodies))
        await until(lambda: published(process, bodies[-1]), "it is published")
        await process.hears("news", *bodies)
        assert connections(encrypted) == 2


def connections(server: RedisServer) -> int:
    return sum(b" name=hbpush " in line for line in server.cli("CLIENT", "LIST").splitlines())


async def published(process: Process, body: bytes) -> bool:
    """Publish, unless nobody is connected now."""
    try:
        await process.publish("news", body)
    except StoreUnavailable:
        return False
    return True


@needs_openssl
async def test_an_authority_that_is_not_known(house: House, encrypted: RedisServer, tmp_path: Path, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached: .*certificate")
    other = Certificate.make(tmp_path)
    for authorities in ({}, {"tls_ca": str(other.certificate)}):
        process = await house.start(host=HOST, port=encrypted.port, tls=True, **authorities)
        assert "certificate" in process.store.trouble


@needs_openssl
async def test_tls_with_a_certificate_of_the_client(house: House, mutual: RedisServer) -> None:
    files = {"tls_certificate": str(mutual.directory / "certificate.pem"), "tls_key": str(mutual.directory / "key.pem")}
    await serves(house, mutual, host=HOST, port=mutual.port, tls=True, tls_ca=str(mutual.ca_file), **files)


@needs_openssl
async def test_without_its_certificate_a_client_is_refused(house: House, mutual: RedisServer, expected_logs: ExpectedLogs) -> None:
    expected_logs("cannot be reached")
    process = await house.start(host=HOST, port=mutual.port, tls=True, tls_ca=str(mutual.ca_file))
    assert process.store.trouble


async def test_url(house: House, guarded: RedisServer) -> None:
    await serves(house, guarded, url=f"redis://:{IN_URL}@{HOST}:{guarded.port}/1")
    await serves(house, guarded, url=f"redis://alice:{IN_URL}@{HOST}:{guarded.port}")
    await serves(house, guarded, url=f"redis://{HOST}:{guarded.port}", username="alice", password=SECRET, database=4)


async def test_url_of_a_socket(house: House, guarded: RedisServer) -> None:
    await serves(house, guarded, url=f"unix://alice:{IN_URL}@{guarded.unix_path}?db=5")


@needs_openssl
async def test_url_with_tls(house: House, encrypted: RedisServer) -> None:
    await serves(house, encrypted, url=f"rediss://{HOST}:{encrypted.port}/6", tls_ca=str(encrypted.ca_file))


# The least that a user of the server may

README = Path(__file__).resolve().parents[3] / "README.rst"
LEAST = " ".join(
    word
    for word in README.read_text(encoding="utf-8")
    .partition("user hbpush on >password ~hbpush_* &hbpush_* ")[2]
    .partition("\n\n")[0]
    .split()
    if word.startswith(("+", "&"))
)
"""What the README says that a user needs, but for the prefix."""


async def test_the_least_that_a_user_has_to_be_allowed(house: House) -> None:
    with RedisServer(users=(f"hbpush on >secret ~{house.prefix}* &{house.prefix}* {LEAST}",), clock=True) as server:
        options: dict[str, Any] = {"username": "hbpush", "password": "secret", "database": 1, "idle_channel_timeout": 100}
        bounds: dict[str, Any] = {"max_messages": 3, "min_messages": 1, "message_timeout": 10, "linger": 0}
        a, b = [await house.start(server, clock=house.clock, **options, **bounds) for _ in range(2)]
        await a.watch("news", "sport")
        a.report("news", 1, 0, 5.0)
        for number in range(5):
            await b.publish("news", b"%d" % number)
        await b.publish("sport", b"s", stored=False)
        await a.hears("sport", b"s")
        server.cli("SCRIPT", "FLUSH")
        for since in (NEWEST, Last(2), (await a.read("news")).messages[0].id):
            await a.read("news", since)
        await b.create("made", permanent=True)
        await b.info("made")
        await b.delete("sport")
        await b.publish("sport")
        await b.delete("news")
        await a.claim("news", "last")
        await until(lambda: a.heard.displacements, "it is told")
        await b.publish("idle")
        await b.publish("idle")
        assert (await b.publish("unheard", if_heard=True)).last is None
        a.report("news", 0, 0)
        a.unwatch("news")
        await house.advance(server, 300)
        assert not await b.exists("idle")
        await a.stop()
        assert server.cli("ACL", "LOG") == []
        used = {line.partition(b":")[0].removeprefix(b"cmdstat_").decode() for line in server.cli("INFO", "commandstats").split()[2:]}
        allowed = {name.removeprefix("+") for name in LEAST.split() if name.startswith("+")}
        assert allowed <= used, allowed - used
    assert not any(itertools.chain(a.heard.gaps, b.heard.gaps))
