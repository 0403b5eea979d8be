"""``python -m tests.faults [--full] [scenario ...]``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.faults.runner import FULL, SHORT, judge
from tests.faults.table import SCENARIOS
from tests.support.redis_server import missing


def main() -> int:
    """Run the scenarios that are asked for, by default all. Returns 1 when a promise was broken; wrong usage is 2."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--full", action="store_true", help="long and under load, which takes minutes")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(SCENARIOS))
    given = parser.parse_args()
    unknown = [name for name in given.scenarios if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]!r}; there are {', '.join(SCENARIOS)}")
    reason = missing()
    if reason is not None:
        parser.error(reason)
    status = 0
    for name in given.scenarios or SCENARIOS:
        begin = time.monotonic()
        verdict = judge(SCENARIOS[name], FULL if given.full else SHORT)
        print(f"{verdict.text()} [{time.monotonic() - begin:.0f} s]", flush=True)
        status |= bool(verdict.broken)
    return status


if __name__ == "__main__":
    sys.exit(main())
