"""The book of one run: what was published and promised, what each subscriber was told, and which promises were broken.

Pure: it is told everything with its time (seconds of one monotonic clock) and has no part in what happens. Each body is published once,
so bodies name messages. Ids are pairs (second, tag).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Id = tuple[int, int]
NOTICED = 2.0
"""Seconds after which every server has noticed a loss: they look once a second."""

SHOWN = 5
"""Examples of one kind of fault that are told; how many more there are is told as a number."""


@dataclass(eq=False)
class Message:
    """A message that somebody tried to publish. ``id`` is None unless it was acknowledged: it may or may not have been published."""

    channel: str
    publisher: str
    number: int
    body: bytes
    sent: float
    answered: float | None = None
    status: int | None = None
    """Of the answer; None for none."""
    id: Id | None = None

    @property
    def acknowledged(self) -> bool:
        return self.id is not None

    def __str__(self) -> str:
        return f"{self.publisher}'s {self.number} on {self.channel}"


class Told(NamedTuple):
    """One answer to a subscriber. ``body`` and ``id`` are None when it brought no message; ``missed``: it carried the sign of a gap."""

    at: float
    id: Id | None
    body: bytes | None
    missed: bool


@dataclass(eq=False)
class Subscriber:
    """What one subscriber of one channel was told, from the channel's first message on. ``prompt``: it asks again at once."""

    name: str
    channel: str
    prompt: bool = True
    told: list[Told] = field(default_factory=list)


class Loss(NamedTuple):
    """History was taken away between two moments: what was published before the first is gone, what is sent after the second stays."""

    start: float
    end: float


class Resumed(NamedTuple):
    """Seconds from a moment until everybody who publishes was acknowledged, and everybody who listens had a message sent after it."""

    publish: float
    deliver: float


