"""What the bench measures of sessions: clients of Socket.IO, of this server beside Socket.IO 4, and of SockJS, beside sockjs-node."""

from __future__ import annotations

import urllib.error
import urllib.request
from functools import partial

from tests.bench.errors import BenchError
from tests.bench.marks import Mark
from tests.bench.processes import HOST, resident
from tests.bench.servers import Bounds
from tests.bench.works import BODY, FEW_HELD, KB, Case, Round, Sizes, Work

WINDOWS = (1, 16)
SETTLE_TIMEOUT = 30
CONTENDERS = ("hbpush", "socket.io", "stock-host")
RIVAL = "socket.io"
SOCKJS_CONTENDERS = ("hbpush", "sockjs-node", "stock-host")
SOCKJS_FRONTS = SOCKJS_CONTENDERS[:2]
"""Who has sessions over HTTP: until a thousand have subscribed, and all have heard of each, takes the stock host too long."""
SOCKJS_RIVAL = "sockjs-node"
SOCKJS = "sockjs"
"""What the load generator calls the sessions of all of these."""


def _under_way(window: int) -> str:
    return f"{window} under way"


def _fanout(carrier: str, at: Round, dialect: str | None = None) -> Case:
    return {
        _under_way(window): at.rate(
            "fanout", at.sizes.sessions, BODY, window, channel=(f"{at.channel}w{window}", carrier, dialect or at.dialect)
        )
        for window in WINDOWS
    }  # fmt: skip


def _roundtrip(at: Round) -> Case:
    return {"roundtrip": at.rate("roundtrip", at.sizes.asking, BODY, channel=("websocket", at.dialect))}


def _memory(carrier: str, at: Round, dialect: str | None = None) -> Case:
    with at.load.steps("idle", FEW_HELD, at.sizes.idle_sessions, at.channel, carrier, dialect or at.dialect) as steps:
        steps.next()
        few = _settled(at)
        steps.next()
        return {"memory": (_settled(at) - few) / (at.sizes.idle_sessions - FEW_HELD) / KB}


def _settled(at: Round) -> int:
    """What is resident once a server that can do so has freed what it does not use."""
    try:
        urllib.request.urlopen(f"http://{HOST}:{at.server.port}/settle", timeout=SETTLE_TIMEOUT).close()
    except urllib.error.HTTPError as answer:
        answer.close()
    except OSError as error:
        raise BenchError(f"the server gave no answer ({error})") from None
    return resident(at.server.pid)


def _fanout_title(carrier: str, sizes: Sizes) -> str:
    return f"{sizes.sessions:,} sessions over {carrier} that subscribe to one channel, messages of {BODY} bytes by POST"


def _roundtrip_title(sizes: Sizes) -> str:
    return f"events of {BODY} bytes that are acknowledged with what they say, {sizes.asking} WebSockets with one under way each"


def _memory_title(carrier: str, sizes: Sizes) -> str:
    more = sizes.idle_sessions - FEW_HELD
    return f"memory of an idle, subscribed session over {carrier}: (RSS with {sizes.idle_sessions:,} - RSS with {FEW_HELD}) / {more:,}"


def _bounds(sizes: Sizes) -> Bounds:
    return Bounds(sessions=True)


def _sockjs(sizes: Sizes) -> Bounds:
    return Bounds(sockjs=True)


def _echo(sizes: Sizes) -> Bounds:
    return Bounds(echo=True)


SESSION_WORKS = [
    Work(
        "ws-fanout", partial(_fanout_title, "WebSockets"), "deliveries/s", True, CONTENDERS, partial(_fanout, "websocket"),
        bounds=_bounds, marks=(Mark(_under_way(1), 1.3, RIVAL), Mark(_under_way(16), 5, RIVAL)),
    ),
    Work(
        "xhr-fanout", partial(_fanout_title, "polls"), "deliveries/s", True, CONTENDERS, partial(_fanout, "polling"),
        bounds=_bounds, marks=(Mark(_under_way(1), 1, RIVAL), Mark(_under_way(16), 1, RIVAL)),
    ),
    Work(
        "roundtrip", _roundtrip_title, "round trips/s", True, CONTENDERS, _roundtrip, bounds=_echo,
        marks=(Mark("roundtrip", 1, RIVAL),),
    ),
    Work(
        "ws-memory", partial(_memory_title, "a WebSocket"), f"KB of {KB:,} bytes", False, CONTENDERS, partial(_memory, "websocket"),
        bounds=_bounds, fresh=True, marks=(Mark("memory", 1, RIVAL),),
    ),
    Work(
        "xhr-memory", partial(_memory_title, "polls"), f"KB of {KB:,} bytes", False, CONTENDERS, partial(_memory, "polling"),
        bounds=_bounds, fresh=True, marks=(Mark("memory", 1, RIVAL),),
    ),
    Work(
        "sockjs-ws-fanout", partial(_fanout_title, "WebSockets of SockJS"), "deliveries/s", True, SOCKJS_CONTENDERS,
        partial(_fanout, "websocket", dialect=SOCKJS), bounds=_sockjs,
        marks=(Mark(_under_way(1), 1.5, SOCKJS_RIVAL), Mark(_under_way(16), 5, SOCKJS_RIVAL)),
    ),
    Work(
        "sockjs-xhr-streaming-fanout", partial(_fanout_title, "xhr_streaming of SockJS"), "deliveries/s", True, SOCKJS_FRONTS,
        partial(_fanout, "streaming", dialect=SOCKJS), bounds=_sockjs,
        marks=(Mark(_under_way(1), 1, SOCKJS_RIVAL), Mark(_under_way(16), 1, SOCKJS_RIVAL)),
    ),
    Work(
        "sockjs-xhr-fanout", partial(_fanout_title, "polls of SockJS"), "deliveries/s", True, SOCKJS_FRONTS,
        partial(_fanout, "polling", dialect=SOCKJS), bounds=_sockjs,
        marks=(Mark(_under_way(1), 1, SOCKJS_RIVAL), Mark(_under_way(16), 1, SOCKJS_RIVAL)),
    ),
    *(
        Work(
            f"sockjs-{name}-memory", partial(_memory_title, carried), f"KB of {KB:,} bytes", False, SOCKJS_CONTENDERS,
            partial(_memory, carrier, dialect=SOCKJS), bounds=_sockjs, fresh=True, marks=(Mark("memory", 1, SOCKJS_RIVAL),),
        )
        for name, carrier, carried in (
            ("ws", "websocket", "a WebSocket of SockJS"), ("xhr-streaming", "streaming", "xhr_streaming of SockJS"),
            ("xhr", "polling", "polls of SockJS"),
        )
    ),
]  # fmt: skip
