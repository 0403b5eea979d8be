"""``hbpushd --workers N``: several processes on one port, watched by the one that was started."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support import throwaway
from tests.support.plain_http import PATIENCE, Asked, ask
from tests.support.process import Daemon, run

PLUGINS = '''
"""A memory store that claims to be shared, and a location that tells which process answers."""

import os

from hbpush.daemon.location import Location, StoreLocationSettings
from hbpush.errors import ConfigError
from hbpush.stores.memory import MemoryStore
from hbpush.web.answers import line
from hbpush.web.routes import Prefix, Route


class PooledStore(MemoryStore):
    type_name = "pooled"
    shared = True


class WhoSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    prefix: str = "/who/"
    unmakeable: bool = False
    only: str = ""


class WhoLocation(Location):
    """With ``only``, a file that is there at the start of all processes but one, it starts in none that finds it."""

    type_name = "who"
    Settings = WhoSettings

    def __init__(self, settings, context):
        super().__init__(settings, context)
        if settings.unmakeable:
            raise ConfigError("cannot be made", "unmakeable")

    def start(self):
        if self.settings.only:
            try:
                os.close(os.open(self.settings.only, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                raise ConfigError("starts only once") from None

    def routes(self):
        return [Route(Prefix(self.settings.prefix), self.answer, bytes)]

    def answer(self, exchange):
        exchange.respond(line(200, str(os.getpid())))
'''

POINTS = {"hbpush.stores": {"pooled": "throwaway_who:PooledStore"}, "hbpush.locations": {"who": "throwaway_who:WhoLocation"}}

LOCAL = "port: 0\naddress: 127.0.0.1\n"
BASE = (
    LOCAL + "store: {type: pooled}\nlocations:\n- {type: who}\n- {type: subscriber, prefix: /s/, create_on_get: true}\n"
    "- {type: publisher, prefix: /p/}\n"
)
GRACE = 3.0
"""Seconds within which a server that is told to go has gone."""


class Site:
    """A configuration file, and the plug-ins that it names."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "c.yaml"
        self.env = {"PYTHONPATH": str(throwaway.install(folder / "plug-in", POINTS, {"throwaway_who": PLUGINS}))}
        self.write(BASE)

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")

    def daemon(self, *arguments: str, workers: int = 2, **more: object) -> Daemon:
        return Daemon("-c", self.path, f"--workers={workers}", *arguments, env=self.env, **more)  # type: ignore[arg-type]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def eventually(there: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end


def processes(daemon: Daemon, number: int = 2, prefix: str = "/who/") -> set[int]:
    """The process ids of the workers that answer: asks until there are as many."""
    found: set[int] = set()

    def all_there() -> bool:
        answer = ask(daemon.port, "GET", f"{prefix}x")
        if answer.status == 200:
            found.add(int(answer.body))
        return len(found) >= number

    eventually(all_there)
    return found


def children(pid: int) -> set[int]:
    """The processes, ended ones that nobody has asked for included, whose parent is this one."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == pid:
                found.add(int(folder.name))
    return found


def gone(pid: int) -> bool:
    """Whether there is no such process, or only what its parent has not asked for, which is then none of ours."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    state, parent = stat.rpartition(")")[2].split()[:2]
    return state == "Z" and int(parent) != os.getpid()


def held_by_each(daemon: Daemon, pids: set[int]) -> list[Asked]:
    """One poll that waits at each worker. What a connection answers tells whose it is; a second one there tells when the poll has come."""
    found: dict[int, list[Asked]] = {pid: [] for pid in pids}

    def two_each() -> bool:
        asked = Asked(daemon.port, "GET", "/who/x")
        with asked.connection.getresponse() as answer:
            found[int(answer.read())].append(asked)
        return all(len(connections) >= 2 for connections in found.values())

    eventually(two_each)
    for poll, witness, *more in found.values():
        for asked in more:
            asked.connection.close()
        poll.connection.request("GET", "/s/held")

        def waits(connection: HTTPConnection = witness.connection) -> bool:
            connection.request("GET", "/p/held", headers={"Accept": "application/json"})
            with connection.getresponse() as answer:
                body = answer.read()
            return answer.status == 200 and json.loads(body)["subscribers"] == 1

        eventually(waits)
        witness.connection.close()
    return [connections[0] for connections in found.values()]


# Starting


