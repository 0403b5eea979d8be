"""The README tells the truth: its commands print what it shows, its configurations are accepted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.packages import missing, needs
from tests.support.ports import free_port
from tests.support.readme import Block, Mismatch, Reader, blocks, replace_all

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = list(blocks((ROOT / "README.rst").read_text(encoding="utf-8")))
PORT, EXAMPLE_PORT, TORNADIO2_PORT, WORKERS_PORT, TYRON_PORT, REDIS_PORT = "9090", "8888", "8001", "9091", "8080", "6379"
SETH_PORT, OWN_PORT, NGINX_PORT, HAPROXY_PORT = "8082", "6666", "8090", "8091"
NGINX_FOLDER = "/tmp/hbpush-nginx"
SERVER = "server"
"""The terminal of the first server, which has a memory store."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout, without its environment."""
    copy = tmp_path / "hbpush"
    for name in ("bin", "conf", "examples", "hbpush", "sethpusher", "socketio_compat", "tyron"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    return copy


def surroundings(checkout: Path, port: str = PORT) -> dict[str, str]:
    """The environment of a user, who has the packages of this interpreter and the code of the copy; ``port`` stands for the README's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HBPUSH_", "PYTHON"))}
    return (
        kept
        | {"HBPUSH_VENV": sys.prefix, "PYTHONPATH": str(checkout), "LC_ALL": "C"}
        | ({} if port == PORT else {"HBPUSH_SERVER": f"http://127.0.0.1:{port}"})
    )


@needs("curl", "redis-server")
def test_commands_print_what_is_shown(checkout: Path, record_property: Callable[[str, object], None]) -> None:
    named = (PORT, EXAMPLE_PORT, TORNADIO2_PORT, WORKERS_PORT, TYRON_PORT, REDIS_PORT, SETH_PORT, OWN_PORT, NGINX_PORT, HAPROXY_PORT)
    ports = {port: str(free_port()) for port in named}
    for configuration in (checkout / "conf").iterdir():
        configuration.write_text(replace_all(configuration.read_text(encoding="utf-8"), ports), encoding="utf-8")
    reader = Reader(checkout, surroundings(checkout, ports[PORT]), {NGINX_FOLDER: str(checkout.parent / "nginx"), **ports})
    try:
        for block in BLOCKS:
            if block.language != "console":
                continue
            absent = missing(block.needs) if block.needs else []
            if block.no_run or absent:
                record_property("left out", f"README line {block.line}: {block.no_run or f'needs {block.needs}'}")
            else:
                reader.follow(block)
                if block.terminal == SERVER:
                    # Nobody types that fast: in the second in which it starts, the ids of a memory store are longer.
                    time.sleep(1 - time.time() % 1)
    finally:
        reader.close()


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"], ids=lambda block: f"line {block.line}")
def test_configurations_are_accepted(checkout: Path, block: Block) -> None:
    (checkout / "hbpush.yaml").write_text(block.text, encoding="utf-8")
    checked = subprocess.run(
        [checkout / "bin" / "hbpushd", "--config=hbpush.yaml", "--address=127.0.0.1", "--check"],
        cwd=checkout,
        env=surroundings(checkout),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "warning" not in checked.stdout


@pytest.mark.parametrize(
    "text",
    [
        "$ echo one\ntwo",
        "$ echo Etag: 1\nEtag: x",
        "$ false",
        "$ printf 'a\\nb\\n'\na",
        "$ echo a\na\nb",
    ],
)
def test_what_is_shown_wrongly_is_noticed(tmp_path: Path, text: str) -> None:
    reader = Reader(tmp_path, os.environ, {})
    try:
        with pytest.raises(Mismatch, match="README line 7"):
            reader.follow(Block(7, "console", text))
    finally:
        reader.close()


def test_ids_are_those_that_were_printed(tmp_path: Path) -> None:
    first, second = "Mon, 07 Jun 2010 16:21:50 GMT", "Tue, 08 Jun 2010 16:21:50 GMT"
    reader = Reader(tmp_path, os.environ, {})
    try:
        reader.follow(Block(1, "console", f"$ echo 'Last-Modified: {second}' | tee said\nLast-Modified: {first}"))
        reader.follow(Block(2, "console", f"$ grep -c '{first}' said\n1"))
    finally:
        reader.close()
