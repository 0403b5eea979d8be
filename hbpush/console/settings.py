"""The options of a console location, declared once: configuration, validation and reference page read them here."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hbpush.daemon.keys import Key, KeyFile
from hbpush.daemon.location import LocationSettings


class ConsoleSettings(LocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a console location."""

    prefix: Annotated[str, msgspec.Meta(description="the path of its page; what the page needs is below it, at console/")] = "/"
    key: Key = ""
    key_file: KeyFile = ""
    publish: Annotated[bool, msgspec.Meta(description="whether the page has a box to publish from")] = True
    max_body: Annotated[
        Annotated[int, msgspec.Meta(ge=1024)], msgspec.Meta(description="bytes of the largest request that publishes from the page")
    ] = 1024 * 1024
    channels: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=1000)], msgspec.Meta(description="channels that the page lists, the busiest first")
    ] = 50
