"""The options of status and health locations, declared once: configuration, validation and reference page read them here."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hbpush.daemon.keys import Key, KeyFile
from hbpush.daemon.location import LocationSettings


class StatusSettings(LocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a status location."""

    prefix: Annotated[
        str,
        msgspec.Meta(description="its path, in the form that the request accepts; with /json and /metrics behind it, in these"),
    ] = "/status"
    key: Key = ""
    key_file: KeyFile = ""


class HealthSettings(LocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a health location."""

    prefix: Annotated[str, msgspec.Meta(description="what its paths begin with; then come live and ready")] = "/health/"
