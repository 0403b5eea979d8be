"""Every file of ``conf/`` is run by a test, and every configuration of hbpushd is one to which nothing is to be said."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest

from hbpush.daemon.cli import main
from tests.integration.conf.configured import CONF
from tests.support.plain_http import ask
from tests.support.process import Daemon, environment

EXERCISED = {
    "default.yaml": f"{__name__}:test_the_default_serves",
    "haproxy.cfg": "tests.integration.conf.test_proxies:test_everybody_hears_everybody",
    "hbpushd.service": "tests.integration.conf.test_service:test_what_it_starts_serves_reloads_and_ends",
    "hbpushd.yaml": "tests.integration.conf.test_hbpushd_yaml:test_one_channel_for_everybody_and_a_redis_that_comes_later",
    "nginx.conf": "tests.integration.conf.test_proxies:test_everybody_hears_everybody",
    "redis.yaml": "tests.integration.test_readme:test_commands_print_what_is_shown",
    "stores.yaml": "tests.integration.test_two_processes:test_the_stores_of_the_example_serve_each_their_locations",
    "supervisord.conf": "tests.integration.tyron.test_command:test_under_supervisord",
}
"""File -> the test that runs it."""

FILES = sorted(path.name for path in CONF.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_it_is_exercised(name: str) -> None:
    assert name in EXERCISED, f"conf/{name} is run by no test: write one, and name it in EXERCISED"
    place, _, test = EXERCISED[name].partition(":")
    module = import_module(place)
    marks = {mark.name for mark in getattr(getattr(module, test), "pytestmark", ())}
    assert "full" not in marks
    beside = Path(str(module.__file__)).parent.glob("*.py")
    assert any(name in source.read_text(encoding="utf-8") for source in (*beside, CONF.parent / "README.rst"))


def test_nothing_else_is_said_to_be() -> None:
    assert sorted(EXERCISED) == FILES


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yaml")])
def test_hbpushd_has_nothing_to_say_to_it(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ.keys() - environment().keys():
        monkeypatch.delenv(variable)
    assert main(["--config", str(CONF / name), "--check"]) == 0
    told = capsys.readouterr()
    assert (f"{name}: correct" in told.out, "warning" in told.out, told.err) == (True, False, "")


def test_the_default_serves() -> None:
    with Daemon("-c", CONF / "default.yaml", "--port=0") as daemon:
        assert ask(daemon.port, "POST", "/publisher/news", b"Hello world!").status == 202
        assert ask(daemon.port, "GET", "/subscriber/news").body == b"Hello world!"
