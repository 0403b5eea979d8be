"""A package that knows nothing but the contracts adds a type of store and a type of location."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.process import ROOT, Daemon, environment, run

SETUP = """
from setuptools import setup

setup(
    name="hbpush-ledger",
    version="1.0",
    py_modules=["ledger"],
    entry_points={
        "hbpush.stores": ["ledger = ledger:LedgerStore", "sieve = ledger:SieveStore"],
        "hbpush.locations": ["shout = ledger:ShoutLocation"],
    },
)
"""

MODULE = '''
"""A memory store that also writes the names of its channels to a file, and a location that publishes its visitors' words."""

from pathlib import Path
from typing import Annotated

import msgspec

from hbpush.core.message import ChannelRef, Draft
from hbpush.daemon.location import Location, StoreLocationSettings
from hbpush.stores.base import StoreSettings
from hbpush.stores.memory import MemoryStore
from hbpush.web.answers import line
from hbpush.web.routes import Prefix, Route, channel_id


class LedgerSettings(StoreSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    file: Annotated[str, msgspec.Meta(description="where the names go, empty for nowhere")] = ""


class LedgerStore(MemoryStore):
    type_name = "ledger"
    Settings = LedgerSettings

    def publish(self, ref, draft):
        receipt = super().publish(ref, draft)
        if self.settings.file:
            with Path(self.settings.file).open("a") as file:
                file.write(f"{ref.id}\\n")
        return receipt


class SieveStore(MemoryStore):
    type_name = "sieve"

    def read_after(self, ref, since, limit):
        page = super().read_after(ref, since, limit)
        return msgspec.structs.replace(page, messages=page.messages[1:])


class ShoutSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    prefix: Annotated[str, msgspec.Meta(description="what its paths begin with")] = "/shout/"


class ShoutLocation(Location):
    type_name = "shout"
    Settings = ShoutSettings

    def routes(self):
        return [Route(Prefix(self.settings.prefix), self.shout, self.channel)]

    def channel(self, name):
        return ChannelRef(self.settings.store, "", channel_id(name))

    def shout(self, exchange):
        self.context.hub.publish(exchange.args, Draft(exchange.target.rpartition(b"?")[2].upper(), b"text/plain"))
        exchange.respond(line(200, "shouted"))
'''

CONFIGURATION = """
port: 0
address: 127.0.0.1
store:
  type: ledger
  file: {file}
locations:
  - type: shout
  - type: subscriber
    prefix: /subscriber/
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("ledger")
    (folder / "setup.py").write_text(SETUP, encoding="utf-8")
    (folder / "ledger.py").write_text(MODULE, encoding="utf-8")
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-build-isolation", "--no-deps", "--no-index"]
    installed = subprocess.run([*pip, "--target", site, folder], capture_output=True, text=True, timeout=120, check=False)
    assert installed.returncode == 0, installed.stderr
    return site


def test_server_runs_both(site: Path, tmp_path: Path) -> None:
    names = tmp_path / "names"
    configuration = tmp_path / "ledger.yaml"
    configuration.write_text(CONFIGURATION.format(file=names), encoding="utf-8")
    with Daemon(f"--config={configuration}", env={"PYTHONPATH": str(site)}) as daemon:
        base = f"http://127.0.0.1:{daemon.port}"
        with urllib.request.urlopen(f"{base}/shout/news?hello", timeout=20) as answer:
            assert answer.read() == b"shouted\n"
        with urllib.request.urlopen(f"{base}/subscriber/news", timeout=20) as answer:
            assert (answer.read(), answer.headers["Content-Type"]) == (b"HELLO", "text/plain")
    assert names.read_text(encoding="utf-8") == "news\n"


def contract_suite(site: Path, store_type: str, *options: str) -> subprocess.CompletedProcess[str]:
    suite = ["tests/contract/test_store.py", f"--store-type={store_type}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *options, *suite],
        cwd=ROOT,
        env=environment({"PYTHONPATH": str(site)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_contract_suite_runs_on_its_store(site: Path) -> None:
    told = contract_suite(site, "ledger")
    assert told.returncode == 0, told.stdout
    results = re.findall(r"\[(\w+)\S*\] (PASSED|FAILED|ERROR|SKIPPED)", told.stdout)
    assert len(results) > 40
    assert set(results) == {("ledger", "PASSED")}


def test_contract_suite_finds_what_a_store_does_wrong(site: Path) -> None:
    told = contract_suite(site, "sieve", "--exitfirst")
    assert told.returncode == pytest.ExitCode.TESTS_FAILED, told.stdout
    assert "[sieve] FAILED" in told.stdout


def test_reference_tells_their_options(site: Path) -> None:
    told = run("--options", env={"PYTHONPATH": str(site)})
    assert "Store of type ledger" in told.stdout
    assert "where the names go, empty for nowhere" in told.stdout
    assert "Location of type shout" in told.stdout


def test_absent_package_is_no_type(tmp_path: Path) -> None:
    configuration = tmp_path / "ledger.yaml"
    configuration.write_text(CONFIGURATION.format(file=""), encoding="utf-8")
    told = run("--check", f"--config={configuration}")
    assert told.returncode == 1
    assert "'ledger'" in told.stderr
    assert told.stderr.count("\n") == 1
