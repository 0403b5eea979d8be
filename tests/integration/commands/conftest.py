"""A real hbpushd for the tests of its sub-commands, and what runs these in the process of a test."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from hbpush.daemon.cli import main
from tests.support.process import Daemon

CONFIGURATION = """
port: 0
address: 127.0.0.1
locations:
  - {type: subscriber, prefix: /subscriber/, polling: auto, create_on_get: true, multiple: true}
  - {type: subscriber, prefix: /long/, polling: long, subscriber_timeout: 0.1, timeout_status: 200}
  - {type: subscriber, prefix: /now/, polling: interval}
  - {type: subscriber, prefix: /eventsource/, polling: eventsource}
  - {type: subscriber, prefix: /websocket/, polling: websocket}
  - {type: subscriber, prefix: /first/, polling: auto, concurrency: first}
  - {type: subscriber, prefix: /alone/, polling: long, concurrency: first}
  - {type: publisher, prefix: /publisher/}
  - {type: publisher, prefix: /secret/, key: sesame}
"""


class Told(NamedTuple):
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Command = Callable[..., Told]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    configuration = tmp_path_factory.mktemp("commands") / "hbpush.yaml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    with Daemon("-c", configuration) as daemon:
        yield daemon


@pytest.fixture
def command(server: Daemon, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a sub-command against the server, with what it reads from standard input."""
    monkeypatch.delenv("HBPUSH_KEY", raising=False)

    def run(name: str, *arguments: str | os.PathLike[str], stdin: bytes = b"") -> Told:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        given = [*map(os.fspath, arguments)]
        if "--server" not in given:
            given += ["--server", f"http://127.0.0.1:{server.port}"]
        capfdbinary.readouterr()
        status = main([name, *given])
        out, err = capfdbinary.readouterr()
        return Told(status, out.decode("latin-1"), err.decode())

    return run
