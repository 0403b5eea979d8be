"""The socketio location as a configuration sees it: options, refusals, and which paths it takes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.daemon.location import LocationContext
from hbpush.errors import ConfigError
from hbpush.web.exchange import Exchange
from hbpush.web.routes import Routes
from socketio_compat.location import SocketIOLocation, SocketIOSettings
from socketio_compat.v09.settings import Settings
from tests.support.clock import ManualClock


def location(**options: Any) -> SocketIOLocation:
    clock = ManualClock()
    settings = msgspec.convert(options, SocketIOSettings)
    SocketIOLocation.check(settings)
    return SocketIOLocation(settings, LocationContext("locations[0]", Hub({}, clock), clock, TimerWheel(clock), Counters(clock)))


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"resource": "/socket.io"}, "resource"),
        ({"resource": ""}, "resource"),
        ({"resource": "a b"}, "resource"),
        ({"transports": ["websocket", "websocket"]}, "transports"),
        ({"origins": "http://example.com/"}, "origins"),
        ({"origins": ["http://example.com", "*"]}, "origins[1]"),
        ({"origins": ["http://example.com", "EXAMPLE"]}, "origins[1]"),
        ({"origins": []}, "origins"),
        ({"channels": ["news", ""]}, "channels[1]"),
    ],
)
def test_refused(options: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        location(**options)
    assert refused.value.path == path


@pytest.mark.parametrize("options", [{"transports": []}, {"transports": ["carrier"]}, {"session_expiry": 0}, {"outbox_bytes": 1}])
def test_values_that_types_refuse(options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        location(**options)


def test_every_option_has_a_default_and_a_help_line() -> None:
    for field in msgspec.structs.fields(SocketIOSettings):
        assert not field.required, field.name
        info = msgspec.inspect.type_info(field.type)
        assert isinstance(info, msgspec.inspect.Metadata), field.name
        assert (info.extra_json_schema or {}).get("description"), field.name


def test_it_says_why_it_cannot_have_workers() -> None:
    assert "session" in SocketIOLocation.sticky(SocketIOSettings())


@pytest.mark.parametrize(
    ("target", "args"),
    [
        (b"/a/b/1/", None),
        (b"/a/b/1", None),
        (b"/a/b/1/xhr-polling/abc", "abc"),
        (b"/a/b/1/xhr-polling/abc/", "abc"),
        (b"/a/b/1//abc/", "abc"),
        (b"/a/b/1/websocket/abc", "abc"),
    ],
)
def test_paths(target: bytes, args: str | None) -> None:
    match = table(location(resource="a/b", transports=["xhr-polling"])).find(target)
    assert match.endpoint is not nothing
    assert match.args == args
    assert match.max_body == 1024 * 1024


@pytest.mark.parametrize("target", [b"/a/b/", b"/a/b/x", b"/socket.io/1/", b"/a/b/1x", b"/a/b/websocket"])
def test_paths_of_others(target: bytes) -> None:
    assert table(location(resource="a/b")).find(target).endpoint is nothing


def test_advertised_time_outs() -> None:
    assert (Settings().heartbeat_timeout, Settings().close_timeout) == (17, 25)
    odd = Settings(heartbeat_interval=0.5, client_timeout=1.2, polling_timeout=3)
    assert (odd.heartbeat_timeout, odd.close_timeout) == (2, 5)
    calm = Settings(heartbeat_interval=60)
    assert (calm.heartbeat_timeout, calm.close_timeout) == (65, 65)
    still = Settings(heartbeat_interval=0)
    assert (still.heartbeat_timeout, still.close_timeout) == (None, 25)


def table(place: SocketIOLocation) -> Routes:
    return Routes(place.routes(), nothing)


def nothing(exchange: Exchange) -> None:
    """The endpoint of what nobody claims."""
