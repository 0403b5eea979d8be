"""The contract of a store.

A store gives ids, keeps messages, and announces every message that is published to its channels, in whatever process. It knows
no protocol and no subscriber; it meets the hub through `Store.start`.

Every method **returns its result or a Future of it, never a coroutine**: a store that has the answer returns it, so the hot path
never awaits. Errors of `hbpush.errors` are raised at once or set on the Future: StoreUnavailable when the backend is away,
StoreFull when a bound leaves no room. Nothing else leaves a store.

The contract suite, ``tests/contract/test_store.py``, runs on every implementation; a store from another package can run it too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol

import msgspec

from hbpush.core.clock import Clock
from hbpush.core.counters import Counters
from hbpush.core.figures import Figure
from hbpush.core.message import BEFORE_ALL, ChannelRef, Draft, Message, MessageId, Since
from hbpush.core.result import Result
from hbpush.stores.leases import Leases

Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The bounds that every store has. 0 means no limit. What a message counts towards bytes is `hbpush.core.message.size_of`."""

    max_messages: Annotated[Count, msgspec.Meta(description="messages kept in one channel")] = 1000
    min_messages: Annotated[Count, msgspec.Meta(description="messages kept past their time-out in one channel")] = 0
    message_timeout: Annotated[Seconds, msgspec.Meta(description="seconds that a message is kept, 0 for ever")] = 0
    max_channel_bytes: Annotated[
        Count, msgspec.Meta(description="bytes kept in one channel; a message counts its body and 256, more with a long type or event")
    ] = 16 * 1024 * 1024
    max_bytes: Annotated[Count, msgspec.Meta(description="bytes kept in the whole store, counted likewise")] = 256 * 1024 * 1024
    max_channels: Annotated[Count, msgspec.Meta(description="channels in the store")] = 100_000
    idle_channel_timeout: Annotated[
        Seconds, msgspec.Meta(description="seconds until a channel that nobody uses is removed, 0 for never")
    ] = 3600


class Receipt(msgspec.Struct, gc=False):
    """What a channel looked like at one moment.

    ``messages``: how many it keeps. ``requested``: when a subscriber last asked, in unix seconds, or None for never.
    ``last``: the id of its newest message, or None when nothing was ever published. ``subscribers``: how many hold or stream in
    other processes; the hub adds its own. ``takers``: how many of them will take the message just published (`Store.publish` only).
    """

    messages: int = 0
    requested: float | None = None
    last: MessageId | None = None
    subscribers: int = 0
    takers: int = 0


UNHEARD_TIMEOUT = 60
"""Seconds after which a channel is idle that a message with ``if_heard`` made, if that is sooner than ``idle_channel_timeout``."""


class Page(msgspec.Struct, frozen=True):
    """A run of history.

    ``messages`` have nothing missing between them: a page ends before a gap. ``missed`` tells that ids between the
    ``since`` that was asked for and the first message (or, with no message, the end) are gone: dropped, expired, never stored.
    It is always False for OLDEST, NEWEST and LAST(n). ``last`` is the last id ever given on the channel, ``more`` whether messages follow
    this page, ``exists`` whether there is such a channel.
    """

    messages: Sequence[Message] = ()
    missed: bool = False
    last: MessageId = BEFORE_ALL
    more: bool = False
    exists: bool = True


class Claim(msgspec.Struct, frozen=True):
    """What became of a poll's claim on a channel where not everybody may wait.

    ``number`` is greater than that of every earlier claim on the store; 0 turns it away. ``elsewhere``: subscribers in other processes.
    """

    number: int
    elsewhere: int = 0


ClaimMode = Literal["first", "last", "any"]
"""Who may wait when others wait: nobody more, the one who comes last, or everybody."""


class Lease(Protocol):
    """What one of the processes that share a store has, and none of the others."""

    @property
    def held(self) -> bool:
        """Whether it is had now. It may end at any moment, when the store cannot be reached or the process has stood still."""

    def end(self) -> None:
        """Want it no more: another may have it at once. Harmless when it has ended."""


class StoreEvents(Protocol):
    """What a store tells: implemented by the hub."""

    def deliver(self, message: Message) -> None:
        """A message of a watched channel: once, in the order of ids."""

    def deleted(self, ref: ChannelRef) -> None:
        """A watched channel was deleted, here or in another process."""

    def gap(self, ref: ChannelRef) -> None:
        """Messages of a watched channel were lost: what was not stored and not heard, or history itself."""

    def displaced(self, ref: ChannelRef, number: int) -> None:
        """In some process a poll has claimed a watched channel as the last: those with a smaller number leave."""


class StoreContext(msgspec.Struct, frozen=True):
    """What a store is given to work with. ``name`` is what the configuration calls it."""

    name: str
    clock: Clock
    counters: Counters


