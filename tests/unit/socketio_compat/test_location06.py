"""The socketio06 location as a configuration sees it: options, refusals, and which paths it takes beside 0.7 to 0.9."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.daemon import plugins
from hbpush.daemon.location import LocationContext
from hbpush.daemon.options import allowed
from hbpush.daemon.routes_check import Placed, hidden
from hbpush.errors import ConfigError
from hbpush.web.exchange import Exchange
from hbpush.web.routes import Prefix, Route, Routes
from socketio_compat.location import SocketIOLocation, SocketIOSettings
from socketio_compat.location06 import SocketIO06Location, SocketIO06Settings, server_settings
from socketio_compat.v06.settings import TRANSPORTS, Settings
from tests.support.clock import ManualClock


def context() -> LocationContext:
    clock = ManualClock()
    return LocationContext("locations[0]", Hub({}, clock), clock, TimerWheel(clock), Counters(clock))


def location(**options: Any) -> SocketIO06Location:
    settings = msgspec.convert(options, SocketIO06Settings)
    SocketIO06Location.check(settings)
    return SocketIO06Location(settings, context())


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"resource": "/socket.io"}, "resource"),
        ({"resource": ""}, "resource"),
        ({"transports": ["websocket", "websocket"]}, "transports"),
        ({"origins": ["http://example.com", "*"]}, "origins[1]"),
    ],
)
def test_refused(options: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        location(**options)
    assert refused.value.path == path


@pytest.mark.parametrize(
    "options",
    [
        {"transports": []},
        {"transports": ["carrier"]},
        {"session_expiry": 0},
        {"outbox_bytes": 1},
        {"heartbeat_interval": 15},
        {"heartbeat_interval": -1},
        {"xhr_polling_timeout": 25},
        {"client_timeout": 5},
        {"max_subscriptions": 0},
    ],
)
def test_values_that_types_refuse(options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        location(**options)


def test_the_bounds_that_clients_set_are_told() -> None:
    told = {field.name: allowed(field.type) for field in msgspec.structs.fields(SocketIO06Settings)}
    assert told["heartbeat_interval"] == "a number at least 0 and less than 15"
    assert told["xhr_polling_timeout"] == "a number more than 0 and less than 25"


def test_every_option_has_a_default_and_a_help_line() -> None:
    for field in msgspec.structs.fields(SocketIO06Settings):
        assert not field.required, field.name
        info = msgspec.inspect.type_info(field.type)
        assert isinstance(info, msgspec.inspect.Metadata), field.name
        assert (info.extra_json_schema or {}).get("description"), field.name


def test_defaults_are_those_of_the_server() -> None:
    defaults = Settings()._replace(max_sessions=100_000)
    assert server_settings(SocketIO06Settings()) == defaults
    assert SocketIO06Settings().transports == TRANSPORTS


def test_a_configuration_finds_it() -> None:
    assert plugins.location_type("socketio06", "type") is SocketIO06Location


def test_it_says_why_it_cannot_have_workers() -> None:
    assert "session" in SocketIO06Location.sticky(SocketIO06Settings())


def test_both_generations_share_a_resource() -> None:
    old, new = location(), SocketIOLocation(SocketIOSettings(), context())
    for first, second in ((old, new), (new, old)):
        both = [Placed("locations[0]", first.type_name, first.routes()), Placed("locations[1]", second.type_name, second.routes())]
        assert hidden(both) == []
        table = Routes([route for placed in both for route in placed.routes], nothing)
        for name in TRANSPORTS:
            assert table.find(f"/socket.io/{name}//1/0".encode()).endpoint == old.server.request
        for target in (b"/socket.io/1/", b"/socket.io/1/websocket/abc", b"/socket.io/1/xhr-polling/abc", b"/socket.io/1//abc/"):
            assert table.find(target).endpoint not in (old.server.request, nothing)


def test_a_location_that_is_hidden_is_found() -> None:
    old = location()
    greedy = Placed("locations[0]", "publisher", [Route(Prefix("/socket.io/"), nothing, bytes)])
    for earlier in (greedy, Placed("locations[0]", "socketio06", location().routes())):
        [line] = hidden([earlier, Placed("locations[1]", "socketio06", old.routes())])
        assert line.startswith("locations[1]: the socketio06")


def test_a_resource_below_a_transport_of_another_is_hidden() -> None:
    places = [location(resource=resource) for resource in ("a", "a/websocket", "a/b", "a/websockets")]
    placed = [Placed(f"locations[{i}]", one.type_name, one.routes(), one.place) for i, one in enumerate(places)]
    [line] = hidden(placed)
    assert line.startswith("locations[1]: the socketio06")
    assert line.endswith("; put it first or change its resource")


def nothing(exchange: Exchange) -> None:
    """The endpoint of what nobody claims."""
