"""Everything that a status page tells, as values, and their form in JSON.

A part of the server is its own figures, its bounds, and what is wrong with it; nothing of its settings but numbers is shown, so that no
password can be.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

import hbpush
from hbpush.core.counters import Counters
from hbpush.core.figures import Figure, named
from hbpush.core.hub import Hub
from hbpush.daemon.census import Count
from hbpush.daemon.site import Site
from hbpush.status import process
from hbpush.status.refusals import counted
from hbpush.web.limits import Limits

NO_BOUNDS = frozenset(("database", "port", "timeout_status"))
"""Options that are numbers and bound nothing."""


class Part(NamedTuple):
    """A store or a location. ``name`` is its own, or its place in the configuration; ``subscribers`` are by their protocols."""

    name: str
    type: str
    trouble: str
    figures: Sequence[Figure]
    bounds: Mapping[str, float]
    paths: Sequence[str] = ()
    subscribers: Mapping[str, int] = {}


class Report(NamedTuple):
    """How a process of a server is."""

    worker: int
    workers: int
    started: float
    closing: bool
    server: Sequence[Figure]
    bounds: Mapping[str, float]
    process: Sequence[Figure]
    subscribers: Mapping[str, int]
    stores: Sequence[Part]
    locations: Sequence[Part]
    refused: Mapping[str, int]
    troubles: Mapping[str, str]


def report(site: Site, hub: Hub, counters: Counters, count: Count) -> Report:
    """How the server is now; ``count`` tells who listens."""
    hubs = (
        Figure("channels", len(hub.channels), "Channels that somebody in this process is subscribed to."),
        Figure("messages", hub.traffic.messages, "Messages that were delivered to somebody in this process.", True),
        Figure("deliveries", hub.traffic.deliveries, "Messages times those who got them.", True),
    )
    front = () if site.front is None else site.front.figures()
    limits = {} if site.front is None else bounds(site.front.limits, Limits)
    stores = [
        Part(plain(name), store.type_name, plain(store.trouble), store.figures(), bounds(store.settings))
        for name, store in site.stores.items()
    ]
    locations = [
        Part(
            location.context.path,
            location.type_name,
            plain(location.trouble),
            location.figures(),
            bounds(location.settings),
            list(dict.fromkeys(plain(route.pattern.text) for route in location.routes())),
            {protocol: number for (owner, protocol), number in count.places.items() if owner is location},
        )
        for location in site.locations
    ]
    return Report(
        site.worker,
        site.workers,
        site.started,
        site.closing,
        (*front, *hubs),
        limits,
        process.figures(),
        count.protocols,
        stores,
        locations,
        counted(counters.counts),
        {plain(part): plain(trouble) for part, trouble in site.troubles().items()},
    )


def as_json(told: Report, now: float) -> bytes:
    """The page in JSON."""
    server: dict[str, Any] = {
        "version": hbpush.__version__,
        "pid": os.getpid(),
        "worker": told.worker,
        "workers": told.workers,
        "started": told.started,
        "uptime_seconds": round(max(0.0, now - told.started), 3),
        "closing": told.closing,
        "ready": not (told.troubles or told.closing),
        **named(told.server),
    }
    page = {
        "server": server | {"bounds": told.bounds},
        "process": {figure.name.removeprefix("process_"): figure.value for figure in told.process},
        "subscribers": told.subscribers,
        "stores": {part.name: _part(part) for part in told.stores},
        "locations": [{"place": part.name, **_part(part)} for part in told.locations],
        "refused": told.refused,
        "troubles": told.troubles,
    }
    return msgspec.json.encode(page) + b"\n"


def bounds(settings: msgspec.Struct, declared: type[msgspec.Struct] | None = None) -> dict[str, float]:
    """The numbers among settings, or among those that a class declares."""
    names: Iterable[str] = (declared or type(settings)).__struct_fields__
    values = {name: getattr(settings, name) for name in names if name not in NO_BOUNDS}
    return {name: value for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)}


def plain(text: str) -> str:
    """Text that every encoding of it can carry."""
    return text.encode("utf-8", "backslashreplace").decode()


def _part(part: Part) -> dict[str, Any]:
    told: dict[str, Any] = {"type": part.type, "trouble": part.trouble, **named(part.figures)}
    if part.paths:
        told |= {"paths": part.paths, "subscribers": part.subscribers}
    return told | {"bounds": part.bounds}
