"""SethPusher in the matrix: its REST API publishes, its sockets on every transport of SockJS subscribe."""

from __future__ import annotations

import json
from types import MappingProxyType

from tests.conformance.matrix.contract import Bell, Heard, Subscriber, of_data
from tests.conformance.matrix.payloads import BINARY, JSON, Payload, Value, number_of
from tests.conformance.matrix.relay import Post
from tests.support.hosts import Host, request
from tests.support.sethpusher_clients import TRANSPORTS, SockJSClient

PREFIX = "/seth"
NOTICES = frozenset({"connect", "disconnect", "subscribe", "unsubscribe"})


class Socket(Subscriber):
    """A socket on a transport that a subclass names."""

    kind: type[SockJSClient]

    def __init__(self, name: str, place: Host, channel: str, bell: Bell) -> None:
        super().__init__(name, place, channel, bell)
        self._client = self.kind(place, f"{PREFIX}/connect")

    async def attach(self, since: str) -> None:
        """What comes next is all that a socket can have; it has it from its own notice on."""
        await self._client.open()
        await self._client.say({"type": "connect", "subscriber_id": self.name})
        await self._client.say({"type": "subscribe", "channel": self.channel})
        while not self._is_notice(said := (await self._client.hear())["message"]) or said["type"] != "subscribe" or not self._is_own(said):
            pass

    async def received(self) -> Heard:
        while self._is_notice((said := await self._client.hear())["message"]):
            pass
        assert said.keys() - {"encoding"} == {"message", "sender_id"}, said
        return Heard(of_data(said["message"], said.get("encoding")))

    def _is_notice(self, message: Value) -> bool:
        return isinstance(message, dict) and message.get("type") in NOTICES and "subscriber_id" in message

    def _is_own(self, notice: dict[str, object]) -> bool:
        return notice["subscriber_id"] == self.name


def way(transport: type[SockJSClient]) -> type[Socket]:
    """The class of sockets on a transport."""
    return type(f"{transport.__name__}Socket", (Socket,), {"kind": transport})


def _name(transport: type[SockJSClient]) -> str:
    name = transport.__name__.removesuffix("Client").replace("Xhr", "xhr ").replace("Raw", "raw ").lower().strip()
    return f"SockJS {name.replace('xhr streaming', 'xhr-streaming')}"


WAYS = {_name(transport): way(transport) for transport in TRANSPORTS}


class Rest(Post):
    """POST to the REST API, which takes objects: a text is a member of one."""

    left_out = MappingProxyType({BINARY: "what is posted is a JSON object"})

    def heard(self, payload: Payload) -> Value:
        return payload.value if payload.kind == JSON else {"number": number_of(payload.value), "body": payload.value, "sender_id": "zed"}

    def send(self, payload: Payload) -> None:
        self.client.writer.write(request(b"POST", self.path(), body=json.dumps(self.heard(payload), ensure_ascii=False).encode()))

    def path(self) -> bytes:
        return f"{PREFIX}/api/channels/{self.channel}/".encode()
