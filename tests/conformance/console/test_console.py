"""The console in a browser, used as a person would; behind a proxy, with a key, and over a restart of its server.

Screenshots are kept in ``.screenshots``, which git ignores.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.driving.drivers import NODE, need_clients
from tests.support.packages import needs
from tests.support.plain_http import Asked, ask, wait_until_held
from tests.support.process import Daemon
from tests.support.redis_server import RedisServer
from tests.support.redis_server import missing as missing_redis

HERE = Path(__file__).parent
CLIENTS = HERE.parent / "socketio"
"""Where the browser's driver is installed."""
SCREENSHOTS = HERE / ".screenshots"
TIMEOUT = 90.0
CHANNEL = "a/b?\u00fc <b>"
NASTY = '<img src=x onerror="document.title=1"> \U0001f600 <script>document.title = 2</script>'

LOCATIONS = [
    {"type": "console"},
    {"type": "subscriber", "prefix": "/sub/", "polling": "auto", "create_on_get": True},
    {"type": "subscriber", "prefix": "/isub/", "polling": "interval", "create_on_get": True},
    {"type": "publisher", "prefix": "/pub/"},
    {"type": "socketio", "publish": True},
    {"type": "socketio06"},
    {"type": "sethpusher", "prefix": "/seth/"},
]
CLIENT_NAMES = [
    "Long poll", "EventSource", "WebSocket", "Interval poll", "Socket.IO 0.9, WebSocket", "Socket.IO 0.9, XHR polling",
    "Socket.IO 0.6, WebSocket", "SockJS, raw WebSocket",
]  # fmt: skip
WITHOUT_SUBSCRIPTION = ["Interval poll"]
WITHOUT_IDS = ["SockJS, raw WebSocket"]
WITH_EVENTS = ["Long poll", "EventSource", "WebSocket", "Interval poll"]
"""Those whose protocols carry the name of a message."""


def under(prefix: str) -> list[dict[str, Any]]:
    """The same, each below a prefix."""
    moved = [
        {**place, "prefix": prefix + str(place.get("prefix", "/")).lstrip("/")}
        for place in LOCATIONS
        if "socketio" not in str(place["type"])
    ]
    return moved + [{**place, "resource": f"{prefix.strip('/')}/socket.io"} for place in LOCATIONS if "socketio" in str(place["type"])]


def configured(folder: Path, locations: list[dict[str, Any]], **more: Any) -> Path:
    path = folder / "hbpushd.json"
    path.write_text(json.dumps({"port": 0, "address": "127.0.0.1", "locations": locations, **more}), encoding="utf-8")
    return path


