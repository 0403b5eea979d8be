"""The store that processes share: channels in Redis, so that any number of servers on any number of machines is one.

The stream of a channel is the truth, what is announced is the wake-up. Ids are given within Redis, where saving and announcing are one
act. A message is sent to Redis at most once: when its fate is not known the publisher gets StoreUnavailable, and nothing here repeats it.
"""

from __future__ import annotations

import logging
import secrets
from asyncio import Future, ensure_future, gather
from collections.abc import Sequence
from hashlib import blake2b
from typing import ClassVar

from hbpush.core.figures import Figure
from hbpush.core.message import ChannelRef, Draft, Since
from hbpush.core.result import Result
from hbpush.stores.base import Claim, ClaimMode, Page, Receipt, Store, StoreContext, StoreEvents, StoreSettings
from hbpush.stores.redis_partition import Partition
from hbpush.stores.redis_place import Place
from hbpush.stores.redis_scripts import scripts
from hbpush.stores.redis_settings import RedisSettings
from hbpush.stores.redis_tail import Tails

logger = logging.getLogger("hbpush")

PARTITIONS = 16
"""Slots that a cluster's channels are in. Part of how they are found: it cannot change while there are any."""


class RedisStore(Store):
    """Channels in Redis 7 or newer: a single server, a master that sentinels tell, or a cluster (relay specification 7.3.5).

    On a single server and with sentinels every bound is exact. On a cluster ``max_bytes`` and ``max_channels`` go by what the other
    partitions had a second ago.
    """

    type_name: ClassVar[str] = "redis"
    Settings: ClassVar[type[StoreSettings]] = RedisSettings
    shared: ClassVar[bool] = True

    settings: RedisSettings

    def __init__(self, settings: RedisSettings, context: StoreContext) -> None:
        super().__init__(settings, context)
        self._place = Place(settings)
        loaded = scripts(settings, self._place.login.database)
        self._tails = tails = Tails(settings.tail_bytes, settings.max_messages)
        process = secrets.token_hex(8).encode()
        tags = [b"%x" % number for number in range(PARTITIONS)] if settings.cluster else [b"0"]
        self._partitions = [Partition(self, settings, context, self._place, loaded, tag, process, tails) for tag in tags]
        self.leases = self._partitions[0].leases
        self._only = None if settings.cluster else self._partitions[0]
        self._away: dict[Partition, str] = {}
        self._away_since = 0.0

    def start(self, events: StoreEvents) -> Future[None]:
        return _all([partition.start(events) for partition in self._partitions])

    def stop(self) -> Future[None]:
        return _all([ensure_future(partition.stop()) for partition in self._partitions])

    def publish(self, ref: ChannelRef, draft: Draft) -> Result[Receipt]:
        return (self._only or self._of(ref)).publish(ref, draft)

    def read_after(self, ref: ChannelRef, since: Since, limit: int) -> Result[Page]:
        return self._of(ref).read_after(ref, since, limit)

    def read_watched(self, ref: ChannelRef, since: Since, limit: int) -> Result[Page]:
        return self._of(ref).read_watched(ref, since, limit)

    def create(self, ref: ChannelRef, permanent: bool) -> Result[Receipt]:
        return self._of(ref).create(ref, permanent)

    def delete(self, ref: ChannelRef) -> Result[Receipt]:
        return self._of(ref).delete(ref)

    def info(self, ref: ChannelRef) -> Result[Receipt]:
        return self._of(ref).info(ref)

    def watch(self, ref: ChannelRef) -> Result[None]:
        return self._of(ref).watch(ref)

    def unwatch(self, ref: ChannelRef) -> None:
        self._of(ref).unwatch(ref)

    def report(self, ref: ChannelRef, held: int, streaming: int, requested: float | None) -> None:
        self._of(ref).report(ref, held, streaming, requested)

    def claim(self, ref: ChannelRef, mode: ClaimMode) -> Result[Claim]:
        return self._of(ref).claim(ref, mode)

    @property
    def trouble(self) -> str:
        return next(iter(self._away.values()), "")

    def figures(self) -> Sequence[Figure]:
        partitions = self._partitions
        return (
            Figure("channels", sum(each.channels for each in partitions), "Channels in the store, as of its last sign of life."),
            Figure("bytes", sum(each.bytes for each in partitions), "What the kept messages count, as of its last sign of life."),
            Figure("watched_channels", sum(each.watched for each in partitions), "Channels that this process listens to at Redis."),
            Figure("tail_bytes", self._tails.bytes, "Bytes of new messages that this process keeps for those who ask again."),
            Figure("waiting_bytes", sum(each.waiting_bytes for each in partitions), "Bytes of commands that wait for answers of Redis."),
        )

    # What partitions ask and tell (`hbpush.stores.redis_partition.Owner`)

    def elsewhere(self, partition: Partition) -> tuple[int, int]:
        if self._only is not None:
            return 0, 0
        others = [other for other in self._partitions if other is not partition]
        return sum(other.bytes for other in others), sum(other.channels for other in others)

    def away(self, partition: Partition, reason: str) -> None:
        first = not self._away
        self._away[partition] = f"Redis at {self._place} cannot be reached: {reason}"
        if first:
            self._away_since = self.context.clock.monotonic()
            logger.warning("store %s: %s; trying again", self.context.name, self._away[partition])

    def back(self, partition: Partition) -> None:
        if self._away.pop(partition, None) is not None and not self._away:
            seconds = self.context.clock.monotonic() - self._away_since
            logger.info("store %s: Redis at %s is back after %.1f seconds", self.context.name, self._place, seconds)

    def _of(self, ref: ChannelRef) -> Partition:
        if self._only is not None:
            return self._only
        digest = blake2b(ref.id.encode("utf-8", "surrogatepass"), digest_size=2).digest()
        return self._partitions[digest[0] % PARTITIONS]


def _all(futures: list[Future[None]]) -> Future[None]:
    if len(futures) == 1:
        return futures[0]
    return ensure_future(_wait(futures))


async def _wait(futures: list[Future[None]]) -> None:
    await gather(*futures)
