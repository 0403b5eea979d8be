"""TornadIO's container of sessions, and settings that cannot be (TornadIO API, A3, A5)."""

from __future__ import annotations

from typing import Any

import pytest

from hbpush.errors import ConfigError
from socketio_compat.tornadio import SocketConnection, get_router
from socketio_compat.tornadio.options import DEFAULT_SETTINGS
from socketio_compat.tornadio.session import Session, SessionContainer


class Kept(Session):
    def __init__(self, session_id: str, expiry: float | None = None, log: list[Any] | None = None) -> None:
        super().__init__(session_id, expiry)
        self.log = [] if log is None else log

    def on_delete(self, forced: bool) -> None:
        self.log.append((self.session_id, forced))


def test_container() -> None:
    log: list[Any] = []
    container = SessionContainer()
    first = container.create(Kept, expiry=10, log=log)
    second = container.create(Kept, log=log)
    assert first.session_id != second.session_id
    assert len(first.session_id) >= 22
    assert container.get(first.session_id) is first
    assert (second.expiry, second.expiry_date, second.promoted) == (None, None, None)
    assert first.expiry_date is not None
    container.expire(first.expiry_date + 1)
    assert log == [(first.session_id, False)]
    assert container.get(first.session_id) is None
    assert container.remove(second.session_id)
    assert log[1:] == [(second.session_id, True)]


def test_defaults() -> None:
    router = get_router(SocketConnection, {"xhr_polling_timeout": 5})
    wanted = {
        "enabled_protocols": ["websocket", "flashsocket", "xhr-multipart", "xhr-polling", "jsonp-polling", "htmlfile"],
        "session_check_interval": 15,
        "session_expiry": 30,
        "heartbeat_interval": 12,
        "xhr_polling_timeout": 20,
    }
    assert {name: DEFAULT_SETTINGS[name] for name in wanted} == wanted
    assert router.settings == {**DEFAULT_SETTINGS, "xhr_polling_timeout": 5}
    assert router.connection is SocketConnection
    assert router.io_loop is None


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"settings": {"session_expiry": 0}}, "settings.session_expiry"),
        ({"settings": {"max_queue": 1.5}}, "settings.max_queue: is 1.5; must be a whole number, more than 0"),
        ({"settings": {"max_body_size": True}}, "settings.max_body_size: is True; must be a whole number"),
        ({"settings": {"heartbeat_interval": -1}}, "0 or more and less than 15"),
        ({"settings": {"heartbeat_interval": 15}}, "0 or more and less than 15"),
        ({"settings": {"xhr_polling_timeout": 25}}, "more than 0 and less than 25"),
        ({"settings": {"xhr_polling_timeout": float("nan")}}, "is nan"),
        ({"settings": {"session_expiry": float("inf")}}, "is inf"),
        ({"settings": {"enabled_protocols": "websocket"}}, "must be a list of transports: websocket, "),
        ({"settings": {"enabled_protocols": None}}, "is None; must be a list"),
        ({"settings": {"enabled_protocols": []}}, "which serves nobody"),
        ({"settings": {"enabled_protocols": ["websockets"]}}, "which serves nobody"),
        ({"settings": {"origins": "https://example.com:65536"}}, "origins"),
        ({"settings": {"origins": [5]}}, "origins"),
        ({"settings": {"origins": "https://example.com/path"}}, "origins"),
        ({"extra_re": "("}, "is no regular expression"),
        ({"resource": "["}, "is no regular expression"),
    ],
)
def test_what_cannot_be(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        get_router(SocketConnection, **arguments)


def test_a_handler_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="handler: is None; must be a SocketConnection"):
        get_router(None)  # type: ignore[arg-type]
