"""The settings of a router: sockjs-tornado's names and defaults, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from hbpush.errors import ConfigError
from sethpusher.sockjs import DEFAULT_SETTINGS, SockJSRouter
from sethpusher.sockjs.options import effective, machine
from sethpusher.sockjs.settings import TRANSPORTS


def test_defaults() -> None:
    expected = {
        "session_check_interval": 1,
        "disconnect_delay": 5,
        "heartbeat_delay": 25,
        "disabled_transports": [],
        "sockjs_url": "",
        "response_limit": 131072,
        "jsessionid": True,
        "immediate_flush": True,
        "disable_nagle": True,
        "verify_ip": False,
        "websocket_allow_origin": "*",
        "allowed_origins": "*",
    }
    assert expected.items() <= DEFAULT_SETTINGS.items()
    settings = machine(effective(None), "")
    assert (settings.transports, settings.raw, settings.framed, settings.prefix) == (TRANSPORTS, True, False, "")


def test_a_program_s_own_settings_are_kept() -> None:
    router = SockJSRouter(object, "/x", {"mine": 1, "disabled_transports": ["websocket"]})
    assert router.settings["mine"] == 1
    assert router.settings is not DEFAULT_SETTINGS
    assert (router.websockets_enabled, router.cookie_needed) == (False, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("disconnect_delay", 0),
        ("heartbeat_delay", -1),
        ("heartbeat_delay", True),
        ("heartbeat_delay", float("nan")),
        ("response_limit", 1.5),
        ("max_queue", "many"),
        ("sockjs_url", "sockjs.js"),
        ("sockjs_url", None),
        ("disabled_transports", "websocket"),
        ("disabled_transports", TRANSPORTS),
        ("allowed_origins", [1]),
        ("allowed_origins", "page.example"),
        ("websocket_allow_origin", ["http://page.example/"]),
    ],
)
def test_what_cannot_be(name: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        SockJSRouter(object, "", {name: value})
    assert caught.value.path.partition("[")[0] == name


def test_a_connection_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="connection: is None"):
        SockJSRouter(None)


def test_a_prefix_is_a_path() -> None:
    with pytest.raises(ConfigError, match="prefix"):
        SockJSRouter(object, "echo")
    assert machine(effective(None), "/a/b/").prefix == "/a/b"


def test_a_session_class_of_another_kind() -> None:
    with pytest.raises(TypeError):
        SockJSRouter(object, session_kls=object)  # type: ignore[arg-type]


def test_where_frames_are_served() -> None:
    settings = machine(effective({"sockjs_url": "/sockjs.js"}), "")
    assert settings.framed
    closed = machine(effective({"sockjs_url": "/sockjs.js", "allowed_origins": ["http://page.example"]}), "")
    assert (closed.framed, set(TRANSPORTS) - set(closed.served)) == (False, {"jsonp", "htmlfile"})
