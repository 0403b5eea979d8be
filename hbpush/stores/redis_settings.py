"""The options of the Redis store, declared once, which of them go together, and what they say together."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec
from redis.asyncio.connection import SSLConnection, parse_url

from hbpush.errors import ConfigError
from hbpush.stores.base import Count, Seconds, StoreSettings

DEFAULT_HOST = "localhost"
DEFAULT_PORT = 6379
SENTINEL_PORT = 26379


class SentinelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to ask which server is the master."""

    master: Annotated[str, msgspec.Meta(min_length=1, description="the name under which the sentinels know the master")]
    hosts: Annotated[
        tuple[str, ...], msgspec.Meta(min_length=1, description="the sentinels, each as host or host:port (port 26379 where none is given)")
    ]
    username: Annotated[str, msgspec.Meta(description="user of the sentinels, if they ask for one")] = ""
    password: Annotated[str, msgspec.Meta(description="password of the sentinels", extra={"secret": True})] = ""


Host = Annotated[str, msgspec.Meta(min_length=1, description="host of the server")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="port of the server")]
Database = Annotated[Count, msgspec.Meta(description="number of the database")]
Username = Annotated[str, msgspec.Meta(description="user to log in as (ACL); empty for the default one")]
Password = Annotated[str, msgspec.Meta(description="password to log in with", extra={"secret": True})]
PasswordFile = Annotated[str, msgspec.Meta(description="file that holds the password")]
UnixSocket = Annotated[str, msgspec.Meta(description="path of the server's unix socket, in place of host and port")]
UseTls = Annotated[bool, msgspec.Meta(description="whether to speak TLS")]
Authorities = Annotated[str, msgspec.Meta(description="PEM file with the authorities to trust; empty for the system's")]
ClientCertificate = Annotated[str, msgspec.Meta(description="PEM file with a certificate to show to the server")]
ClientKey = Annotated[str, msgspec.Meta(description="PEM file with that certificate's key, without a pass phrase")]
Url = Annotated[
    str,
    msgspec.Meta(
        description="redis://, rediss:// or unix:// with user, password, host, port and database, in place of these",
        extra={"secret": True},
    ),
]
Sentinels = Annotated[
    SentinelSettings | None, msgspec.Meta(description="sentinels (asked without TLS) that tell the server, in place of host and port")
]
Timeout = Annotated[float, msgspec.Meta(ge=0.1, le=60, description="seconds in which the server has to answer")]


class RedisServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which Redis server to use, for what is no store."""

    host: Host = DEFAULT_HOST
    port: Port = DEFAULT_PORT
    database: Database = 0
    username: Username = ""
    password: Password = ""
    password_file: PasswordFile = ""
    unix_socket: UnixSocket = ""
    tls: UseTls = False
    tls_ca: Authorities = ""
    tls_certificate: ClientCertificate = ""
    tls_key: ClientKey = ""
    url: Url = ""
    sentinel: Sentinels = None
    timeout: Timeout = 3

    # What only a store has a use for.
    key_prefix: ClassVar[str] = ""
    cluster: ClassVar[bool] = False
    pending_bytes: ClassVar[int] = 0


class RedisSettings(StoreSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a Redis store: those of `RedisServerSettings` (a Struct has one base), and its own."""

    host: Host = DEFAULT_HOST
    port: Port = DEFAULT_PORT
    key_prefix: Annotated[str, msgspec.Meta(description="what all keys and pub/sub names begin with")] = ""
    database: Database = 0
    username: Username = ""
    password: Password = ""
    password_file: PasswordFile = ""
    unix_socket: UnixSocket = ""
    tls: UseTls = False
    tls_ca: Authorities = ""
    tls_certificate: ClientCertificate = ""
    tls_key: ClientKey = ""
    url: Url = ""
    sentinel: Sentinels = None
    cluster: Annotated[bool, msgspec.Meta(description="whether host and port are of a node of a Redis Cluster")] = False
    timeout: Timeout = 3
    linger: Annotated[
        Seconds, msgspec.Meta(description="seconds that a channel is listened to after its last subscriber here, who may ask again")
    ] = 10
    tail_bytes: Annotated[
        Count, msgspec.Meta(description="bytes of new messages kept in each process for those who ask again, counted likewise")
    ] = 64 * 1024 * 1024
    pending_bytes: Annotated[
        Count, msgspec.Meta(description="bytes that may wait for the server's answers; beyond, requests are refused")
    ] = 64 * 1024 * 1024


class Login(msgspec.Struct, frozen=True):
    """Where the server is and how to get in, with what the url says put in its place. ``path`` is a unix socket's, or empty.

    A password is bytes: what the environment has may be no text.
    """

    host: str
    port: int
    path: str
    tls: bool
    username: str
    password: bytes
    database: int


