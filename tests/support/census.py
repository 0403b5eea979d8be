"""``python -m tests.support.census FILE ARGUMENT...``: hbpushd with these arguments, which counts its objects when it gets SIGUSR1.

FILE is then a JSON object: the name of a type with its module -> how many of them the collector of garbage knows, after it has collected.
What was made before the server listened is not counted.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from hbpush.daemon.cli import main


def count() -> dict[str, int]:
    """The living objects by type."""
    gc.collect()
    return dict(Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects()))


def report_to(file: Path) -> None:
    """Write the counts at each SIGUSR1, all at once."""

    def report(*_: object) -> None:
        fresh = file.with_suffix(".fresh")
        fresh.write_text(json.dumps(count()), encoding="utf-8")
        os.replace(fresh, file)

    signal.signal(signal.SIGUSR1, report)


if __name__ == "__main__":
    report_to(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
