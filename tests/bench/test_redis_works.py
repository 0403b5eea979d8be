"""The works with Redis measure, and notice what goes wrong. How fast anything is, is not asked here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bench import build, redis_server
from tests.bench.__main__ import main
from tests.bench.contests import Contenders, Contest, Setting, Turn, hold
from tests.bench.errors import BenchError
from tests.bench.processes import Cores
from tests.bench.redis_works import CONTESTS as STORES
from tests.bench.runner import Place
from tests.bench.servers import Interpreter
from tests.bench.steps import stepping
from tests.bench.tyron_works import TYRON
from tests.bench.works import Sizes
from tests.support.packages import needs
from tests.support.redis_server import HOST, missing
from tests.support.redis_wire import Wire

pytestmark = [needs("gcc", "libc6-dev"), pytest.mark.skipif(missing() is not None, reason=missing() or "")]

CONTESTS = (*STORES, TYRON)

TINY = Sizes(
    rounds=2, warm_ms=10, measured_ms=50, pollers=20, in_flight=8, latencies=5, kept=20, kept_channels=10, idle=50, watched=3000
)  # fmt: skip
CORES = Cores(None, None)


def setting(rounds: int = 1) -> Setting:
    return Setting(Interpreter(sys.executable), Place(build.load_generator(), CORES), TINY._replace(rounds=rounds))


@pytest.mark.parametrize("contest", CONTESTS, ids=lambda contest: contest.name)
def test_every_contest_has_figures(contest: Contest) -> None:
    outcome = hold(contest, setting(), "hbpush")
    assert outcome.failures == {}
    assert "hbpush" in outcome.values
    assert all(len(values) == 1 for cases in outcome.values.values() for values in cases.values())
    assert {judgement.figure is None for judgement in outcome.judgements("hbpush")} <= {False}
    text = outcome.text("hbpush")
    assert all(server in text for server in outcome.values)
    if contest.name == "redis-publish":
        assert all(value > 0 for cases in outcome.values.values() for value in cases["publish"])
        assert (len(outcome.backend["hbpush"]), len(outcome.backend["redis-benchmark"])) == (1, 0)


def test_what_a_client_says_is_overheard_byte_by_byte() -> None:
    odd = b'"quoted" \\ \\n \n\r\t\a\b\x00\x1b\xff'
    with redis_server.redis_server(CORES) as redis, Wire((HOST, redis.port)) as wire, redis.overheard() as said:
        wire.send("EVALSHA", "0" * 40, 0, "another")
        wire.send("GET", odd)
        wire.send("EVALSHA", "1" * 40, 0, odd, b"")
        assert said(odd) == [b"EVALSHA", b"1" * 40, b"0", odd, b""]


def test_a_script_that_refuses_is_no_measure() -> None:
    with redis_server.redis_server(CORES) as redis:
        with pytest.raises(BenchError, match="is refused"):
            redis.benchmark([b"EVAL", b"return 'BYTES'", b"0"], 4, 100, None)
        with pytest.raises(BenchError, match="not run the script as often"):
            redis.benchmark([b"EVAL", b"return {1}", b"0"], 4, 100, None)
        with pytest.raises(BenchError, match="NOSCRIPT"):
            redis.benchmark([b"EVALSHA", b"0" * 40, b"0"], 4, 100, None)


def test_a_server_that_is_gone_is_told_in_one_line() -> None:
    with redis_server.redis_server(CORES) as redis:
        pass
    with pytest.raises(BenchError, match=r"^redis-server: .*refused"):
        redis.used_memory()


def test_who_fails_is_left_out_of_later_rounds() -> None:
    rounds: dict[str, list[int]] = {"hbpush": [], "other": []}

    def fails(number: int) -> Turn:
        rounds["hbpush"].append(number)
        raise BenchError("it fell over")

    def runs(number: int) -> Turn:
        rounds["other"].append(number)
        return Turn({"publish": 1.0}, ((1.0, 0.0),))

    @contextmanager
    def both(_: Setting) -> Iterator[Contenders]:
        yield {"hbpush": fails, "other": runs}

    outcome = hold(CONTESTS[0]._replace(open=both), setting(rounds=3), "hbpush")
    assert rounds == {"hbpush": [0], "other": [0, 1, 2]}
    assert outcome.failures == {"hbpush": "it fell over"}
    assert "mark publish >= 0.3 x redis-benchmark: not judged" in outcome.text("hbpush")


def test_a_store_that_does_not_work_is_told_in_its_own_words() -> None:
    with redis_server.redis_server(CORES) as redis:
        options = redis.store()
    command = [sys.executable, "-P", "-m", "tests.bench.store_alone", json.dumps(options), "fill", "1", "1", "1"]
    with (
        stepping("the store alone", command, None, Interpreter(sys.executable).environment()) as steps,
        pytest.raises(BenchError, match=r"^Redis at .* cannot be reached"),
    ):
        steps.next()


def test_without_redis_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build.load_generator()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["redis-publish", "redis-watch", "--servers", "hbpush", "--python", sys.executable]) == 0
    text = capsys.readouterr().out
    assert "redis-publish, redis-watch: left out; redis-server: sudo apt-get install redis-server\n" in text
    assert "0 works in " in text
