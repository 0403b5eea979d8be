"""What workers ask of a configuration and of a port, and how they are told of; the processes are in the integration tests."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbpush.daemon.cli import main
from hbpush.daemon.configuration import Flags, load
from hbpush.daemon.reservation import reserve
from hbpush.daemon.settings import ServerSettings
from hbpush.daemon.workers import how, pause_after
from hbpush.errors import ConfigError
from tests.support import throwaway

SHARING = (
    throwaway.PLUGIN
    + '''

class PooledStore(BlankStore):
    """A store that says of itself that processes share it."""

    type_name = "pooled"
    shared = True


class SessionLocation(NoticeLocation):
    """A location whose clients have to come back to the same process, but for interval polling."""

    type_name = "session"

    @classmethod
    def sticky(cls, settings):
        return "it keeps sessions; only polling: interval can have workers" if settings.polling == "long" else ""
'''
)

POINTS = {
    "hbpush.stores": {"pooled": "throwaway_sharing:PooledStore", "blank": "throwaway_sharing:BlankStore"},
    "hbpush.locations": {"notice": "throwaway_sharing:NoticeLocation", "session": "throwaway_sharing:SessionLocation"},
}

STORES = "store: {default: {type: blank}, pool: {type: pooled}}\n"
POOLED = STORES + "locations:\n- {type: notice, prefix: /n/, store: pool}\n"


@pytest.fixture(autouse=True)
def _sharing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(throwaway.install(tmp_path / "plug-in", POINTS, {"throwaway_sharing": SHARING}))
    for name in [name for name in os.environ if name.startswith("HBPUSH_")]:
        monkeypatch.delenv(name)
    yield
    sys.modules.pop("throwaway_sharing", None)


def config(folder: Path, text: str) -> str:
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


# The configuration


def test_file_then_environment_then_flag(tmp_path: Path) -> None:
    assert load(Flags(config(tmp_path, POOLED)), {}).server.workers == 1
    path = config(tmp_path, POOLED + "workers: 2\n")
    assert load(Flags(path), {}).server.workers == 2
    assert load(Flags(path), {"HBPUSH_WORKERS": "3"}).server.workers == 3
    assert load(Flags(path, workers=4), {"HBPUSH_WORKERS": "3"}).server.workers == 4


@pytest.mark.parametrize("number", ["0", "1025", "two"])
def test_their_number_is_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str], number: str) -> None:
    assert main(["--check", "-c", config(tmp_path, f"workers: {number}\n")]) == 1
    assert "workers: is " in (told := capsys.readouterr().err)
    assert "must be a whole number from 1 to 1024" in told
    with pytest.raises(SystemExit):
        main(["--check", "--workers", number])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            POOLED + "- {type: notice, prefix: /m/}\n",
            "locations[1].store: is 'default', a blank store, which each of 4 workers would have for itself; use a store of type ",
        ),
        (
            POOLED + "- {type: session, prefix: /m/, store: pool}\n",
            "locations[1]: cannot be served by 4 workers: it keeps sessions; only polling: interval can have workers",
        ),
    ],
    ids=["store", "sticky"],
)
def test_what_workers_cannot_serve_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: str) -> None:
    path = config(tmp_path, text)
    for arguments in (["--check"], []):
        assert main(["-c", path, "--workers", "4", *arguments]) == 1
        out, err = capsys.readouterr()
        assert err.startswith(f"hbpushd: {path}: {line}")
        assert (out, err.count("\n")) == ("", 1)
    assert main(["-c", path, "--check"]) == 0


def test_it_is_told_which_stores_there_are_for_workers() -> None:
    with pytest.raises(ConfigError) as refusal:
        load(Flags(workers=2), {})
    told = str(refusal.value)
    assert told.startswith("the default configuration: locations[0].store: is 'default', a memory store, which each of 2 workers would ")
    assert "pooled" in told
    assert told.endswith(", which processes share, or 1 worker")


def test_a_store_that_no_location_uses_may_be_anything(tmp_path: Path) -> None:
    text = POOLED + "- {type: session, prefix: /m/, store: pool, polling: interval}\n"
    assert load(Flags(config(tmp_path, text), workers=2), {}).server.workers == 2


def test_workers_that_are_there_count_more_than_the_file(tmp_path: Path) -> None:
    path = config(tmp_path, STORES + "workers: 1\n")
    assert load(Flags(path), {}).server.workers == 1
    with pytest.raises(ConfigError, match="each of 3 workers"):
        load(Flags(path), {}, ServerSettings(workers=3))


@pytest.mark.parametrize("lacks", [(os, "fork"), (socket, "SO_REUSEPORT")], ids=["fork", "SO_REUSEPORT"])
def test_a_platform_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: tuple[object, str]) -> None:
    path = config(tmp_path, POOLED)
    monkeypatch.delattr(*lacks)
    with pytest.raises(ConfigError) as refusal:
        load(Flags(path, workers=2), {})
    assert str(refusal.value) == "workers: is 2; must be 1 on this platform, where processes cannot share a port"
    assert load(Flags(path), {}).server.workers == 1


# The port


def joined(port: int, address: str = "127.0.0.1") -> socket.socket:
    """Listen as a worker does."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((address, port))
    listener.listen()
    return listener


def release(sockets: list[socket.socket]) -> None:
    for held in sockets:
        held.close()


def local(port: int = 0) -> ServerSettings:
    return ServerSettings(address="127.0.0.1", port=port)


def test_a_free_port_is_the_same_for_all_addresses() -> None:
    reserved = reserve(ServerSettings(port=0))
    try:
        assert len({held.getsockname()[1] for held in reserved}) == 1
        assert len({held.family for held in reserved}) == len(reserved)
    finally:
        release(reserved)


def test_workers_may_join_and_nobody_else_before_or_after() -> None:
    reserved = reserve(local())
    port = reserved[0].getsockname()[1]
    try:
        for _ in range(2):
            with pytest.raises(ConfigError, match=rf"port {port} of 127\.0\.0\.1 is in use by another process"):
                reserve(local(port))
            with joined(port), joined(port), pytest.raises(ConfigError, match="is in use by another process"):
                reserve(local(port))
    finally:
        release(reserved)


def test_a_port_that_a_stranger_shares_is_refused() -> None:
    with joined(0) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(ConfigError, match="is in use by another process"):
            reserve(local(port))


def test_connections_of_a_server_that_has_gone_are_no_hindrance() -> None:
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            accepted, _ = before.accept()
            # Who closes first keeps the port in TIME_WAIT.
            accepted.close()
            assert client.recv(1) == b""
    reserved = reserve(local(port))
    with joined(port), joined(port):
        release(reserved)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(ConfigError, match=r"address '192\.0\.2\.1' is none of this machine's"):
        reserve(ServerSettings(address="192.0.2.1", port=0))


# What is told of them


def test_the_pause_grows_with_each_worker_that_does_not_get_steady() -> None:
    pauses = [pause := 0.0]
    while pause < 5:
        pauses.append(pause := pause_after(1.0, pause))
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert pause_after(0, 5.0) == 5.0
    assert pause_after(3600, 5.0) == 0.1


def test_how_a_process_ended() -> None:
    assert [how(status) for status in (0, 3, -9, -64, -200)] == [
        "with status 0",
        "with status 3",
        "by SIGKILL",
        "by SIGRTMAX",
        "by signal 200",
    ]
