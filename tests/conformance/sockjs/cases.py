"""Which transports of sockjs-client play which scenarios on which hosts, and the facts that they have to tell. Only values: starts nothing,
reads nothing."""

from __future__ import annotations

from typing import Any

from tests.conformance.driving import cases

TEXTS = [
    "plain",
    "",
    "Привет, мир",
    "😀",
    "a😀ж\U0010fffd",
    "\"'\\<>&",
    '["a"]',
    "line\nline\r\nlast\n",
    "\u2028 \u2029 \u200c\u206f\ufff0\uffff",
    "\x00\x01\x1f\x7f\x9f",
    "lone \ud800 end \udc00",
    "\udc00\ud800",
    "+ %20&d=1",
    "o",
    'c[3000,"Go away!"]',
    "x" * 20_000,
]
"""Each has lost something on some server: what decoders, scripts, forms and frames take for theirs."""

SCRIPTS = ["</script><!--<script>", "<script>parent.stolen = 1</script>"]
"""The reference lets these out of the script that carries them by htmlfile."""

PERCENTS = [text for number in range(20) for text in (f"{number}%", "%", "%0d", "%0D%0A", "%E0%A4%A")]

REASONS: list[tuple[int, str]] = [(3000, "Go away!"), (4001, 'say "bye" \\ ж😀'), (3999, "</script> 100% %0d\n\u2028"), (1000, "")]

SCENARIOS = (
    "echo",
    "percent",
    "order",
    "long",
    "closed at once",
    "closed by server",
    "closed by client",
    "query",
    "without websocket",
    "nowhere",
    "idle",
    "lost connection",
)

CHANNEL_SCENARIOS = ("channel",)
"""Those for hbpushd, which has channels and no program behind it."""


class Case(cases.Case):
    """sockjs-client."""

    def texts(self, host: str) -> list[str]:
        """What it says."""
        return TEXTS if host == "reference" and "htmlfile" in self.transport else TEXTS + SCRIPTS

    def reasons(self, host: str) -> list[tuple[int, str]]:
        """The codes and reasons that it is sent away with."""
        return REASONS[:2] + REASONS[3:] if host == "reference" and "htmlfile" in self.transport else REASONS

    def plays(self, scenario: str, host: str) -> bool:
        """Whether the scenario is for this client on this host. The reference has no heartbeats for WebSockets, but pings; and neither
        htmlfile nor, on Node, xhr-streaming hears that a response broke off."""
        if (scenario in CHANNEL_SCENARIOS) != (host == "hbpushd"):
            return False
        if scenario == "idle":
            return (host, self.transport) != ("reference", "websocket")
        return scenario != "lost connection" or ("htmlfile" not in self.transport and (self.transport, self.page) != ("xhr-streaming", ""))


NODE = [Case(transport) for transport in ("websocket", "xhr-streaming", "eventsource", "xhr-polling")]

BROWSER = [
    Case(transport, page)
    for transport in (
        *("websocket", "xhr-streaming", "eventsource", "iframe-eventsource", "htmlfile", "iframe-htmlfile"),
        *("xhr-polling", "iframe-xhr-polling", "jsonp-polling"),
    )
    for page in ("same", "cross")
    if (transport, page) != ("htmlfile", "cross")
]


def expected(case: Case, scenario: str, host: str) -> dict[str, Any]:
    """The facts that the scenario tells when all is well."""
    texts, reasons = case.texts(host), case.reasons(host)
    facts: dict[str, Any] = {"transport": case.transport, "end": None}
    came_and_went = [["echo", "open"], ["echo", "close"]]
    told: dict[str, dict[str, Any]] = {
        "echo": {"singly": texts, "from client": texts, "from server": texts, "events": ["open", "message"]},
        "percent": {"from client": PERCENTS, "from server": PERCENTS},
        "order": {"in order": [True, True]},
        "long": {name: [True, True, ["short", "long", "end"]] for name in ("echo", "talk")},
        "closed at once": {
            "close": [3000, "Go away!", True],
            "events": ["open", "close"],
            "seen": [["close", "open"], ["close", "close"]],
        },
        "closed by server": {
            "closes": [[code, reason, True] for code, reason in reasons],
            "words": [["good", "bye"]] * len(reasons),
            "seen": [came_and_went] * len(reasons),
        },
        "closed by client": {
            "with a code": [3456, '"so" long', True],
            "seen with a code": came_and_went,
            "by default": [1000, "Normal closure", True],
            "seen by default": came_and_went,
        },
        "query": {"token": "a &% b", "seen": [["talk", "open"]], "info": [True, False, ["*:*"], True]},
        "without websocket": {"first": [2000, "All transports failed", False] if case.transport == "websocket" else "open"},
        "nowhere": {"close": [1002, "Cannot connect to server", False], "events": ["close"]},
        "idle": {"awake": "awake", "seen": [["beating", "open"]]},
        "channel": {
            "notice": [["subscribe", "Анна"]],
            "messages": [],
            "by api": [{"sender_id": "Борис", "body": "100% 😀"}],
            "again": ["subscribe"],
        },
        "lost connection": {"waiting": None, "close": [1006, False], "transport again": case.transport, "again": "here again"},
    }
    facts |= told[scenario]
    if scenario in ("closed at once", "nowhere"):
        del facts["transport"]
    if (scenario, case.transport) == ("without websocket", "websocket"):
        facts["transport"] = None
    return facts
