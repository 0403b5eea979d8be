"""Runs ``driver/node.js`` and ``driver/browser.js`` on cases, and collects the facts that they tell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.socketio.cases import Case
from tests.conformance.socketio.sites import NODE, Site
from tests.support.packages import missing

HERE = Path(__file__).parent
PATIENCE_MS = 8_000
LIMIT_MS = 40_000
TIMEOUT = 240.0
PAGES = 4
"""Open at a time: more of them, and two processors are late for heartbeats."""
INSTALL_TIMEOUT = 180.0

Told = dict[tuple[Case, str], dict[str, Any]]
"""(case, scenario) -> the facts. What is missing there has not been told. (case, CRASH) has what the client threw where no scenario
could catch it, as facts by their order."""

CRASH = "crash"


def need_clients(*more: str) -> None:
    """Install the clients unless they are there; skip the test where that cannot be. ``more`` are packages that are needed beside."""
    absent = missing("nodejs", "npm", *more)
    if absent:
        pytest.skip(f"needs: sudo apt-get install {' '.join(absent)}")
    done = subprocess.run([HERE / "prepare"], capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False)
    if done.returncode:
        reason = f"tests/conformance/socketio/prepare could not install the clients: {done.stderr[-2000:]}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def play(driver: str, site: Site, wanted: Mapping[Case, Sequence[str]], waiting: Callable[[], None] | None = None) -> Told:
    """Let a driver ("node" or "browser") play scenarios of cases; the facts.

    ``waiting`` is called once, when every scenario has told the fact "waiting", or its end. Fails for what the driver itself threw.
    """
    cases = {case.id: case for case in wanted}
    given = [_described(case, site, wanted[case]) for case in cases.values()]
    order = (
        {"executable": shutil.which("chromium"), "together": len(given) if waiting else PAGES, "cases": given}
        if driver == "browser"
        else given
    )
    told: Told = {}
    crashes: list[str] = []
    process = subprocess.Popen(
        [*NODE, str(HERE / "driver" / f"{driver}.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    stderr: list[str] = []
    reader = threading.Thread(target=lambda stream: stderr.extend(stream), args=(process.stderr,), daemon=True)
    reader.start()
    killer = threading.Timer(TIMEOUT, process.kill)
    killer.start()
    begin = time.monotonic()
    to_wait_for = sum(map(len, wanted.values())) if waiting else 0
    try:
        process.stdin.write(json.dumps(order))
        process.stdin.close()
        # Not splitlines: a fact may have other line ends in it.
        for text in process.stdout:
            line = json.loads(text)
            fact = line["fact"]
            if fact == "crash" and line["case"]:
                thrown = told.setdefault((cases[line["case"]], CRASH), {})
                thrown[str(len(thrown))] = line["value"]
                continue
            if fact == "crash":
                crashes.append(line["value"])
                continue
            facts = told.setdefault((cases[line["case"]], line["scenario"]), {})
            settled = "waiting" in facts
            facts[fact] = line["value"]
            if waiting and not settled and fact in ("waiting", "failed", "end"):
                to_wait_for -= 1
                if to_wait_for == 0:
                    waiting()
        process.wait(10)
    finally:
        killer.cancel()
        process.kill()
        process.wait(10)
        reader.join(10)
        for stream in (process.stdout, process.stderr):
            stream.close()
    assert not crashes, "\n".join(crashes)
    assert process.returncode == 0, f"{driver} ended by {process.returncode} after {time.monotonic() - begin:.1f} s: {''.join(stderr)}"
    return told


def _described(case: Case, site: Site, scenarios: Sequence[str]) -> dict[str, Any]:
    return {
        "id": case.id,
        "version": case.version,
        "transport": case.transport,
        "site": site.origin,
        "page": site.origin if case.page == "same" else "http://page.example:8080",
        "resource": case.resource(site.kind),
        "scenarios": list(scenarios),
        "texts": case.texts(site.kind),
        "values": case.values(site.kind),
        "patience": PATIENCE_MS,
        "limit": LIMIT_MS,
    }
