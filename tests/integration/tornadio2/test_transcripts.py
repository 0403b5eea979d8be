"""The transcripts of TornadIO2, played again: the same answers, but for what is to be different (Socket.IO 0.7 specification 2-9, 14)."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from tornado.web import Application

from socketio_compat.tornadio2 import TornadioRouter
from socketio_compat.v09 import codec
from tests.conftest import ExpectedLogs
from tests.support.hosts import Client
from tests.support.recorded import Recorded
from tests.support.socketio import Socket
from tests.support.tornadio2 import Program
from tests.support.websocket import CLOSE
from tests.unit.socketio_compat.vectors import VECTORS

TRANSCRIPTS: dict[str, Any] = VECTORS["transcripts"]["tornadio2-0.0.4"]
SETTINGS: dict[str, Any] = {
    "heartbeat_interval": 2,
    "xhr_polling_timeout": 3,
    "enabled_protocols": ["websocket", "flashsocket", "xhr-polling", "jsonp-polling", "htmlfile"],
}
BEAT = 2.6
"""Seconds after which a heartbeat has come, and only one."""

OTHER_FRAMES = {
    "6:::2+": "6:::2",
    "6:::3+": "6:::3",
    '5:2::{"args": ["q"], "name": "question"}': '5:2+::{"args": ["q"], "name": "question"}',
    "3:::": "3::",
    "": None,
}
"""Frames of the original that are others now."""

GREETING = "<sid{}>:7:8:websocket,flashsocket,xhr-polling,jsonp-polling,htmlfile"
BATCH = ["3:::one", "3:::\u0434\u0430", "3:::\U0001f600", '5:::{"args": ["z"], "name": "echo"}', '6:::9+["z"]']
OTHER_ANSWERS: dict[tuple[str, int], tuple[int, str | None]] = {
    ("handshake_variants", 13): (200, GREETING.format(7)),
    ("handshake_variants", 15): (200, None),
    ("handshake_variants", 21): (200, None),
    ("handshake_variants", 37): (200, 'io.j[0](new Error("handshake unauthorized"));'),
    ("xhr_polling", 11): (200, codec.encode_payload(BATCH).decode()),
    ("xhr_polling", 33): (200, None),
    ("xhr_polling", 37): (200, None),
    ("xhr_polling", 39): (200, "0::"),
    ("jsonp", 15): (200, codec.jsonp_body("0", codec.encode_payload(["3:::one", "3:::two"]).decode()).decode()),
    ("extra_cases", 29): (200, "0::"),
    ("extra_cases", 31): (401, None),
    ("extra_cases", 85): (400, None),
    ("extra_cases", 93): (400, None),
    ("extra_cases", 95): (200, "3::"),
}
"""Answers that are to be others, by their places: status, and the body where it counts."""

LEFT_OUT: dict[str, set[int]] = {
    # The end, when nobody had answered: see websocket_heartbeat, where the last of three heartbeats is not sent.
    "websocket_basic": {59, 60, 61, 62},
    "websocket_heartbeat": {11},
    # A client's goodbye to an endpoint is not echoed.
    "endpoints": {25},
    # The newer of two polls wins, and a packet that is none does not end a session.
    "xhr_polling": {14, 16, 34, 35},
    "jsonp": {16, 17},
    # A poll takes over from a WebSocket; a session expires later than that.
    "ws_reopen": {14, 15, 22, 23},
    # So does a second WebSocket. Bytes with a session id in them.
    "extra_cases": {70, 71, 78, 79},
}
ON_ANOTHER = {("xhr_polling", 15): "get-a", ("extra_cases", 73): "w2"}
"""What happens elsewhere since the newer one has won."""
LATER = {("websocket_heartbeat", 12), ("extra_cases", 29), ("extra_cases", 62)}
"""What comes when time has passed, beside heartbeats."""


class Replay:
    """What is said on the channels of a transcript. ``sids`` are the session ids by the names they have there."""

    def __init__(self, program: Program, checked: TornadioRouter, name: str) -> None:
        self.program = program
        self.checked = checked
        self.name = name
        self.sids: dict[str, str] = {}
        self.asked: dict[str, tuple[str, Client]] = {}
        self.sockets: dict[str, Socket] = {}

    async def play(self, events: list[Any]) -> None:
        for place, (_, channel, direction, text, *_) in enumerate(events):
            if place in LEFT_OUT.get(self.name, ()):
                continue
            channel = ON_ANOTHER.get((self.name, place), channel)
            is_beat = text.endswith("2::") and direction[0] == "<" and not channel.startswith("wscheck")
            if is_beat or (self.name, place) in LATER:
                self.program.clock.advance(BEAT)
            match direction:
                case ">":
                    await self.request(channel, text)
                case "<":
                    await self.response(channel, text, place)
                case ">f":
                    router = self.checked if channel.startswith("wscheck") else self.program.router
                    before = router.server.received
                    self.sockets[channel].say(text)
                    # Before time passes.
                    await self.program.until(lambda router=router, before=before: router.server.received > before)
                case "<f":
                    await self.frame(self.sockets[channel], text)

    async def request(self, channel: str, text: str) -> None:
        line = text.partition(" HTTP/1.1")[0]
        text = re.sub("<sid[0-9]+>", lambda found: self.sids[found[0]], text.replace(":PORT", ""))
        client = await self.program.host.connect()
        await client.send(text.encode())
        self.asked[channel] = line, client
        self.sockets.pop(channel, None)
        if "Upgrade: websocket" in text:
            self.sockets[channel] = Socket(client.reader, client.writer)

    async def frame(self, socket: Socket, text: str) -> None:
        if text == "close ":
            assert (await socket.read_frame())[0] == CLOSE
            return
        expected = OTHER_FRAMES.get(text, text)
        if expected is not None:
            assert await socket.packet() == expected

    async def response(self, channel: str, text: str, place: int) -> None:
        line, client = self.asked[channel]
        if text == "(tcp closed)":
            # The original said nothing to a stranger.
            assert await self.sockets[channel].packet() == "7:::1+0"
            assert (await self.sockets[channel].read_frame())[0] == CLOSE
            return
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        status_line, *lines = head.split("\n")
        status = int(status_line.split(" ")[1])
        if status == 101:
            assert (await client.head())[0] == 101
            return
        answer = await client.answer()
        status, expected = OTHER_ANSWERS.get((self.name, place), (status, None if status >= 400 else body))
        assert answer.status == status, line
        recorded = dict(header.split(": ", 1) for header in lines)
        for header in ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"):
            assert answer.headers.get(header.lower().encode(), b"").decode() == recorded.get(header, ""), line
        if expected is None:
            return
        if line.startswith("POST "):
            expected = "1"
        said = answer.body.decode()
        if found := re.search("<sid[0-9]+>", expected):
            sid = said.removeprefix(expected[: found.start()]).partition(":")[0]
            self.sids[found[0]] = sid
            expected = expected.replace(found[0], sid)
        assert said == expected.replace("</", "<\\/"), line
        if not line.startswith("OPTIONS") and (self.name, place) not in OTHER_ANSWERS:
            assert answer.headers[b"content-type"].decode() == recorded["Content-Type"], line


@pytest.mark.parametrize("name", [name for name in TRANSCRIPTS if name != "htmlfile"])
async def test_transcript(program: Program, name: str, expected_logs: ExpectedLogs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "tornado.access")
    if name == "extra_cases":
        expected_logs("a handler failed; its session is closed")
        expected_logs("does not take the arguments it is given")
    if name == "websocket_basic":
        expected_logs("there is no handler of event 'unknown'")
    router = program.router = TornadioRouter(Recorded, SETTINGS, clock=program.clock)
    checked = TornadioRouter(Recorded, SETTINGS | {"client_timeout": 2, "websocket_check": True}, "wsc", clock=program.clock)
    await program.serve_application(Application(checked.apply_routes(router.urls)))
    await Replay(program, checked, name).play(TRANSCRIPTS[name])