class Person:
    """Whoever sits in front of the page: one play of ``drive.js``."""

    def __init__(self, url: str, play: str, **order: Any) -> None:
        order |= {"executable": shutil.which("chromium"), "clients": str(CLIENTS / ".clients"), "url": url, "play": play}
        self._process = subprocess.Popen(
            [*NODE, HERE / "drive.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Until it waits for something to happen."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line != "waiting\n":
            self.saw()
            pytest.fail(f"it did not wait: {line}")

    def saw(self, go_on: str = "") -> Any:
        """What it saw in the end."""
        try:
            told, wrong = self._process.communicate(go_on, timeout=TIMEOUT)
        finally:
            self._process.kill()
        assert self._process.returncode == 0, wrong
        seen = json.loads(told)
        assert seen.pop("faults") == []
        return seen


@contextmanager
def proxied(folder: Path, port: int) -> Iterator[str]:
    """nginx in front of a server, which is below /under/ there and knows nothing of it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        front = free.getsockname()[1]
    paths = " ".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}
        http {{
            access_log off; {paths}
            map $http_upgrade $connection_kind {{ default upgrade; '' close; }}
            server {{
                listen 127.0.0.1:{front};
                location /under/ {{
                    proxy_pass http://127.0.0.1:{port}/;
                    proxy_http_version 1.1;
                    proxy_buffering off;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $connection_kind;
                    proxy_set_header Host $http_host;
                }}
            }}
        }}
        """,
        encoding="utf-8",
    )
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-e", folder / "error.log", "-c", folder / "nginx.conf"])
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", front), 0.1).close()
                break
            except OSError:
                with pytest.raises(subprocess.TimeoutExpired):
                    nginx.wait(0.05)
        yield f"http://127.0.0.1:{front}/under/"
    finally:
        nginx.terminate()
        nginx.wait(10)


def check_everything(seen: Any, channel: str) -> None:
    """A person has seen each message in each pane, under its id, and nothing that was run."""
    assert sorted(way.rpartition(" (")[0] for way in seen["ways"]) == sorted(CLIENT_NAMES)
    told = list(zip(seen["ids"], ["first", NASTY, "third", "fourth"], strict=True))
    heard = {pane["client"]: pane["heard"] for pane in seen["panes"]}
    assert heard.keys() == set(CLIENT_NAMES)
    for client, messages in heard.items():
        if client not in WITHOUT_IDS:
            assert messages == [list(each) for each in told], client
    named = {pane["client"]: pane["events"] for pane in seen["panes"]}
    for client in WITH_EVENTS:
        # On an event stream that name is the server's own, so a message that a publisher gives it comes without one.
        fourth = None if client == "EventSource" else "gap"
        assert named[client] == [None, None, "tick", fourth], client
    assert seen["recent"] == [list(each) for each in reversed(told)]
    assert (seen["row"][0], seen["row"][1]) == (channel, "default")
    assert (seen["images"], seen["title"], seen["unlabelled"]) == (0, "hbpush console", [])
    assert seen["tabbed"] == ["match", "channel", "store", "look", "data", "type", "event", "publish", "entrance", "subscribe"]
    assert seen["left"] == len(CLIENT_NAMES) - 1


def everything(url: str, **more: Any) -> Any:
    subscribers = len(CLIENT_NAMES) - len(WITHOUT_SUBSCRIPTION)
    return Person(url, "everything", channel=CHANNEL, subscribers=subscribers, **more).saw()


@pytest.mark.full
def test_every_protocol(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    SCREENSHOTS.mkdir(exist_ok=True)
    with Daemon("-c", configured(tmp_path, LOCATIONS)) as daemon:
        seen = everything(f"http://127.0.0.1:{daemon.port}/", screenshots=str(SCREENSHOTS))
    check_everything(seen, CHANNEL)
    assert seen["overflow"] == 0
    assert len(list(SCREENSHOTS.glob("*.png"))) == 3


@pytest.mark.full
@needs("nginx")
def test_behind_a_proxy_that_strips_a_prefix(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    with Daemon("-c", configured(tmp_path, LOCATIONS)) as daemon, proxied(tmp_path, daemon.port) as url:
        check_everything(everything(url), CHANNEL)


@pytest.mark.full
def test_under_a_prefix_that_is_kept(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    with Daemon("-c", configured(tmp_path, under("/push/"))) as daemon:
        # Without the last slash one is led to it.
        check_everything(everything(f"http://127.0.0.1:{daemon.port}/push"), CHANNEL)


@pytest.mark.full
def test_frames_that_say_nothing(tmp_path: Path) -> None:
    """They hurt no client: what comes after them is heard."""
    need_clients(CLIENTS, "chromium")
    nothing = ["null", "no JSON", "7", "{}"]
    message = {"type": "message", "id": "1:0", "data": "x"}
    frames = {
        "websocket": [*nothing, json.dumps(message)],
        "socketio": [
            *(f"{head}{text}" for text in nothing for head in ("6:::1+", "5:::", '5:::{"args": ')),
            "5:::" + json.dumps({"name": "message", "args": [message]}),
        ],
        "socketio06": [f"~m~{len(text) + 3}~m~~j~{text}" for text in (*nothing, json.dumps(message))],
        "sockjs": [*nothing, '{"error": null}', '{"error": "no"}', '{"message": "x"}'],
    }
    with Daemon("-c", configured(tmp_path, [{"type": "console"}])) as daemon:
        heard = Person(f"http://127.0.0.1:{daemon.port}/", "frames", frames=frames).saw()["heard"]
    # SethPusher passes on whatever was posted.
    assert heard.pop("sockjs") == [None, "no JSON", 7, {}, {"error": None}, "x"]
    assert heard == {"websocket": ["x"], "socketio": ["x"], "socketio06": ["x"]}


@pytest.mark.full
def test_socketio_asks_again_for_what_is_refused_or_not_heard_any_more(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    away, last = {"error": "the store cannot be reached"}, {"channel": "news", "id": "1:0"}
    frames = {
        "socketio": [
            "1::", *[f"6:::1+[{json.dumps(away)}]"] * 7, f"6:::1+[{json.dumps({**last, 'missed': False})}]",
            *[f"5:::{json.dumps({'name': name, 'args': [{'channel': 'news'}]})}" for name in ("deleted", "toString", "unavailable")],
        ],
        "socketio06": [
            f"~m~{len(text)}~m~{text}"
            for text in (
                *[f"~j~{json.dumps({'type': 'error', **away})}"] * 7, f"~j~{json.dumps({'type': 'subscribed', **last, 'missed': False})}",
                *[f"~j~{json.dumps({'type': name, 'channel': 'news'})}" for name in ("deleted", "toString", "unavailable")],
            )
        ],
    }  # fmt: skip
    with Daemon("-c", configured(tmp_path, [{"type": "console"}])) as daemon:
        seen = Person(f"http://127.0.0.1:{daemon.port}/", "frames", frames=frames).saw()
    for client, sent in seen["sent"].items():
        assert seen["pauses"][client] == [1000, 2000, 4000, 8000, 16000, 30000, 30000, 1000]
        assert seen["heard"][client] == ["the channel was deleted"]
        assert [text for text in seen["states"][client] if text != "open"] == [
            *["refused, trying again: the store cannot be reached"] * 7,
            "lost, trying again: the channel is not heard any more",
        ]
        # Once it knows where it is, it goes on from there.
        assert (len(sent), ["1:0" in text for text in sent]) == (9, [False] * 8 + [True])
    assert seen["sent"].keys() == frames.keys()


@pytest.mark.full
@pytest.mark.skipif(missing_redis() is not None, reason=missing_redis() or "")
def test_subscriptions_begin_when_a_store_that_was_away_is_back(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    redis = RedisServer()
    config = configured(tmp_path, LOCATIONS, store={"type": "redis", "host": "127.0.0.1", "port": redis.port})
    with Daemon("-c", config, expected=("Redis",)) as daemon:
        subscribers = len(CLIENT_NAMES) - len(WITHOUT_SUBSCRIPTION)
        person = Person(f"http://127.0.0.1:{daemon.port}/", "away", channel="news", subscribers=subscribers)
        person.wait()
        with redis:
            seen = person.saw("go on\n")
    heard = {pane["client"]: pane["heard"] for pane in seen["panes"]}
    assert heard == {name: [[None if name in WITHOUT_IDS else seen["first"], "one"]] for name in CLIENT_NAMES}


def left_alone(config: Path, act: str) -> tuple[Person, int]:
    """Somebody at a console whose server has ended, and the port that it had."""
    with Daemon("-c", config) as first:
        person = Person(f"http://127.0.0.1:{first.port}/", act, channel="news")
        person.wait()
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        return person, first.port


@pytest.mark.full
def test_polls_are_told_once_of_a_gap_that_nothing_is_behind(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    config = configured(tmp_path, LOCATIONS)
    person, port = left_alone(config, "polls")
    with Daemon("-c", config, "--port", str(port)):
        seen = person.saw("go on\n")
    one, two = seen["ids"]
    assert seen["states"] == ["waiting, 1 heard"] * 2
    assert sorted(pane["client"] for pane in seen["panes"]) == ["Interval poll", "Long poll"]
    for pane in seen["panes"]:
        assert pane["heard"] == [[one, "one"], "messages were missed", [two, "two"]], pane


@pytest.mark.full
def test_event_streams_in_all_forms(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    text = (
        "retry: 5\r\nretry: no\nid: 1:0\n\n: nothing\rdata\n\nevent: a: b\ndata:x\r\ndata:  y\rid:1:1\n\n"
        "event: empty\n\nid: \0\ndata: z\n\nunknown: x\ndata: half"
    )
    with Daemon("-c", configured(tmp_path, [{"type": "console"}])) as daemon:
        seen = Person(f"http://127.0.0.1:{daemon.port}/", "pieces", text=text).saw()
    heard = [
        {"id": None, "name": "message", "data": ""},
        {"id": "1:1", "name": "a: b", "data": "x\n y"},
        {"id": None, "name": "message", "data": "z"},
    ]
    assert seen["seen"] == [{"heard": heard, "place": "1:1", "retry": 5}]


@pytest.mark.full
def test_why_a_stream_or_a_poll_is_refused_is_told(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    locations = [
        {"type": "console"},
        {"type": "publisher", "prefix": "/pub/"},
        {"type": "subscriber", "prefix": "/sub/", "polling": "auto", "max_subscribers": 1},
        {"type": "subscriber", "prefix": "/first/", "polling": "eventsource", "concurrency": "first"},
    ]
    with Daemon("-c", configured(tmp_path, locations)) as daemon:
        ask(daemon.port, "PUT", "/pub/news")
        held = Asked(daemon.port, "GET", "/sub/news")
        wait_until_held(daemon.port, "/pub/news")
        only = "the channel has 1 subscribers already"
        tries = [
            ("absent", "EventSource (/sub/)", "publish to it first"),
            ("news", "EventSource (/sub/)", only),
            ("news", "Long poll", only),
        ]
        seen = Person(f"http://127.0.0.1:{daemon.port}/", "refused", tries=tries).saw()["seen"]
        ask(daemon.port, "POST", "/pub/news", b"x")
        held.answer()
        ask(daemon.port, "PUT", "/pub/other")
        tries = [("other", "EventSource (/first/)", "open"), ("other", "EventSource (/first/)", "one at a time wait")]
        seen += Person(f"http://127.0.0.1:{daemon.port}/", "refused", tries=tries).saw()["seen"]
    assert seen == [
        "refused (404), trying again: there is no such channel: publish to it first",
        f"refused (403), trying again: {only}",
        f"refused (403), trying again: {only}",
        "open",
        "refused (409), trying again: the channel has another subscriber, and its location lets one at a time wait",
    ]


@pytest.mark.full
def test_the_key(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    key = "s\u00e9same \u2713"
    with Daemon("-c", configured(tmp_path, [{"type": "console", "key": key}, {"type": "publisher", "prefix": "/pub/"}])) as daemon:
        seen = Person(f"http://127.0.0.1:{daemon.port}/", "key", key=key).saw()
        assert seen["hidden"] == [True, True]
        assert (seen["focused"], seen["focus"]) == ("key", "Use it")
        assert not [line for line in daemon.lines if "same" in line]


@pytest.mark.full
@pytest.mark.skipif(missing_redis() is not None, reason=missing_redis() or "")
def test_streams_go_on_by_id_after_a_restart(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    with RedisServer() as redis:
        config = configured(tmp_path, LOCATIONS, store={"type": "redis", "host": "127.0.0.1", "port": redis.port})
        with Daemon("-c", config) as other:
            with Daemon("-c", config) as first:
                port = first.port
                person = Person(f"http://127.0.0.1:{port}/", "restart", channel="news")
                person.wait()
                first.signal(signal.SIGTERM)
                assert first.wait() == 0
            published = json.loads(ask(other.port, "POST", "/pub/news", b"two", {"Accept": "application/json"}).body)
            with Daemon("-c", config, "--port", str(port)):
                seen = person.saw("go on\n")
    assert sorted(pane["client"] for pane in seen["panes"]) == ["EventSource", "WebSocket"]
    for pane in seen["panes"]:
        assert pane["heard"] == [[seen["first"], "one"], [published["last_message_id"], "two"]], pane


@pytest.mark.full
def test_streams_are_told_of_the_gap_that_a_restart_makes_in_memory(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    config = configured(tmp_path, LOCATIONS)
    person, port = left_alone(config, "restart")
    with Daemon("-c", config, "--port", str(port)):
        lost = json.loads(ask(port, "POST", "/pub/news", b"two", {"Accept": "application/json"}).body)
        seen = person.saw("go on\n")
    for pane in seen["panes"]:
        assert pane["heard"] == [[seen["first"], "one"], "messages were missed", [lost["last_message_id"], "two"]], pane
