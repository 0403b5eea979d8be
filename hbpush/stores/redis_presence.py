"""What a process tells the others about its subscribers, so that they can count them.

More subscribers are told with the next tick; fewer, and who asked when, within a second: a poller who takes a message and comes back
costs nothing. What was told is told again before it expires (``PRESENT`` in ``channel.lua``): a process that dies is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from hbpush.core.clock import Clock
from hbpush.core.message import ChannelRef

AGAIN = 20.0
"""Seconds after which a channel is told of again."""

AT_ONCE = 1000
"""Channels that are told of in one turn of the loop."""

PAUSE = 0.005


class Here:
    """The subscribers of this process on one channel. ``requested`` (unix seconds) is None when nothing new is to be told of it."""

    __slots__ = ("claimed", "claims", "held", "requested", "seen", "streaming", "told", "watched")

    def __init__(self) -> None:
        self.held = 0
        self.streaming = 0
        self.watched = False
        self.claimed = False
        """Somebody waits elsewhere for a poll to leave: fewer are told at once too."""
        self.claims = 0
        """Claims under way: until they are decided nobody is told of their polls."""
        self.requested: float | None = None
        self.seen: float | None = None
        """When somebody here last asked, told or not."""
        self.told: tuple[int, int] | None = None

    def present(self) -> tuple[int, int] | None:
        """What the others should know; None for nothing."""
        return (self.held, self.streaming) if self.held or self.streaming or self.watched else None


UNKNOWN = (-1, -1)
"""What the server may know of a channel is not known here."""

Tell = Callable[[ChannelRef, tuple[int, int] | None, float | None], bool]
"""Send polls and streams (None: nobody) and the time of the last request. Returns False when it cannot be sent now."""


class Presence:
    """All channels that this process has told of or has to."""

    def __init__(self, clock: Clock, tell: Tell) -> None:
        self._clock = clock
        self._tell = tell
        self._here: dict[ChannelRef, Here] = {}
        self._changed: dict[ChannelRef, None] = {}
        self._told_at: OrderedDict[ChannelRef, float] = OrderedDict()
        self._urgent: dict[ChannelRef, None] = {}
        self._telling = False
        self._stopped = False

    def report(self, ref: ChannelRef, held: int, streaming: int, requested: float | None) -> None:
        """`Store.report`."""
        here = self._here.get(ref)
        if here is None:
            if not held and not streaming and requested is None:
                return
            here = self._here[ref] = Here()
        here.held = held
        here.streaming = streaming
        if requested is not None:
            here.requested = here.seen = requested
        told = here.told
        self._changed[ref] = None
        if here.claimed or ((held or streaming) and (told is None or held > told[0] or streaming > told[1])):
            self._hurry(ref)

    def watch(self, ref: ChannelRef, watched: bool) -> None:
        """Somebody here listens to the channel, or nobody does any more."""
        here = self._here.get(ref)
        if here is None:
            if not watched:
                return
            here = self._here[ref] = Here()
        here.watched = watched
        self._changed[ref] = None
        if watched and here.told is None:
            self._hurry(ref)

    def now(self, ref: ChannelRef) -> None:
        """Tell of a channel at once, where it has changed."""
        if ref in self._changed:
            self._say(ref)

    def claim(self, ref: ChannelRef) -> tuple[int, int]:
        """A poll claims the channel: from here on it is told at once too when one leaves. Returns polls and streams, to be told with it."""
        here = self._here.get(ref)
        if here is None:
            return 0, 0
        here.claimed = True
        here.claims += 1
        return here.held, here.streaming

    def requested(self, ref: ChannelRef) -> float | None:
        """When somebody here last asked."""
        here = self._here.get(ref)
        return None if here is None else here.seen

    def deleted(self, ref: ChannelRef) -> None:
        """The channel is gone, and with it who had asked for it."""
        here = self._here.get(ref)
        if here is not None:
            here.requested = here.seen = None

    def claim_ended(self, ref: ChannelRef, told: tuple[int, int] | None) -> None:
        """A claim is decided; if it was granted, it has told these polls and streams."""
        here = self._here.get(ref)
        if here is not None:
            here.claims -= 1
            if told is not None:
                here.told = told
            self._changed[ref] = None
            self._hurry(ref)

    def untold(self, ref: ChannelRef) -> None:
        """The server did not take what it was told."""
        here = self._here.get(ref)
        if here is not None:
            here.told = UNKNOWN
            self._changed[ref] = None

    def tell_all(self) -> None:
        """Tell of everything anew: the server may have forgotten it."""
        for ref, here in self._here.items():
            here.told = UNKNOWN
            self._changed[ref] = None
        self._tell_changed()

    def beat(self) -> None:
        """A second has passed: tell what has waited, and what would expire."""
        old = self._clock.monotonic() - AGAIN
        while self._told_at and next(iter(self._told_at.values())) < old:
            ref, _ = self._told_at.popitem(last=False)
            self._changed[ref] = None
        self._tell_changed()

    def stop(self) -> None:
        self._stopped = True

    def _hurry(self, ref: ChannelRef) -> None:
        if not self._urgent:
            self._clock.call_soon(self._tell_urgent)
        self._urgent[ref] = None

    def _tell_urgent(self) -> None:
        urgent, self._urgent = self._urgent, {}
        if not self._stopped:
            for ref in urgent:
                self.now(ref)

    def _tell_changed(self) -> None:
        if not self._telling:
            self._turn()

    def _turn(self) -> None:
        self._telling = False
        if self._stopped:
            return
        for _ in range(AT_ONCE):
            if not self._changed or not self._say(next(iter(self._changed))):
                return
        self._telling = True
        self._clock.call_later(PAUSE, self._turn)

    def _say(self, ref: ChannelRef) -> bool:
        here = self._here[ref]
        if here.claims > 0:
            self._changed.pop(ref, None)
            return True
        present = here.present()
        again = ref not in self._told_at
        if present != here.told or here.requested is not None or (again and present is not None):
            if not self._tell(ref, present, here.requested):
                return False
            here.told = present
            here.requested = None
            self._told_at.pop(ref, None)
            if present is not None:
                self._told_at[ref] = self._clock.monotonic()
        self._changed.pop(ref, None)
        if present is None:
            # Nobody is here: who asked is known to the store now.
            del self._here[ref]
            self._told_at.pop(ref, None)
        return True
