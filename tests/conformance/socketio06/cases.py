"""How client 0.6.3 is used, which scenarios it plays on which hosts, and the facts that it has to tell. Only values: starts nothing, reads
nothing."""

from __future__ import annotations

from typing import Any

from tests.conformance.driving import cases
from tests.conformance.socketio.cases import TEXTS

REFERENCE = "reference"
HOSTS = ("stock", "native", "hbpushd", REFERENCE)

SCENARIOS = (
    "connect",
    "messages",
    "json",
    "lists",
    "large",
    "disconnect by client",
    "disconnect by server",
    "disconnect and reconnect",
    "lost session",
    "idle",
    "two polls",
    "channel",
)

ALL_TEXTS = [*TEXTS, "", "~m~1~m~x", "я~m~", "line\nlast\n", "\u2028 \u2029"]

VALUES = [{"a": "\n😀", "ж": {}}, {"list": [1, None, True, 1.5, "</script>"]}, {"\u2029": "lone \ud800"}]
"""Objects: the client makes text of everything else."""


class Case(cases.Case):
    """Client 0.6.3."""

    def is_plain(self, host: str) -> bool:
        return host in ("stock", "native", "hbpushd") and not self.page

    def texts(self, host: str) -> list[str]:
        # What the reference loses: it ends its own script by the one, and counts a line end that a form makes of another as two.
        lost = {"htmlfile": "</script>", "jsonp-polling": "\n"}.get(self.transport) if host == REFERENCE else None
        return [text for text in ALL_TEXTS if lost is None or lost not in text]

    def values(self, host: str) -> list[Any]:
        return VALUES[:1] + VALUES[2:] if (host, self.transport) == (REFERENCE, "htmlfile") else VALUES

    def plays(self, scenario: str, host: str) -> bool:
        if host == REFERENCE:
            # Its WebSockets are of a draft; nobody can send a polling client away there, and two polls at a time are one too many.
            possible = self.transport != "websocket" and scenario not in ("disconnect by server", "two polls", "channel")
            possible &= (scenario, self.transport) != ("large", "jsonp-polling")
            # On Node it loses a poll that waits beside a connection which has ended.
            possible &= (scenario, self.page) != ("idle", "")
        else:
            possible = (scenario == "channel") == (host == "hbpushd") and host in ("stock", "native", "hbpushd")
        if scenario == "two polls":
            possible &= (self.transport, self.page) == ("xhr-polling", "")
        elif scenario in ("disconnect by client", "disconnect and reconnect", "lost session"):
            # By JSONP the client comes again when a poll is answered that it had left, and goes on posting to the session that it had.
            possible &= self.transport != "jsonp-polling"
        return possible

    def expected(self, scenario: str, host: str) -> dict[str, Any]:
        opened = ["connecting", "connect", "message"]
        again = {"new session": True, "root": "here again"}
        gone = {"seen": [["", "open"], ["", "close"]], "events": [*opened, "disconnect"]}
        told: dict[str, dict[str, Any]] = {
            "connect": {"welcome": True, "events": opened, "seen": [["", "open"]]},
            "messages": dict.fromkeys(
                ("singly", "in a row", "batch from client", "batch from server", "in a row from server"), self.texts(host)
            ),
            "json": dict.fromkeys(("values", "batch from server"), self.values(host)),
            "lists": {"values": ["a", {"b": "😀"}, "1,2", "3", "я"]},
            "large": {"same": True, "then": "small"},
            "disconnect by client": gone,
            "disconnect by server": gone,
            "disconnect and reconnect": again,
            "lost session": {**again, "waiting": None},
            "idle": {"events": opened, "root": "awake", "same session": True},
            "channel": {
                "subscribed": False,
                "messages": [*self.texts(host), *self.values(host)],
                "channels": [True],
                "by http": "по HTTP 😀",
                "again": False,
                "resumed": "unheard",
                "refused": "subscribe",
            },
            "two polls": {**again, "second": "~m~13~m~to the second"},
        }
        return {"transport": self.transport, "end": None, **told[scenario]}


NODE = [Case(transport) for transport in ("websocket", "xhr-polling")]

BROWSER = [
    Case(transport, page)
    for transport in ("websocket", "xhr-polling", "jsonp-polling", "htmlfile")
    for page in ("same", "cross")
    if (transport, page) != ("htmlfile", "cross")
]
