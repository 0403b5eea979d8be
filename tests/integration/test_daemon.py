"""``hbpushd`` as a process: starting, refusing to start, and ending."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import hbpush
from hbpush.daemon import cli
from tests.support import throwaway
from tests.support.plain_http import Asked, ask, wait_until_held
from tests.support.ports import free_port
from tests.support.process import ROOT, Daemon, environment, run

LOCAL = "port: 0\naddress: 127.0.0.1\n"
GRACE = 3.0
"""Seconds within which a server that is told to go has gone."""

LOOP_PLUGIN = """
import asyncio

from tornado.ioloop import IOLoop

from hbpush.daemon.location import Location, LocationSettings
from hbpush.web.answers import line
from hbpush.web.routes import Prefix, Route


class LoopSettings(LocationSettings, frozen=True, kw_only=True):
    fails: bool = False


class LoopLocation(Location):
    type_name = "loop"
    Settings = LoopSettings

    def routes(self):
        if self.settings.fails:
            raise RuntimeError("no routes")
        return [Route(Prefix("/loop/"), self.answer, bytes)]

    def answer(self, exchange):
        loop = asyncio.get_running_loop()
        exchange.respond(line(200, f"{type(loop).__module__} {IOLoop.current().asyncio_loop is loop}"))
"""


def config(folder: Path, text: str = "", name: str = "c.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def certificate(folder: Path, name: str) -> None:
    """``cert.pem`` and ``key.pem`` for localhost, in place of those that are there."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip


def peer(port: int) -> bytes:
    """The certificate that a server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, context.wrap_socket(plain) as secured:
        shown = secured.getpeercert(binary_form=True)
    assert shown
    return shown


# Starting


def test_the_default_locations_are_served(tmp_path: Path) -> None:
    with Daemon("--config", config(tmp_path, LOCAL)) as daemon:
        assert ask(daemon.port, "POST", "/publisher/news", b"Hello world!", {"Content-Type": "text/plain"}).status == 202
        answer = ask(daemon.port, "GET", "/subscriber/news")
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"Hello world!", "text/plain")
        assert answer.headers["server"] == f"hbpush/{hbpush.__version__}"
        assert ask(daemon.port, "GET", "/elsewhere").status == 404
    assert daemon.wait() == 0


def test_the_start_is_told_in_one_line(tmp_path: Path) -> None:
    def few_descriptors() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 300))

    path = config(tmp_path, LOCAL + "max_connections: 201\n")
    warning = "WARNING max_connections: 201 are more than 300 file descriptors allow; raise the limit of the process"
    with Daemon("-c", path, preexec=few_descriptors, expected=(warning,)) as daemon:
        told = daemon.wait_for("listening on ")
        version = re.escape(hbpush.__version__)
        assert re.fullmatch(rf"hbpushd {version}: listening on http://127\.0\.0\.1:\d+ \(2 locations, 300 file descriptors\)", told)
        daemon.wait_for(warning)


def test_a_publisher_for_everybody_is_warned_of(tmp_path: Path) -> None:
    with Daemon("-c", config(tmp_path, "port: 0\n"), expected=("WARNING locations[1]: ",)) as daemon:
        assert ask(daemon.port, "PUT", "/publisher/a").status == 200
        assert len([line for line in daemon.lines if "WARNING" in line]) == 1


def test_a_hidden_location_is_warned_of(tmp_path: Path) -> None:
    path = config(tmp_path, LOCAL + "locations:\n- {type: subscriber, url: /(.+)}\n- {type: publisher, url: /pub/(.+)}\n")
    expected = "WARNING locations[1]: the publisher /pub/(.+) is never reached, because locations[0] (subscriber /(.+)) takes all"
    with Daemon("-c", path, expected=(expected,)) as daemon:
        daemon.wait_for(expected)
    checked = run("-c", path, "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert [line.split() for line in checked.stdout.splitlines()[1:4]] == [
        ["order", "type", "pattern", "store", "polling"],
        ["1", "subscriber", "/(.+)", "default", "long"],
        ["2", "publisher", "/pub/(.+)", "default", "-"],
    ]
    assert expected.removeprefix("WARNING ") in checked.stdout


def test_json_is_a_format_too(tmp_path: Path) -> None:
    path = config(tmp_path, '{"port": 0, "address": "127.0.0.1", "locations": [{"type": "publisher", "prefix": "/p/"}]}', "c.json")
    with Daemon("-c", path) as daemon:
        assert ask(daemon.port, "PUT", "/p/a").status == 200


def test_file_then_environment_then_flags(tmp_path: Path) -> None:
    env = {"HBPUSH_CONFIG": str(config(tmp_path, LOCAL)), "HBPUSH_ADDRESS": "127.0.0.2"}
    with Daemon(env=env) as daemon:
        daemon.wait_for("http://127.0.0.2:")
    with Daemon("--address", "127.0.0.3", env=env) as daemon:
        daemon.wait_for("http://127.0.0.3:")


def test_a_store_is_set_from_the_environment(tmp_path: Path) -> None:
    with Daemon("-c", config(tmp_path, LOCAL), env={"HBPUSH_STORE_DEFAULT_MAX_MESSAGES": "1"}) as daemon:
        for body in (b"1", b"2"):
            ask(daemon.port, "POST", "/publisher/a", body)
        assert ask(daemon.port, "GET", "/subscriber/a").body == b"2"


def test_the_server_header_can_be_left_out(tmp_path: Path) -> None:
    with Daemon("-c", config(tmp_path, LOCAL + "server_header: false\n")) as daemon:
        assert "server" not in ask(daemon.port, "PUT", "/publisher/a").headers


def test_endpoints_run_on_uvloop_under_tornado(tmp_path: Path) -> None:
    folder = throwaway.install(
        tmp_path / "p", {"hbpush.locations": {"loop": "throwaway_loop:LoopLocation"}}, {"throwaway_loop": LOOP_PLUGIN}
    )
    with Daemon("-c", config(tmp_path, LOCAL + "locations: [{type: loop}]\n"), env={"PYTHONPATH": str(folder)}) as daemon:
        assert ask(daemon.port, "GET", "/loop/x").body == b"uvloop True\n"


def test_tls(tmp_path: Path) -> None:
    certificate(tmp_path, "one")
    path = config(tmp_path, LOCAL + f"tls: {{certificate: {tmp_path}/cert.pem, key: {tmp_path}/key.pem}}\n")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with Daemon("-c", path) as daemon:
        daemon.wait_for("listening on https://127.0.0.1:")
        assert ask(daemon.port, "PUT", "/publisher/a", tls=trusting).status == 200
        old = peer(daemon.port)
        certificate(tmp_path, "two")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again")
        assert peer(daemon.port) != old
        old_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old_tls.check_hostname, old_tls.verify_mode = False, ssl.CERT_NONE
        old_tls.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old_tls.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as plain, pytest.raises(ssl.SSLError):
            old_tls.wrap_socket(plain)


def test_a_certificate_is_renewed_only_with_all_the_rest(tmp_path: Path) -> None:
    folder = throwaway.install(
        tmp_path / "p", {"hbpush.locations": {"loop": "throwaway_loop:LoopLocation"}}, {"throwaway_loop": LOOP_PLUGIN}
    )
    certificate(tmp_path, "one")
    tls = LOCAL + f"tls: {{certificate: {tmp_path}/cert.pem, key: {tmp_path}/key.pem}}\n"
    path = config(tmp_path, tls)
    with Daemon("-c", path, env={"PYTHONPATH": str(folder)}, expected=("could not be read again", "stays as it was")) as daemon:
        old, old_key = peer(daemon.port), (tmp_path / "key.pem").read_bytes()
        certificate(tmp_path, "two")
        path.write_text(tls + "locations: [{type: loop, fails: true}]\n", encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("could not be read again")
        assert peer(daemon.port) == old

        path.write_text(tls, encoding="utf-8")
        key = (tmp_path / "key.pem").read_bytes()
        (tmp_path / "key.pem").write_bytes(old_key)
        daemon.signal(signal.SIGHUP)
        assert "cannot be used: key values mismatch" in daemon.wait_for("stays as it was")
        assert peer(daemon.port) == old

        (tmp_path / "key.pem").write_bytes(key)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration read again")
        assert peer(daemon.port) != old


def test_the_console_script_is_the_same_program() -> None:
    (point,) = entry_points(group="console_scripts", name="hbpushd")
    assert point.load() is cli.command


# Refusing to start


def refused(*arguments: str | Path, env: dict[str, str] | None = None) -> str:
    ended = run(*arguments, env=env)
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    assert ended.stderr.startswith("hbpushd: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr.removeprefix("hbpushd: ").rstrip("\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("port: 0\nport: 1\n", "line 2, column 1: not YAML: the key 'port' is there twice"),
        ("port: 0\nadress: x\n", "adress: is no option of the server; did you mean 'address'? its options: "),
        ("locations:\n- {type: subscriber, prefix: /s/, polling: medium}\n", "locations[0].polling: is 'medium'; must be "),
        ("store: {type: cassandra}\n", "store.type: is 'cassandra', an unknown store type; the installed store types: "),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = config(tmp_path, text)
    assert refused("-c", path).startswith(f"{path}: {line}")
    assert refused("-c", path, "--check").startswith(f"{path}: {line}")


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused("--address", "127.0.0.1", "--port", str(port))
    assert told == f"port {port} of 127.0.0.1 is in use by another process; choose another with --port"


def test_an_address_of_another_machine() -> None:
    told = refused("--address", "192.0.2.1", "--port", "0")
    assert told == "address '192.0.2.1' is none of this machine's; choose another with --address"


def _without_privilege() -> None:
    bound_capability, bind_service = 24, 10
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(bound_capability, bind_service, 0, 0, 0):
        raise OSError("the privilege cannot be dropped")


@pytest.mark.skipif(
    not Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").exists()
    or int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="utf-8")) <= 80,
    reason="here everybody may listen on port 80",
)
def test_port_80_without_privilege() -> None:
    daemon = Daemon("--address", "127.0.0.1", preexec=_without_privilege)
    assert daemon.wait() == 1
    assert daemon.lines == [
        "hbpushd: port 80 of 127.0.0.1 needs a privilege that this user lacks, as ports below 1024 do; "
        "choose another with --port, such as --port 9090"
    ]


def test_a_reader_that_goes_away_costs_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "hbpush.daemon", "--options"],
        cwd=ROOT, env=environment(), stdout=writing, stderr=subprocess.PIPE, timeout=20, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


# Ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_held_requests_are_released_when_the_server_goes(tmp_path: Path, number: signal.Signals) -> None:
    with Daemon("-c", config(tmp_path, LOCAL)) as daemon:
        port = daemon.port
        ask(port, "PUT", "/publisher/a")
        held = [Asked(port, "GET", "/subscriber/a") for _ in range(20)]
        idle = socket.create_connection(("127.0.0.1", port), timeout=20)
        wait_until_held(port, "/publisher/a", 20)
        began = time.monotonic()
        daemon.signal(number)
        for poll in held:
            answer = poll.answer()
            assert (answer.status, answer.headers["connection"], answer.body) == (304, "close", b"")
        assert idle.recv(1) == b""
        idle.close()
        assert daemon.wait(GRACE) == 0
        assert time.monotonic() - began < GRACE


def test_a_request_behind_a_held_one_is_released_too(tmp_path: Path) -> None:
    with Daemon("-c", config(tmp_path, LOCAL)) as daemon:
        ask(daemon.port, "PUT", "/publisher/a")
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
            connection.sendall(b"GET /subscriber/a HTTP/1.1\r\nHost: h\r\n\r\n" * 2)
            wait_until_held(daemon.port, "/publisher/a")
            began = time.monotonic()
            daemon.signal(signal.SIGTERM)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        assert received.startswith(b"HTTP/1.1 304 ")
        assert daemon.wait(GRACE) == 0
        assert time.monotonic() - began < GRACE


def test_an_upload_that_hangs_does_not_keep_the_server(tmp_path: Path) -> None:
    with (
        Daemon("-c", config(tmp_path, LOCAL)) as daemon,
        socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection,
    ):
        connection.sendall(b"POST /publisher/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
        assert ask(daemon.port, "PUT", "/publisher/b").status == 200
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(GRACE) == 0


def test_the_second_signal_ends_at_once(tmp_path: Path) -> None:
    with Daemon("-c", config(tmp_path, LOCAL)) as daemon:
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
            connection.sendall(b"POST /publisher/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
            assert ask(daemon.port, "PUT", "/publisher/b").status == 200
            daemon.signal(signal.SIGTERM)
            daemon.wait_for("SIGTERM: stopping")
            daemon.signal(signal.SIGINT)
            assert daemon.wait(GRACE) == 128 + signal.SIGINT
        assert not any("stopped" in line for line in daemon.lines)


def test_a_port_is_free_again_at_once(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        with Daemon("-c", config(tmp_path, LOCAL), "--port", str(port)) as daemon:
            assert daemon.port == port
            ask(port, "PUT", "/publisher/a")


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)], ids=["stderr", "all"])
def test_without_standard_streams_it_serves_and_ends_as_ever(tmp_path: Path, closed: tuple[int, ...]) -> None:
    port = free_port()
    inner = f"import os, sys; [os.close(fd) for fd in {closed!r}]; os.execv(sys.executable, [sys.executable] + sys.argv[1:])"
    arguments = ["-m", "hbpush.daemon", f"--config={config(tmp_path, LOCAL)}", f"--port={port}"]
    process = subprocess.Popen([sys.executable, "-c", inner, *arguments], env=environment(), cwd=ROOT)
    try:
        end = time.monotonic() + 20
        while True:
            try:
                answer = ask(port, "POST", "/publisher/a", b"x")
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end
                assert process.poll() is None
        assert answer.status == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait(GRACE) == 0
    finally:
        process.kill()
        process.wait()


def test_output_that_cannot_be_written_is_told_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hbpush.daemon", "--options"],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT, timeout=20, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "hbpushd: standard output: No space left on device\n")
