"""Where a Redis server is, and a connection to it that is logged in: by address, through sentinels, or as the owner of a cluster's slot.

Everything here may fail, with OSError, TimeoutError, `Refused` or StoreUnavailable; whoever asks tries again.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar

import hiredis
from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from hbpush.errors import ConfigError, StoreUnavailable
from hbpush.stores.redis_settings import Login, RedisServerSettings, RedisSettings, SentinelSettings, login, sentinel_address
from hbpush.stores.redis_wire import Connection, Reply

T = TypeVar("T")

ONCE = Retry(NoBackoff(), 0)
"""Whoever does not answer at once is passed over: `Link` tries again."""

FIRST_WAIT = 0.05
LAST_WAIT = 1.0
"""Seconds between two tries to connect, doubled from try to try. Up to half is left out by chance, lest all processes come at once."""

OLDEST_SERVER = 7
"""The major version that scripts and options are written for."""


class Refused(StoreUnavailable):
    """A server answered, and is not one to use: wrong password, a replica, too old."""


class Address(NamedTuple):
    """A server's place: host and port, or the path of a unix socket."""

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Place:
    """How to find and enter the server of a store. Raises ConfigError for files that cannot be used."""

    def __init__(self, settings: RedisServerSettings | RedisSettings) -> None:
        self._settings = settings
        self._login = login(settings)
        self._tls = _tls(settings) if self._login.tls else None
        self.timeout = settings.timeout
        self.pending_bytes = settings.pending_bytes
        self._nodes: list[tuple[str, int]] = []
        """The nodes of a cluster: the one that was given may be gone when they are asked again."""
        self._question: Question[RedisCluster] | None = None
        """What a cluster is being asked."""

    @property
    def login(self) -> Login:
        """Where and as whom."""
        return self._login

    def __str__(self) -> str:
        sentinel = self._settings.sentinel
        if sentinel is not None:
            return f"the master {sentinel.master!r}"
        return f"{'the cluster of ' if self._settings.cluster else ''}{self._address()}"

    async def find(self, key: bytes) -> Address:
        """The server that has a key now."""
        async with asyncio.timeout(self.timeout):
            try:
                if self._settings.sentinel is not None:
                    return await self._ask_sentinels(self._settings.sentinel)
                if self._settings.cluster:
                    return await self._ask_cluster(key)
            except (RedisError, RedisClusterException) as error:
                raise Refused(str(error) or type(error).__name__) from error
        return self._address()

    async def open(
        self, address: Address, lost: Callable[[Connection, str], object], heard: Callable[[Reply], object] | None = None
    ) -> Connection:
        """A connection that is logged in and has its database selected."""
        loop = asyncio.get_running_loop()
        connection = Connection(lost, heard)
        async with asyncio.timeout(self.timeout):
            if address.path:
                await loop.create_unix_connection(lambda: connection, address.path)
            else:
                transport, _ = await loop.create_connection(
                    lambda: connection, address.host, address.port, ssl=self._tls, server_hostname=address.host if self._tls else None
                )
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            try:
                await self._enter(connection)
            except BaseException as error:
                connection.close("it was not entered")
                if isinstance(error, hiredis.ReplyError):
                    raise Refused(str(error)) from None
                if isinstance(error, StoreUnavailable):
                    raise Refused(connection.reason) from None
                raise
        return connection

    async def run_of(self, connection: Connection) -> bytes:
        """What names the present run of the server. Raises Refused for one that is not to be used."""
        try:
            async with asyncio.timeout(self.timeout):
                lines = bytes(await connection.ask("INFO", "server")).split(b"\r\n")
                role = bytes((await connection.ask("ROLE"))[0])
        except hiredis.ReplyError as error:
            raise Refused(str(error)) from None
        about = dict(line.split(b":", 1) for line in lines if b":" in line)
        version = about.get(b"redis_version", b"")
        if not version.split(b".")[0].isdigit() or int(version.split(b".")[0]) < OLDEST_SERVER:
            raise Refused(f"it is Redis {version.decode('ascii', 'replace')}, and has to be {OLDEST_SERVER} or newer")
        if role != b"master":
            raise Refused("it is a replica")
        return about[b"run_id"]

    def _address(self) -> Address:
        return Address(self._login.host, self._login.port, self._login.path)

    async def _enter(self, connection: Connection) -> None:
        if self._login.password:
            user = (self._login.username,) if self._login.username else ()
            await connection.ask("AUTH", *user, self._login.password)
        if self._login.database:
            await connection.ask("SELECT", self._login.database)
        with suppress(hiredis.ReplyError):
            # For those who look at the server; a user may not have the right to it.
            await connection.ask("CLIENT", "SETNAME", "hbpush")

    async def _ask_sentinels(self, asked: SentinelSettings) -> Address:
        sentinels = Sentinel(  # type: ignore[no-untyped-call]
            [sentinel_address(host) for host in asked.hosts],
            sentinel_kwargs={
                "socket_timeout": self.timeout,
                "socket_connect_timeout": self.timeout / 2,
                "retry": ONCE,
                "username": asked.username or None,
                "password": asked.password or None,
            },
        )
        try:
            host, port = await sentinels.discover_master(asked.master)
        except MasterNotFoundError:
            raise Refused(f"no sentinel that answers knows {asked.master!r}") from None
        finally:
            for each in sentinels.sentinels:
                # What was asked is answered, or not, whatever becomes of those who were asked.
                with suppress(RedisError):
                    await each.aclose()
        return Address(host, int(port))

    async def _ask_cluster(self, key: bytes) -> Address:
        # All partitions ask at once, and to read what a cluster says of its slots holds the loop up for tens of milliseconds.
        question = self._question
        if question is None or question.is_over:
            question = self._question = Question(self._ask_nodes())
        try:
            cluster = await question.answer()
        finally:
            if self._question is question and not question.waiting:
                # An answer has an entry for each slot, and is of no use any more.
                self._question = None
        node = cluster.get_node_from_key(key.decode())
        if node is None:
            raise Refused("no node of the cluster has the slot")
        return Address(str(node.host), int(node.port))

    async def _ask_nodes(self) -> RedisCluster:
        """A closed one, which knows who has which slots."""
        known = self._login
        cluster = RedisCluster(
            startup_nodes=[ClusterNode(host, port) for host, port in [(known.host, known.port), *self._nodes]],
            username=known.username or None,
            password=known.password or None,  # type: ignore[arg-type]
            ssl=known.tls,
            ssl_ca_certs=self._settings.tls_ca or None,
            ssl_certfile=self._settings.tls_certificate or None,
            ssl_keyfile=self._settings.tls_key or None,
            socket_timeout=self.timeout,
            socket_connect_timeout=self.timeout / 2,
            retry=ONCE,
        )
        try:
            async with asyncio.timeout(self.timeout):
                await cluster.initialize()
            self._nodes = [(str(node.host), int(node.port)) for node in cluster.get_nodes()]
            return cluster
        finally:
            with suppress(RedisError):
                await cluster.aclose()


