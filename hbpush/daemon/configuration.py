"""A whole configuration: validated values from a file, the environment and the command line, in that order of precedence.

Nothing is opened or started here, but what the configuration names is looked at: types, patterns, networks, certificates.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Hashable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from hbpush.daemon import config_file, plugins
from hbpush.daemon.addresses import is_loopback
from hbpush.daemon.config_file import ConfigFile
from hbpush.daemon.location import Location, LocationSettings, StoreLocationSettings
from hbpush.daemon.options import convert, either, join, nearest, settings, shown, unknown
from hbpush.daemon.settings import ServerSettings, Tls
from hbpush.errors import ConfigError
from hbpush.stores.base import Store, StoreSettings
from hbpush.web.proxies import TrustedProxies

DEFAULT = ConfigFile(
    "the default configuration",
    {
        "port": 80,
        "store": {"type": "memory"},
        "locations": [{"type": "subscriber", "prefix": "/subscriber/"}, {"type": "publisher", "prefix": "/publisher/"}],
    },
)
"""What is served without a file; its ``store`` and ``locations`` also stand in for those that a file leaves out."""

SERVER_VARIABLES = {
    "HBPUSH_PORT": "port",
    "HBPUSH_ADDRESS": "address",
    "HBPUSH_LOG_LEVEL": "log_level",
    "HBPUSH_WORKERS": "workers",
}
STORE_VARIABLES = "HBPUSH_STORE_"
OTHER_VARIABLES = ("HBPUSH_CONFIG", "HBPUSH_KEY", "HBPUSH_PYTHON", "HBPUSH_SERVER", "HBPUSH_VENV")
"""The configuration file, the server of sub-commands and the key they show, and what the scripts of a checkout go by."""


class StoreChoice(NamedTuple):
    """A configured store. Two that are equal are the same store."""

    kind: type[Store]
    settings: StoreSettings


class LocationChoice(NamedTuple):
    """A configured location. ``path`` is its place in the file, such as ``locations[2]``. Those equal in all the rest are the same."""

    path: str
    kind: type[Location]
    settings: LocationSettings
    fingerprint: Hashable = None

    @property
    def store(self) -> str | None:
        """The name of its store, if it has one."""
        return self.settings.store if isinstance(self.settings, StoreLocationSettings) else None


class Configuration(NamedTuple):
    """Everything a server needs to know before it starts. ``source`` names where it came from."""

    source: str
    server: ServerSettings
    stores: dict[str, StoreChoice]
    locations: tuple[LocationChoice, ...]
    unknown_variables: tuple[str, ...] = ()
    """Environment variables that look like options and are none."""


class Flags(NamedTuple):
    """What the command line says; None leaves an option to the environment and the file."""

    config: str | None = None
    format: config_file.Format | None = None
    port: int | None = None
    address: str | None = None
    log_level: str | None = None
    workers: int | None = None
    values: ConfigFile | None = None
    """What stands in for the file, and for the environment: the options of another command."""
    program: str = "hbpushd"
    """The command that was started."""
    port_option: str = "--port"
    address_option: str = "--address"
    """What that command calls them."""


def load(flags: Flags, environ: Mapping[str, str], started_as: ServerSettings | None = None) -> Configuration:
    """Read the file that flags or environment name, and validate all. Raises ConfigError, its text the one line to show.

    ``started_as`` is what serves already: the number of its processes and its address stay, whatever the file says, so what the file says
    has to be right for them, too.
    """
    if flags.values is not None:
        configuration = configure(flags.values, {}, flags)
    else:
        name = flags.config or environ.get("HBPUSH_CONFIG")
        configuration = configure(config_file.read(name, flags.format) if name else DEFAULT, environ, flags)
    server = configuration.server
    if started_as is not None and started_as.address != server.address and not is_loopback(started_as.address):
        listens = f"address {started_as.address!r}" if started_as.address else "every address"
        _check_exposed(configuration, f"; until it is started again this server listens on {listens}")
    check_workers(configuration, max(1 if started_as is None else started_as.workers, server.workers))
    return configuration


def configure(source: ConfigFile, environ: Mapping[str, str], flags: Flags = Flags()) -> Configuration:  # noqa: B008 - immutable
    """Validate, but for what workers would ask. Raises ConfigError, its path the file and the place in it, or the environment variable."""
    try:
        server, stores, locations = _from_file(source.values)
    except ConfigError as error:
        raise ConfigError(error.message, f"{source.name}: {error.path}" if error.path else source.name) from error.__cause__
    # An empty variable is one that is not set: a container's set-up often has no other way to leave one out.
    variables = {name: value for name, value in environ.items() if value}
    server = _server_variables(server, variables)
    stores = _store_variables(stores, variables)
    given = {option: getattr(flags, option) for option in SERVER_VARIABLES.values()}
    server = msgspec.structs.replace(server, **{name: value for name, value in given.items() if value is not None})
    configuration = Configuration(source.name, server, stores, locations, _unknown(variables))
    if not is_loopback(server.address):
        _check_exposed(configuration)
    return configuration


def check_workers(configuration: Configuration, workers: int) -> None:
    """Raise ConfigError when so many processes cannot be one server with this configuration."""
    if workers == 1:
        return
    if not (hasattr(os, "fork") and hasattr(socket, "SO_REUSEPORT")):
        raise ConfigError(f"is {workers}; must be 1 on this platform, where processes cannot share a port", "workers")
    for choice in configuration.locations:
        place = f"{configuration.source}: {choice.path}"
        if choice.store is not None and not (kind := configuration.stores[choice.store].kind).shared:
            raise ConfigError(
                f"is {choice.store!r}, a {kind.type_name} store, which each of {workers} workers would have for itself; "
                f"{_shared_stores()}1 worker",
                f"{place}.store",
            )
        if reason := choice.kind.sticky(choice.settings):
            raise ConfigError(f"cannot be served by {workers} workers: {reason}", place)


def _shared_stores() -> str:
    shared = []
    for name in plugins.installed(plugins.STORES):
        with suppress(ConfigError):
            if plugins.store_type(name, "").shared:
                shared.append(name)
    return f"use a store of type {either(shared)}, which processes share, or " if shared else "use "


def _check_exposed(configuration: Configuration, where: str = "") -> None:
    """Raise ConfigError for locations that others than this machine must not reach; ``where`` is what is to be added to the reason."""
    for choice in configuration.locations:
        try:
            choice.kind.check_exposed(choice.settings)
        except ConfigError as error:
            path = join(choice.path, error.path) if error.path else choice.path
            raise ConfigError(f"{error.message}{where}", f"{configuration.source}: {path}") from None


def tls_context(tls: Tls) -> ssl.SSLContext:
    """What a TLS listener needs, with certificate and key as they are now. Raises ConfigError naming the file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for option, name in (("tls.certificate", tls.certificate), ("tls.key", tls.key)):
        try:
            with open(name, "rb"):
                pass
        except (OSError, ValueError) as error:
            raise ConfigError(f"is {shown(name)}, which cannot be read: {getattr(error, 'strerror', None) or error}", option) from None
    try:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except OSError as error:
        reason = (getattr(error, "reason", None) or _not_pem(tls.key)).replace("_", " ").lower()
        raise ConfigError(f"certificate {shown(tls.certificate)} and key {shown(tls.key)} cannot be used: {reason}", "tls") from None
    return context


