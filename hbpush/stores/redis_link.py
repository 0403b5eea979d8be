"""The two connections of a process to one Redis server, kept up for as long as the store lives: one for commands, one that listens.

It runs scripts, and knows whether the store still has all that it was seen to have (the epoch). It knows no channel. A script that the
server has not run is run again; one that may have run never is.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

import hiredis

from hbpush.core.message import MessageId
from hbpush.errors import HbpushError, StoreFull, StoreUnavailable
from hbpush.stores.redis_place import Address, Place, Waits, reason
from hbpush.stores.redis_scripts import Script, Scripts
from hbpush.stores.redis_wire import Answered, Connection, Reply, Word

logger = logging.getLogger("hbpush")

FLUSHED = b"__redis__:invalidate"
"""What a server publishes for clients that keep copies of keys (CLIENT TRACKING): we keep none, so only of a flush."""

FAREWELL = 0.2
"""Seconds for the last word to a server."""

SUBSCRIBE_AT_ONCE = 1000
"""Names in one SUBSCRIBE."""

# What a server says that is not, or no longer, the one to talk to. It has not done what it was asked.
_ELSEWHERE = ("MOVED", "ASK", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "UNBLOCKED", "TRYAGAIN")


class Partner(Protocol):
    """Whose link it is."""

    def connected(self) -> None:
        """Both connections are there; one of them, at least, is new."""

    def disconnected(self, reason: str) -> None:
        """It cannot be connected just now. Called once until `connected`."""

    def refused(self, reason: str) -> None:
        """The server did not do what it was asked, for a reason that its operator should know."""

    def history_lost(self) -> None:
        """The store has begun a new epoch: some of what was published is gone."""

    def heard(self, name: bytes, payload: bytes) -> None:
        """Something was announced under a name that is subscribed to."""

    def subscribed(self, name: bytes) -> None:
        """The server has confirmed a subscription."""


class Link:
    """``keys`` are the store's: its record, what is due, the processes, the runs."""

    def __init__(self, place: Place, scripts: Scripts, keys: tuple[bytes, bytes, bytes, bytes], canary: bytes, partner: Partner) -> None:
        self.epoch = b""
        self.useful = False
        """Whether the present connections have served for anything: the partner sets it."""
        self._address = Address("", 0)
        self._place = place
        self._timeout = place.timeout
        self._scripts = scripts
        self._keys = keys
        self._canary = canary
        self._partner = partner
        self._loop = asyncio.get_running_loop()
        self._commands: Connection | None = None
        self._listening: Connection | None = None
        self._run = b""
        self._given = 0
        self._second = 0
        """How many ids were given in this epoch, and the newest second among them, as far as is known here."""
        self._next = (b"", 0, 0)
        """The same of an epoch that was heard of and is not yet this one."""
        self._newest = 0
        """The newest second of any id."""
        self._changed = asyncio.Event()
        self._tried = self._loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._away_told = False
        self._opening = False
        self._after_open: deque[Callable[[], object]] = deque()
        self._pongs: deque[Callable[[], object]] = deque()
        self._canary_heard = 0.0
        self._flushes_asked = False
        self._canary_confirmed: asyncio.Future[None] = self._loop.create_future()

    # Its life

    def start(self) -> asyncio.Future[None]:
        """Connect, and go on for ever. Done when the first try has succeeded or failed."""
        self._task = self._loop.create_task(self._keep())
        return self._tried

    async def stop(self, process: bytes) -> None:
        """Disconnect for good, and have the process forgotten."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._commands is not None:
            with suppress(StoreUnavailable, TimeoutError, hiredis.ReplyError):
                await asyncio.wait_for(self._commands.ask("HDEL", self._keys[2], process), FAREWELL)
        self._close("the store was stopped")

    @property
    def ready(self) -> bool:
        """Whether commands can be sent."""
        return self._commands is not None

    @property
    def waiting_bytes(self) -> int:
        """What waits for replies."""
        return 0 if self._commands is None else self._commands.waiting_bytes

    async def _keep(self) -> None:
        waits = Waits()
        while True:
            try:
                await self._connect()
            except Exception as error:
                if not isinstance(error, OSError | HbpushError | hiredis.ReplyError):
                    logger.exception("a server could not be made use of")
                self._tell_away(reason(error))
                self._has_tried()
                await asyncio.sleep(waits.grow())
                continue
            self._away_told = False
            self.useful = False
            self._partner.connected()
            self._has_tried()
            await self._changed.wait()
            if self.useful:
                waits.reset()
            else:
                # It lets us in and sends us away: not to be asked as fast as it can do that.
                await asyncio.sleep(waits.grow())

    def _tell_away(self, reason: str) -> None:
        if not self._away_told:
            self._away_told = True
            self._partner.disconnected(reason)

    def _has_tried(self) -> None:
        if not self._tried.done():
            self._tried.set_result(None)

    async def _connect(self) -> None:
        """Make the connections that are missing."""
        self._changed.clear()
        listening: Connection | None = None
        if self._commands is None:
            self._address = await self._place.find(self._keys[0])
            commands = await self._place.open(self._address, self._lost)
            try:
                await self._prepare(commands)
            except BaseException:
                commands.close("it could not be prepared")
                raise
            self._commands = commands
        try:
            listening = await self._place.open(self._address, self._lost, self._heard)
            self._canary_confirmed = self._loop.create_future()
            async with asyncio.timeout(self._timeout):
                await self._hear_of_flushes(listening)
                listening.listen()
                # One by one: a user may not have the right to the first.
                self._flushes_asked = False
                listening.say(("SUBSCRIBE", FLUSHED))
                listening.say(("SUBSCRIBE", self._canary))
                await self._canary_confirmed
            if self._commands is None or listening.closed:
                raise StoreUnavailable("the connection was lost")
        except BaseException:
            # Where one cannot be made, the other may be of a server that is not there any more.
            if listening is not None:
                listening.close("the server could not be listened to")
            self._close("the server could not be listened to")
            raise
        self._listening = listening
        self._canary_heard = self._loop.time()

    async def _hear_of_flushes(self, listening: Connection) -> None:
        """Have the server tell at once when everything is removed. Where it cannot, the next sign of life shows it."""
        commands = self._commands
        if commands is None:
            raise StoreUnavailable("the connection was lost")
        with suppress(hiredis.ReplyError):
            client = await listening.ask("CLIENT", "ID")
            await commands.ask("CLIENT", "TRACKING", "ON", "REDIRECT", client, "OPTIN")

    async def _prepare(self, commands: Connection) -> None:
        run = await self._place.run_of(commands)
        async with asyncio.timeout(self._timeout):
            await asyncio.gather(*(commands.ask("SCRIPT", "LOAD", script.text) for script in self._scripts))
            reply = await commands.ask("EVALSHA", self._scripts.open.sha, 2, self._keys[0], self._keys[3], *self._open_arguments(run))
        commands.bound = self._place.pending_bytes
        self._run = run
        self._adopt(reply[0])

    def _open_arguments(self, run: bytes) -> tuple[Word, ...]:
        return run, secrets.token_hex(6), self.epoch, self._run, self._given, self._second, self._newest

    def _lost(self, connection: Connection, reason: str) -> None:
        if connection is self._commands:
            # What is listened to has to be of the same server as what is asked.
            self._close(reason)
        elif connection is self._listening:
            self._listening = None
            self._broken()

    def _close(self, reason: str) -> None:
        commands, listening = self._commands, self._listening
        self._commands = self._listening = None
        for connection in (commands, listening):
            if connection is not None:
                connection.close(reason)
        self._broken()

    def _broken(self) -> None:
        self._changed.set()
        pongs, self._pongs = self._pongs, deque()
        for pong in pongs:
            pong()

    # What is known of the store

    def known(self, epoch: bytes, given: int, last: MessageId) -> None:
        """The store was seen to have given so many ids in an epoch, this one the last of them."""
        # Ids are not to come again, whatever has become of the history that they are of.
        self._newest = max(self._newest, last.time)
        if epoch != self.epoch:
            self._next = (epoch, given, last.time)
        elif given > self._given:
            self._given, self._second = given, max(self._second, last.time)

    def seen(self, epoch: bytes) -> None:
        """An epoch was met with: if it is another one, ask which holds."""
        if epoch != self.epoch:
            self._open()

    def _adopt(self, epoch: bytes) -> None:
        before, self.epoch = self.epoch, epoch
        if before and before != epoch:
            _, self._given, self._second = self._next if self._next[0] == epoch else (epoch, 0, 0)
            self._partner.history_lost()

    def _open(self) -> None:
        if self._opening:
            return
        self._opening = True
        try:
            if self._commands is None:
                raise StoreUnavailable("the store cannot be reached")
            self._commands.call(
                ("EVALSHA", self._scripts.open.sha, 2, self._keys[0], self._keys[3], *self._open_arguments(self._run)), self._opened
            )
        except StoreUnavailable as error:
            self._opened(error)

    def _opened(self, reply: Reply) -> None:
        self._opening = False
        waiting, self._after_open = self._after_open, deque()
        if isinstance(reply, Exception):
            if isinstance(reply, hiredis.ReplyError):
                # Without its record the store cannot be used: begin again with a new connection.
                self._close(str(reply))
        else:
            self._adopt(reply[0])
        for again in waiting:
            again()

    # Scripts

    def run(self, script: Script, keys: tuple[Word, ...], arguments: tuple[Word, ...], answered: Answered) -> None:
        """Run a script with the other commands of this tick; ``answered`` gets its reply, or an HbpushError. Raises StoreUnavailable."""
        if self._commands is None:
            raise StoreUnavailable("the store cannot be reached")
        self._commands.call(
            (b"EVALSHA", script.sha, len(keys), *keys, *arguments), partial(self._answered, script, keys, arguments, answered)
        )

    def _answered(self, script: Script, keys: tuple[Word, ...], arguments: tuple[Word, ...], answered: Answered, reply: Reply) -> None:
        if not isinstance(reply, hiredis.ReplyError):
            answered(reply)
            return
        said = str(reply)
        try:
            if said.startswith("NOSCRIPT") and self._commands is not None:
                # It has not run: somebody made the server forget its scripts.
                self._commands.call(
                    (b"EVAL", script.text, len(keys), *keys, *arguments), partial(self._answered, script, keys, arguments, answered)
                )
                return
            if said.startswith("NOEPOCH"):
                self._after_open.append(partial(self._again, script, keys, arguments, answered))
                self._open()
                return
        except StoreUnavailable as error:
            answered(error)
            return
        if said.startswith(_ELSEWHERE):
            self._close(said)
            answered(StoreUnavailable("the store cannot be reached"))
        elif said.startswith("OOM"):
            self._partner.refused("maxmemory is reached")
            answered(StoreFull("the store is full"))
        else:
            self._partner.refused(said)
            answered(StoreUnavailable("the store refuses"))

    def _again(self, script: Script, keys: tuple[Word, ...], arguments: tuple[Word, ...], answered: Answered) -> None:
        try:
            self.run(script, keys, arguments, answered)
        except StoreUnavailable as error:
            answered(error)

    # Listening

    def subscribe(self, names: Sequence[bytes]) -> None:
        """Ask for what is announced under names; `Partner.subscribed` confirms each. Nothing happens while there is no connection."""
        for place in range(0, len(names), SUBSCRIBE_AT_ONCE):
            if self._listening is not None:
                self._listening.say((b"SUBSCRIBE", *names[place : place + SUBSCRIBE_AT_ONCE]))

    def unsubscribe(self, names: Sequence[bytes]) -> None:
        """Hear no more of names."""
        if self._listening is not None and names:
            self._listening.say((b"UNSUBSCRIBE", *names))

    def catch_up(self, then: Callable[[], object]) -> None:
        """Call when everything was heard that is announced by now, or at once or at the loss of the connection when it cannot be."""
        if self._listening is None:
            then()
            return
        self._pongs.append(then)
        self._listening.say((b"PING", b""))

    def _heard(self, reply: Reply) -> None:
        if not isinstance(reply, list):
            # The first subscription is no condition.
            if isinstance(reply, Exception) and self._flushes_asked and not self._canary_confirmed.done():
                self._canary_confirmed.set_exception(reply)
            self._flushes_asked = True
            return
        kind = reply[0]
        if kind == b"message":
            if reply[1] == self._canary:
                self._canary_heard = self._loop.time()
            elif reply[1] == FLUSHED:
                self._open()
            else:
                self._partner.heard(reply[1], reply[2])
        elif kind == b"pong":
            if self._pongs:
                self._pongs.popleft()()
        elif kind == b"subscribe":
            if reply[1] == FLUSHED:
                self._flushes_asked = True
            elif reply[1] != self._canary:
                self._partner.subscribed(reply[1])
            elif not self._canary_confirmed.done():
                self._canary_confirmed.set_result(None)

    # Whether it lives

    def check(self, timeout: float) -> None:
        """Give up connections whose server has not answered for so long. To be called about once a second."""
        now = self._loop.time()
        since = None if self._commands is None else self._commands.waiting_since()
        if since is not None and now - since > timeout:
            self._close(f"no answer for {timeout:g} seconds")
            self._tell_away(f"no answer for {timeout:g} seconds")
        elif self._listening is not None and now - self._canary_heard > timeout + 1:
            listening, self._listening = self._listening, None
            listening.close("nothing is heard any more")
            self._broken()
