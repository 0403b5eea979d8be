"""What clients of three generations posted and were told by the originals' server, posted again (Socket.IO 0.7 specification 6, 7, 13)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from socketio_compat.v09 import codec
from tests.support.hosts import PATIENCE
from tests.support.recorded import Recorded, plain
from tests.support.tornadio2 import Program
from tests.unit.socketio_compat.vectors import VECTORS

TRAFFIC: dict[str, Any] = VECTORS["real_client_traffic"]
NAMES = ["chr0711-jsonp", "chr0917-jsonp", "chr0917-xhr-x", "node0.7.11-xhr", "node0.9.17-xhr"]

LOST = {
    "chr0711-jsonp": [
        "3:::line1\nline2", "3:::after", '4:::{"a":1}', '5:::{"name":"echo","args":["x",{"y":2}]}',
        '5:::{"name":"echo","args":["ackme"]}', '6:::1+["ackme"]', '5:1+::{"name":"question","args":["q"]}', "1::/chat",
    ]
}  # fmt: skip
"""What the original's server did not understand: browsers had made CRLF of newlines."""


def requests(name: str, start: str) -> list[str]:
    return [text for _, _, direction, text in TRAFFIC[name] if direction == ">" and text.startswith(start)]


def told(text: str) -> list[str]:
    """The packets in the answer to a poll."""
    body = text.partition("\r\n\r\n")[2]
    if body.startswith("io.j["):
        body = json.loads(body[body.index("(") + 1 : -2])
    return codec.decode_payload(body)[0]


def recorded(name: str) -> list[str]:
    """The packets that the client was told, in their order."""
    answers = [text for _, _, direction, text in TRAFFIC[name] if direction == "<"]
    polled = [text for text in answers if not text.endswith("\r\n\r\n1") and "chunked" not in text]
    packets = [packet for text in polled for packet in told(text)]
    place = 3 if name in LOST else 0
    return packets[:place] + LOST[name] + packets[place:] if place else packets


@pytest.mark.parametrize("name", NAMES)
async def test_traffic_of_real_clients(program: Program, name: str) -> None:
    await program.mount(Recorded, reject_endpoint_with_error=True, verify_remote_ip=False)
    [handshake] = requests(name, "GET /socket.io/1/?")
    greeting = (await program.host.ask(handshake.encode())).body.decode()
    sid = greeting.removeprefix('io.j[0]("').partition(":")[0]
    old = requests(name, "POST ")[0].split("/")[4].partition("?")[0]
    polls = requests(name, f"GET /socket.io/1/{'jsonp' if 'jsonp' in name else 'xhr'}-polling/")
    heard: list[str] = []

    async def poll() -> None:
        client = await program.host.connect()
        while "0::" not in heard:
            request = polls.pop(0) if len(polls) > 1 else polls[0]
            answer = await client.ask(request.replace(old, sid).encode())
            assert answer.status == 200
            assert answer.headers.get(b"access-control-allow-origin") == (b"http://page.example:8080" if "Origin" in request else None)
            heard.extend(told("\r\n\r\n" + answer.body.decode()))

    async with asyncio.timeout(2 * PATIENCE):
        polling = asyncio.ensure_future(poll())
        poster = await program.host.connect()
        for request in requests(name, "POST "):
            await program.until(lambda: "1::" in heard or polling.done())
            answer = await poster.ask(request.replace(old, sid).encode())
            assert (answer.status, answer.body) == (200, b"1")
        await polling
    expected = [plain(packet) for packet in recorded(name)]
    # The end is told as TornadIO2 told it: every endpoint, then the root.
    expected = [packet for packet in expected if packet != ("0::", None)] + [("0::/chat", None), ("0::", None)]

    def others(packets: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        # When an acknowledgement comes is the server's own affair.
        return [packet for packet in packets if packet[0][0] != "6"]

    packets = [plain(packet) for packet in heard]
    assert others(packets) == others(expected)
    assert sorted(json.dumps(packet, sort_keys=True) for packet in packets) == sorted(
        json.dumps(packet, sort_keys=True) for packet in expected
    )
