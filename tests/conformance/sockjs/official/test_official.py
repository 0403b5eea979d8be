"""The official suite of the SockJS protocol, as its authors wrote it but for Python 3: 67 of its 68 tests. The other one is of a WebSocket
from before RFC 6455, which no host of ours speaks. ``tests/conformance/sockjs/official/prepare`` fetches it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SUITE = ROOT / ".sockjs-protocol" / "sockjs-protocol.py"
HYBI_76 = "Websocket.test_haproxy"

_VERDICT = re.compile(r"^(test_\w+) \(sockjs_protocol\.(\w+)[^)]*\).*? \.\.\. (ok|FAIL|ERROR)$", re.MULTILINE | re.DOTALL)


@pytest.mark.full
@pytest.mark.parametrize("host", [[], ["--stock"]], ids=["native", "tornado"])
def test_official_suite(host: list[str]) -> None:
    if not SUITE.exists():
        pytest.skip("needs: tests/conformance/sockjs/official/prepare")
    services = [sys.executable, "-m", "tests.conformance.sockjs.services", "--port", "0", *host]
    with subprocess.Popen(services, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port = server.stdout.readline().split()[1]
            command = [sys.executable, "-W", "ignore", "-m", "tests.conformance.sockjs.official.ported", str(SUITE), "-v"]
            environment = {**os.environ, "SOCKJS_URL": f"http://127.0.0.1:{port}"}
            run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
    verdicts = {f"{kind}.{name}": verdict for name, kind, verdict in _VERDICT.findall(run.stderr)}
    assert len(verdicts) == 68, run.stderr
    assert {name for name, verdict in verdicts.items() if verdict != "ok"} == {HYBI_76}, run.stderr
