"""``python -m tests.faults [--full] [scenario ...]``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.faults.runner import FULL, SHORT, Verdict, judge
from tests.faults.stalled import STALLED
from tests.faults.table import SCENARIOS
from tests.faults.tyron_table import TYRON
from tests.support.redis_server import missing


def main() -> int:
    """Run the scenarios that are asked for, by default all. Returns 1 when a promise was broken; wrong usage is 2."""
    names = [*SCENARIOS, *TYRON, *STALLED]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--full", action="store_true", help="long and under load, which takes minutes")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(names))
    given = parser.parse_args()
    unknown = [name for name in given.scenarios if name not in names]
    if unknown:
        parser.error(f"no scenario {unknown[0]!r}; there are {', '.join(names)}")
    chosen = given.scenarios or names
    reason = missing()
    if reason is not None and not STALLED.keys() >= set(chosen):
        parser.error(reason)
    status = 0
    for name in chosen:
        begin = time.monotonic()
        verdict = _judge(name, given.full)
        print(f"{verdict.text()} [{time.monotonic() - begin:.0f} s]", flush=True)
        status |= bool(verdict.broken)
    return status


def _judge(name: str, full: bool) -> Verdict:
    if name in SCENARIOS:
        return judge(SCENARIOS[name], FULL if full else SHORT)
    return (TYRON.get(name) or STALLED[name])(full)


if __name__ == "__main__":
    sys.exit(main())