class Store(ABC):
    """Channels and their messages. Made once per configured store, within a running loop."""

    type_name: ClassVar[str]
    """What ``type:`` in the configuration and the entry point call it."""

    Settings: ClassVar[type[StoreSettings]] = StoreSettings
    """Its options, each with a default and a description."""

    shared: ClassVar[bool] = False
    """Whether processes that configure it alike share its channels."""

    def __init__(self, settings: Any, context: StoreContext) -> None:
        """``settings`` is an instance of `Settings`."""
        self.settings = settings
        self.context = context
        self.leases = Leases()
        """Who has which lease; a store that processes share has one of its own."""

    @abstractmethod
    def start(self, events: StoreEvents) -> Result[None]:
        """Begin. A backend that cannot be reached is no error here: the store goes on trying."""

    @abstractmethod
    def stop(self) -> Result[None]:
        """End: close connections, cancel timers. Nothing is announced afterwards."""

    @abstractmethod
    def publish(self, ref: ChannelRef, draft: Draft) -> Result[Receipt]:
        """Give the draft an id, keep it if it is to be stored, announce it: one atomic act.

        An id is greater than every id that the channel's name ever had, also after DELETE and when the clock steps back. It is
        (the current second, 0), or the next tag when the last id has that second or a later one. The receipt is as
        it is after: ``messages`` counts this one, ``last`` is its id; an empty one tells that the message is lost (``if_heard``).
        Raises ChannelNotFound (``create`` is False and there is none), MessageTooLarge, StoreFull, StoreUnavailable.
        """

    @abstractmethod
    def read_after(self, ref: ChannelRef, since: Since, limit: int) -> Result[Page]:
        """At most ``limit`` messages after ``since``, oldest first. Never creates or allocates for an absent channel.

        On a watched channel every message of the page was announced before the page is returned or resolved: else its echo would bring
        it a second time.
        """

    def read_watched(self, ref: ChannelRef, since: Since, limit: int) -> Result[Page]:
        """`read_after` for a subscriber of a watched channel: may come from what was announced here, without asking the backend."""
        return self.read_after(ref, since, limit)

    @abstractmethod
    def create(self, ref: ChannelRef, permanent: bool) -> Result[Receipt]:
        """Make the channel if there is none. A permanent one lasts until DELETE; asking for it once is enough. Raises StoreFull."""

    @abstractmethod
    def delete(self, ref: ChannelRef) -> Result[Receipt]:
        """Remove the channel and its messages, then tell `StoreEvents.deleted`; return what it was. Raises ChannelNotFound."""

    @abstractmethod
    def info(self, ref: ChannelRef) -> Result[Receipt]:
        """What the channel is now. Raises ChannelNotFound."""

    @abstractmethod
    def watch(self, ref: ChannelRef) -> Result[None]:
        """Somebody here listens to the channel: announce its messages. Called once until `unwatch`. It need not exist."""

    @abstractmethod
    def unwatch(self, ref: ChannelRef) -> Result[None]:
        """Nobody here listens any more."""

    @abstractmethod
    def report(self, ref: ChannelRef, held: int, streaming: int, requested: float | None) -> None:
        """This process's polls and streams that wait on the channel, without those who still read history, and when one asked
        (unix seconds; None: the counts alone changed). Streams that may be displaced count as held.

        Called once or twice a poll: it must be cheap, and a store that shares its counts sends them later, joined.
        """

    def claim(self, ref: ChannelRef, mode: ClaimMode) -> Result[Claim]:
        """A poll that was reported wants to wait where ``mode`` rules. Polls of this process are the caller's to compare.

        With ``first`` it is turned away while a poll of another process is held; with ``last`` `StoreEvents.displaced` is told
        everywhere. A store whose channels nobody shares has nobody elsewhere. Raises StoreUnavailable.
        """
        return UNSHARED

    def lease(self, name: str, granted: Callable[[], object]) -> Lease:
        """Want what only one may have, by its name, until `Lease.end`; among those who want it in one process the first has it.

        ``granted`` is called whenever it is got anew, during this call or later: nobody else has it then, and whoever had it before
        knew so before. A process that ends without a word is followed within three seconds and a little. When the backend forgets what it
        was told (a flush, a failover to a copy that lags behind) two may have it until the first hears of that, for up to a second.
        """
        return self.leases.ask(name, granted)

    @property
    def trouble(self) -> str:
        """Why the store cannot serve now, in one line; empty when it can."""
        return ""

    def figures(self) -> Sequence[Figure]:
        """What the status page tells of it, as it is known here without asking anybody. It must be cheap."""
        return ()


UNSHARED = Claim(1)
