"""The bench compiles, measures, and notices servers that answer wrongly. How fast anything is, is not asked here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import build, figures
from tests.bench.__main__ import main, status
from tests.bench.processes import Cores
from tests.bench.runner import Outcome, Place, measure
from tests.bench.servers import Bounds, Hbpush, Interpreter, Limit, Server, StockTornado
from tests.bench.works import WORKS, Case, Round, Sizes, Work
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


def made_up(work_name: str, **rounds: list[float]) -> Outcome:
    """An outcome in which each server has these values, in the case that the work's marks are about."""
    work = next(work for work in WORKS if work.name == work_name)
    outcome = Outcome(work, TINY)
    for server, values in rounds.items():
        for value in values:
            outcome.add(server, {work.marks[0].case: value}, [(1.0, 0.0)])
    return outcome


@pytest.mark.parametrize(
    ("outcome", "lines", "missed"),
    [
        (
            made_up("publish", hbpush=[60, 72, 61], nchan=[100, 100, 100], tornado=[6, 6, 5]),
            ["publish >= 0.55 x nchan: met with 0.61; the aim of 0.7 is not", "publish >= 12 x tornado: met with 12.0"],
            False,
        ),
        (
            made_up("publish", hbpush=[71, 54, 90], nchan=[100, 100, 100], tornado=[6, 6, 9]),
            ["publish >= 0.55 x nchan: met with 0.71; the aim of 0.7 too", "publish >= 12 x tornado: NOT MET with 10.0"],
            True,
        ),
        (made_up("longpoll", hbpush=[74, 90, 70], nchan=[100, 100, 100]), ["longpoll >= 0.75 x nchan: NOT MET with 0.74"], True),
        (made_up("longpoll", hbpush=[1]), ["longpoll >= 0.75 x nchan: not judged, for want of figures"], False),
        (made_up("memory", hbpush=[4.0, 2.9, 5]), ["memory <= 4: met with 4.00; the aim of 3 is not"], False),
        (made_up("memory", hbpush=[4.1]), ["memory <= 4: NOT MET with 4.10"], True),
        (made_up("release", hbpush=[14, 12, 20], nchan=[10, 10, 10]), ["p99 <= 1.3 x nchan: NOT MET with 1.40"], True),
        (made_up("release", hbpush=[13], nchan=[10]), ["p99 <= 1.3 x nchan: met with 1.30"], False),
    ],
)
def test_marks_are_judged_by_medians(outcome: Outcome, lines: list[str], missed: bool) -> None:
    told = [line for line in outcome.text("hbpush").splitlines() if line.startswith("  mark ")]
    assert told == [f"  mark {line}" for line in lines]
    assert (status([outcome], check=True), status([outcome], check=False)) == (int(missed), 0)
    assert any(mark["met"] is False for mark in outcome.plain("hbpush")["marks"]) is missed


def test_a_failed_run_fails_without_a_mark() -> None:
    outcome = made_up("longpoll", hbpush=[1])
    outcome.failures["nchan"] = "it fell over"
    assert status([outcome], check=False) == 1


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
def test_sets_of_a_round_are_run_in_turn_and_their_medians_taken() -> None:
    order: list[tuple[int, str]] = []

    def run_one(at: Round) -> Case:
        order.append((at.server.pid, at.channel))
        return {"each": float(at.number * 10 + at.set**2), **({} if at.set else {"first": 7.0})}

    servers = [Hbpush(PYTHON), StockTornado(PYTHON)]
    work = Work("both", lambda _: "", "ms", False, tuple(server.name for server in servers), run_one, sets=lambda _: 3)
    outcome = measure(work, servers, TINY._replace(rounds=2), Place(build.load_generator(), Cores(None, None)))
    assert outcome.values == {server.name: {"each": [1.0, 11.0], "first": [7.0, 7.0]} for server in servers}
    (one, _), (another, _) = order[:2]
    turn, back = [one, another, another, one, one, another], [another, one, one, another, another, one]
    assert order == list(zip(turn + back, [f"round{at}set{which}" for at in (0, 1) for which in (0, 0, 1, 1, 2, 2)], strict=True))


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
