"""SIGHUP: what stays, what goes, and that a bad file changes nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import throwaway
from tests.support.plain_http import Asked, ask, wait_until_held
from tests.support.process import Daemon

LOCAL = "port: 0\naddress: 127.0.0.1\n"
BOTH = LOCAL + "locations:\n- {type: subscriber, prefix: /s/}\n- {type: publisher, prefix: /p/}\n"

PLUGINS = (
    throwaway.PLUGIN
    + '''

import asyncio
import logging
from pathlib import Path


class SlowStore(BlankStore):
    """A store that gets ready when somebody writes a line into the FIFO ``host``, and tells so. An empty name: never."""

    def start(self, events):
        logging.getLogger("hbpush").info("starting %s", self.settings.key_prefix)
        loop = asyncio.get_running_loop()
        self.ready = loop.create_future()
        if self.settings.host:
            self.gate = open(self.settings.host, "r+b", buffering=0)
            loop.add_reader(self.gate, self.opened)
        return self.ready

    def opened(self):
        asyncio.get_running_loop().remove_reader(self.gate)
        self.gate.read(100)
        self.gate.close()
        logging.getLogger("hbpush").info("started %s", self.settings.key_prefix)
        self.ready.set_result(None)


class DefiantStore(SlowStore):
    """A store that answers the end of its start with an error of its own."""

    type_name = "slow"

    async def _start(self, ready):
        try:
            await ready
        except asyncio.CancelledError:
            raise RuntimeError("not now") from None

    def start(self, events):
        return asyncio.ensure_future(self._start(super().start(events)))

    def stop(self):
        raise OSError("not at all")


class RudeLocation(NoticeLocation):
    """A location that raises when it is made, or with ``gate`` at its start and its stop."""

    type_name = "rude"

    def __init__(self, settings, context):
        super().__init__(settings, context)
        if not settings.gate:
            raise RuntimeError("a plug-in may raise anything")

    def start(self):
        raise RuntimeError("no start")

    def stop(self):
        raise OSError("no stop")
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


def test_a_changed_key_file_counts_as_a_change(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("one", encoding="utf-8")
    text = BOTH.replace("prefix: /p/", f"prefix: /p/, key_file: {key}")
    path = path_with(tmp_path, text)
    with Daemon("-c", path) as daemon:
        server = Server(daemon, path)

        def status(word: str) -> int:
            return ask(server.port, "PUT", "/p/a", headers={"X-Api-Key": word}).status

        assert server.reload(text).endswith("2 locations kept, 0 new, 0 released")
        assert (status("one"), status("two")) == (200, 401)
        key.write_text("two", encoding="utf-8")
        assert server.reload(text).endswith("1 locations kept, 1 new, 1 released")
        assert (status("one"), status("two")) == (401, 200)


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
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_rude": PLUGINS})
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
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_slow": PLUGINS})
    gates = {word: tmp_path / word for word in ("zero", "one", "two")}
    for gate in gates.values():
        os.mkfifo(gate)

    def text(word: str) -> str:
        return f"{BOTH}store: {{default: {{type: memory}}, slow: {{type: slow, key_prefix: {word}, host: {gates[word]}}}}}\n"

    path = path_with(tmp_path, text("zero"))
    daemon = Daemon("-c", path, env={"PYTHONPATH": str(folder)})
    daemon.wait_for("starting zero")
    gates["zero"].write_bytes(b"\n")
    with daemon:
        ask(daemon.port, "POST", "/p/kept", b"1")
        path.write_text(text("one"), encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("starting one")
        path.write_text(text("two"), encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        # What it answers now it answers after it has taken the signal.
        assert ask(daemon.port, "GET", "/s/kept").body == b"1"
        gates["one"].write_bytes(b"\n")
        daemon.wait_for("starting two")
        gates["two"].write_bytes(b"\n")
        daemon.wait_for("configuration read again", 2)
        told = [line.split(" ", 3)[3] for line in daemon.lines if "INFO start" in line]
        assert told == ["starting zero", "started zero", "starting one", "started one", "starting two", "started two"]
        assert ask(daemon.port, "GET", "/s/kept").body == b"1"


def test_a_server_that_starts_can_be_ended(tmp_path: Path) -> None:
    points = {"hbpush.stores": {"slow": "throwaway_slow:SlowStore"}}
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_slow": PLUGINS})
    path = path_with(tmp_path, f"{BOTH}store: {{default: {{type: slow, key_prefix: one, host: ''}}}}\n")
    daemon = Daemon("-c", path, env={"PYTHONPATH": str(folder)})
    daemon.wait_for("starting one")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(3) == 0
    assert [line.split(" ", 2)[2] for line in daemon.lines[1:]] == ["INFO SIGTERM: stopping", "INFO stopped"]


def test_a_server_that_reloads_can_be_ended(tmp_path: Path) -> None:
    points = {"hbpush.stores": {"slow": "throwaway_slow:SlowStore"}}
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_slow": PLUGINS})
    path = path_with(tmp_path, BOTH)
    with Daemon("-c", path, env={"PYTHONPATH": str(folder)}) as daemon:
        path.write_text(f"{BOTH}store: {{default: {{type: slow, key_prefix: one, host: ''}}}}\n", encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("starting one")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(3) == 0


@pytest.mark.parametrize("moment", ["start", "reload"])
def test_a_server_whose_plug_in_defies_its_end_is_ended_all_the_same(tmp_path: Path, moment: str) -> None:
    points = {"hbpush.stores": {"slow": "throwaway_slow:DefiantStore"}, "hbpush.locations": {"rude": "throwaway_slow:RudeLocation"}}
    folder = throwaway.install(tmp_path / "p", points, {"throwaway_slow": PLUGINS})
    hanging = f"{BOTH}store: {{default: {{type: slow, key_prefix: one, host: ''}}}}\n"
    path = path_with(tmp_path, hanging if moment == "start" else BOTH)
    daemon = Daemon("-c", path, env={"PYTHONPATH": str(folder)})
    if moment == "reload":
        server = Server(daemon, path)
        server.reload(BOTH + "- {type: rude, prefix: /r/, gate: true}\n")
        path.write_text(hanging, encoding="utf-8")
        daemon.signal(signal.SIGHUP)
    daemon.wait_for("starting one")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(3) == 0
    assert not [line for line in daemon.lines if "Traceback" in line]
    told = [line.split(" ", 3)[3] for line in daemon.lines if " ERROR " in line]
    assert [line.partition("; at ")[0] for line in told] == [
        *(["locations[2]: did not start (RuntimeError: no start"] if moment == "reload" else []),
        "what was starting failed when it was told to leave off (RuntimeError: not now",
        "slow: did not stop (OSError: not at all",
        *(["rude: did not stop (OSError: no stop"] if moment == "reload" else []),
    ]
