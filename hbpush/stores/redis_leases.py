"""Leases among the processes that share a store: kept in Redis, renewed with every beat, over by themselves when nobody renews them.

What counts is the time at which a renewal was *sent*: the server's reckoning begins later, so a process knows that its lease has ended
before another can have it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from hbpush.core.clock import Clock, Timer
from hbpush.errors import StoreUnavailable
from hbpush.stores.leases import Leases
from hbpush.stores.redis_scripts import Script
from hbpush.stores.redis_wire import Answered, Reply, Word

LASTING = 3.0
"""Seconds that a lease lasts when it is not renewed."""

MARGIN = 0.2
"""Seconds that a process believes in its lease for less: clocks do not all run alike."""

AGAIN = 0.02
"""Seconds after the end of another's lease until it is asked for."""

NEXT_TRY = 0.25
"""Seconds until a lease of another is asked for again: it may be given back at any moment."""


class Run(Protocol):
    """`Link.run`."""

    def __call__(self, script: Script, keys: tuple[Word, ...], arguments: tuple[Word, ...], answered: Answered, /) -> None: ...


class RedisLeases(Leases):
    """``key`` makes the key of a lease from its name."""

    def __init__(self, run: Run, script: Script, clock: Clock, process: bytes, key: Callable[[str], bytes]) -> None:
        super().__init__()
        self._run = run
        self._script = script
        self._clock = clock
        self._process = process
        self._key = key
        self._ours: dict[str, float] = {}
        """Until when, in the clock's monotonic time, a wanted lease is this process's."""
        self._asking: dict[str, int] = {}
        """The number of the question that is on its way for a name."""
        self._asked = 0
        self._timers: dict[str, Timer] = {}

    def renew(self) -> None:
        """Ask for everything that is wanted: to be called once a second, and when the server can be reached again."""
        for name in list(self._ours):
            self._ask(name)

    def lost(self) -> None:
        """The server has forgotten what it was told: nothing is this process's until it says so again."""
        for name in self._ours:
            self._ours[name] = 0.0
        self.renew()

    def stop(self) -> None:
        """The store ends: nothing is held any more, and nobody is told of anything."""
        for name in list(self._ours):
            self.unwanted(name)
        self._wanted.clear()

    def wanted(self, name: str) -> None:
        self._ours[name] = 0.0
        self._ask(name)

    def unwanted(self, name: str) -> None:
        del self._ours[name]
        # What was asked before this is given back with it: the answer does not count for who wants it anew.
        self._asking.pop(name, None)
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        self._send(name, 0, _nothing)

    def is_ours(self, name: str) -> bool:
        return self._clock.monotonic() < self._ours.get(name, 0.0)

    def _ask(self, name: str) -> None:
        if name in self._asking:
            return
        self._asked += 1
        self._asking[name] = self._asked
        until = self._clock.monotonic() + LASTING - MARGIN
        if not self._send(name, int(LASTING * 1000), partial(self._answered, name, self._asked, until)):
            del self._asking[name]

    def _send(self, name: str, milliseconds: int, answered: Answered) -> bool:
        try:
            self._run(self._script, (self._key(name),), (self._process, milliseconds), answered)
        except StoreUnavailable:
            return False
        return True

    def _answered(self, name: str, number: int, until: float, reply: Reply) -> None:
        if self._asking.get(name) != number:
            if name not in self._ours and reply == 0:
                # It was given up while it was asked for.
                self._send(name, 0, _nothing)
            return
        del self._asking[name]
        if not isinstance(reply, int):
            return
        if reply:
            self._ours[name] = 0.0
            if name not in self._timers:
                self._timers[name] = self._clock.call_later(min(reply / 1000 + AGAIN, NEXT_TRY), partial(self._due, name))
        else:
            had_it = self.is_ours(name)
            self._ours[name] = until
            if not had_it and self.is_ours(name):
                self.got(name)

    def _due(self, name: str) -> None:
        self._timers.pop(name, None)
        if name in self._ours:
            self._ask(name)


def _nothing(_: Reply) -> None:
    """What could not be given back ends by itself."""
