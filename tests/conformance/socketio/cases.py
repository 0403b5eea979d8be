"""Which clients play which scenarios on which hosts, and the facts that they have to tell. Only values: starts nothing, reads nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.conformance.driving import cases

PLAIN = ("0.7.11", "0.9.17")
"""The versions that every test run plays; the others are for ``--full``."""

VERSIONS = ("0.7.11", "0.8.7", "0.9.11", "0.9.17")

TIMEOUTS = {"socket.io": [3000, 4000], "calm": [10000, 10000]}
"""What clients make of the handshake: milliseconds without a heartbeat, and without anything."""

TEXTS = [
    "plain",
    "Привет, мир",
    "😀",
    "a😀ж\U0010fffd",
    "\"'\\<>&</script><!--",
    "a:b::c 3:::",
    "\ufffd5\ufffd3:::",
    "+ %20&d=1",
    "x" * 20_000,
]
"""Each has lost something on some server: the length of an emoji, what stands behind it, what ends a script, a frame or a field."""

LATER_TEXTS = ["line\nline\r\nlast\n", "\u2028 \u2029", "lone \ud800 end"]
"""Client 0.7 does not read a packet with a line end in it, other than in JSON."""

VALUES = [{"a": "\n😀", "ж": {}}, [1, None, True, 1.5, "</script>"], 0.5]

LATER_VALUES = [["a\u2028b"], {"\u2029": "lone \ud800"}]
"""The reference sends these as they are, which client 0.7 does not read."""

SCENARIOS = (
    "connect",
    "messages",
    "json",
    "events",
    "acks from server",
    "acks from client",
    "endpoints",
    "unknown endpoint",
    "refused endpoint",
    "endpoint refused with an error",
    "refused handshake",
    "disconnect by client",
    "disconnect by server",
    "disconnect by request",
    "disconnect and reconnect",
    "idle",
    "fallback",
    "fallback after a check",
    "checked websocket",
    "two polls",
    "lost session",
)

CHANNEL_SCENARIOS = (
    "channel",
    "channel endpoint",
    "channel refused",
    "channel idle",
    "channel fallback",
    "channel of a lost session",
)
"""Those for hbpushd, which has channels and no program behind it."""


@dataclass(frozen=True)
class Case(cases.Case):
    """A client of a version."""

    version: str = field(kw_only=True)

    @property
    def id(self) -> str:
        return f"{self.version}-{super().id}"

    def is_plain(self, host: str) -> bool:
        """Whether every test run plays it. The native front sees browsers there by hbpushd."""
        return self.version in PLAIN and (host in ("stock", "hbpushd") or (host == "native" and not self.page))

    def texts(self, host: str) -> list[str]:
        """What it sends as text."""
        if self.version == "0.7.11":
            return TEXTS
        # In a script the reference leaves half a surrogate pair as it is.
        scripted = host == "reference" and self.transport in ("jsonp-polling", "htmlfile")
        return TEXTS + (LATER_TEXTS[:-1] if scripted else LATER_TEXTS)

    def resource(self, host: str) -> str:
        """Where it connects unless a scenario says otherwise.

        Clients that poll answer a heartbeat at once. By JSONP they break off what they are posting by that, so that it is lost; by XHR
        they post beside it, and what was to come later may come first. They are played where heartbeats are rare.
        """
        return "calm" if self.transport in ("jsonp-polling", "xhr-polling") and host != "reference" else "socket.io"

    def values(self, host: str) -> list[Any]:
        """What it sends as JSON."""
        values = VALUES if (host, self.version) == ("reference", "0.7.11") else VALUES + LATER_VALUES
        # By htmlfile client 0.9.17 takes every "\\/" for "/", and loses what stands behind it in a payload.
        return values if (self.version, self.transport) == ("0.9.17", "htmlfile") else [*values, ["\\/"]]

    def plays(self, scenario: str, host: str) -> bool:
        """Whether the scenario is for this client on this host."""
        if "fallback" in scenario:
            possible = self.transport != "websocket"
        elif scenario == "checked websocket":
            possible = self.transport == "websocket"
        elif scenario == "two polls":
            # Chromium itself repeats a request whose connection ends without an answer, so that there either poll may win.
            possible = self.transport == "xhr-polling" and self.page == ""
        elif scenario == "disconnect by request":
            # Older clients ask for a path that is not theirs, and on Node a synchronous request stops the whole driver.
            possible = self.version.startswith("0.9.") and self.page != ""
        elif scenario in ("lost session", "channel of a lost session"):
            # Client 0.8 does not notice when that document ends, on the reference either.
            possible = (self.version, self.transport) != ("0.8.7", "htmlfile")
        else:
            possible = True
        return (
            possible
            and (scenario in CHANNEL_SCENARIOS) == (host == "hbpushd")
            and not (host == "reference" and self._has_no_reference(scenario))
        )

    def _has_no_reference(self, scenario: str) -> bool:
        # The reference does not read what client 0.7 posts by JSONP, and lets no other site ask for an end. It leaves a poll that another
        # one took over for good, and client 0.8 has no time-out for that. What it sends away by a poll may poll again, and come back.
        return (
            scenario in ("endpoint refused with an error", "fallback after a check", "checked websocket")
            or (self.version, self.transport) == ("0.7.11", "jsonp-polling")
            or (scenario == "disconnect by request" and self.page == "cross")
            or (scenario == "disconnect by server" and self.transport == "xhr-polling" and self.page != "")
            or (scenario == "two polls" and self.version == "0.8.7")
        )


NODE = [Case(transport, version=version) for version in VERSIONS for transport in ("websocket", "xhr-polling")]

BROWSER = [
    Case(transport, page, version=version)
    for version in VERSIONS
    for transport in ("websocket", "xhr-polling", "jsonp-polling", "htmlfile")
    for page in ("same", "cross")
    if (transport, page) != ("htmlfile", "cross")
]


def expected(case: Case, scenario: str, host: str) -> dict[str, Any]:
    """The facts that the scenario tells when all is well."""
    opened = ["connecting", "connect", "welcome"]
    facts: dict[str, Any] = {"transport": case.transport, "end": None}
    echoes = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in case.texts(host)]
    unauthorized = [["connect_failed", "unauthorized"]]
    seen = ["", "open"], ["/chat", "open"], ["/news", "open"], ["/chat", "close"], ["/news", "close"]
    again = {"new session": True, "transport again": case.transport, "root": "here again", "endpoint": ["here, too"]}
    fallen_back = {"transports": ["websocket", case.transport], "same session": True, "root": "through", "seen": [["", "open"]]}
    told: dict[str, dict[str, Any]] = {
        "connect": {"welcome": True, "events": opened, "timeouts": TIMEOUTS[case.resource(host)]},
        "messages": {"singly": echoes, "batch from client": echoes, "batch from server": echoes},
        "json": {"values": case.values(host)},
        "events": {
            "values": case.values(host),
            "object": [{"color": "синий\n"}],
            "none": [0],
            "batch from client": case.texts(host),
            "batch from server": [0, 1, 2, 3, 4],
        },
        "acks from server": {
            "several": [5, "2+3"],
            "one": [{"text": "😀\n"}],
            "none": [],
            "message": [],
            "json": [],
            "echoes": ["text", {"a": 1}],
            "at once": [[11, "1+10"], [12, "2+10"], [13, "3+10"]],
        },
        "acks from client": {"event": ["ready?", "да 😀", {"a": [1]}], "message": ["sign here"], "receipt": ["sign here"]},
        "endpoints": {
            "welcome": [True, True],
            "message": ["в чат 😀"],
            "json": [[1]],
            "event": ["a", "b"],
            "ack": [9, "4+5"],
            "ack from client": ["chat"],
            "left": list(seen[:4]),
            "sent away": list(seen),
            "root": "still here",
            "root events": [*opened, "message"],
        },
        "unknown endpoint": {"root": "still here", "events": []},
        "refused endpoint": {
            "root": "still here",
            "events": unauthorized if host == "reference" else [["connect"], ["disconnect", None]],
            "root events": [*opened, "message"],
        },
        "endpoint refused with an error": {"root": "still here", "events": unauthorized},
        "refused handshake": {"error": ["handshake unauthorized"], "events": ["error"]},
        "disconnect by client": {
            "reason": ["booted"],
            "seen": [["", "close"], ["", "open"], ["/chat", "close"], ["/chat", "open"]],
            "events": [*opened, "disconnect"],
        },
        "disconnect by server": {"reason": ["booted"], "seen": [["", "open"], ["", "close"]], "events": [*opened, "disconnect"]},
        "disconnect by request": {"reason": ["booted"], "seen": [["", "open"], ["", "close"]]},
        "disconnect and reconnect": {**again, "first session": 1},
        "lost session": {**again, "waiting": None},
        "idle": {"events": opened, "root": "awake", "same session": True},
        "fallback": fallen_back,
        "fallback after a check": fallen_back,
        "checked websocket": {"root": "through"},
        "two polls": {"second": "3:::to the second", "new session": True, "root": "here again"},
        "channel": {
            "subscribed": [True, False],
            "messages": [*echoes, *case.values(host)],
            "by http": "по HTTP 😀",
            "unsubscribed": True,
            "again": False,
            "resumed": ["по HTTP 😀", "unheard 1", "unheard 2"],
            "live": ["live"],
            "ids": len(echoes) + len(case.values(host)) + 3,
        },
        "channel endpoint": {
            "messages": [*echoes, *case.values(host)],
            "channels": [True],
            "events": ["connect", "message", "disconnect"],
            "root events": ["connecting", "connect"],
        },
        "channel refused": {
            "subscribe": ["error"],
            "publish": ["error"],
            "events": unauthorized,
            "root": ["still here"],
        },
        "channel idle": {"events": ["connecting", "connect"], "messages": ["awake"]},
        "channel fallback": {"same session": True, "messages": ["through"]},
        "channel of a lost session": {
            "waiting": None,
            "new session": True,
            "transport again": case.transport,
            "endpoint": "here again",
            "messages": ["here, too"],
        },
    }
    facts |= told[scenario]
    if scenario == "refused handshake" or scenario.startswith("fallback"):
        del facts["transport"]
    return facts