def _not_pem(key: str) -> str:
    with open(key, "rb") as file:
        return "the key has a pass phrase" if b"ENCRYPTED" in file.read() else "not PEM"


def _from_file(values: Mapping[Any, Any]) -> tuple[ServerSettings, dict[str, StoreChoice], tuple[LocationChoice, ...]]:
    options = [field.encode_name for field in msgspec.structs.fields(ServerSettings)]
    for key in values:
        if key not in options and key not in ("store", "locations"):
            raise unknown(key, [*options, "store", "locations"], join("", key), "the server")
    server = settings(ServerSettings, {key: value for key, value in values.items() if key in options}, "", "the server")
    for index, network in enumerate(server.trusted_proxies):
        try:
            TrustedProxies([network])
        except ValueError:
            raise ConfigError(
                f"is {shown(network)}; must be a network such as 10.0.0.0/8, or an address", f"trusted_proxies[{index}]"
            ) from None
    if server.tls is not None:
        tls_context(server.tls)
    stores = _stores(values.get("store", DEFAULT.values["store"]))
    return server, stores, _locations(values.get("locations", DEFAULT.values["locations"]), stores)


def _stores(values: object) -> dict[str, StoreChoice]:
    if not isinstance(values, Mapping) or not values:
        given = "empty" if values == {} else shown(values)
        raise ConfigError(f"is {given}; must be a mapping with a type, or of names to such mappings", "store")
    if _is_unnamed(values):
        return {"default": _store(values, "store")}
    stores = {}
    for name, inner in values.items():
        path = join("store", name)
        if not isinstance(name, str) or not name:
            raise ConfigError("a store's name must be text (put it in quotes)", path)
        if not isinstance(inner, Mapping):
            raise ConfigError(f"is {shown(inner)}; must be a mapping of a store's options, with its type", path)
        stores[name] = _store(inner, path)
    return stores


