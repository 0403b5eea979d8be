"""A store whose answers come when a test lets them: the memory store behind Futures."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, ParamSpec, TypeVar

from hbpush.core.message import ChannelRef, Draft, Message, Since
from hbpush.core.result import Result
from hbpush.errors import HbpushError
from hbpush.stores.base import Claim, ClaimMode, Page, Receipt, Store, StoreContext, StoreEvents, StoreSettings
from hbpush.stores.memory import MemoryStore

P = ParamSpec("P")
T = TypeVar("T")


class LateStore(Store):
    """Does at once what it is asked to, and says so later: an answer is as old as the question when `answer` lets it go.

    ``late`` names the methods that answer late. With ``echo_held`` announcements wait for `echo`.
    """

    type_name: ClassVar[str] = "late"

    def __init__(self, context: StoreContext, loop: AbstractEventLoop, settings: StoreSettings | None = None) -> None:
        super().__init__(settings or StoreSettings(), context)
        self.inner = MemoryStore(self.settings, context)
        self.late = {"read_after", "publish", "create", "delete", "info"}
        self.asked: list[str] = []
        self.reported = (0, 0)
        """Polls and streams, as they were reported last."""
        self.watching: dict[ChannelRef, None] = {}
        self.echo_held = False
        self.refusal: HbpushError | None = None
        self.claimed = Claim(1)
        """What becomes of a claim."""
        self._loop = loop
        self._answers: deque[tuple[Future[Any], Any]] = deque()
        self._echoes: deque[Message] = deque()
        self._events: StoreEvents | None = None

    def start(self, events: StoreEvents) -> None:
        self._events = events
        self.inner.start(self)

    def stop(self) -> None:
        self.inner.stop()

    # What the memory store tells

    def deliver(self, message: Message) -> None:
        self._echoes.append(message)
        if not self.echo_held:
            self.echo()

    def deleted(self, ref: ChannelRef) -> None:
        assert self._events is not None
        self._events.deleted(ref)

    def gap(self, ref: ChannelRef) -> None:
        assert self._events is not None
        self._events.gap(ref)

    # What a test lets happen

    def echo(self) -> None:
        """Announce what was held."""
        assert self._events is not None
        while self._echoes:
            self._events.deliver(self._echoes.popleft())

    def waiting(self) -> int:
        """How many answers wait."""
        return len(self._answers)

    def answer(self, error: HbpushError | None = None) -> None:
        """Let the oldest answer go, or have it fail."""
        future, value = self._answers.popleft()
        if error is not None:
            future.set_exception(error)
        elif isinstance(value, HbpushError):
            future.set_exception(value)
        else:
            future.set_result(value)

    # The contract

    def publish(self, ref: ChannelRef, draft: Draft) -> Result[Receipt]:
        return self._ask("publish", self.inner.publish, ref, draft)

    def read_after(self, ref: ChannelRef, since: Since, limit: int) -> Result[Page]:
        return self._ask("read_after", self.inner.read_after, ref, since, limit)

    def create(self, ref: ChannelRef, permanent: bool) -> Result[Receipt]:
        return self._ask("create", self.inner.create, ref, permanent)

    def delete(self, ref: ChannelRef) -> Result[Receipt]:
        return self._ask("delete", self.inner.delete, ref)

    def info(self, ref: ChannelRef) -> Result[Receipt]:
        return self._ask("info", self.inner.info, ref)

    def watch(self, ref: ChannelRef) -> Result[None]:
        assert ref not in self.watching, "watched twice"
        result = self._ask("watch", self.inner.watch, ref)
        self.watching[ref] = None
        return result

    def unwatch(self, ref: ChannelRef) -> Result[None]:
        del self.watching[ref]
        return self._ask("unwatch", self.inner.unwatch, ref)

    def claim(self, ref: ChannelRef, mode: ClaimMode) -> Result[Claim]:
        return self._ask("claim", lambda: self.claimed)

    def report(self, ref: ChannelRef, held: int, streaming: int, requested: float | None) -> None:
        self.reported = (held, streaming)
        self.inner.report(ref, held, streaming, requested)

    def _ask(self, name: str, method: Callable[P, T], *args: P.args, **named: P.kwargs) -> Result[T]:
        self.asked.append(name)
        if self.refusal is not None:
            raise self.refusal
        if name not in self.late:
            return method(*args, **named)
        value: T | HbpushError
        try:
            value = method(*args, **named)
        except HbpushError as error:
            value = error
        future: Future[T] = self._loop.create_future()
        self._answers.append((future, value))
        return future
