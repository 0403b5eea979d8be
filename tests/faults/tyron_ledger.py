"""What was published for Tyron's clients and what came to them, and what of it breaks a promise. Knows no process, no socket and no clock.

A message is known by its channel and its number there, from 0 in the order of the PUBLISHes. One that Redis has answered with a receiver or
more counts: it has to come. One that was answered with none, or not at all, may come.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

EARLY = 0.05
"""`TyronLedger.early`, as it is promised to who has a core to himself."""


class Sent:
    """A PUBLISH, sent ``at`` a time. ``receivers`` is the answer of Redis, None without one."""

    __slots__ = ("at", "receivers")

    def __init__(self, at: float, receivers: int | None = None) -> None:
        self.at = at
        self.receivers = receivers


class Poll(NamedTuple):
    """A request that a message has answered: when it was written, when the answer came, and which message it was."""

    written: float
    answered: float
    number: int


class Gap(NamedTuple):
    """A time."""

    begin: float
    end: float


class Polls:
    """What a client of a channel had, in the order in which it came. ``waiting``: when the request was written that has no answer yet."""

    __slots__ = ("answered", "channel", "name", "waiting")

    def __init__(self, name: str, channel: int) -> None:
        self.name = name
        self.channel = channel
        self.answered: list[Poll] = []
        self.waiting: float | None = None


class TyronLedger:
    """``buffered``: clients come back with the id they have, and have to get everything; else what comes while they wait.

    ``early``: seconds before a PUBLISH at which a poll has to have been written to get it for certain.
    """

    def __init__(self, buffered: bool, early: float = EARLY) -> None:
        self.buffered = buffered
        self.early = early
        self.sent: dict[int, list[Sent]] = {}
        self.clients: list[Polls] = []
        self.gaps: list[Gap] = []
        """Meanwhile what is published may be lost; it may never be doubled."""
        self._complaints: list[str] = []

    def complain(self, text: str) -> None:
        """Something that has to be told and is no entry."""
        self._complaints.append(text)

    def counted(self, channel: int) -> list[int]:
        """The numbers of a channel that have to come."""
        return [
            number
            for number, sent in enumerate(self.sent.get(channel, ()))
            if sent.receivers and not any(gap.begin <= sent.at <= gap.end for gap in self.gaps)
        ]

    def broken(self) -> list[str]:
        """Each kind of broken promise in a line with its first example."""
        found: dict[str, list[str]] = {}
        for kind, example in self._all():
            found.setdefault(kind, []).append(example)
        lines = [f"{len(examples)} {kind}: {examples[0]}" for kind, examples in found.items()]
        lines += [text + (f" ({times} times)" if times > 1 else "") for text, times in Counter(self._complaints).items()]
        if not any(client.answered for client in self.clients) or not any(map(self.counted, self.sent)):
            lines.append("nothing was tried")
        return lines

    def summary(self) -> str:
        """The figures, for people."""
        sent = [each for channel in self.sent.values() for each in channel]
        took = sorted(
            poll.answered - self.sent[client.channel][poll.number].at
            for client in self.clients
            for poll in client.answered
            if poll.number < len(self.sent[client.channel])
        )
        counted = sum(bool(each.receivers) for each in sent)
        unknown = sum(each.receivers is None for each in sent)
        text = f"{len(sent)} published, {counted} count, {unknown} unknown, {len(took)} came to {len(self.clients)} clients"
        if took:
            text += (
                f", p50 {took[len(took) // 2] * 1000:.1f} ms, p99 {took[len(took) * 99 // 100] * 1000:.1f} ms, max {took[-1] * 1000:.0f} ms"
            )
        if not self.buffered:
            late = [self._late(client) for client in self.clients]
            text += f", a poll was of use {max(late, default=0.0) * 1000:.0f} ms after it was written"
        return text

    def _late(self, client: Polls) -> float:
        """The longest time from when a poll of a client was written to a message that it should have been given and was not."""
        sent, counted = self.sent.get(client.channel, []), self.counted(client.channel)
        times = [sent[number].at for number in counted]
        longest = 0.0
        for written, number in self._asked(client):
            place = bisect_left(counted, number) - 1
            if place >= 0:
                longest = max(longest, times[place] - written)
        return longest

    def _asked(self, client: Polls) -> list[tuple[float, int]]:
        """When each request was written, and the message that answered it; for the last one, without an answer, one that does not exist."""
        asked = [(poll.written, poll.number) for poll in client.answered]
        if client.waiting is not None:
            asked.append((client.waiting, len(self.sent.get(client.channel, ()))))
        return asked

    def _all(self) -> Iterator[tuple[str, str]]:
        counted = {channel: self.counted(channel) for channel in self.sent}
        for client in self.clients:
            numbers = counted.get(client.channel, [])
            yield from self._of_order(client)
            yield from self._of_all(client, numbers) if self.buffered else self._of_those_who_wait(client, numbers)

    def _of_order(self, client: Polls) -> Iterator[tuple[str, str]]:
        newest = -1
        seen = set()
        for poll in client.answered:
            if poll.number >= len(self.sent.get(client.channel, ())):
                yield "strange", f"{client.name} had {poll.number}, which nobody published"
            elif poll.number in seen:
                yield "doubled", f"{client.name} had {poll.number} again"
            elif poll.number < newest:
                yield "reordered", f"{client.name} had {poll.number} after {newest}"
            seen.add(poll.number)
            newest = max(newest, poll.number)

    def _of_all(self, client: Polls, counted: list[int]) -> Iterator[tuple[str, str]]:
        had = {poll.number for poll in client.answered}
        for number in counted:
            if number not in had:
                yield "missing", f"{client.name} has not had {number}, sent at {self.sent[client.channel][number].at:.3f}"

    def _of_those_who_wait(self, client: Polls, counted: list[int]) -> Iterator[tuple[str, str]]:
        """A poll has to be answered with the first message that counts and was sent long enough after it, or with one sent before that."""
        sent = self.sent.get(client.channel, [])
        times = [sent[number].at for number in counted]
        for written, number in self._asked(client):
            place = bisect_left(times, written + self.early)
            if place < len(counted) and number > counted[place]:
                late = (
                    f"{client.name} has not had {counted[place]}, sent {(times[place] - written) * 1000:.0f} ms after its poll was written"
                )
                yield "missing", late + (f", but {number}" if number < len(sent) else "")
