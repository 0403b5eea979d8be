"""Subscribers of the relay that stay: event streams and WebSockets on a `tests.support.site.Site`."""

from __future__ import annotations

import json
from typing import Any

from tests.support.eventstream import Source
from tests.support.hosts import request
from tests.support.site import Site
from tests.support.websocket import CLOSE, TEXT, Peer
from tests.support.websocket import request as upgrade

JSON = "hbpush.json"


class Socket(Peer):
    """A WebSocket."""

    async def said(self) -> Any:
        """The next frame, which has to be text, as JSON."""
        opcode, payload = await self.read_frame()
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    def say(self, value: object) -> None:
        self.send(TEXT, json.dumps(value).encode())

    async def closes(self) -> tuple[int, str]:
        """The next frame has to be a close frame: its code and reason."""
        opcode, payload = await self.read_frame()
        assert opcode == CLOSE, (opcode, payload)
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()


async def source(site: Site, path: str, *lines: str, version: bytes = b"1.1") -> Source:
    """An event stream that has begun."""
    client = await site.host.connect()
    await client.send(request(b"GET", path.encode(), *[line.encode() for line in lines], version=version))
    found = await Source.read_head(client)
    assert found.status == 200, found.status
    return await found.opened()


async def socket(site: Site, path: str, subprotocol: str | None = None, **changes: bytes | None) -> Socket:
    """A WebSocket that is open."""
    client = await site.host.connect()
    peer = Socket(client.reader, client.writer)
    offered = None if subprotocol is None else subprotocol.encode()
    await peer.shake_hands(path=path.encode(), sec_websocket_protocol=offered, **changes)
    return peer


async def refused(site: Site, path: str, **changes: bytes | None) -> int:
    """The status of the answer to an upgrade that does not become a WebSocket."""
    return (await site.host.ask(upgrade(path=path.encode(), **changes))).status
