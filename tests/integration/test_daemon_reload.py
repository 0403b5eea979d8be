"""SIGHUP: what stays, what goes, and that a bad file changes nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support import throwaway
from tests.support.plain_http import Asked, ask, wait_until_held
from tests.support.process import Daemon

LOCAL = "port: 0\naddress: 127.0.0.1\n"
BOTH = LOCAL + "locations:\n- {type: subscriber, prefix: /s/}\n- {type: publisher, prefix: /p/}\n"

SLOW_PLUGIN = (
    throwaway.PLUGIN
    + '''

import asyncio
import logging


class SlowStore(BlankStore):
    """A store that takes its time to start, and tells when it does."""

    async def _start(self):
        logging.getLogger("hbpush").info("starting %s", self.settings.key_prefix)
        await asyncio.sleep(0.2)
        logging.getLogger("hbpush").info("started %s", self.settings.key_prefix)

    def start(self, events):
        return asyncio.ensure_future(self._start())


class RudeLocation(NoticeLocation):
    def __init__(self, settings, context):
        raise RuntimeError("a plug-in may raise anything")
'''
)


class Server:
    """A daemon whose configuration file the test rewrites."""

    def __init__(self, daemon: Daemon, path: Path) -> None:
        self.daemon = daemon
        self.port = daemon.port
        self._path = path
        self._read = 0

    def reload(self, text: str) -> str:
        """Write the file, send the signal, wait until it was read; return the line that says so."""
        self._path.write_text(text, encoding="utf-8")
        self.daemon.signal(signal.SIGHUP)
        self._read += 1
        return self.daemon.wait_for("configuration read again", self._read)

    def refuse(self, text: str) -> str:
        """Write a file that is refused; return the line that says why."""
        self._path.write_text(text, encoding="utf-8")
        self.daemon.signal(signal.SIGHUP)
        return self.daemon.wait_for("the configuration stays as it was: ")


def path_with(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_has_not_changed_stays(tmp_path: Path) -> None:
    path = path_with(tmp_path, BOTH)
    with Daemon("-c", path) as daemon:
        server = Server(daemon, path)
        ask(server.port, "POST", "/p/kept", b"1")
        ask(server.port, "PUT", "/p/held")
        held = Asked(server.port, "GET", "/s/held")
        wait_until_held(server.port, "/p/held")
        told = server.reload(
            LOCAL + "store: {default: {type: memory}, more: {type: memory}}\n"
            "locations:\n- {type: publisher, prefix: /p/}\n- {type: publisher, prefix: /more/, store: more}\n"
            "- {type: subscriber, prefix: /s/}\n"
        )
        assert told.endswith("configuration read again: 1 stores kept; 2 locations kept, 1 new, 0 released")
        assert ask(server.port, "GET", "/s/kept").body == b"1"
        assert ask(server.port, "PUT", "/more/a").status == 200
        assert ask(server.port, "POST", "/p/held", b"2").status == 201
        assert held.answer().body == b"2"


def test_a_changed_location_releases_its_clients(tmp_path: Path) -> None:
    path = path_with(tmp_path, BOTH)
    with Daemon("-c", path) as daemon:
        server = Server(daemon, path)
        ask(server.port, "PUT", "/p/a")
        held = Asked(server.port, "GET", "/s/a")
        wait_until_held(server.port, "/p/a")
        server.reload(BOTH.replace("/s/", "/t/"))
        answer = held.answer()
        assert (answer.status, answer.headers["connection"]) == (304, "close")
        assert ask(server.port, "GET", "/s/a").status == 404
        again = Asked(server.port, "GET", "/t/a")
        wait_until_held(server.port, "/p/a")
        assert ask(server.port, "POST", "/p/a", b"1").status == 201
        assert again.answer().body == b"1"


def test_a_changed_store_forgets_and_releases(tmp_path: Path) -> None:
    path = path_with(tmp_path, BOTH)
    with Daemon("-c", path) as daemon:
        server = Server(daemon, path)
        ask(server.port, "POST", "/p/gone", b"1")
        ask(server.port, "PUT", "/p/a")
        held = Asked(server.port, "GET", "/s/a")
        wait_until_held(server.port, "/p/a")
        told = server.reload("store: {type: memory, max_messages: 7}\n" + BOTH)
        assert told.endswith("0 stores kept; 0 locations kept, 2 new, 2 released")
        assert held.answer().status == 304
        assert ask(server.port, "GET", "/p/gone").status == 404


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("port: [\n", "c.yaml: line 2, column 1: not YAML: "),
        (BOTH + "polling: long\n", "c.yaml: polling: is no option of the server; "),
        (BOTH.replace("prefix: /s/", "url: /s/"), "c.yaml: locations[0].url: "),
    ],
)
def test_a_bad_file_changes_nothing(tmp_path: Path, text: str, reason: str) -> None:
    path = path_with(tmp_path, BOTH)
    with Daemon("-c", path, expected=("the configuration stays as it was: ",)) as daemon:
        server = Server(daemon, path)
        ask(server.port, "PUT", "/p/a")
        held = Asked(server.port, "GET", "/s/a")
        wait_until_held(server.port, "/p/a")
        assert reason in server.refuse(text)
        assert ask(server.port, "POST", "/p/a", b"1").status == 201
        assert held.answer().body == b"1"
        path.unlink()
        daemon.signal(signal.SIGHUP)
        assert daemon.wait_for("the configuration stays as it was: ", 2).endswith("c.yaml: cannot be read: No such file or directory")
        assert server.reload(BOTH).endswith("2 locations kept, 0 new, 0 released")


def test_a_plug_in_that_fails_changes_nothing(tmp_path: Path) -> None:
    points = {"hbpush.locations": {"rude": "throwaway_rude:RudeLocation"}}
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_rude": SLOW_PLUGIN})
    path = path_with(tmp_path, BOTH)
    with Daemon("-c", path, env={"PYTHONPATH": str(folder)}, expected=("could not be read again",)) as daemon:
        server = Server(daemon, path)
        path.write_text(BOTH + "- {type: rude, prefix: /r/}\n", encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        assert "RuntimeError: a plug-in may raise anything; at " in daemon.wait_for("could not be read again")
        assert ask(server.port, "PUT", "/p/a").status == 200


def test_what_takes_a_restart_is_told(tmp_path: Path) -> None:
    path = path_with(tmp_path, BOTH)
    expected = ("port: has changed; that takes a restart", "address: has changed; that takes a restart")
    with Daemon("-c", path, expected=expected) as daemon:
        server = Server(daemon, path)
        server.reload(BOTH.replace("port: 0", "port: 9").replace("127.0.0.1", "127.0.0.2"))
        for line in expected:
            daemon.wait_for(line)
        assert ask(server.port, "PUT", "/p/a").status == 200


def test_limits_and_the_rest_of_the_server_follow(tmp_path: Path) -> None:
    path = path_with(tmp_path, BOTH + "log_level: warning\n")
    with Daemon("-c", path) as daemon:
        server = Server(daemon, path)
        server.reload(BOTH + "max_body: 10\nserver_header: false\n")
        answer = ask(server.port, "POST", "/p/a", b"x" * 11)
        assert (answer.status, "server" in answer.headers) == (413, False)
        server.reload(BOTH)
        answer = ask(server.port, "POST", "/p/a", b"x" * 11)
        assert (answer.status, "server" in answer.headers) == (202, True)


def test_reloads_run_one_after_the_other(tmp_path: Path) -> None:
    points = {"hbpush.stores": {"slow": "throwaway_slow:SlowStore"}}
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_slow": SLOW_PLUGIN})

    def text(word: str) -> str:
        return f"{BOTH}store: {{default: {{type: memory}}, slow: {{type: slow, key_prefix: {word}}}}}\n"

    path = path_with(tmp_path, text("zero"))
    with Daemon("-c", path, env={"PYTHONPATH": str(folder)}) as daemon:
        ask(daemon.port, "POST", "/p/kept", b"1")
        path.write_text(text("one"), encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("starting one")
        path.write_text(text("two"), encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again", 2)
        told = [line.split(" ", 3)[3] for line in daemon.lines if "INFO start" in line]
        assert told == ["starting zero", "started zero", "starting one", "started one", "starting two", "started two"]
        assert ask(daemon.port, "GET", "/s/kept").body == b"1"


def test_a_server_that_starts_can_be_ended(tmp_path: Path) -> None:
    points = {"hbpush.stores": {"slow": "throwaway_slow:SlowStore"}}
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_slow": SLOW_PLUGIN})
    path = path_with(tmp_path, f"{BOTH}store: {{default: {{type: slow, key_prefix: one}}}}\n")
    daemon = Daemon("-c", path, env={"PYTHONPATH": str(folder)})
    daemon.wait_for("starting one")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(3) == 0
    assert [line.split(" ", 2)[2] for line in daemon.lines[1:]] == ["INFO SIGTERM: stopping", "INFO stopped"]


def test_a_server_that_reloads_can_be_ended(tmp_path: Path) -> None:
    points = {"hbpush.stores": {"slow": "throwaway_slow:SlowStore"}}
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_slow": SLOW_PLUGIN})
    path = path_with(tmp_path, BOTH)
    with Daemon("-c", path, env={"PYTHONPATH": str(folder)}) as daemon:
        path.write_text(f"{BOTH}store: {{default: {{type: slow, key_prefix: one}}}}\n", encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("starting one")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(3) == 0
