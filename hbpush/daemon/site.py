"""The server that a location is in, as the location may see it: what a status page shows. It is read only, and read when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from hbpush.core.figures import Figure
from hbpush.stores.base import Store
from hbpush.web.limits import Limits

if TYPE_CHECKING:
    from hbpush.daemon.location import Location


class Front(Protocol):
    """What has the sockets."""

    @property
    def limits(self) -> Limits: ...

    def figures(self) -> Sequence[Figure]: ...


class Site:
    """Kept by whoever owns the parts. A location that is made without a server has an empty one.

    ``worker`` is the number of this process among the ``workers`` that share the port; every figure is this process's own. ``front`` is
    None where the sockets are somebody else's. ``stores`` are by their configured names, ``locations`` in their order; ``started`` is when
    they were made, in unix seconds. ``closing`` tells that the server goes.
    """

    def __init__(self) -> None:
        self.worker = 1
        self.workers = 1
        self.front: Front | None = None
        self.stores: Mapping[str, Store] = {}
        self.locations: Sequence[Location] = ()
        self.started = 0.0
        self.closing = False

    def troubles(self) -> dict[str, str]:
        """What does not serve now, and why, each in one line: stores as ``store NAME``, locations by their names (`Location.name`)."""
        found = {f"store {name}": store.trouble for name, store in self.stores.items() if store.trouble}
        for location in self.locations:
            if location.trouble:
                name = location.name
                found[f"{name} of {location.context.path}" if name in found else name] = location.trouble
        return found
