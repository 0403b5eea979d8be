"""Examples for tests: each started by its command, visited, and ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from tests.support.programs import Mounted

ROOT = Path(__file__).parents[2]
PATIENCE = 20

Visited = TypeVar("Visited", bound=Mounted)


def play(
    example: Path, site: Visited, visit: Callable[[Visited], Coroutine[Any, Any, None]], *options: str, socket_port: int | None = None
) -> None:
    """Start an example, visit it as a site, end it; it must end well and have nothing to complain of.

    ``socket_port`` is where its sockets are, if that is not where its page is.
    """
    command = [sys.executable, "-W", "error", str(example), "--port=0", "--no-client", *options]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            scheme, _, rest = process.stdout.readline().strip().partition("://")
            assert scheme == ("https" if site.host.kind.tls else "http"), process.communicate(timeout=PATIENCE)
            page_port = int(rest.rpartition(":")[2].rstrip("/"))

            async def scenario() -> None:
                site.host.port = page_port
                page = await site.ask("GET", "/")
                assert page.status == 200
                assert b'<script src="/client/socket.io.js">' in page.body
                site.host.port = socket_port or page_port
                await visit(site)

            site.host.run(scenario())
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "")