class Question(Generic[T]):
    """Something that is asked once, for all who want to know it meanwhile."""

    def __init__(self, asked: Coroutine[Any, Any, T]) -> None:
        self._task = asyncio.get_running_loop().create_task(asked)
        self._taken_back = False
        self.waiting = 0

    @property
    def is_over(self) -> bool:
        """Whether it is answered, has failed, or was taken back: who wants to know asks anew."""
        return self._taken_back or self._task.done()

    async def answer(self) -> T:
        """Wait for the answer. Raises what asking raised. When all who wait are cancelled, the question is taken back."""
        self.waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self.waiting -= 1
            if not self.waiting and not self._task.done():
                self._taken_back = self._task.cancel()
                # What it has opened is closed when the last one goes.
                await asyncio.wait([self._task])


class Waits:
    """The seconds between tries to connect. ``again`` is the next wait in full."""

    def __init__(self) -> None:
        self.again = FIRST_WAIT

    def grow(self) -> float:
        """The wait after a try that failed; the next one is longer."""
        wait, self.again = self.again, min(self.again * 2, LAST_WAIT)
        return wait * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def reset(self) -> None:
        """A try was of use."""
        self.again = FIRST_WAIT


def reason(error: BaseException) -> str:
    """Why a server cannot be used, in few words."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def _tls(settings: RedisServerSettings | RedisSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca or None)
    except (OSError, ValueError) as error:
        raise ConfigError(f"is {settings.tls_ca!r}, which cannot be used: {_why(error)}", "tls_ca") from None
    if settings.tls_certificate:
        try:
            context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"is {settings.tls_certificate!r}, which cannot be used with its key: {_why(error)}", "tls_certificate"
            ) from None
    return context


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
