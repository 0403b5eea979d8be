"""One client of each protocol at a server in another process, all on one channel: what any of them publishes, all others hear.

The server has the paths of ``conf/hbpushd.yaml``, or some of them; it may be behind a proxy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from socketio_compat.v06 import codec as codec06
from socketio_compat.v09 import codec as codec09
from tests.support import socketio, socketio06, sockjs
from tests.support.eventstream import Source
from tests.support.hosts import Answer, Client, get, request
from tests.support.process import PATIENCE
from tests.support.websocket import TEXT, Peer

AT_ONCE = ("interval",)
"""Those who never wait."""


class Heard(NamedTuple):
    """What has arrived: the data of a message, and its id; empty where the protocol tells none."""

    data: Any
    id: str


class Everybody:
    """Those whose `join` has been called. ``ears`` wait for the next message of each, ``mouths`` publish a value by each."""

    def __init__(self, port: int, channel: str = "news") -> None:
        self.port = port
        self.channel = channel
        self.ears: dict[str, Callable[[], Awaitable[Heard]]] = {}
        self.mouths: dict[str, Callable[[Any], Awaitable[object]]] = {}
        self._clients: list[Client] = []

    async def __aenter__(self) -> Everybody:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            client.leave()
        for _ in range(3):
            await asyncio.sleep(0)

    async def join(self, *kinds: str) -> None:
        """Let clients of these kinds in, or all that there are."""
        for kind, enter in {
            "post": self._by_post,
            "websocket": self._by_websocket,
            "eventsource": self._by_event_stream,
            "0.6 websocket": self._by_socket06,
            "0.6 xhr-polling": self._by_polls06,
            "0.9 websocket": self._by_socket09,
            "0.9 xhr-polling": self._by_polls09,
            "sockjs websocket": self._by_sockjs,
            "sockjs xhr": self._by_sockjs_polls,
            "long": self._by_polls,
            "interval": self._by_interval,
            "tyron": self._by_tyron,
            "curl": self._by_curl,
        }.items():
            if not kinds or kind in kinds:
                await enter(kind)

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client

    async def ask(self, wire: bytes) -> Answer:
        return await (await self.connect()).ask(wire)

    async def post(self, path: str, body: bytes, *lines: bytes) -> Answer:
        return await self.ask(request(b"POST", path.encode(), *lines, body=body))

    async def make_channel(self) -> None:
        """Make the channel, unless it is there."""
        assert (await self.ask(request(b"PUT", f"/publisher/{self.channel}".encode(), b"Content-Length: 0"))).status == 200

    async def until_there_are(self, subscribers: int) -> None:
        """Ask the publisher's side until so many listen or wait."""
        place = get(f"/publisher/{self.channel}".encode(), b"Accept: application/json")
        while json.loads((await self.ask(place)).body)["subscribers"] != subscribers:
            pass

    async def all_hear(self, publish: Callable[[Any], Awaitable[object]], value: Any) -> None:
        """Publish, and wait until all have it, under one id. The channel has to exist."""
        hearing = {name: asyncio.ensure_future(ear()) for name, ear in self.ears.items() if name not in AT_ONCE}
        # A first poll of Tyron hears what is published after it.
        await self.until_there_are(len(hearing))
        await publish(value)
        heard = {name: await ear for name, ear in hearing.items()}
        heard |= {name: await self.ears[name]() for name in AT_ONCE if name in self.ears}
        found = {name: json.loads(data) if isinstance(value, dict) and isinstance(data, str) else data for name, (data, _) in heard.items()}
        assert found == dict.fromkeys(self.ears, value)
        assert len({said.id for said in heard.values()} - {""}) == 1, heard

    # HTTP push relay

    async def _by_post(self, name: str) -> None:
        async def publish(value: Any) -> None:
            kind, body = (b"text/plain", value) if isinstance(value, str) else (b"application/json", json.dumps(value))
            answer = await self.post(f"/publisher/{self.channel}", body.encode(), b"Content-Type: " + kind)
            assert answer.status in (201, 202), answer

        self.mouths[name] = publish

    async def _by_websocket(self, name: str) -> None:
        client = await self.connect()
        peer = await Peer(client.reader, client.writer).shake_hands(
            path=f"/subscriber/{self.channel}".encode(), sec_websocket_protocol=b"hbpush.json"
        )

        async def hear() -> Heard:
            while True:
                opcode, payload = await peer.read_frame()
                message = json.loads(payload) if opcode == TEXT else {}
                if "data" in message:
                    return Heard(message["data"], message["id"])

        async def publish(value: Any) -> None:
            peer.send(TEXT, json.dumps({"publish": value}).encode())

        self.ears[name], self.mouths[name] = hear, publish

    async def _by_event_stream(self, name: str) -> None:
        client = await self.connect()
        await client.send(get(f"/subscriber/{self.channel}".encode(), b"Accept: text/event-stream"))
        source = await Source.read_head(client)
        assert source.status == 200, source.headers

        async def hear() -> Heard:
            event = await source.event()
            return Heard(event.data, event.id)

        self.ears[name] = hear

    def _polled(self, path: str) -> Callable[[], Awaitable[Heard]]:
        """Polls, each from where the one before ended."""
        since: list[bytes] = []

        async def hear() -> Heard:
            answer = await self.ask(get(path.encode(), *since))
            assert answer.status == 200, answer
            date, tag = answer.headers[b"last-modified"], answer.headers[b"etag"]
            since[:] = [b"If-Modified-Since: " + date, b"If-None-Match: " + tag]
            return Heard(answer.body.decode(), _id(date.decode(), tag.decode()))

        return hear

    async def _by_polls(self, name: str) -> None:
        self.ears[name] = self._polled(f"/subscriber/{self.channel}")

    async def _by_interval(self, name: str) -> None:
        self.ears[name] = self._polled(f"/interval/{self.channel}")

    async def _by_curl(self, name: str) -> None:
        base = f"http://127.0.0.1:{self.port}"
        since: list[str] = []

        async def hear() -> Heard:
            head, _, body = (await _curl(f"{base}/subscriber/{self.channel}", "-i", *since)).partition("\r\n\r\n")
            lines = [line.partition(": ") for line in head.split("\r\n")[1:]]
            headers = {name.lower(): value for name, _, value in lines}
            date, tag = headers["last-modified"], headers["etag"]
            since[:] = ["-H", f"If-Modified-Since: {date}", "-H", f"If-None-Match: {tag}"]
            return Heard(json.loads(body) if headers["content-type"] == "application/json" else body, _id(date, tag))

        async def publish(value: str) -> None:
            await _curl(f"{base}/publisher/{self.channel}", "-H", "Content-Type: text/plain", "--data-binary", value)

        self.ears[name], self.mouths[name] = hear, publish

    # Tyron

    async def _by_tyron(self, name: str) -> None:
        since = [""]

        async def hear() -> Heard:
            answer = await self.ask(get(f"/tyron/{self.channel}/{since[0]}".encode()))
            assert answer.status == 200, answer
            heard = Heard(answer.body.decode(), answer.headers[b"x-tyron-id"].decode())
            since[0] = f"?since={heard.id}"
            return heard

        self.ears[name] = hear

    # Socket.IO

    async def _by_socket06(self, name: str) -> None:
        client = await self.connect()
        socket = socketio06.Socket(client.reader, client.writer)
        await socket.shake_hands(path=b"/socket.io/websocket")
        await socket.heard()
        assert (await socket.asked(type="subscribe", channel=self.channel))["type"] == "subscribed"

        async def hear() -> Heard:
            while (found := _message06(await socket.heard())) is None:
                pass
            return found

        async def publish(value: Any) -> None:
            socket.ask(type="publish", channel=self.channel, data=value)

        self.ears[name], self.mouths[name] = hear, publish

    async def _by_polls06(self, name: str) -> None:
        [sid] = socketio06.streamed(await self.ask(get(b"/socket.io/xhr-polling//1")))
        place = f"/socket.io/xhr-polling/{sid}"

        async def say(**fields: Any) -> None:
            assert (await self.post(f"{place}/send", socketio06.form(socketio06.stream(codec06.json(fields))))).body == b"ok"

        async def hear() -> Heard:
            while (found := _message06(socketio06.streamed(await self.ask(get(f"{place}/1".encode()))))) is None:
                pass
            return found

        async def publish(value: Any) -> None:
            await say(type="publish", channel=self.channel, data=value)

        await say(type="subscribe", channel=self.channel)
        self.ears[name], self.mouths[name] = hear, publish

    async def _by_socket09(self, name: str) -> None:
        client = await self.connect()
        socket = socketio.Socket(client.reader, client.writer)
        await socket.shake_hands(path=f"/socket.io/1/websocket/{await self.shake_hands()}".encode())
        assert await socket.packet() == "1::"
        socket.say(f"1::/{self.channel}")
        assert await socket.packet() == f"1::/{self.channel}"

        async def hear() -> Heard:
            while (found := _message09(await socket.packet())) is None:
                pass
            return found

        async def publish(value: Any) -> None:
            socket.say(self._publishing09(value))

        self.ears[name], self.mouths[name] = hear, publish

    async def _by_polls09(self, name: str) -> None:
        place = f"/socket.io/1/xhr-polling/{await self.shake_hands()}"
        packets: list[str] = []

        async def packet() -> str:
            while not packets:
                answer = await self.ask(get(place.encode()))
                assert answer.status == 200, answer
                found, fault = codec09.decode_payload(answer.body)
                assert fault is None, answer
                packets.extend(found)
            return packets.pop(0)

        async def say(packet: str) -> None:
            assert (await self.post(place, packet.encode())).body == b"1"

        async def hear() -> Heard:
            while (found := _message09(await packet())) is None:
                pass
            return found

        async def publish(value: Any) -> None:
            await say(self._publishing09(value))

        assert await packet() == "1::"
        await say(f"1::/{self.channel}")
        assert await packet() == f"1::/{self.channel}"
        self.ears[name], self.mouths[name] = hear, publish

    def _publishing09(self, value: Any) -> str:
        return f"5::/{self.channel}:" + json.dumps({"name": "publish", "args": [value]})

    async def shake_hands(self) -> str:
        """The id of a new session of Socket.IO 0.9."""
        answer = await self.ask(get(b"/socket.io/1/"))
        assert answer.status == 200, answer
        return answer.body.partition(b":")[0].decode()

    # SockJS and SethPusher's REST API

    async def _by_sockjs(self, name: str) -> None:
        client = await self.connect()
        socket = sockjs.Socket(client.reader, client.writer)
        await socket.shake_hands(path=f"/sethpusher/connect/000/{self.channel}-socket/websocket".encode())
        assert await socket.text() == "o"
        socket.say(json.dumps([self._joining()]))

        async def hear() -> Heard:
            while (found := _message_sockjs(await socket.text())) is None:
                pass
            return found

        async def publish(value: Any) -> None:
            answer = await self.post(f"/sethpusher/api/channels/{self.channel}/", json.dumps(value).encode())
            assert answer.status == 200, answer

        assert _is_notice(await socket.text())
        self.ears[name], self.mouths["rest"] = hear, publish

    def _joining(self) -> str:
        return json.dumps({"type": "subscribe", "channel": self.channel})

    async def _by_sockjs_polls(self, name: str) -> None:
        place = f"/sethpusher/connect/000/{self.channel}-polls/"

        async def frame() -> str:
            answer = await self.post(f"{place}xhr", b"")
            assert answer.status == 200, answer
            return answer.body.decode().rstrip("\n")

        async def hear() -> Heard:
            while (found := _message_sockjs(await frame())) is None:
                pass
            return found

        assert await frame() == "o"
        assert (await self.post(f"{place}xhr_send", json.dumps([self._joining()]).encode())).status == 204
        assert _is_notice(await frame())
        self.ears[name] = hear


def _id(date: str, tag: str) -> str:
    """The two faces of an id as one."""
    return f"{int(parsedate_to_datetime(date).timestamp())}:{tag}"


def _message06(bodies: list[str]) -> Heard | None:
    """The one message of a channel among some bodies, if there is one."""
    found = [value for body in bodies if (value := codec06.read(body).value)["type"] == "message"]
    assert len(found) < 2
    return Heard(found[0]["data"], found[0]["id"]) if found else None


def _message09(packet: str) -> Heard | None:
    if not packet.startswith("5:"):
        return None
    event = json.loads(packet.split(":", 3)[3])
    return Heard(event["args"][0], event["args"][1]["id"]) if event["name"] == "message" else None


def _message_sockjs(frame: str) -> Heard | None:
    if frame == "h":
        return None
    [text] = json.loads(frame.removeprefix("a"))
    message = json.loads(text)["message"]
    return None if isinstance(message, dict) and message.get("type") == "subscribe" else Heard(message, "")


def _is_notice(frame: str) -> bool:
    return frame.startswith("a") and "subscribed to" in frame


async def _curl(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec("curl", "-sS", "-m", str(PATIENCE), *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, arguments
    return output.decode()
