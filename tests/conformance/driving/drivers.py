"""Runs ``node.js`` and ``browser.js`` on cases, and collects the facts that they tell. Knows no protocol: a folder of tests has its
clients in ``clients/`` and its scripts in ``driver/`` and ``scenarios/``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.driving.cases import CRASH, Case, Told
from tests.support.locks import locked
from tests.support.packages import missing

HERE = Path(__file__).parent
NODE = [shutil.which("node") or "node", "--no-deprecation"]
PATIENCE_MS = 8_000
LIMIT_MS = 40_000
TIMEOUT = 240.0
PAGES = 4
"""Open at a time: more of them, and two processors are late for heartbeats."""
INSTALL_TIMEOUT = 180.0
OTHER_SITE = "http://page.example:8080"

NODE_DRIVER = "node"
BROWSER_DRIVER = "browser"


def need_clients(folder: Path, *more: str) -> None:
    """Install the clients of a folder of tests unless they are there; skip the test where that cannot be. ``more`` are packages that are
    needed beside."""
    absent = missing("nodejs", "npm", *more)
    if absent:
        pytest.skip(f"needs: sudo apt-get install {' '.join(absent)}")
    with locked(folder / ".clients.lock"):
        done = subprocess.run([HERE / "prepare", folder], capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False)
    if done.returncode:
        reason = f"tests/conformance/driving/prepare could not install the clients of {folder.name}: {done.stderr[-2000:]}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def scripts(folder: Path, *names: str) -> list[str]:
    """The files ``names`` of ``driver/``, and all scenarios."""
    return [str(folder / "driver" / name) for name in names] + sorted(map(str, (folder / "scenarios").glob("*.js")))


def described(case: Case, site: str, scenarios: Sequence[str]) -> dict[str, Any]:
    """What every driver has to know of a case that plays at a site, which is an origin. Protocols add theirs."""
    return {
        "id": case.id,
        "site": site,
        "page": site if case.page == "same" else OTHER_SITE,
        "transport": case.transport,
        "scenarios": list(scenarios),
        "scripts": [],
        "patience": PATIENCE_MS,
        "limit": LIMIT_MS,
    }


def play(
    driver: str,
    folder: Path,
    script_files: Sequence[str],
    cases: Collection[Case],
    given: Sequence[dict[str, Any]],
    waiting: Callable[[], None] | None = None,
) -> Told:
    """Let a driver play what is `described` in ``given``, in the order of ``cases``; the facts.

    ``waiting`` is called once, when every scenario has told the fact "waiting", or its end. Fails for what the driver itself threw.
    """
    by_id = {case.id: case for case in cases}
    order: dict[str, Any] = {"scripts": list(script_files), "cases": list(given)}
    if driver == BROWSER_DRIVER:
        order |= {
            "executable": shutil.which("chromium"),
            "clients": str(folder / ".clients"),
            "together": len(given) if waiting else 1 if any(each.get("singly") for each in given) else PAGES,
        }
    told: Told = {}
    crashes: list[str] = []
    process = subprocess.Popen(
        [*NODE, str(HERE / f"{driver}.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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
    to_wait_for = sum(len(case["scenarios"]) for case in given) if waiting else 0
    try:
        process.stdin.write(json.dumps(order))
        process.stdin.close()
        # Not splitlines: a fact may have other line ends in it.
        for text in process.stdout:
            line = json.loads(text)
            fact = line["fact"]
            if fact == "crash" and line["case"]:
                thrown = told.setdefault((by_id[line["case"]], CRASH), {})
                thrown[str(len(thrown))] = line["value"]
                continue
            if fact == "crash":
                crashes.append(line["value"])
                continue
            facts = told.setdefault((by_id[line["case"]], line["scenario"]), {})
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