def login(settings: RedisServerSettings | RedisSettings) -> Login:
    """Join options, url and the file of the password. Raises ConfigError, its path an option, for what contradicts itself or cannot be."""
    _check_place(settings)
    url = _read_url(settings.url) if settings.url else {}
    for option, part in (("username", "username"), ("password", "password"), ("password_file", "password"), ("database", "db")):
        if part in url and getattr(settings, option):
            raise ConfigError(f"is given, and url has another {part.replace('db', 'database')}; give one of them", option)
    if settings.password and settings.password_file:
        raise ConfigError("is given, and password too; give one of them", "password_file")
    found = Login(
        host=url.get("host", settings.host),
        port=url.get("port", settings.port),
        path=url.get("path", settings.unix_socket),
        tls=settings.tls or url.get("tls", False),
        username=url.get("username", settings.username),
        password=url.get("password", b"") or _password(settings),
        database=url.get("db", settings.database),
    )
    if found.username and not found.password:
        if settings.username:
            raise ConfigError("is given, and no password", "username")
        raise ConfigError("has a user and no password", "url")
    if found.tls and found.path:
        raise ConfigError("is true, and a unix socket does not speak it", "tls")
    if settings.cluster and (found.database or found.path or settings.sentinel is not None):
        raise ConfigError("is true, with which database, unix_socket and sentinel do not go", "cluster")
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        first, other = ("tls_key", "tls_certificate") if settings.tls_key else ("tls_certificate", "tls_key")
        raise ConfigError(f"is given, and no {other}", first)
    if (settings.tls_ca or settings.tls_certificate) and not found.tls:
        raise ConfigError("is given, and no tls: true", "tls_ca" if settings.tls_ca else "tls_certificate")
    return found


def sentinel_address(host: str) -> tuple[str, int]:
    """Read one of ``sentinel.hosts``. Raises ValueError."""
    name, colon, port = host.rpartition(":")
    if not colon or (":" in name and not name.startswith("[")):
        name, port = host, str(SENTINEL_PORT)
    if not name.strip("[]") or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError
    return name.strip("[]"), int(port)


def _check_place(settings: RedisServerSettings | RedisSettings) -> None:
    ways = {
        "url": bool(settings.url),
        "unix_socket": bool(settings.unix_socket),
        "sentinel": settings.sentinel is not None,
        "host" if settings.host != DEFAULT_HOST else "port": settings.host != DEFAULT_HOST or settings.port != DEFAULT_PORT,
    }
    given = [name for name, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise ConfigError(f"is given, and {given[1]} too, which both say where the server is; give one of them", given[0])
    if not re.fullmatch(r"[^/@\s:]+|[0-9A-Fa-f:.%]*:[0-9A-Fa-f:.%]*:[^/@\s]*", settings.host):
        raise ConfigError("must be a name or an address alone; a port goes into port, a url into url", "host")
    if "{" in settings.key_prefix or "}" in settings.key_prefix:
        raise ConfigError("has a brace in it, which a Redis Cluster would take for its own", "key_prefix")
    for option in ("host", "key_prefix", "username", "unix_socket"):
        _check_text(getattr(settings, option), option)
    if settings.sentinel is None:
        return
    if settings.sentinel.username and not settings.sentinel.password:
        raise ConfigError("is given, and no password", "sentinel.username")
    for option in ("master", "username", "password"):
        _check_text(getattr(settings.sentinel, option), f"sentinel.{option}")
    for index, host in enumerate(settings.sentinel.hosts):
        _check_text(host, f"sentinel.hosts[{index}]")
        try:
            sentinel_address(host)
        except ValueError:
            raise ConfigError(f"is {host!r}; must be a host, or host:port", f"sentinel.hosts[{index}]") from None


def _check_text(text: str, option: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError("is not UTF-8", option) from None
    if "\0" in text:
        raise ConfigError("has a NUL in it", option)


def _read_url(url: str) -> dict[str, Any]:
    """The parts of a url under the names of redis-py. Raises ConfigError, which shows nothing of it: it may hold a password."""
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError("must begin with redis://, rediss:// or unix://", "url")
    try:
        whole = urlsplit(url)
        parts: dict[str, Any] = dict(parse_url(url))
    except ValueError:
        raise ConfigError("cannot be read; must be like redis://user:password@host:port/database, or unix:///path", "url") from None
    unix = whole.scheme == "unix"
    if unix and not parts.get("path"):
        raise ConfigError("has no path; must be like unix:///path", "url")
    if not unix and not re.fullmatch(r"/?[0-9]*", whole.path):
        raise ConfigError("has something after the host that is no number of a database", "url")
    beyond = set(parts) - {"host", "port", "db", "username", "password", "path", "connection_class"}
    if beyond or whole.fragment:
        raise ConfigError("has parameters or a fragment, which it cannot have (in a password, write ? as %3F and # as %23)", "url")
    if parts.get("db", 0) < 0:
        raise ConfigError("has a negative number of a database", "url")
    parts["tls"] = parts.pop("connection_class", None) is SSLConnection
    if whole.password:
        parts["password"] = unquote_to_bytes(whole.password.encode("utf-8", "surrogateescape"))
    return parts


def _password(settings: RedisServerSettings | RedisSettings) -> bytes:
    if not settings.password_file:
        return settings.password.encode("utf-8", "surrogateescape")
    try:
        with open(settings.password_file, "rb") as file:
            password = file.read().strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"is {settings.password_file!r}, which cannot be read: {reason}", "password_file") from None
    if not password:
        raise ConfigError(f"is {settings.password_file!r}, which is empty", "password_file")
    return password
