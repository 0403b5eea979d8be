"""The servers of a run: one process with a memory store, or two that share a Redis, each with every protocol on one port."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.hosts import Host, Kind
from tests.support.process import Daemon
from tests.support.redis_server import HOST, RedisServer

MEMORY, REDIS = STORES = ("memory", "redis")
PROCESSES = {MEMORY: 1, REDIS: 2}

ENVELOPES = "matrix_envelopes"
"""Where Tyron's envelopes are published."""

PATIENCE = 300.0
"""Seconds for anything that is waited for: browsers are slow to begin."""


def configuration(store: str, redis_port: int) -> dict[str, Any]:
    """Every protocol on one port. A client that is slow, for its machine is, is waited for."""
    redis = {"host": HOST, "port": redis_port}
    kept = {"max_messages": 10_000}
    return {
        "port": 0,
        "address": HOST,
        "store": {"type": "redis", **redis, **kept} if store == REDIS else {"type": "memory", **kept},
        "locations": [
            {"type": "publisher", "prefix": "/publisher/"},
            {"type": "subscriber", "prefix": "/long/"},
            {"type": "subscriber", "prefix": "/interval/", "polling": "interval"},
            {"type": "subscriber", "prefix": "/eventsource/", "polling": "eventsource"},
            {"type": "subscriber", "prefix": "/websocket/", "polling": "websocket", "publish": True},
            {"type": "tyron", "redis": redis, "pubsub_channel": ENVELOPES, "buffer_seconds": 600},
            {"type": "socketio", "publish": True, "heartbeat_interval": 15, "client_timeout": 30, "session_expiry": 60},
            {"type": "socketio06", "publish": True, "heartbeat_interval": 4, "session_expiry": 60},
            {"type": "sethpusher", "prefix": "/seth/", "disconnect_delay": 60},
        ],
    }


class Place(Host):
    """A server, as its clients have it."""

    patience = PATIENCE

    def __init__(self, port: int) -> None:
        super().__init__(Kind("native"), None)
        self.port = port

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    def leave(self) -> None:
        """Cut every connection."""
        for client in self._clients:
            client.leave()


class House:
    """The processes, and the Redis that Tyron's envelopes come by, whatever the store is."""

    def __init__(self, store: str, ports: list[int], redis: RedisServer) -> None:
        self.store = store
        self.ports = ports
        self.redis = redis

    def places(self) -> list[Place]:
        """The servers, with no connection yet."""
        return [Place(port) for port in self.ports]


@contextmanager
def house(store: str, folder: Path) -> Iterator[House]:
    """Start it all, and end it. A process that has logged anything from WARNING up fails this at the end."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        file = folder / "hbpushd.json"
        file.write_text(json.dumps(configuration(store, redis.port)), encoding="utf-8")
        daemons = [Daemon("-c", file) for _ in range(PROCESSES[store])]
        for daemon in daemons:
            stack.enter_context(daemon)
        yield House(store, [daemon.port for daemon in daemons], redis)
