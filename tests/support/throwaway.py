"""Distributions that exist for one test: modules and entry points in a folder, found through ``sys.path`` or ``PYTHONPATH``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PLUGIN = '''
"""A store and a location for tests: the store keeps nothing, the location serves nothing."""

from typing import Annotated, Literal

import msgspec

from hbpush.daemon.location import Location, StoreLocationSettings
from hbpush.errors import ConfigError
from hbpush.stores.base import Page, Receipt, Store, StoreSettings
from hbpush.web.answers import line
from hbpush.web.routes import Prefix, Route


class BlankSettings(StoreSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    host: Annotated[str, msgspec.Meta(description="where it is")] = "localhost"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535, description="its port")] = 6379
    key_prefix: str = ""
    password: Annotated[str, msgspec.Meta(description="what it asks for", extra={"secret": True})] = "hush"


class BlankStore(Store):
    type_name = "blank"
    Settings = BlankSettings

    def start(self, events):
        return None

    def stop(self):
        return None

    def publish(self, ref, draft):
        return Receipt()

    def read_after(self, ref, since, limit):
        return Page()

    def create(self, ref, permanent):
        return Receipt()

    def delete(self, ref):
        return Receipt()

    def info(self, ref):
        return Receipt()

    def watch(self, ref):
        return None

    def unwatch(self, ref):
        return None

    def report(self, ref, held, streaming, requested):
        return None


class NoticeSettings(StoreLocationSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    prefix: Annotated[str, msgspec.Meta(min_length=1, description="what its paths begin with")]
    polling: Annotated[Literal["long", "interval"], msgspec.Meta(description="how it is asked")] = "long"
    origins: Literal["*"] | list[str] = "*"
    gate: bool = False


class NoticeLocation(Location):
    type_name = "notice"
    Settings = NoticeSettings

    @classmethod
    def check(cls, settings):
        if not settings.prefix.startswith("/"):
            raise ConfigError(f"is {settings.prefix!r}; must begin with /", "prefix")

    @classmethod
    def warnings(cls, settings, loopback):
        return [] if loopback or not settings.gate else ["the gate is open to everybody"]

    def routes(self):
        return [Route(Prefix(self.settings.prefix), self.answer, bytes)]

    def answer(self, exchange):
        exchange.respond(line(200, self.context.path))
'''

POINTS = {
    "hbpush.stores": {"blank": "throwaway_plugin:BlankStore"},
    "hbpush.locations": {"notice": "throwaway_plugin:NoticeLocation"},
}


def install(
    folder: Path,
    points: Mapping[str, Mapping[str, str]] = POINTS,
    modules: Mapping[str, str] = {"throwaway_plugin": PLUGIN},
    name: str = "throwaway",
) -> Path:
    """Put a distribution into a folder, which the caller then puts on the path. Returns the folder."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        f"[{group}]\n" + "".join(f"{point} = {target}\n" for point, target in group_points.items())
        for group, group_points in points.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
    return folder
