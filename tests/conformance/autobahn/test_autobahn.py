"""Autobahn's fuzzing client against an echo endpoint: cases 1 to 7 and 10 of its suite (framing, pings, reserved bits, opcodes, fragments,
UTF-8, limits, closing). ``tests/conformance/autobahn/prepare`` installs it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.websocket import Site

HERE = Path(__file__).parent
WSTEST = HERE.parents[2] / ".venv.autobahn" / "bin" / "wstest"

PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
"""NON-STRICT: a text that is not UTF-8 is refused when its frame is whole, not at its first bad byte."""


@pytest.mark.full
@pytest.mark.parametrize("kind", ["native", "tornado asyncio"])
def test_autobahn(kind: str, tmp_path: Path) -> None:
    if not WSTEST.exists():
        pytest.skip("needs CPython 2.7 and: HBPUSH_PYTHON27=/path/to/python2.7 tests/conformance/autobahn/prepare")
    site = Site(kind, None, timeout=300)
    site.options.update(max_message=32 * 1024 * 1024, outbox=64 * 1024 * 1024)

    async def run() -> None:
        specification = {
            "outdir": str(tmp_path / "reports"),
            "servers": [{"agent": "hbpush", "url": site.url}],
            "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"],
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        (tmp_path / "specification.json").write_text(json.dumps(specification))
        fuzzer = await asyncio.create_subprocess_exec(
            *(WSTEST, "-m", "fuzzingclient", "-s", tmp_path / "specification.json"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(fuzzer.communicate(), 240)
        finally:
            if fuzzer.returncode is None:
                fuzzer.kill()
                await fuzzer.wait()
        assert fuzzer.returncode == 0, output.decode()

    site.run(run)
    report: dict[str, Any] = json.loads((tmp_path / "reports" / "index.json").read_text())["hbpush"]
    assert len(report) >= 240
    failed = {case: result for case, result in report.items() if not {result["behavior"], result["behaviorClose"]} <= PASSED}
    assert failed == {}