def test_connections_reach_all_workers(site: Site) -> None:
    with site.daemon(workers=3) as daemon:
        told = daemon.wait_for("listening on ")
        assert re.fullmatch(r"hbpushd \S+: listening on http://127\.0\.0\.1:\d+ \(3 locations, \d+ file descriptors, 3 workers\)", told)
        pids = processes(daemon, 3)
        assert pids == children(daemon.process.pid)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(GRACE) == 0
        assert all(map(gone, pids))
    assert [line.split(" ", 2)[2] for line in daemon.lines[1:]] == ["INFO SIGTERM: stopping", "INFO stopped"]


def test_one_worker_is_the_process_itself(site: Site) -> None:
    with site.daemon(workers=1) as daemon:
        assert "workers" not in daemon.wait_for("listening on ")
        assert processes(daemon, 1) == {daemon.process.pid}


def test_every_address_has_the_same_port(site: Site) -> None:
    site.write(BASE.replace("address: 127.0.0.1\n", ""))
    with site.daemon(expected=("WARNING worker 1: locations[2]: ",)) as daemon:
        told = daemon.wait_for("listening on ")
        assert len(set(re.findall(r":(\d+)[, ]", told))) == 1
        assert len(processes(daemon)) == 2
        assert len([line for line in daemon.lines if "WARNING" in line]) == 1


def test_a_port_that_another_server_has(site: Site) -> None:
    with site.daemon() as daemon:
        for workers in (1, 2):
            refused = run("-c", site.path, f"--workers={workers}", f"--port={daemon.port}", env=site.env)
            assert refused.returncode == 1
            assert refused.stderr.startswith(f"hbpushd: port {daemon.port} of 127.0.0.1 is in use by another process; ")
            assert refused.stderr.count("\n") == 1


def test_a_port_is_free_again_at_once(site: Site) -> None:
    with site.daemon() as daemon:
        port = daemon.port
        processes(daemon)
    for workers in (2, 1):
        with site.daemon(f"--port={port}", workers=workers) as daemon:
            assert daemon.port == port
            processes(daemon, workers)


def test_one_worker_that_cannot_start_ends_them_all_with_its_line(site: Site, tmp_path: Path) -> None:
    site.write(BASE + f"- {{type: who, prefix: /w/, only: {tmp_path / 'only'}}}\n")
    ended = run("-c", site.path, "--workers=3", env=site.env)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "hbpushd: cannot start: starts only once\n")


def test_what_workers_cannot_serve_is_refused(site: Site) -> None:
    site.write(BASE.replace("pooled", "memory") + "workers: 2\n")
    for arguments in ((), ("--check",)):
        ended = run("-c", site.path, *arguments, env=site.env)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"hbpushd: {site.path}: locations[0].store: is 'default', a memory store, which each of 2 workers ")
        assert ended.stderr.count("\n") == 1


# Workers that end


def test_a_worker_that_dies_is_replaced(site: Site) -> None:
    with site.daemon(expected=("ended by SIGKILL",)) as daemon:
        before = processes(daemon)
        for time_ in (1, 2):
            victim = min(before)
            os.kill(victim, signal.SIGKILL)
            told = daemon.wait_for("ended by SIGKILL; the next starts in ", time_)
            assert re.search(rf" ERROR worker [12] \(process {victim}\) ended by SIGKILL; the next starts in 0\.[0-9]+ seconds$", told)
            daemon.wait_for("listens again, as process ", time_)
            after = processes(daemon)
            assert after == children(daemon.process.pid)
            assert len(before & after) == 1
            before = after


def test_a_worker_that_is_ended_by_itself_is_replaced_too(site: Site) -> None:
    with site.daemon(expected=("ended with status 0",)) as daemon:
        victim = min(processes(daemon))
        os.kill(victim, signal.SIGTERM)
        assert " WARNING worker " in daemon.wait_for(f"(process {victim}) ended with status 0; the next starts in ")
        daemon.wait_for("listens again, as process ")
        assert victim not in processes(daemon)


def test_a_worker_that_cannot_start_again_is_tried_for_ever(site: Site, tmp_path: Path) -> None:
    hindrance = tmp_path / "only"
    with site.daemon(expected=("ended ", "the configuration stays", "did not start")) as daemon:
        site.write(BASE + f"- {{type: who, prefix: /w/, only: {hindrance}}}\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again", 2)
        os.kill(min(processes(daemon)), signal.SIGKILL)
        daemon.wait_for("ended with status 1: cannot start: starts only once; the next starts in ", 2)
        hindrance.unlink()
        daemon.wait_for("listens again, as process ")
        assert len(processes(daemon)) == 2


# Ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to", ["supervisor", "all"])
def test_held_requests_are_released(site: Site, number: signal.Signals, to: str) -> None:
    with site.daemon(preexec=os.setpgrp) as daemon:
        pids = processes(daemon)
        held = held_by_each(daemon, pids)
        # A terminal and a service manager tell all processes, a script the one that it knows.
        os.killpg(daemon.process.pid, number) if to == "all" else daemon.signal(number)
        for poll in held:
            answer = poll.answer()
            assert (answer.status, answer.headers["connection"]) == (304, "close")
        assert daemon.wait(GRACE) == 0
        assert all(map(gone, pids))


def test_the_second_signal_ends_all_at_once(site: Site) -> None:
    with site.daemon() as daemon:
        pids = processes(daemon)
        # One that does nothing any more would be waited for.
        os.kill(min(pids), signal.SIGSTOP)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("SIGTERM: stopping")
        daemon.signal(signal.SIGINT)
        assert daemon.wait(GRACE) == 128 + signal.SIGINT
        assert all(map(gone, pids))
        assert daemon.lines[-1].endswith("INFO SIGINT again: leaving at once")


def test_workers_do_not_outlive_their_supervisor(site: Site) -> None:
    expected = ("the supervisor has gone: stopping",)
    with site.daemon(expected=expected) as daemon:
        pids = processes(daemon)
        held = held_by_each(daemon, pids)
        daemon.signal(signal.SIGKILL)
        for poll in held:
            assert poll.answer().status == 304
        # Its stderr ends with the last process that has it.
        assert daemon.wait() == -signal.SIGKILL
        assert sorted(line.split(" ", 2)[2] for line in daemon.lines[1:]) == [
            "INFO worker 1: stopped",
            "INFO worker 2: stopped",
            "WARNING worker 1: the supervisor has gone: stopping",
            "WARNING worker 2: the supervisor has gone: stopping",
        ]
        eventually(lambda: all(map(gone, pids)))


# Reading the configuration again


def test_all_workers_read_it_again_and_new_ones_start_with_it(site: Site) -> None:
    expected = ("has changed; that takes a restart", "ended by SIGKILL")
    with site.daemon(expected=expected) as daemon:
        before = processes(daemon)
        site.write(BASE.replace("port: 0", "port: 9") + "- {type: who, prefix: /new/}\nserver_header: false\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again: 1 stores kept; 3 locations kept, 1 new, 0 released", 2)
        assert processes(daemon, prefix="/new/") == before
        assert len([line for line in daemon.lines if "port: has changed" in line]) == 1
        os.kill(min(before), signal.SIGKILL)
        daemon.wait_for("listens again, as process ")
        after = processes(daemon, prefix="/new/")
        assert len(before & after) == 1
        assert not any("server" in ask(daemon.port, "GET", "/new/x").headers for _ in range(20))


def test_what_they_cannot_serve_is_refused_once_and_changes_nothing(site: Site) -> None:
    with site.daemon(expected=("the configuration stays as it was: ",)) as daemon:
        before = processes(daemon)
        site.write(BASE.replace("pooled", "memory") + "workers: 1\n")
        daemon.signal(signal.SIGHUP)
        assert "locations[0].store: is 'default', a memory store, which each of 2 workers" in daemon.wait_for("the configuration stays")
        site.write(BASE)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again", 2)
        assert len([line for line in daemon.lines if "the configuration stays" in line]) == 1
        assert processes(daemon) == before


def test_what_only_a_worker_can_refuse_changes_nothing_either(site: Site) -> None:
    with site.daemon(expected=("the configuration stays as it was: ", "ended by SIGKILL")) as daemon:
        site.write(BASE + "- {type: who, prefix: /new/, unmakeable: true}\n")
        daemon.signal(signal.SIGHUP)
        for number in (1, 2):
            daemon.wait_for(
                f"ERROR worker {number}: the configuration stays as it was: {site.path}: locations[3].unmakeable: cannot be made"
            )
        os.kill(min(processes(daemon)), signal.SIGKILL)
        daemon.wait_for("listens again, as process ")
        daemon.wait_for("the configuration stays as it was: ", 3)
        assert processes(daemon) == children(daemon.process.pid)


def test_their_number_takes_a_restart(site: Site) -> None:
    site.write(BASE + "workers: 2\n")
    with Daemon("-c", site.path, env=site.env, expected=("workers: has changed; that takes a restart",)) as daemon:
        before = processes(daemon)
        site.write(BASE + "workers: 3\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again", 2)
        assert [line.partition(" WARNING ")[2] for line in daemon.lines if "WARNING" in line] == [
            "worker 1: workers: has changed; that takes a restart"
        ]
        assert children(daemon.process.pid) == before
