"""The contract of a location: one configured place in URL space. A protocol module is a package that exports location types.

A location type is found through the entry-point group ``hbpush.locations``, whose names are the values of ``type:`` in the configuration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec

from hbpush.core.clock import Clock, TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.figures import Figure
from hbpush.core.hub import Hub
from hbpush.core.result import Result
from hbpush.daemon.options import shown
from hbpush.daemon.site import Site
from hbpush.errors import ConfigError
from hbpush.web.routes import Route


class LocationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a location. Subclasses add theirs, each with a default and a description."""


class StoreLocationSettings(LocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a location whose channels live in a configured store."""

    store: Annotated[str, msgspec.Meta(description="the name of the store that keeps the channels")] = "default"


class Entrance(NamedTuple):
    """A way to subscribe to channels of a store. ``protocol`` is that of the subscribers that come by it (`Subscriber.protocol`).

    ``path`` is what its URLs begin with; what follows is the protocol's.
    """

    protocol: str
    path: str
    store: str


def check_folder(prefix: str) -> None:
    """Raise ConfigError, its path ``prefix``, for one below which there can be no paths of a location's own."""
    if not (prefix.startswith("/") and prefix.endswith("/")):
        raise ConfigError(f"is {shown(prefix)}; must begin and end with /", "prefix")


class LocationContext(msgspec.Struct, frozen=True):
    """What a location is given to work with. ``path`` is its place in the configuration, such as ``locations[2]``."""

    path: str
    hub: Hub
    clock: Clock
    wheel: TimerWheel
    counters: Counters
    site: Site = msgspec.field(default_factory=Site)


class Location(ABC):
    """One configured place in URL space: its settings and its endpoints.

    Its subscribers name it as their `Subscriber.owner`; when it goes, the server calls `Hub.release` for it,
    then `release` and `stop`.
    """

    type_name: ClassVar[str]
    """What ``type:`` in the configuration and the entry point call it."""

    Settings: ClassVar[type[LocationSettings]]

    place: ClassVar[str] = "url"
    """The option that says where it is."""

    def __init__(self, settings: Any, context: LocationContext) -> None:
        """``settings`` is an instance of `Settings`. Raises ConfigError, its path relative to the location, for what types cannot say."""
        self.settings = settings
        self.context = context

    @classmethod  # noqa: B027 - most locations have nothing to add
    def check(cls, settings: Any) -> None:
        """Raise ConfigError (path relative to the location, such as ``url``) for what the types of `Settings` cannot say."""

    @classmethod
    def fingerprint(cls, settings: Any) -> Hashable:
        """What else a location is made of: the contents of files that its settings name. Raises ConfigError as `check` does.

        At a reload a location stays when its settings and this are equal to what they were.
        """
        return None

    @classmethod
    def warnings(cls, settings: Any, loopback: bool) -> list[str]:
        """Lines that an operator should read at start. ``loopback``: the server listens on a loopback address only."""
        return []

    @classmethod
    def sticky(cls, settings: Any) -> str:
        """Why its clients have to come back to the same process, or '' when any process will do. The server refuses workers then.

        A client's next connection may reach another worker. A location that keeps something of a client beyond its connection says so
        here, and what would do: "it keeps sessions on polling transports; only transports: [websocket] can have workers".
        """
        return ""

    @classmethod  # noqa: B027 - most may be reached by whoever there is
    def check_exposed(cls, settings: Any) -> None:
        """Raise ConfigError as `check` does for what must not be where others than this machine may reach it."""

    @property
    def name(self) -> str:
        """What its trouble is told under: what the log calls it. Others may have the same name."""
        return self.context.path

    @property
    def trouble(self) -> str:
        """Why it cannot serve now, beside what its store says of itself, in one line; empty when it can."""
        return ""

    def figures(self) -> Sequence[Figure]:
        """What the status page tells of it. It must be cheap."""
        return ()

    def entrances(self) -> Sequence[Entrance]:
        """How its channels can be subscribed to, by the paths that can be told."""
        return ()

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Its endpoints, in the order in which they are tried."""

    def start(self) -> Result[None]:
        """The server is about to listen."""
        return None

    def release(self) -> None:  # noqa: B027 - most have subscribers only, which the hub tells
        """The server, or the location, goes: tell clients that are no subscribers. Called more than once."""

    def stop(self) -> Result[None]:
        """The location goes: close what it opened."""
        return None
