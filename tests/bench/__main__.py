"""The command line of ``bin/bench``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import build, redis_server
from tests.bench.contests import Setting, hold
from tests.bench.errors import BenchError
from tests.bench.processes import cores
from tests.bench.redis_works import CONTESTS as STORES
from tests.bench.runner import Outcome, Place, measure
from tests.bench.servers import Interpreter, Server
from tests.bench.session_servers import known
from tests.bench.session_works import SESSION_WORKS
from tests.bench.stream_works import STREAM_WORKS
from tests.bench.tyron_works import TYRON
from tests.bench.works import ALL, QUICK, WORKS, Described, Sizes

FAILED = 1
INTERRUPTED = 130
TERMINATED = 143

SERVED = (*WORKS, *SESSION_WORKS, *STREAM_WORKS)
CONTESTS = (*STORES, TYRON)
EVERYTHING: Sequence[Described] = (*SERVED, *CONTESTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the works that are asked for. Returns the exit status: 1 when a run failed, or with --check missed a mark; wrong usage is 2."""
    parser = _parser()
    given = parser.parse_args(arguments)
    names = [work.name for work in EVERYTHING]
    unknown = [name for name in given.works if name not in names]
    if unknown:
        parser.error(f"no work {unknown[0]!r}; there are {', '.join(names)}")
    try:
        return _run(given)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(given: argparse.Namespace) -> int:
    begin = time.monotonic()
    place = Place(build.load_generator(), cores())
    # Servers run in folders of their own. A virtual environment's interpreter is a link, which must not be followed.
    python = Interpreter(os.path.abspath(given.python) if os.sep in given.python else given.python)
    config = None if given.config is None else given.config.resolve()
    served = [work for work in SERVED if not given.works or work.name in given.works]
    # Looking for a server may install it: only what is asked for.
    needed = {ALL[0], *(name for work in served for name in work.servers)}
    servers, head = _present([server for server in known(python, config) if server.name in needed & set(given.servers)], python, place)
    print(head, flush=True)

    outcomes: list[Outcome] = []
    for work in served:
        outcomes.append(measure(work, servers, _sizes(given), place))
        print(outcomes[-1].text(ALL[0]), flush=True)
    held = [contest for contest in CONTESTS if not given.works or contest.name in given.works]
    without = _without_redis(servers)
    if held and without is not None:
        print(f"{', '.join(contest.name for contest in held)}: left out; {without}\n", flush=True)
        held = []
    for contest in held:
        outcomes.append(hold(contest, Setting(python, place, _sizes(given)), ALL[0]))
        print(outcomes[-1].text(ALL[0]), flush=True)
    if any(outcome.work.is_rate for outcome in outcomes):
        print("busy: the share of a run in which the server's process was running; where it is low, load or other processes were the limit")
        if any(shares for outcome in outcomes for shares in outcome.backend.values()):
            print("busy, after +: that of redis-server beside it")
    print(f"{len(outcomes)} work{'' if len(outcomes) == 1 else 's'} in {time.monotonic() - begin:.0f} s")
    if given.json is not None:
        _write(given.json, python, servers, outcomes)
    return status(outcomes, given.check)


def _without_redis(servers: Sequence[Server]) -> str | None:
    """Why nothing can be measured with Redis, or None."""
    if ALL[0] not in {server.name for server in servers}:
        return f"they are about {ALL[0]}"
    why = redis_server.absent()
    return None if why is None else f"redis-server: {why}"


def status(outcomes: Sequence[Outcome], check: bool) -> int:
    """The exit status for these figures; a mark that nobody could judge is not missed."""
    missed = check and any(judgement.met is False for outcome in outcomes for judgement in outcome.judgements(ALL[0]))
    return FAILED if missed or any(outcome.failures for outcome in outcomes) else 0


def _present(servers: Sequence[Server], python: Interpreter, place: Place) -> tuple[list[Server], str]:
    """The servers that are here, and the lines that tell what runs, where, and what is missing. Raises BenchError when none is."""
    present = [server for server in servers if server.absent() is None]
    lines = [f"{python}"]
    lines += [f"{server.name}: {server.version()}" for server in present]
    lines += [f"{server.name}: absent, left out; {server.absent()}" for server in servers if server not in present]
    if redis_server.absent() is None:
        lines.append(f"redis-server: {redis_server.version()}")
    if place.cores.server is None:
        lines.append("servers and load share a single core: figures are lower, ratios are less certain")
    else:
        lines.append(
            f"servers on core {place.cores.server}, load on core {place.cores.load}; {platform.machine()}, Linux {platform.release()}"
        )
    if not present:
        raise BenchError(lines[-2])
    return present, "".join(f"{line}\n" for line in lines)


def _sizes(given: argparse.Namespace) -> Sizes:
    sizes = QUICK if given.quick else Sizes()
    return sizes._replace(rounds=given.rounds or sizes.rounds, window=given.window)


def _write(file: Path, python: Interpreter, servers: Sequence[Server], outcomes: Sequence[Outcome]) -> None:
    content = {
        "python": python.facts,
        "machine": {"system": platform.platform(), "cores": len(os.sched_getaffinity(0))},
        "servers": {server.name: server.version() for server in servers},
        "works": {outcome.work.name: {**outcome.plain(ALL[0]), "sizes": outcome.sizes._asdict()} for outcome in outcomes},
    }
    try:
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{file} cannot be written: {error.strerror}") from None


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


_positive.__name__ = "number from 1"


def _servers(text: str) -> list[str]:
    names = text.split(",")
    if not names or not set(names) <= set(ALL):
        raise ValueError(text)
    return names


_servers.__name__ = f"list of {', '.join(ALL)}"


def _parser() -> argparse.ArgumentParser:
    works = "".join(f"  {work.name:27} {work.title(Sizes())}\n" for work in EVERYTHING)
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure this server, and others beside it, in one run.",
        epilog=f"works:\n{works}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("works", nargs="*", metavar="WORK", help="what to measure (default: everything)")
    parser.add_argument("--rounds", type=_positive, metavar="N", help="rounds, in each of which every server has its turn (default: 5)")
    parser.add_argument(
        "--quick", action="store_true", help="smaller, shorter, in two rounds: whether it works, rather than how fast it is"
    )
    parser.add_argument("--servers", type=_servers, default=list(ALL), metavar="A,B", help=f"only some of {','.join(ALL)}")
    parser.add_argument(
        "--window", type=_positive, default=1, metavar="N", help="messages under way at a time in longpoll and tyron (default: 1)"
    )
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="interpreter for the servers in Python, with hbpush in it")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration of hbpush, with locations /pub/ and /sub/ (not with Redis)"
    )
    parser.add_argument("--check", action="store_true", help="exit with status 1 when a mark is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to a file")
    return parser


if __name__ == "__main__":
    # Leaving in order ends the servers, also when somebody ends the bench.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(main())
