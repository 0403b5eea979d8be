"""Autobahn's fuzzing client against an echo on each host: cases 1 to 7 and 10 of its suite (framing, pings, reserved bits, opcodes,
fragments, UTF-8, limits, closing). ``tests/conformance/autobahn/prepare`` installs it, and is run first."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.websocket import Site

HERE = Path(__file__).parent
WSTEST = HERE.parents[2] / ".venv.autobahn" / "bin" / "wstest"
INSTALL_TIMEOUT = 600.0

SECTIONS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
CASES = 247

PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
"""NON-STRICT: a text that is not UTF-8 is refused when its frame is whole, not at its first bad byte."""


@pytest.fixture(scope="module")
def wstest() -> Path:
    """The suite's program, installed if need be."""
    done = subprocess.run([HERE / "prepare"], capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False)
    if done.returncode:
        pytest.skip(f"tests/conformance/autobahn/prepare could not install the suite: {done.stderr[-2000:]}")
    return WSTEST


@pytest.mark.full
@pytest.mark.parametrize("kind", ["native", "tornado asyncio"])
def test_autobahn(wstest: Path, kind: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    site = Site(kind, None, timeout=300)
    site.options.update(max_message=32 * 1024 * 1024, outbox=64 * 1024 * 1024)

    async def run() -> None:
        specification = {
            "outdir": str(tmp_path / "reports"),
            "servers": [{"agent": "hbpush", "url": site.url}],
            "cases": SECTIONS,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        (tmp_path / "specification.json").write_text(json.dumps(specification))
        fuzzer = await asyncio.create_subprocess_exec(
            *(wstest, "-m", "fuzzingclient", "-s", tmp_path / "specification.json"),
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
    verdicts = Counter(result["behavior"] for result in report.values())
    closes = Counter(result["behaviorClose"] for result in report.values())
    record_property("verdicts", f"{len(report)} cases: {_told(verdicts)}; their closing: {_told(closes)}")
    failed = {case: result for case, result in report.items() if not {result["behavior"], result["behaviorClose"]} <= PASSED}
    assert failed == {}
    assert len(report) == CASES


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
