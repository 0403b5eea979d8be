"""SocketServer: a program that is started as its user starts it, plain and by TLS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosts import Certificate
from tests.support.socketio import Site

PROGRAM = Path(__file__).with_name("socket_server.py")
ROOT = Path(__file__).parents[3]


async def test_socket_server(site: Site, certificate: Certificate) -> None:
    if site.host.kind.tornado:
        pytest.skip("it is the native front")
    files = [str(certificate.certificate), str(certificate.key)] if site.host.kind.tls else []
    command = [sys.executable, str(PROGRAM), *files]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})  # noqa: ASYNC220 - ended below
    try:
        assert process.stdout is not None
        site.host.port = int(process.stdout.readline())
        socket = await site.opened()
        await socket.quiet()
        socket.vanish()
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