def _is_unnamed(values: Mapping[Any, Any]) -> bool:
    """Whether it is the options of one store; without a type, as far as they can be told from the names of stores."""
    if "type" in values:
        return not isinstance(values["type"], Mapping)
    options = {field.encode_name for field in msgspec.structs.fields(StoreSettings)}
    return any(name in options and not isinstance(inner, Mapping) for name, inner in values.items())


def _store(values: Mapping[Any, Any], path: str) -> StoreChoice:
    kind = plugins.store_type(values.get("type"), f"{path}.type")
    options = {key: value for key, value in values.items() if key != "type"}
    return StoreChoice(kind, settings(kind.Settings, options, path, f"a {values['type']} store"))


def _locations(values: object, stores: Mapping[str, StoreChoice]) -> tuple[LocationChoice, ...]:
    if not isinstance(values, list):
        raise ConfigError(f"is {shown(values)}; must be a list of locations", "locations")
    return tuple(_location(inner, f"locations[{index}]", stores) for index, inner in enumerate(values))


def _location(values: object, path: str, stores: Mapping[str, StoreChoice]) -> LocationChoice:
    if not isinstance(values, Mapping):
        raise ConfigError(f"is {shown(values)}; must be a mapping of a location's options, with its type", path)
    kind = plugins.location_type(values.get("type"), f"{path}.type")
    options = {key: value for key, value in values.items() if key != "type"}
    choice = LocationChoice(path, kind, settings(kind.Settings, options, path, f"a {values['type']} location"))
    if choice.store is not None and choice.store not in stores:
        raise ConfigError(
            f"is {choice.store!r}, which is not configured; {nearest(choice.store, stores)}the stores: {', '.join(stores)}", f"{path}.store"
        )
    try:
        kind.check(choice.settings)
        choice = choice._replace(fingerprint=kind.fingerprint(choice.settings))
    except ConfigError as error:
        raise ConfigError(error.message, join(path, error.path) if error.path else path) from None
    return choice


def _server_variables(server: ServerSettings, variables: Mapping[str, str]) -> ServerSettings:
    fields = {field.name: field for field in msgspec.structs.fields(ServerSettings)}
    changes = {
        option: convert(variables[name], fields[option], name, strict=False)
        for name, option in SERVER_VARIABLES.items()
        if name in variables
    }
    return msgspec.structs.replace(server, **changes)


def _unknown(variables: Mapping[str, str]) -> tuple[str, ...]:
    known = (*SERVER_VARIABLES, *OTHER_VARIABLES)
    return tuple(
        sorted(name for name in variables if name.startswith("HBPUSH_") and name not in known and not name.startswith(STORE_VARIABLES))
    )


def _store_variables(stores: dict[str, StoreChoice], variables: Mapping[str, str]) -> dict[str, StoreChoice]:
    """The stores with what ``HBPUSH_STORE_<NAME>_<OPTION>`` says."""
    changed = dict(stores)
    for variable in sorted(name for name in variables if name.startswith(STORE_VARIABLES)):
        words = variable.removeprefix(STORE_VARIABLES)
        named = [store for store in stores if words.startswith(f"{_word(store)}_")]
        options = {store: words.removeprefix(f"{_word(store)}_") for store in named}
        found = [
            (store, field)
            for store in named
            for field in msgspec.structs.fields(stores[store].kind.Settings)
            if _word(field.encode_name) == options[store]
        ]
        if not named:
            raise ConfigError(f"names no configured store; the stores: {', '.join(stores)}", variable)
        if not found:
            known = [_word(field.encode_name) for field in msgspec.structs.fields(stores[named[0]].kind.Settings)]
            raise unknown(options[named[0]], known, variable, f"the store {named[0]!r}")
        if len(found) > 1:
            raise ConfigError(f"means more than one store: {', '.join(store for store, _ in found)}", variable)
        store, field = found[0]
        value = convert(variables[variable], field, variable, strict=False)
        kind, old = changed[store]
        try:
            changed[store] = StoreChoice(kind, msgspec.structs.replace(old, **{field.name: value}))
        except ValueError as error:
            raise ConfigError(str(error), variable) from None
    return changed


def _word(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")
