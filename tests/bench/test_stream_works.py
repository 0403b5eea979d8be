"""The works with streams measure, and notice servers that lose, double or change what they are given. How fast they are, is not asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench import build
from tests.bench.processes import Cores
from tests.bench.runner import Outcome, Place, measure
from tests.bench.servers import Bounds, Hbpush, Interpreter, Limit, Nchan, Server
from tests.bench.session_servers import StockHost
from tests.bench.stream_works import STREAM_WORKS
from tests.bench.works import Sizes
from tests.support.packages import needs

pytestmark = needs("gcc", "libc6-dev")

TINY = Sizes(rounds=1, warm_ms=10, measured_ms=50, latencies=3, streams=(20, 120))
PYTHON = Interpreter(sys.executable)


class Spoiled(Hbpush):
    """This server after a change of what its streams write."""

    def __init__(self, change: str) -> None:
        super().__init__(PYTHON)
        self.change = change

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        program, _, module, *arguments = super().command(port, folder, bounds)
        script = f"import runpy, hbpush.relay.forms as forms; {self.change}; runpy.run_module({module!r}, run_name='__main__')"
        return [program, "-c", script, *arguments]


def run(name: str, server: Server) -> Outcome:
    work = next(work for work in STREAM_WORKS if work.name == name)
    return measure(work._replace(servers=(server.name,)), [server], TINY, Place(build.load_generator(), Cores(None, None)))


def has_figures(name: str, server: Server) -> None:
    outcome = run(name, server)
    assert outcome.failures == {}
    [cases] = outcome.values.values()
    assert len(cases) == {"fanout": 4, "reach": 6, "memory": 1}[name.partition("-")[2]]
    assert all(value > 0 for values in cases.values() for value in values) or name.endswith("memory")


@pytest.mark.parametrize("work", [work.name for work in STREAM_WORKS])
@pytest.mark.parametrize("server", [Hbpush(PYTHON), StockHost(PYTHON), Limit()], ids=lambda server: server.name)
def test_every_work_has_figures(work: str, server: Server) -> None:
    has_figures(work, server)


@needs("nginx", "libnginx-mod-nchan")
@pytest.mark.parametrize("work", [work.name for work in STREAM_WORKS])
def test_every_work_has_figures_of_nchan(work: str) -> None:
    has_figures(work, Nchan())


@pytest.mark.parametrize(
    ("work", "change", "why"),
    [
        ("sse-fanout", "one = forms._pieces; forms._pieces = lambda *a: one(*a) * 2", "not each of the"),
        ("websocket-fanout", "one = forms.plain_frames; forms.plain_frames = lambda *a: one(*a) * 2", "not each of the"),
        ("sse-fanout", "one = forms._pieces; forms._pieces = lambda *a: [piece.replace(b'^', b'!') for piece in one(*a)]", "another body"),
        ("websocket-reach", "one = forms.plain_frames; forms.plain_frames = lambda *a: one(*a).replace(b'^', b'!')", "another body"),
        ("sse-fanout", "one = forms._pieces; forms._pieces = lambda *a: [b'event: e\\n', *one(*a)]", "an event stream says: event: e"),
        ("websocket-fanout", "forms.plain_frames = lambda *a: b'\\x88\\x02\\x0f\\xa0'", "closed a WebSocket with code 4000"),
    ],
)
def test_wrong_answers_fail_a_run(work: str, change: str, why: str) -> None:
    outcome = run(work, Spoiled(change))
    assert outcome.values == {}
    assert why in outcome.failures["hbpush"]
