"""Leases within one process: of those who want the same, the one who asked first has it until he ends it (`Store.lease`).

A store that processes share puts `Leases` in front of what they agree on: it then hears of a name once, however many want it here.
"""

from __future__ import annotations

from collections.abc import Callable

Granted = Callable[[], object]


class Leases:
    """The leases of one store. What is overridden is how processes agree; here there are no others."""

    def __init__(self) -> None:
        self._wanted: dict[str, list[NamedLease]] = {}

    def ask(self, name: str, granted: Granted) -> NamedLease:
        """`Store.lease`."""
        lease = NamedLease(self, name, granted)
        wanting = self._wanted.setdefault(name, [])
        wanting.append(lease)
        if len(wanting) == 1:
            self.wanted(name)
        return lease

    def end(self, lease: NamedLease) -> None:
        """Somebody here wants it no more; harmless when that is known. The next one here has it as it was."""
        wanting = self._wanted.get(lease.name, [])
        if lease not in wanting:
            return
        had_it = wanting[0] is lease
        wanting.remove(lease)
        if not wanting:
            del self._wanted[lease.name]
            self.unwanted(lease.name)
        elif had_it and self.is_ours(lease.name):
            wanting[0].granted()

    def holds(self, lease: NamedLease) -> bool:
        """`Lease.held`."""
        wanting = self._wanted.get(lease.name)
        return wanting is not None and wanting[0] is lease and self.is_ours(lease.name)

    def got(self, name: str) -> None:
        """This process has it now."""
        wanting = self._wanted.get(name)
        if wanting:
            wanting[0].granted()

    # How processes agree

    def wanted(self, name: str) -> None:
        """Somebody here wants it: have `got` called when this process has it."""
        self.got(name)

    def unwanted(self, name: str) -> None:
        """Nobody here wants it any more."""

    def is_ours(self, name: str) -> bool:
        """Whether this process has it now."""
        return True


class NamedLease:
    """A `hbpush.stores.base.Lease`."""

    __slots__ = ("_leases", "granted", "name")

    def __init__(self, leases: Leases, name: str, granted: Granted) -> None:
        self._leases = leases
        self.name = name
        self.granted = granted

    @property
    def held(self) -> bool:
        return self._leases.holds(self)

    def end(self) -> None:
        self._leases.end(self)
