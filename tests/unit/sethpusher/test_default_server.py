"""`sethpusher.default_server`, as far as no process is needed (SethPusher specification 2, 3)."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tornado.httpserver import HTTPServer
from tornado.options import options
from tornado.web import Application

from hbpush.errors import ConfigError
from sethpusher import default_server
from sethpusher.applications import SethPusherInMemoryApplication, SethPusherOnRedisApplication
from sethpusher.default_server import AppRunner, load, shutdown


def test_defaults_and_keywords() -> None:
    assert (AppRunner.host, AppRunner.port) == ("127.0.0.1", 8080)
    runner = AppRunner(port=6666, debug=True)
    assert (runner._host, runner._port, runner.options) == ("127.0.0.1", 6666, {"port": 6666, "debug": True})


def test_options_are_there_for_programs() -> None:
    assert (options.port, options.host, options.app, options.debug) == (8080, "127.0.0.1", "", False)
    assert "debug" in options.group_dict("default_server")


def test_applications_by_their_paths() -> None:
    assert load("sethpusher.applications.SethPusherOnRedisApplication") is SethPusherOnRedisApplication
    with pytest.raises(ConfigError, match="Problem loading application from path"):
        load("sethpusher.applications.rules")


def test_what_prevents_a_start_ends_the_process_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        AppRunner(port=taken.getsockname()[1]).start(SethPusherInMemoryApplication)
    assert "is in use by another process; choose another with --port" in str(ended.value)
    with pytest.raises(SystemExit, match="max_channels"):
        AppRunner(port=0, max_channels=0).start(SethPusherInMemoryApplication)
    with pytest.raises(SystemExit, match="disconnect_delay"):
        AppRunner(port=0, sockjs_settings={"disconnect_delay": 0}).start(SethPusherInMemoryApplication)
    with pytest.raises(SystemExit, match=r"store\.port"):
        AppRunner(port=0, redis_port="x").start(SethPusherOnRedisApplication)


def test_shutdown_of_tornados_server_stops_its_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_server, "GRACE", 0)
    loop = asyncio.new_event_loop()

    def end() -> None:
        server = HTTPServer(Application())
        shutdown(server)

    try:
        loop.call_soon(end)
        loop.run_forever()
    finally:
        loop.close()