class Ledger:
    """``publish`` and ``acknowledge`` for those who publish, `subscriber` and `Subscriber.told` for those who listen, then `broken`."""

    def __init__(self) -> None:
        self.messages: dict[bytes, Message] = {}
        self.subscribers: list[Subscriber] = []
        self.losses: list[Loss] = []
        self.ends: dict[str, Message] = {}
        """By channel, the acknowledged message that was published after all others."""
        self.publishers: set[str] = set()
        """Those who publish without end, so that after each fault they have to get on."""
        self._complaints: Counter[str] = Counter()

    def publish(self, channel: str, publisher: str, number: int, sent: float) -> Message:
        """Note a message that is about to be sent. One publisher has one request at a time."""
        # None is a part of another, so that each can be searched for.
        body = f"<{publisher} {number} {channel}>".encode()
        assert body not in self.messages
        message = self.messages[body] = Message(channel, publisher, number, body, sent)
        return message

    def subscriber(self, name: str, channel: str, prompt: bool = True) -> Subscriber:
        self.subscribers.append(Subscriber(name, channel, prompt))
        return self.subscribers[-1]

    def complain(self, text: str) -> None:
        """Note a broken promise that whoever talks to a server saw by itself."""
        self._complaints[text] += 1

    # The judgement

    def broken(self) -> list[str]:
        """Every broken promise in a line, none when all were kept."""
        lines = [text if times == 1 else f"{text} ({times} times)" for text, times in self._complaints.items()]
        acknowledged = sum(message.acknowledged for message in self.messages.values())
        if not acknowledged or not self.subscribers:
            lines.append(f"nothing was tried: {acknowledged} messages were acknowledged, {len(self.subscribers)} subscribers listened")
        faults: dict[str, list[str]] = {}
        ids = self._ids(faults)
        for subscriber in self.subscribers:
            for kind, what in self._faults_of(subscriber, ids):
                faults.setdefault(kind, []).append(f"{subscriber.name} on {subscriber.channel}: {what}")
        for kind, examples in faults.items():
            more = f"; and {len(examples) - SHOWN} more" if len(examples) > SHOWN else ""
            lines.append(f"{len(examples)} {kind}: {'; '.join(examples[:SHOWN])}{more}")
        return lines

    def _ids(self, faults: dict[str, list[str]]) -> dict[bytes, Id]:
        """The id of every message that has one, by body; a message with two was published twice."""
        ids = {body: message.id for body, message in self.messages.items() if message.id is not None}
        owners: dict[tuple[str, Id], bytes] = {}
        for body, id_ in ids.items():
            other = owners.setdefault((self.messages[body].channel, id_), body)
            if other != body:
                faults.setdefault("ids given twice", []).append(f"{id_} to {self.messages[other]} and {self.messages[body]}")
        for subscriber in self.subscribers:
            for _, id_, body, _ in subscriber.told:
                if body is not None and id_ is not None and ids.setdefault(body, id_) != id_:
                    faults.setdefault("doubled", []).append(f"{body!r} has the ids {ids[body]} and {id_} ({subscriber.name})")
        return ids

    def _faults_of(self, subscriber: Subscriber, ids: dict[bytes, Id]) -> Iterator[tuple[str, str]]:
        seen: dict[bytes, Told] = {}
        last_id: Id | None = None
        last_number: dict[str, Message] = {}
        for told in subscriber.told:
            if told.missed and not self._is_excused(subscriber, told):
                yield "false gaps", f"with {told.body!r}, though nothing more was lost"
            if told.body is None or told.id is None:
                continue
            message = self.messages.get(told.body)
            if message is None or message.channel != subscriber.channel:
                yield "strange", f"{told.body!r} was not published there"
                continue
            if told.body in seen:
                yield "doubled", str(message)
            seen[told.body] = told
            if last_id is not None and told.id <= last_id:
                yield "reordered", f"{message} has the id {told.id} and came after {last_id}"
            last_id = told.id
            if message.acknowledged:
                before = last_number.get(message.publisher)
                if before is not None and message.number < before.number:
                    yield "reordered", f"{message} came after its {before.number}"
                last_number[message.publisher] = message
        yield from self._missing(subscriber, seen, ids)
        for loss in self.losses:
            if not self._was_warned(subscriber, loss):
                yield "gaps not told", f"of history lost at {loss.start:.3f}"

    def _missing(self, subscriber: Subscriber, seen: dict[bytes, Told], ids: dict[bytes, Id]) -> Iterator[tuple[str, str]]:
        end = self.ends.get(subscriber.channel)
        if end is None or end.body not in seen:
            yield "not finished", "the last message did not come"
            return
        reached = [
            max((told.id for told in subscriber.told if told.id is not None and told.at <= loss.start), default=(0, 0))
            for loss in self.losses
        ]
        for body, id_ in ids.items():
            message = self.messages.get(body)
            if message is None or message.channel != subscriber.channel or body in seen or id_ > ids[end.body]:
                continue
            # Where history is taken away, it is gone for those who had not come so far.
            if any(message.sent < loss.end and id_ > before for loss, before in zip(self.losses, reached, strict=True)):
                continue
            yield ("lost", str(message)) if message.acknowledged else ("not for all", f"{message}, which others had")

    def _is_excused(self, subscriber: Subscriber, sign: Told) -> bool:
        """Whether the sign of a gap came after a loss, and not after the first message that is surely from after it.

        A little longer it may come again: who goes from server to server meets one that has only just noticed.
        """
        for loss in self.losses:
            first = self._first_after(subscriber, loss.end)
            if loss.start <= sign.at and (first is None or sign.at <= max(first, loss.end + NOTICED)):
                return True
        return False

    def _was_warned(self, subscriber: Subscriber, loss: Loss) -> bool:
        """Whether a gap was told no later than with the first message that is surely from after the loss."""
        if not any(told.at <= loss.start and told.body is not None for told in subscriber.told):
            return True
        for told in subscriber.told:
            if told.at < loss.start:
                continue
            if told.missed:
                return True
            if told.body is not None and told.body in self.messages and self.messages[told.body].sent >= loss.end:
                return False
        return False

    # Figures

    def resumed(self, moment: float) -> Resumed:
        """How long it took after ``moment``; infinite for what never happened."""
        never = float("inf")
        publish = dict.fromkeys(self.publishers, never)
        for message in self.messages.values():
            if message.publisher in publish and message.sent >= moment and message.acknowledged and message.answered is not None:
                publish[message.publisher] = min(publish[message.publisher], message.answered)
        firsts = [self._first_after(subscriber, moment) for subscriber in self.subscribers if subscriber.prompt]
        delivered = [never if first is None else first for first in firsts]
        return Resumed(max(publish.values(), default=never) - moment, max(delivered, default=never) - moment)

    def _first_after(self, subscriber: Subscriber, moment: float) -> float | None:
        """When a subscriber first had a message that was sent after a moment."""
        for told in subscriber.told[bisect_left(subscriber.told, moment, key=lambda told: told.at) :]:
            if told.body is not None and told.body in self.messages and self.messages[told.body].sent >= moment:
                return told.at
        return None

    def latencies(self) -> list[float]:
        """Seconds from the sending of a message until a prompt subscriber had it, sorted."""
        return sorted(
            told.at - self.messages[told.body].sent
            for subscriber in self.subscribers
            if subscriber.prompt
            for told in subscriber.told
            if told.body is not None and told.body in self.messages
        )

    def summary(self) -> str:
        """The run in one line."""
        messages = self.messages.values()
        acknowledged = sum(message.acknowledged for message in messages)
        refused = sum(message.status == 503 for message in messages)
        deliveries = sum(told.body is not None for subscriber in self.subscribers for told in subscriber.told)
        signs = sum(told.missed for subscriber in self.subscribers for told in subscriber.told)
        found = self.latencies() or [0.0]
        p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
        return (
            f"{len(messages)} sent, {acknowledged} acknowledged, {len(messages) - acknowledged} unknown ({refused} by 503), "
            f"{deliveries} delivered to {len(self.subscribers)}{f' with {signs} gap signs' if signs else ''}, "
            f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
        )
