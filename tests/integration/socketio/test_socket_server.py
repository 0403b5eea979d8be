"""SocketServer: a program that is started as its user starts it, plain and by TLS."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.hosts import Certificate
from tests.support.socketio import Site

PROGRAM = Path(__file__).with_name("socket_server.py")
ROOT = Path(__file__).parents[3]


def test_server_that_starts_by_itself() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(PROGRAM), "--auto", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as process:
        try:
            answer = b""
            deadline = time.monotonic() + 20
            while not answer and time.monotonic() < deadline:
                try:
                    with socket.create_connection(("127.0.0.1", port), 5) as client:
                        client.sendall(b"GET /socket.io/1/ HTTP/1.0\r\n\r\n")
                        while piece := client.recv(4096):
                            answer += piece
                except ConnectionRefusedError:
                    time.sleep(0.05)
        finally:
            process.terminate()
        assert b":17:25:websocket," in answer
        assert process.stdout is not None
        assert process.stdout.read() == "ended\n"
        assert process.wait(10) == 0


async def test_socket_server(site: Site, certificate: Certificate) -> None:
    if site.host.kind.tornado:
        pytest.skip("it is the native front")
    files = [str(certificate.certificate), str(certificate.key)] if site.host.kind.tls else []
    command = [sys.executable, str(PROGRAM), *files]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})  # noqa: ASYNC220 - ended below
    try:
        assert process.stdout is not None
        site.host.port = int(process.stdout.readline())
        peer = await site.opened()
        await peer.quiet()
        peer.vanish()
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
