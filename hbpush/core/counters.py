"""What was refused and why: counted, and logged at most once a second for each kind."""

from __future__ import annotations

import logging
from collections import Counter

from hbpush.core.clock import Clock

logger = logging.getLogger("hbpush")


class Counters:
    """Counts by kind (``body_too_large``, ``store_full``), for the status page and for the log."""

    def __init__(self, clock: Clock) -> None:
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._logged: dict[str, float] = {}

    def add(self, kind: str) -> None:
        """Count, and say nothing."""
        self.counts[kind] += 1

    def refuse(self, kind: str, detail: str, level: int = logging.INFO) -> None:
        """Count a refusal; log it as one line unless one of its kind was logged within this second."""
        self.counts[kind] += 1
        now = self._clock.monotonic()
        logged = self._logged.get(kind)
        if logged is None or now - logged >= 1:
            self._logged[kind] = now
            logger.log(level, "refused: %s (%s, %d so far)", detail, kind, self.counts[kind])
