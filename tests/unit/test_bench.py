"""The bench compiles, measures, and notices servers that answer wrongly. How fast anything is, is not asked here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import build, figures
from tests.bench.__main__ import main
from tests.bench.processes import Cores
from tests.bench.runner import Outcome, Place, measure
from tests.bench.servers import Bounds, Hbpush, Interpreter, Limit, Server, StockTornado
from tests.bench.works import WORKS, Sizes
from tests.support.packages import needs

compiles = needs("gcc", "libc6-dev")
TINY = Sizes(rounds=1, warm_ms=10, measured_ms=50, pollers=20, held=250, releases=2, channels=(1, 50), backlogs=(2, 200))
PYTHON = Interpreter(sys.executable)


def run(work_name: str, server: Server, sizes: Sizes = TINY) -> Outcome:
    work = next(work for work in WORKS if work.name == work_name)
    return measure(work._replace(servers=(server.name,)), [server], sizes, Place(build.load_generator(), Cores(None, None)))


class Script(Server):
    """A server that a test writes: the stock one with something wrong in it, or anything else."""

    name = "script"

    def __init__(self, *command: str) -> None:
        self._command = command

    def version(self) -> str:
        return ""

    def command(self, port: int, folder: Path, bounds: Bounds) -> list[str]:
        return [word.format(port=port) for word in self._command]


def spoiled(change: str) -> Script:
    """The stock server after one line of change."""
    lines = ("import asyncio", "from tests.bench import stock_tornado as stock", "original = stock.Channel.publish", change)
    return Script(sys.executable, "-c", "\n".join([*lines, "asyncio.run(stock.main({port}, 9))"]))


def test_ratios_are_taken_round_by_round() -> None:
    assert figures.ratios([1, 4], [2, 4]) == [0.5, 1]
    assert figures.spread([3, 1, 2]) == (2, 1, 3)
    assert str(figures.spread([12_345.6, 0.512, 99.94])) == "99.9 (0.51..12,346)"


def test_a_table_has_columns() -> None:
    assert figures.table([["", "", "x"], ["a", "bb", "1.0", "more"]]) == "           x\n  a  bb  1.0  more\n"


@compiles
@pytest.mark.parametrize("work", [work.name for work in WORKS])
@pytest.mark.parametrize("server", [Hbpush(PYTHON), StockTornado(PYTHON)], ids=lambda server: server.name)
def test_every_work_has_figures(work: str, server: Server) -> None:
    outcome = run(work, server)
    assert outcome.failures == {}
    [cases] = outcome.values.values()
    assert all(value > 0 for values in cases.values() for value in values) or work == "memory"
    assert len(cases) == {"release": 3, "channels": 2, "backlog": 2}.get(work, 1)
    assert server.name in outcome.text("hbpush")


@compiles
def test_messages_may_be_under_way_together() -> None:
    assert run("longpoll", Limit(), TINY._replace(window=7)).failures == {}
    assert run("longpoll", StockTornado(PYTHON), TINY._replace(window=7)).failures == {}


@compiles
@pytest.mark.parametrize(
    ("work", "change", "why"),
    [
        ("publish", "stock.Channel.info = lambda self, count: 'well done'", "without the channel's info"),
        ("publish", "stock.PublisherHandler.post = None", "a publish was answered 500"),
        ("longpoll", "stock.Channel.publish = lambda self, body, kind: original(self, body[:-1] + b'!', kind)", "another body"),
        ("longpoll", "stock.Channel.publish = lambda self, *a: original(self, *a) and original(self, *a) or 1", "not each of the"),
        ("release", "stock.Channel.publish = lambda self, body, kind: original(self, b'7' * 10 + body[10:], kind)", "another message"),
        ("backlog", "stock.Channel.after = lambda self, *id: self.messages[0]", "comes next"),
    ],
)
def test_wrong_answers_fail_a_run(monkeypatch: pytest.MonkeyPatch, work: str, change: str, why: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(build.HERE.parent.parent))
    outcome = run(work, spoiled(change), TINY._replace(backlogs=(9,)))
    assert outcome.values == {}
    assert why in outcome.failures["script"]
    assert "\n" not in outcome.failures["script"]
    assert f"script failed: {outcome.failures['script']}\n" in outcome.text("hbpush")


@compiles
def test_a_server_that_does_not_start_is_told_in_its_own_words() -> None:
    said = run("publish", Script(sys.executable, "-c", "raise SystemExit('no such luck')")).failures["script"]
    assert said == "the server ended with status 1: no such luck"
    assert run("publish", Script("/nowhere/server")).failures["script"].startswith("/nowhere/server cannot be run")


@compiles
def test_the_command_prints_and_writes_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main(["startup", "--rounds", "2", "--quick", "--servers", "tornado,limit", "--json", str(file)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Python {sys.version.split()[0]}, built ")
    assert "startup: from exec to the first answered request" in text
    work = json.loads(file.read_text())["works"]["startup"]
    assert len(work["servers"]["tornado"]["cases"]["startup"]["rounds"]) == 2


def test_an_unknown_work_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["publihs"])
    assert ended.value.code == 2
    assert "no work 'publihs'; there are publish, " in capsys.readouterr().err


def test_without_a_compiler_it_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["publish"]) == 1
    assert capsys.readouterr().err == "bench: needs a C compiler: sudo apt-get install gcc libc6-dev\n"
